"""Which certificates the embedded peers take: what B.13 says of keys and hashes."""

from __future__ import annotations


def strong(der: bytes) -> bool:
    """Tell whether a certificate has a key and a signature hash that B.13 allows."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    found = x509.load_der_x509_certificate(der)
    key, algorithm = found.public_key(), found.signature_hash_algorithm
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        return False
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < 256:
        return False
    return algorithm is None or algorithm.digest_size >= 32
