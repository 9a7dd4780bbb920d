"""One end of one TLS connection by GnuTLS or tlslite-ng, as a process of its own: what OpenSSL cannot complete.

python -m part15.channel.foreign_end TLS_FD CLEAR_FD

It reads its settings as a line of JSON, shakes hands on the one socket, says in a line what came of it,
carries what is inside to the other socket, and says in a second line how it ended. Native code that crashes costs this connection only.
"""

from __future__ import annotations

import base64
import ctypes
import json
import select
import socket
import sys
from collections.abc import Callable
from typing import Any, Protocol

SIZE = 16384
SERVER, CLIENT = 1, 2
NAME_DNS = 1
FATAL_ALERT, WARNING_ALERT, TIMED_OUT = -12, -16, -319
PAUSE = 100
"""Milliseconds after which a record that carries nothing (a session ticket) lets the other way have its turn."""
ENDINGS = {-110: "closed", -9: "closed", -54: "reset", -53: "reset", -319: "silent", -10: "closed"}
VERSIONS = {1: "SSLv3", 2: "TLSv1", 3: "TLSv1.1", 4: "TLSv1.2", 5: "TLSv1.3"}


class Refused(Exception):  # noqa: N818 - a noun of the house
    """A connection ended; *how* as in HandshakeSeen."""

    def __init__(self, how: str, why: str, alert: int | None = None) -> None:
        self.how, self.why, self.alert = how, why, alert
        super().__init__(why)


class End(Protocol):
    """One end of a connection."""

    def handshake(self) -> dict[str, Any]:
        """Complete the handshake and return its facts; raises Refused."""

    def pending(self) -> bool:
        """Tell whether octets wait that no socket shows."""

    def receive(self) -> bytes | None:
        """Return the next octets, empty at the end, None if a record carried none; raises Refused."""

    def send(self, octets: bytes) -> None:
        """Send all of *octets*; raises Refused."""

    def finish(self) -> None:
        """Say close_notify."""


class GnutlsEnd:
    """A session of GnuTLS on *sock*."""

    def __init__(self, settings: dict[str, Any], sock: socket.socket) -> None:
        from part15.channel.gnutls_library import CERTIFICATE_CREDENTIALS, MEDIUM, PEM, library

        self.lib, self.session = library(), ctypes.c_void_p()
        credentials, where = ctypes.c_void_p(), ctypes.c_char_p()
        self._call("gnutls_certificate_allocate_credentials", ctypes.byref(credentials))
        if settings["certificate"]:
            files = settings["certificate"].encode(), settings["key"].encode()
            secret = settings["password"].encode() or None
            self._call("gnutls_certificate_set_x509_key_file2", credentials, *files, PEM, secret, 0)
        self._call("gnutls_certificate_set_known_dh_params", credentials, MEDIUM)
        self.serves = settings["role"] == "server"
        self._call("gnutls_init", ctypes.byref(self.session), SERVER if self.serves else CLIENT)
        priority = settings["priority"].encode()
        self._call("gnutls_priority_set_direct", self.session, priority, ctypes.byref(where))
        self._call("gnutls_credentials_set", self.session, CERTIFICATE_CREDENTIALS, credentials)
        if self.serves:
            self.lib.gnutls_certificate_server_set_request(self.session, 1)
        elif settings["name"]:
            name = settings["name"].encode()
            self._call("gnutls_server_name_set", self.session, NAME_DNS, name, len(name))
        self.lib.gnutls_handshake_set_timeout(self.session, int(settings["seconds"] * 1000))
        self.lib.gnutls_transport_set_int2(self.session, sock.fileno(), sock.fileno())

    def _call(self, name: str, *arguments: object) -> None:
        code = getattr(self.lib, name)(*arguments)
        if code < 0:
            raise Refused("ours", f"{name}: {self._words(code)}")

    def _words(self, code: int) -> str:
        return str(self.lib.gnutls_strerror(code).decode())

    def _refused(self, code: int) -> Refused:
        if code in (FATAL_ALERT, WARNING_ALERT):
            alert = int(self.lib.gnutls_alert_get(self.session))
            return Refused("alert", f"alert {alert}", alert)
        how = ENDINGS.get(code, "ours")
        if how == "ours":
            self.lib.gnutls_alert_send_appropriate(self.session, code)
        return Refused(how, self._words(code))

    def handshake(self) -> dict[str, Any]:
        """Complete the handshake and return its facts; raises Refused."""
        from part15.channel.gnutls_library import AGAIN, INTERRUPTED

        lib = self.lib
        code = lib.gnutls_handshake(self.session)
        while code in (AGAIN, INTERRUPTED, WARNING_ALERT):
            code = lib.gnutls_handshake(self.session)
        if code < 0:
            raise self._refused(code)
        lib.gnutls_record_set_timeout(self.session, PAUSE)
        count = ctypes.c_uint()
        peers = lib.gnutls_certificate_get_peers(self.session, ctypes.byref(count))
        chain = [
            ctypes.string_at(peers[i].data, peers[i].size)
            for i in range(count.value if peers else 0)
        ]
        asked = 0 if self.serves else lib.gnutls_certificate_client_get_request_status(self.session)
        return {
            "version": VERSIONS.get(lib.gnutls_protocol_get_version(self.session), ""),
            "chain": [base64.b64encode(der).decode() for der in chain],
            "requested": bool(asked),
        }

    def pending(self) -> bool:
        """Tell whether octets wait that no socket shows."""
        return bool(self.lib.gnutls_record_check_pending(self.session))

    def receive(self) -> bytes | None:
        """Return the next octets, empty at the end, None if a record carried none; raises Refused."""
        from part15.channel.gnutls_library import AGAIN, INTERRUPTED

        held = ctypes.create_string_buffer(SIZE)
        size = self.lib.gnutls_record_recv(self.session, held, SIZE)
        if size in (AGAIN, INTERRUPTED, TIMED_OUT):
            return None
        if size < 0:
            raise self._refused(size)
        return held.raw[:size]

    def send(self, octets: bytes) -> None:
        """Send all of *octets*; raises Refused."""
        at = 0
        while at < len(octets):
            done = self.lib.gnutls_record_send(self.session, octets[at:], len(octets) - at)
            if done < 0:
                raise self._refused(done)
            at += done

    def finish(self) -> None:
        """Say close_notify."""
        self.lib.gnutls_bye(self.session, 1)


