"""The few functions of libgnutls that are used, by ctypes; to be loaded in a child process only."""

from __future__ import annotations

import ctypes
import ctypes.util

PEM, CERTIFICATE_CREDENTIALS, MEDIUM = 1, 1, 35
AGAIN, INTERRUPTED = -28, -52


def available() -> bool:
    """Tell whether GnuTLS is on this machine."""
    return ctypes.util.find_library("gnutls") is not None


class Datum(ctypes.Structure):
    """Octets that we pass."""

    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_uint))


class Octets(ctypes.Structure):
    """Octets that the library passes."""

    _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_uint))


def library() -> ctypes.CDLL:
    """Return libgnutls; raises OSError if it is not on this machine."""
    name = ctypes.util.find_library("gnutls") or "libgnutls.so.30"
    found = ctypes.CDLL(name)
    found.gnutls_certificate_get_peers.restype = ctypes.POINTER(Octets)
    found.gnutls_strerror.restype = ctypes.c_char_p
    found.gnutls_record_recv.restype = ctypes.c_ssize_t
    found.gnutls_record_send.restype = ctypes.c_ssize_t
    found.gnutls_record_check_pending.restype = ctypes.c_size_t
    return found
