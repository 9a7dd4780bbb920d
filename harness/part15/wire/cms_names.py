"""Object identifiers of CMS (RFC 5652, 3370, 3565, 3211) with the names that reports print."""

from __future__ import annotations

DATA = "1.2.840.113549.1.7.1"
SIGNED_DATA = "1.2.840.113549.1.7.2"
ENVELOPED_DATA = "1.2.840.113549.1.7.3"
DIGESTED_DATA = "1.2.840.113549.1.7.5"
ENCRYPTED_DATA = "1.2.840.113549.1.7.6"
AUTHENTICATED_DATA = "1.2.840.113549.1.9.16.1.2"
COMPRESSED_DATA = "1.2.840.113549.1.9.16.1.9"
AUTH_ENVELOPED_DATA = "1.2.840.113549.1.9.16.1.23"

CONTENT_TYPES = {
    DATA: "data",
    SIGNED_DATA: "signed",
    ENVELOPED_DATA: "enveloped",
    DIGESTED_DATA: "digested",
    ENCRYPTED_DATA: "encrypted",
    AUTHENTICATED_DATA: "authenticated",
    COMPRESSED_DATA: "compressed",
    AUTH_ENVELOPED_DATA: "auth-enveloped",
}

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
RSAES_OAEP = "1.2.840.113549.1.1.7"
RSASSA_PSS = "1.2.840.113549.1.1.10"
PBKDF2 = "1.2.840.113549.1.5.12"
PWRI_KEK = "1.2.840.113549.1.9.16.3.9"
SHA1 = "1.3.14.3.2.26"
SHA256 = "2.16.840.1.101.3.4.2.1"
SHA384 = "2.16.840.1.101.3.4.2.2"
SHA512 = "2.16.840.1.101.3.4.2.3"
DES_EDE3_CBC = "1.2.840.113549.3.7"
AES128_CBC = "2.16.840.1.101.3.4.1.2"
AES192_CBC = "2.16.840.1.101.3.4.1.22"
AES256_CBC = "2.16.840.1.101.3.4.1.42"
ATTRIBUTE_CONTENT_TYPE = "1.2.840.113549.1.9.3"
ATTRIBUTE_MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
ATTRIBUTE_SIGNING_TIME = "1.2.840.113549.1.9.5"

NAMES = {
    **{oid: f"{name}-data" if oid != DATA else "data" for oid, name in CONTENT_TYPES.items()},
    RSA_ENCRYPTION: "rsaEncryption",
    RSAES_OAEP: "RSAES-OAEP",
    RSASSA_PSS: "RSASSA-PSS",
    "1.2.840.113549.1.1.4": "md5WithRSAEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.2.840.113549.1.1.14": "sha224WithRSAEncryption",
    "1.2.840.10040.4.1": "DSA",
    "1.2.840.10040.4.3": "dsaWithSHA1",
    "2.16.840.1.101.3.4.3.2": "dsaWithSHA256",
    "1.2.840.10045.2.1": "EC public key",
    "1.2.840.10045.4.1": "ecdsaWithSHA1",
    "1.2.840.10045.4.3.2": "ecdsaWithSHA256",
    "1.2.840.10045.4.3.3": "ecdsaWithSHA384",
    "1.2.840.10045.4.3.4": "ecdsaWithSHA512",
    "1.3.101.112": "Ed25519",
    PBKDF2: "PBKDF2",
    PWRI_KEK: "PWRI-KEK",
    "1.2.840.113549.1.9.16.3.5": "ESDH key agreement",
    "1.2.840.113549.1.9.16.3.6": "Triple-DES key wrap",
    "2.16.840.1.101.3.4.1.5": "AES-128 key wrap",
    "2.16.840.1.101.3.4.1.25": "AES-192 key wrap",
    "2.16.840.1.101.3.4.1.45": "AES-256 key wrap",
    "1.2.840.113549.2.2": "MD2",
    "1.2.840.113549.2.5": "MD5",
    "1.3.36.3.2.1": "RIPEMD160",
    SHA1: "SHA-1",
    "2.16.840.1.101.3.4.2.4": "SHA-224",
    SHA256: "SHA-256",
    SHA384: "SHA-384",
    SHA512: "SHA-512",
    "1.2.840.113549.2.7": "HMAC-SHA-1",
    "1.2.840.113549.2.8": "HMAC-SHA-224",
    "1.2.840.113549.2.9": "HMAC-SHA-256",
    "1.2.840.113549.2.10": "HMAC-SHA-384",
    "1.2.840.113549.2.11": "HMAC-SHA-512",
    DES_EDE3_CBC: "des-ede3-cbc",
    "1.3.14.3.2.7": "des-cbc",
    "1.2.840.113549.3.2": "rc2-cbc",
    "1.2.840.113549.3.4": "rc4",
    "1.2.840.113533.7.66.10": "cast5-cbc",
    "1.2.392.200011.61.1.1.1.2": "camellia128-cbc",
    "1.2.392.200011.61.1.1.1.3": "camellia192-cbc",
    "1.2.392.200011.61.1.1.1.4": "camellia256-cbc",
    AES128_CBC: "aes128-CBC",
    AES192_CBC: "aes192-CBC",
    AES256_CBC: "aes256-CBC",
    "2.16.840.1.101.3.4.1.6": "aes128-GCM",
    "2.16.840.1.101.3.4.1.26": "aes192-GCM",
    "2.16.840.1.101.3.4.1.46": "aes256-GCM",
    ATTRIBUTE_CONTENT_TYPE: "contentType",
    ATTRIBUTE_MESSAGE_DIGEST: "messageDigest",
    ATTRIBUTE_SIGNING_TIME: "signingTime",
    "1.2.840.113549.1.9.6": "countersignature",
    "1.2.840.113549.1.9.15": "SMIMECapabilities",
    "1.2.840.113549.1.9.52": "CMSAlgorithmProtection",
    "1.2.840.113549.1.9.16.2.12": "signingCertificate",
    "1.2.840.113549.1.9.16.2.14": "signatureTimeStampToken",
    "1.2.840.113549.1.9.16.2.47": "signingCertificateV2",
}

DIGESTS = {
    "1.2.840.113549.2.5": "md5",
    "1.3.36.3.2.1": "ripemd160",
    SHA1: "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    SHA256: "sha256",
    SHA384: "sha384",
    SHA512: "sha512",
}
"""Digest algorithms that can be recomputed: identifier to the name hashlib has."""

PRFS = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}

KEY_LENGTHS = {DES_EDE3_CBC: 24, AES128_CBC: 16, AES192_CBC: 24, AES256_CBC: 32}
"""Ciphers that can be opened, all in CBC mode, with the octets of their key."""

RSA_SIGNATURES = frozenset(
    {RSA_ENCRYPTION, *(oid for oid, name in NAMES.items() if name.endswith("WithRSAEncryption"))}
)


def name_of(oid: str) -> str:
    """Return the common name of *oid*, or the identifier itself."""
    return NAMES.get(oid, oid)