class TlsliteEnd:
    """A connection of tlslite-ng on *sock*."""

    def __init__(self, settings: dict[str, Any], sock: socket.socket) -> None:
        from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

        self.settings, self.connection = settings, TLSConnection(sock)
        wanted, made = settings["tlslite"], HandshakeSettings()
        made.minVersion = made.maxVersion = tuple(wanted["version"])
        made.versions = [tuple(wanted["version"])]
        made.cipherNames, made.macNames = [wanted["cipher"]], [wanted["mac"]]
        made.keyExchangeNames, made.minKeySize = [wanted["kx"]], 512
        made.eccCurves = ["x25519", "secp256r1", "secp384r1", "secp521r1"]
        made.certificate_compression_send = made.certificate_compression_receive = []
        self.made, self.chain, self.key = made, None, None
        if settings["certificate"]:
            with open(settings["certificate"], encoding="ascii") as file:  # noqa: PTH123 - tlslite reads text
                self.chain = X509CertChain()
                self.chain.parsePemList(file.read())
            with open(settings["key"], encoding="ascii") as file:  # noqa: PTH123
                self.key = parsePEMKey(file.read(), private=True)

    def handshake(self) -> dict[str, Any]:
        """Complete the handshake and return its facts; raises Refused."""
        from tlslite.errors import TLSAbruptCloseError, TLSError, TLSLocalAlert, TLSRemoteAlert

        found = self.connection
        try:
            if self.settings["role"] == "server":
                found.handshakeServer(
                    certChain=self.chain, privateKey=self.key, reqCert=True, settings=self.made
                )
            else:
                found.handshakeClientCert(
                    self.chain,
                    self.key,
                    settings=self.made,
                    serverName=self.settings["name"] or None,
                )
        except TLSRemoteAlert as alert:
            raise Refused("alert", f"alert {alert.description}", alert.description) from None
        except TLSLocalAlert as alert:
            raise Refused("ours", f"tlslite-ng refused with alert {alert.description}") from None
        except TLSAbruptCloseError:
            raise Refused("closed", "the connection was closed") from None
        except (TLSError, ValueError) as error:
            raise Refused("ours", f"{type(error).__name__}: {error}") from None
        other = found.session.serverCertChain if found._client else found.session.clientCertChain  # noqa: SLF001 - no other way to tell
        ders = [bytes(x.bytes) for x in other.x509List] if other else []
        version = VERSIONS[found.version[1] + 1]
        return {"version": version, "chain": [base64.b64encode(d).decode() for d in ders]}

    def pending(self) -> bool:
        """Tell whether octets wait that no socket shows."""
        waiting = self.connection._readBuffer or self.connection.sock._read_buffer  # noqa: SLF001 - no other way to tell
        return bool(waiting)

    def receive(self) -> bytes:
        """Return the next octets, empty at the end; raises Refused."""
        from tlslite.errors import TLSAbruptCloseError, TLSError, TLSRemoteAlert

        try:
            return bytes(self.connection.read(max=SIZE, min=1))
        except TLSRemoteAlert as alert:
            raise Refused("alert", f"alert {alert.description}", alert.description) from None
        except TLSAbruptCloseError:
            raise Refused("closed", "the connection was closed") from None
        except TLSError as error:
            raise Refused("ours", type(error).__name__) from None

    def send(self, octets: bytes) -> None:
        """Send all of *octets*."""
        self.connection.write(octets)

    def finish(self) -> None:
        """Say close_notify."""
        self.connection.close()


ENGINES: dict[str, Callable[[dict[str, Any], socket.socket], End]] = {
    "gnutls": GnutlsEnd,
    "tlslite": TlsliteEnd,
}


def carry(end: End, tls: socket.socket, clear: socket.socket) -> None:
    """Carry octets both ways until one of them ends; raises Refused."""
    while True:
        if not end.pending():
            ready, _, _ = select.select([tls, clear], [], [], 60)
            if not ready:
                return
            if clear in ready:
                octets = clear.recv(SIZE)
                if not octets:
                    end.finish()
                    return
                end.send(octets)
            if tls not in ready:
                continue
        inside = end.receive()
        if inside is None:
            continue
        if not inside:
            return
        clear.sendall(inside)


def say(facts: dict[str, Any]) -> None:
    """Write *facts* as one line."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> None:
    """Run one end as the arguments say."""
    settings = json.loads(sys.stdin.readline())
    tls, clear = (socket.socket(fileno=int(number)) for number in arguments)
    completed = False
    try:
        end = ENGINES[settings["engine"]](settings, tls)
        facts = end.handshake()
        completed = True
        say({"ended": "open", "completed": True, **facts})
        carry(end, tls, clear)
        say({"ended": "open"})
    except Refused as refused:
        say({"ended": refused.how, "why": refused.why, "alert": refused.alert})
    except OSError as error:
        say({"ended": "reset" if completed else "ours", "why": str(error), "alert": None})


if __name__ == "__main__":
    main(sys.argv[1:])
