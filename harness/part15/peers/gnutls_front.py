"""A TLS front made of GnuTLS, run as a process of its own: ``python -m part15.peers.gnutls_front SETTINGS``.

Ends TLS on a port of loopback and carries what is inside to a plain port. It has what OpenSSL lacks:
3DES, the Camellia-GCM suites, the CCM suites of TLS 1.3, TLS 1.0 beside them. A crash of native code
here costs one connection of a test, not the test.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import select
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from part15.channel.gnutls_library import (
    AGAIN,
    CERTIFICATE_CREDENTIALS,
    INTERRUPTED,
    MEDIUM,
    PEM,
    Datum,
    library,
)
from part15.peers.strength import strong

SERVER = 1
REQUESTS = {"ignored": 0, "optional": 1, "required": 2}
KEY_PURPOSE, ALPN_MANDATORY = 2, 1
FATAL, BAD_CERTIFICATE = 2, 42
CLIENT_PURPOSE = b"1.3.6.1.5.5.7.3.2"
SIZE = 65536


@dataclass(frozen=True)
class Settings:
    """What the front does: *priority* is GnuTLS's string, *client* as in the peer's policy."""

    priority: str
    certificates: Sequence[tuple[str, str]]
    trust: Sequence[str]
    crl: str
    client: str
    flags: int
    lenient: bool
    alpn: Sequence[str]
    forward: tuple[str, int]
    patience: float

    def text(self) -> str:
        """Return the settings as one argument."""
        return json.dumps(asdict(self))


class _Typed(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int), ("data", ctypes.c_char_p), ("size", ctypes.c_uint))


class Front:
    """The listening front."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.gnutls = settings, library()
        self.credentials = ctypes.c_void_p()
        self.priority = ctypes.c_void_p()
        self.tickets = Datum()
        call = self._call
        call("gnutls_certificate_allocate_credentials", ctypes.byref(self.credentials))
        for certificate, key in settings.certificates:
            files = certificate.encode(), key.encode()
            call("gnutls_certificate_set_x509_key_file", self.credentials, *files, PEM)
        for trust in settings.trust:
            call("gnutls_certificate_set_x509_trust_file", self.credentials, trust.encode(), PEM)
        if settings.crl:
            call(
                "gnutls_certificate_set_x509_crl_file", self.credentials, settings.crl.encode(), PEM
            )
        self.gnutls.gnutls_certificate_set_verify_flags(self.credentials, settings.flags)
        call("gnutls_certificate_set_known_dh_params", self.credentials, MEDIUM)
        call("gnutls_session_ticket_key_generate", ctypes.byref(self.tickets))
        where = ctypes.c_char_p()
        text = settings.priority.encode()
        call("gnutls_priority_init", ctypes.byref(self.priority), text, ctypes.byref(where))
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)

    def _call(self, name: str, *arguments: object) -> None:
        code = getattr(self.gnutls, name)(*arguments)
        if code < 0:
            raise OSError(f"{name}: {self.gnutls.gnutls_strerror(code).decode()}")

    def run(self) -> None:
        """Say the port on standard output, then serve until standard input ends."""
        sys.stdout.write(f"{self.listening.getsockname()[1]}\n")
        sys.stdout.flush()
        while True:
            ready, _, _ = select.select([self.listening, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            sock, _ = self.listening.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _session(self, sock: socket.socket) -> ctypes.c_void_p:
        session = ctypes.c_void_p()
        call, lib = self._call, self.gnutls
        call("gnutls_init", ctypes.byref(session), SERVER)
        call("gnutls_priority_set", session, self.priority)
        call("gnutls_credentials_set", session, CERTIFICATE_CREDENTIALS, self.credentials)
        call("gnutls_session_ticket_enable_server", session, ctypes.byref(self.tickets))
        wanted = REQUESTS[self.settings.client]
        lib.gnutls_certificate_server_set_request(session, wanted)
        if self.settings.alpn:
            names = [name.encode() for name in self.settings.alpn]
            listed = (Datum * len(names))(*[Datum(n, len(n)) for n in names])
            call("gnutls_alpn_set_protocols", session, listed, len(names), ALPN_MANDATORY)
        lib.gnutls_handshake_set_timeout(session, int(self.settings.patience * 1000))
        lib.gnutls_transport_set_int2(session, sock.fileno(), sock.fileno())
        return session

    def _serve(self, sock: socket.socket) -> None:
        with sock, contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = self._session(sock)
            try:
                code = self.gnutls.gnutls_handshake(session)
                while code in (AGAIN, INTERRUPTED):
                    code = self.gnutls.gnutls_handshake(session)
                if code < 0:
                    self.gnutls.gnutls_alert_send_appropriate(session, code)
                elif self._acceptable(session):
                    self._carry(session, sock)
                else:
                    self.gnutls.gnutls_alert_send(session, FATAL, BAD_CERTIFICATE)
            finally:
                self.gnutls.gnutls_deinit(session)
            _linger(sock)

    def _acceptable(self, session: ctypes.c_void_p) -> bool:
        """Tell whether the client's chain verifies for a client, with keys and hashes of today."""
        count = ctypes.c_uint()
        peers = self.gnutls.gnutls_certificate_get_peers(session, ctypes.byref(count))
        if not peers or not count.value:
            return self.settings.client != "required"
        status, purpose = ctypes.c_uint(), _Typed(KEY_PURPOSE, CLIENT_PURPOSE, 0)
        code = self.gnutls.gnutls_certificate_verify_peers(
            session, ctypes.byref(purpose), 1, ctypes.byref(status)
        )
        if code < 0 or status.value:
            return False
        chain = [ctypes.string_at(peers[i].data, peers[i].size) for i in range(count.value)]
        return self.settings.lenient or all(strong(der) for der in chain)

    def _carry(self, session: ctypes.c_void_p, sock: socket.socket) -> None:
        host, port = self.settings.forward
        lib, held = self.gnutls, ctypes.create_string_buffer(SIZE)
        with socket.create_connection((host, port), timeout=self.settings.patience) as inner:
            while True:
                if not lib.gnutls_record_check_pending(session):
                    ready, _, _ = select.select([sock, inner], [], [], 60)
                    if inner in ready:
                        octets = inner.recv(SIZE)
                        if not octets:
                            lib.gnutls_bye(session, 1)
                            return
                        at = 0
                        while at < len(octets):
                            done = lib.gnutls_record_send(session, octets[at:], len(octets) - at)
                            if done < 0:
                                return
                            at += done
                    if sock not in ready:
                        if not ready:
                            return
                        continue
                size = lib.gnutls_record_recv(session, held, SIZE)
                if size in (AGAIN, INTERRUPTED):
                    continue
                if size <= 0:
                    if size < 0:
                        lib.gnutls_alert_send_appropriate(session, size)
                    return
                inner.sendall(held.raw[:size])


def _linger(sock: socket.socket) -> None:
    """End our half and drop what still comes, so that an alert is not reset away."""
    sock.shutdown(socket.SHUT_WR)
    sock.settimeout(0.5)
    while sock.recv(SIZE):
        continue


def main(text: str) -> None:
    """Run a front with the settings in *text*."""
    Front(Settings(**json.loads(text))).run()


if __name__ == "__main__":
    main(sys.argv[1])
