"""MIT's own Kerberos library as service and as client, in a process of its own: the foreign half of our tests.

python mit_service.py KEYTAB SERVICE    reads AP-REQ in hex a line, writes AP-REP in hex or ``refused CODE``
python mit_service.py request CACHE SERVICE   writes an AP-REQ in hex, made by the library
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_int, c_uint, c_void_p


class Data(ctypes.Structure):
    """krb5_data."""

    _fields_ = (("magic", c_int), ("length", c_uint), ("data", POINTER(c_char)))


def library() -> ctypes.CDLL:
    """Return libkrb5."""
    return ctypes.CDLL(ctypes.util.find_library("krb5") or "libkrb5.so.3")


def ok(code: int) -> None:
    """Raise OSError for a Kerberos error."""
    if code:
        raise OSError(code)


def octets(data: Data) -> bytes:
    """Return what *data* holds."""
    return ctypes.string_at(data.data, data.length)


def serve(keytab: str, service: str) -> None:
    """Answer AP-REQs until standard input ends."""
    lib, context, table, server = library(), c_void_p(), c_void_p(), c_void_p()
    ok(lib.krb5_init_context(byref(context)))
    ok(lib.krb5_kt_resolve(context, c_char_p(f"FILE:{keytab}".encode()), byref(table)))
    ok(lib.krb5_parse_name(context, c_char_p(service.encode()), byref(server)))
    for line in sys.stdin:
        raw = bytes.fromhex(line.strip())
        held = ctypes.create_string_buffer(raw, len(raw))
        asked = Data(0, len(raw), ctypes.cast(held, POINTER(c_char)))
        auth, flags, ticket, reply = c_void_p(), c_int(), c_void_p(), Data()
        code = lib.krb5_rd_req(
            context, byref(auth), byref(asked), server, table, byref(flags), byref(ticket)
        )
        if not code:
            code = lib.krb5_mk_rep(context, auth, byref(reply))
        sys.stdout.write(f"refused {code}\n" if code else f"{octets(reply).hex()}\n")
        sys.stdout.flush()


def ask(cache: str, service: str) -> None:
    """Print an AP-REQ for *service*, which the cache has a ticket for."""
    lib, context, store, server = library(), c_void_p(), c_void_p(), c_void_p()
    ok(lib.krb5_init_context(byref(context)))
    ok(lib.krb5_cc_resolve(context, c_char_p(f"FILE:{cache}".encode()), byref(store)))
    ok(lib.krb5_parse_name(context, c_char_p(service.encode()), byref(server)))

    class Creds(ctypes.Structure):
        """The head of krb5_creds, and room for the rest."""

        _fields_ = (
            ("magic", c_int),
            ("client", c_void_p),
            ("server", c_void_p),
            ("rest", c_char * 512),
        )

    wanted, found, auth, made = Creds(), c_void_p(), c_void_p(), Data()
    wanted.server = server
    ok(lib.krb5_cc_get_principal(context, store, byref(server)))
    wanted.client = server
    ok(lib.krb5_get_credentials(context, 0, store, byref(wanted), byref(found)))
    ok(lib.krb5_mk_req_extended(context, byref(auth), 0x20000000, None, found, byref(made)))
    sys.stdout.write(octets(made).hex() + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "request":
        ask(sys.argv[2], sys.argv[3])
    else:
        serve(sys.argv[1], sys.argv[2])
