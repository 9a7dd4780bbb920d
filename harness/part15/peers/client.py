"""The embedded peer as TLS client: opens one association inside TLS, echoes, releases; run by a trigger.

python -m part15.peers.client HOST PORT CALLED PKI_FOLDER [FAULT [BASE]]

It conforms to PS3.15 B.12 as far as OpenSSL lets it: TLS 1.2 and 1.3, the CA, dates, purpose, name and
revocation of the server's certificate, ALPN ``dicom``, its own certificate when asked.
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
from part15.channel.association import Line, associate
from part15.channel.tls import VERSIONS, Ended, Plain, Spoken, Tls, dial, reading
from part15.observations.session import AssociationSeen
from part15.peers.policy import WITH_DHE
from part15.peers.rewriting import rewriting, with_extension
from part15.wire import pdu

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
    holds: bool = False
    """Keeps the connection when an integrity check failed."""
    plain: bool = False
    first: bytes = b""
    """What it sends inside TLS before its A-ASSOCIATE-RQ."""
    falls_back: tuple[str, ...] = ()
    rewrite: Callable[[bytes], bytes] | None = None


RIGHT = "right"
"""In place of a fault: none."""
BASES = {
    "b12": Behaviour(),
    "b11": Behaviour(
        maximum="1.2",
        ciphers="ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:"
        "DHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
    ),
    "uncompressed": Behaviour(rewrite=with_extension(11, b"\1\0")),
}
"""Right behaviours. The last offers the one point format that RFC 9325 allows, which OpenSSL does not; it
can open, but not complete a handshake."""


def client_context(does: Behaviour, pki: Path) -> ssl.SSLContext:
    """Return the TLS context that behaves as *does* says, with the files of the PKI folder *pki*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are faults here
        context.minimum_version = VERSIONS[does.minimum]
        context.maximum_version = VERSIONS[does.maximum]
    context.set_ciphers(f"{does.ciphers}:@SECLEVEL={does.level}")
    context.options |= ssl.OP_NO_COMPRESSION | does.options
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


def connect(host: str, port: int, called: str, pki: Path, does: Behaviour) -> AssociationSeen:
    """Open an association at *host* and *port*; return what became of it, the last try if there are several."""
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
    return seen


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
        return associate(Line(plain), request, until)
    context = client_context(does, pki)
    name = host if does.sni or context.check_hostname else None
    tls = Tls(plain, context, name=name)
    line = Line(plain, tls, Spoken())
    try:
        if does.rewrite:
            plain.send(does.rewrite(tls.first_flight()), until)
        tls.handshake(until)
    except (Ended, ssl.SSLError) as error:
        line.failed = reading(error, line.spoken)
    tls.quiet = does.holds
    if does.first and not line.failed:
        with contextlib.suppress(Ended, ssl.SSLError):
            tls.send(does.first, until)
    return associate(line, request, until)


class _Holding(Plain):
    """A stream that is not closed before the other side closes it."""

    def close(self, *, reset: bool = False) -> None:
        """Wait for the other side, then close."""
        with contextlib.suppress(Ended):
            while self.receive(time.monotonic() + HELD):
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
