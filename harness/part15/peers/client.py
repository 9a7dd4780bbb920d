"""The embedded peer as TLS client: opens one association inside TLS, echoes, releases; run by a trigger.

python -m part15.peers.client HOST PORT CALLED PKI_FOLDER [FAULT [BASE]]

It conforms to PS3.15 B.12 as far as OpenSSL lets it: TLS 1.2 and 1.3, the CA, dates, purpose, name and
revocation of the server's certificate, keys and hashes as B.13 has them, ALPN ``dicom``, its own
certificate when asked, no renegotiation; what is no answer to its request it aborts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ssl
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15.address import join_address
from part15.channel.association import Line
from part15.channel.foreign import Wanted, speak
from part15.channel.tls import (
    CERTIFICATE,
    VERSIONS,
    Ended,
    Plain,
    dial,
    listen_to,
    reading,
)
from part15.observations.session import AssociationSeen
from part15.peers.client_lines import careless_line, request_on
from part15.peers.clumsy import Clumsy
from part15.peers.policy import WITH_DHE
from part15.peers.rewriting import rewriting, with_extension
from part15.peers.strength import strong
from part15.wire import pdu
from part15.wire.foreign_suites import TAIL
from part15.wire.tls_client_messages import certificates

DEADLINE = 5.0
HELD = 20.0
"""Seconds for which a connection is held that ought to be dropped."""
VERSIONS_LIST = 43
SSL3 = rewriting(
    version=0x0300, extensions=lambda found: {k: v for k, v in found.items() if k != VERSIONS_LIST}
)


@dataclass(frozen=True)
class Behaviour:
    """What the client does; every default is right.

    *trust*, *check_name*, *crl* are what it asks of the server's certificate. *falls_back* lists what it
    tries after a refusal: versions, ``ssl3`` or ``plain``. *rewrite* changes its ClientHello on the way out:
    nothing completes after that, for what no library can be told to offer.
    """

    minimum: str = "1.2"
    maximum: str = "1.3"
    ciphers: str = WITH_DHE
    level: int = 2
    group: str = ""
    options: int = 0
    alpn: tuple[str, ...] = ("dicom",)
    sni: bool = True
    trust: bool = True
    check_name: bool = True
    check_time: bool = True
    crl: bool = True
    identity: str = "client"
    strong: bool = True
    """Refuses certificates with keys or hashes that B.13 does not allow."""
    abort: tuple[int, int] = (2, 2)
    """Source and reason of its A-ABORT."""
    remembers_port: bool = False
    """Goes on to use the port that it was told before, while something listens there."""
    falls_over: bool = False
    """Connects no more after it refused the version of a server."""
    careless: str = ""
    """Not empty: completes any handshake of TLS 1.2 and verifies nothing; ``fixed`` with one key for all."""
    records: str = ""
    """How it misreads TLS records (:class:`part15.peers.clumsy.Clumsy`)."""
    mute: tuple[str, ...] = ()
    """Suites, in OpenSSL's words, with which it ends a completed handshake."""
    gnutls: str = ""
    """A priority string: GnuTLS speaks in place of OpenSSL, and verifies no certificate."""
    holds: bool = False
    """Keeps the connection when an integrity check failed."""
    plain: bool = False
    first: bytes = b""
    """What it sends inside TLS before its A-ASSOCIATE-RQ."""
    falls_back: tuple[str, ...] = ()
    rewrite: Callable[[bytes], bytes] | None = None


