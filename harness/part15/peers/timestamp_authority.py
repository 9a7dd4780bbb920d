"""A time stamp authority that runs in this process: RFC 3161 tokens, right or wrong in one way."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509 import Certificate

POLICY = "1.2.826.0.1.3680043.10.1515.3"


@dataclass(frozen=True)
class TimestampAuthority:
    """*key* and *certificate* of the authority; *moment* the time it states (None: now).

    *carries* puts the certificate into the token; *whole* answers with the TimeStampResp around it.
    """

    key: Any
    certificate: Certificate
    moment: dt.datetime | None = None
    carries: bool = True
    whole: bool = False
    algorithm: str = "sha256"

    def stamp(self, signature: bytes) -> bytes:
        """Return the token over *signature*, the value of (0400,0120)."""
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": {
                    "hash_algorithm": {"algorithm": self.algorithm},
                    "hashed_message": hashlib.new(self.algorithm, signature).digest(),
                },
                "serial_number": 15,
                "gen_time": (self.moment or dt.datetime.now(dt.UTC)).replace(microsecond=0),
            }
        )
        token = self._signed(info.dump())
        if not self.whole:
            return token
        return bytes(
            tsp.TimeStampResp(
                {
                    "status": {"status": "granted"},
                    "time_stamp_token": cms.ContentInfo.load(token),
                }
            ).dump()
        )

    def _signed(self, content: bytes) -> bytes:
        certificate = asn1_x509.Certificate.load(
            self.certificate.public_bytes(serialization.Encoding.DER)
        )
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute(
                    {"type": "message_digest", "values": [hashlib.sha256(content).digest()]}
                ),
            ]
        )
        value = self.key.sign(b"\x31" + attributes.dump()[1:], padding.PKCS1v15(), hashes.SHA256())
        digest = algos.DigestAlgorithm({"algorithm": "sha256"})
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    "issuer_and_serial_number",
                    cms.IssuerAndSerialNumber(
                        {
                            "issuer": certificate.issuer,
                            "serial_number": certificate.serial_number,
                        }
                    ),
                ),
                "digest_algorithm": digest,
                "signed_attrs": attributes,
                "signature_algorithm": {"algorithm": "rsassa_pkcs1v15"},
                "signature": value,
            }
        )
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [digest],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": core.ParsableOctetString(content),
                },
                "signer_infos": [signer],
                **({"certificates": [certificate]} if self.carries else {}),
            }
        )
        return bytes(cms.ContentInfo({"content_type": "signed_data", "content": signed}).dump())
