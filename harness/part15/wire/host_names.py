"""The names of hosts in a certificate (RFC 5280 4.2.1.6); it comes from the other side and may be hostile."""

from __future__ import annotations

MAX_NAMES = 20
"""Names that are kept; a certificate may carry thousands."""
MAX_LENGTH = 200


def host_names(der: bytes) -> tuple[str, ...] | None:
    """Return the DNS names and IP addresses for which the certificate *der* stands, None if it cannot be read."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        certificate = x509.load_der_x509_certificate(der)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return None
    found = [
        str(name.value)[:MAX_LENGTH]
        for name in held
        if isinstance(name, (x509.DNSName, x509.IPAddress))
    ]
    return tuple(found[:MAX_NAMES])
