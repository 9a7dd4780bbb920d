"""What signers get wrong under the Base RSA profile, one thing each (PS3.15 C.1)."""

from __future__ import annotations

from part15.peers.signing_faults import MADE, VALUE, stamp_by
from part15.peers.signing_orders import changed

BASE = (
    changed(
        "signs_with_ecdsa",
        "signs with an EC key",
        ("C.1-creator-hash", "C.1-x509-certificate"),
        signer="ec",
    ),
    changed("uses_md5", "uses MD5", ("C.1-md5-discouraged",), algorithm="MD5"),
    changed("signs_the_bare_mac", "pads the MAC without DigestInfo", MADE, block="bare"),
    changed("signs_by_pss", "signs by RSASSA-PSS", MADE, block="pss"),
    changed("pads_for_encryption", "pads with a block of type 02", MADE, block="type2"),
    changed("leaves_garbage_behind", "leaves octets behind the DigestInfo", MADE, block="garbage"),
    changed(
        "cuts_the_signature",
        "stores two octets less than the modulus has",
        ("C.1-signature-length", "M-certificate-of-signer", *MADE),
        "what is left is no block of the key",
        value=lambda value: value[:-2],
    ),
    changed(
        "claims_sha256_but_uses_sha1",
        "labels a SHA1 MAC SHA256",
        ("C.1-mac-algorithm-set", VALUE),
        algorithm="SHA1",
        term="SHA256",
    ),
    changed(
        "uses_an_encryption_certificate",
        "signs with a certificate for key encipherment",
        ("C.1-x509-certificate",),
        signer="encipherer",
    ),
    changed(
        "signs_anonymously",
        "signs with a certificate without subject",
        ("C.1-x509-certificate",),
        signer="nobody",
    ),
    changed(
        "signs_with_an_expired_certificate",
        "signs with a certificate that has expired",
        ("C.1-certificate-valid",),
        signer="expired",
    ),
    changed(
        "signs_with_a_future_certificate",
        "signs with a certificate that is not valid yet",
        ("C.1-certificate-valid",),
        signer="future",
    ),
    changed(
        "signs_under_an_unknown_root",
        "signs with a certificate of another root",
        ("C.1-certificate-valid",),
        signer="rogue",
    ),
    changed(
        "writes_the_old_timestamp_type",
        "calls its timestamp CMS_TS",
        ("M-timestamp-pair", "C.1-timestamp-type"),
        timestamp_type="CMS_TS",
    ),
    changed(
        "stores_the_whole_response",
        "stores the whole TimeStampResp instead of the token",
        ("C.1-timestamp-protocol",),
        token=stamp_by("authority", whole=True),
    ),
    changed(
        "asks_a_careless_authority",
        "takes a timestamp from an authority without that purpose",
        ("C.1-timestamp-protocol",),
        token=stamp_by("careless"),
    ),
    changed(
        "asks_a_strange_authority",
        "takes a timestamp from an authority of another root",
        ("C.1-timestamp-protocol",),
        token=stamp_by("stranger"),
    ),
)

EARLY = (
    changed(
        "uses_sha256_in_2008",
        "uses SHA256 where the edition has SHA1, MD5 and RIPEMD160",
        ("C.1-creator-hash-2001", "M-mac-algorithm-term"),
        algorithm="SHA256",
    ),
)
