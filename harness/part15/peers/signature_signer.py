"""The embedded signer: an adapter in this process (verb ``sign``), right or with one field of its order changed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from part15.peers.signing_samples import ROOT
from part15.wire.elements import MalformedDataSet
from part15.wire.signing import Order, Signer, sign

DONE, REFUSED, CANNOT = 0, 1, 2
_PURPOSES = {"1": "Author's Signature", "5": "Verification Signature"}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class SignatureSigner:
    """What it does with every object; *changes* are fields of :class:`part15.wire.signing.Order`."""

    changes: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, verb: str, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Answer the verb ``sign``."""
        if verb != "sign":
            return CANNOT, {"reason": f"it has no verb {verb}"}
        signer = _signer(Path(request["key"]), Path(request["certificate"]))
        written = []
        for source in map(Path, request["files"]):
            purpose = str(request.get("purpose", ""))
            order = Order(
                signer,
                algorithm=str(request.get("mac", "SHA256")),
                uid=f"{ROOT}.7.{next(_numbers)}",
                purpose=(purpose, "ASTM-sigpurpose", _PURPOSES.get(purpose, purpose))
                if purpose
                else None,
            )
            try:
                octets = sign(source.read_bytes(), replace(order, **self.changes))
            except MalformedDataSet as trouble:
                return REFUSED, {"reason": str(trouble)}
            target = Path(request["out"]) / source.name
            target.write_bytes(octets)
            written.append(str(target))
        return DONE, {"files": written}


def _signer(key: Path, certificate: Path) -> Signer:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    return Signer(load_pem_private_key(key.read_bytes(), None), found.public_bytes(Encoding.DER))