OLD_VERSIONS = "+VERS-TLS1.2:+VERS-TLS1.1:+VERS-TLS1.0"
OLD = f"+SHA1:+RSA:{TAIL}"
TRIPLE_DES = 0x000A
RIGHT = "right"
"""In place of a fault: none."""
BASES = {
    "b12": Behaviour(),
    "b11": Behaviour(
        maximum="1.2",
        ciphers="ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
        "DHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    "b1": Behaviour(gnutls=f"NONE:{OLD_VERSIONS}:+3DES-CBC:+AES-128-CBC:{OLD}"),
    "b3": Behaviour(gnutls=f"NONE:{OLD_VERSIONS}:+AES-128-CBC:+3DES-CBC:{OLD}"),
    "uncompressed": Behaviour(rewrite=with_extension(11, b"\1\0")),
}
"""Right behaviours; those of B.1 and B.3 need GnuTLS. The last offers the one point format that RFC 9325 allows, which OpenSSL does not; it
can open, but not complete a handshake."""


def client_context(does: Behaviour, pki: Path) -> ssl.SSLContext:
    """Return the TLS context that behaves as *does* says, with the files of the PKI folder *pki*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are faults here
        context.minimum_version = VERSIONS[does.minimum]
        context.maximum_version = VERSIONS[does.maximum]
    context.set_ciphers(f"{does.ciphers}:@SECLEVEL={does.level}")
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | does.options
    context.check_hostname = does.check_name and does.trust
    context.verify_mode = ssl.CERT_REQUIRED if does.trust else ssl.CERT_NONE
    context.load_verify_locations(pki / ("ca-with-crl.pem" if does.crl else "ca.pem"))
    if does.crl:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    if not does.check_time:
        context.verify_flags |= ssl.VerifyFlags(0x200000)
    if does.identity:
        context.load_cert_chain(pki / f"{does.identity}.pem", pki / f"{does.identity}.key")
    if does.alpn:
        context.set_alpn_protocols(list(does.alpn))
    if does.group:
        context.set_ecdh_curve(does.group)
    return context


def connect(
    host: str, port: int, called: str, pki: Path, does: Behaviour, state: Path | None = None
) -> AssociationSeen:
    """Open an association at *host* and *port*; return what became of it, the last try if there are several.

    *state* is the folder in which a faulty client keeps what it remembers, by default the current one.
    """
    kept = state or Path()
    if does.remembers_port:
        port = _old_port(kept / "part15-client-port", host, port)
    if does.falls_over and (kept / FALLEN).exists():
        return AssociationSeen("closed", why="the client has fallen over")
    seen = _once(host, port, called, pki, does)
    for lower in does.falls_back:
        if seen.accepted:
            break
        tries: dict[str, dict[str, Any]] = {
            "plain": {"plain": True},
            "ssl3": {"rewrite": SSL3},
        }
        changes = tries.get(lower, {"minimum": lower, "maximum": lower})
        seen = _once(host, port, called, pki, dataclasses.replace(does, **changes))
    if does.falls_over and seen.outcome == "ours" and "protocol" in seen.why:
        (kept / FALLEN).touch()
    return seen


FALLEN = "part15-client-fallen"


def _old_port(kept: Path, host: str, told: int) -> int:
    """Return the port in *kept* while something listens there, else *told*, which is kept."""
    if kept.exists():
        old = int(kept.read_text(encoding="ascii"))
        with contextlib.suppress(Ended):
            dial(join_address(host, old), time.monotonic() + 0.5).close()
            return old
    kept.write_text(str(told), encoding="ascii")
    return told


def _once(host: str, port: int, called: str, pki: Path, does: Behaviour) -> AssociationSeen:
    until = time.monotonic() + DEADLINE
    request = pdu.verification(called, "PART15CLI")
    try:
        plain = Plain(dial(join_address(host, port), until))
    except Ended as ended:
        return AssociationSeen(ended.how, why=ended.why)
    if does.holds:
        plain = _Holding(plain.sock)
    if does.plain:
        return request_on(Line(plain), request, until, does.abort)
    if does.gnutls:
        line = _gnutls_line(plain, pki, does, until)
        return request_on(line, request, until, does.abort)
    if does.careless:
        line = careless_line(plain.sock, pki, does, until, name=host)
        return request_on(line, request, until, does.abort)
    context = client_context(does, pki)
    name = host if does.sni or context.check_hostname else None
    spoken = listen_to(context)
    tls = Clumsy(plain, context, name=name, how=does.records)
    line = Line(plain, tls, spoken)
    try:
        if does.rewrite:
            plain.send(does.rewrite(tls.first_flight()), until)
        tls.handshake(until)
        _look_at(line, does)
    except (Ended, ssl.SSLError) as error:
        line.failed = reading(error, line.spoken)
    tls.quiet = does.holds
    if isinstance(plain, _Holding):
        plain.holds = not line.failed
    if does.first and not line.failed:
        with contextlib.suppress(Ended, ssl.SSLError):
            tls.send(does.first, until)
    return request_on(line, request, until, does.abort)


def _look_at(line: Line, does: Behaviour) -> None:
    """Refuse a chain that OpenSSL takes and B.13 does not; raises Ended."""
    assert line.tls is not None
    version = line.tls.object.version() or ""
    shown = certificates(line.spoken.got(CERTIFICATE), version)
    if (line.tls.object.cipher() or ("",))[0] in does.mute:
        raise Ended("ours", "nothing is said with this suite")
    if does.strong and not all(strong(der) for der in shown):
        raise Ended("ours", "a certificate is too weak")


def _gnutls_line(plain: Plain, pki: Path, does: Behaviour, until: float) -> Line:
    """Return a line by GnuTLS, for what OpenSSL cannot offer."""
    files = (
        [str(pki / f"{does.identity}.{kind}") for kind in ("pem", "key")] if does.identity else []
    )
    wanted = Wanted("client", "1.0", TRIPLE_DES, *files)
    return speak(lambda: plain, wanted, {"engine": "gnutls", "priority": does.gnutls}, until)


class _Holding(Plain):
    """A stream that, once it *holds*, is not closed before the other side closes it."""

    holds = False

    def close(self, *, reset: bool = False) -> None:
        """Wait for the other side, then close."""
        with contextlib.suppress(Ended):
            while self.holds and self.receive(time.monotonic() + HELD):
                continue
        super().close(reset=reset)


def main(arguments: Sequence[str]) -> int:
    """Connect as the arguments say; return 0 if the association was accepted."""
    host, port, called, folder, *rest = arguments
    does = BASES[rest[1]] if len(rest) > 1 else Behaviour()
    if rest and rest[0] != RIGHT:
        from part15.peers.faults_clients import faults

        does = dataclasses.replace(does, **faults()[rest[0]].changes)
    with contextlib.suppress(KeyboardInterrupt):
        return 0 if connect(host, int(port), called, Path(folder), does).accepted else 1
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
