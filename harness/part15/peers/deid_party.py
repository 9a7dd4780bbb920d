"""The embedded de-identifier and re-identifier as an adapter of this process, and their keys (docs/adapter.md)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15.forge import Template, authority, issue, shared_keys
from part15.peers.deid_faults import switches
from part15.peers.deid_restoring import Refused, Reidentifier
from part15.peers.deidentifier import Deidentifier
from part15.wire.cms_opening import RsaOpener
from part15.wire.cms_writing import Identity

DONE, REFUSED, CANNOT = 0, 1, 2
RECIPIENTS = ("first", "second", "third")


@functools.cache
def recipients() -> Mapping[str, Identity]:
    """Return three recipients of Encrypted Attributes and a stranger; keys are made once per process."""
    keys = shared_keys()
    root = authority("confidentiality root", keys.rsa("deid-root"))
    names = (*RECIPIENTS, "stranger")
    return {
        name: Identity(
            issue(f"confidentiality {name}", keys.rsa(f"deid-{name}"), root, Template(usages=None)),
            keys.rsa(f"deid-{name}"),
        )
        for name in names
    }


def opener(identity: Identity) -> RsaOpener:
    """Return what opens items for *identity*."""
    from cryptography.hazmat.primitives.serialization import Encoding

    return RsaOpener.of(identity.key, identity.certificate.public_bytes(Encoding.DER))


@dataclass(frozen=True)
class DeidParty:
    """Answers ``deidentify`` and ``reidentify``; *faults* are names or switches of ``deid_faults``.

    One that is not known raises TargetError.
    """

    faults: tuple[str, ...] = ()
    secret: bytes = b"part15"

    def __post_init__(self) -> None:
        switches(self.faults)

    def __call__(self, verb: str, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Answer *request*: exit status and values."""
        if verb == "deidentify":
            return self._deidentify(request)
        if verb == "reidentify":
            return self._reidentify(request)
        return CANNOT, {"reason": f"this adapter has no {verb}"}

    def _deidentify(self, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        from cryptography import x509

        certificates = [
            x509.load_pem_x509_certificate(Path(path).read_bytes())
            for path in request.get("recipients", ())
        ]
        peer = Deidentifier(
            str(request.get("edition", "2023b")),
            tuple(request.get("options", ())),
            faults=self.faults,
            secret=self.secret,
            recipients=certificates,
        )
        out, written, log = Path(request["out"]), [], []
        for number, path in enumerate(request["files"]):
            source = Path(path)
            name = f"IM{number:06d}.dcm"
            if peer.wrong("keeps_file_names"):
                name = f"{source.parent.name}_{source.name}"
            target = out / name
            target.write_bytes(peer.object(source.read_bytes()))
            written.append(str(target))
            log.append(f"processed {source.parent.name if peer.wrong('logs_names') else number}")
        return DONE, {"files": written, "log": log}

    def _reidentify(self, request: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        certificate = x509.load_pem_x509_certificate(Path(request["certificate"]).read_bytes())
        key = load_pem_private_key(Path(request["key"]).read_bytes(), None)
        opens = opener(Identity(certificate, key))
        peer = Reidentifier(frozenset(self.faults))
        written = []
        for path in request["files"]:
            source = Path(path)
            try:
                made = peer.object(source.read_bytes(), opens)
            except Refused as refusal:
                return REFUSED, {"reason": str(refusal)}
            target = Path(request["out"]) / source.name
            target.write_bytes(made)
            written.append(str(target))
        return DONE, {"files": written}
