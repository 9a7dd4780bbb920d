"""Asking a TLS 1.2 server for another handshake inside a connection, with and without renegotiation_info."""

from __future__ import annotations

from part15.bench import Bench
from part15.channel import tcp
from part15.channel.tls12 import Client, Ended, Shows
from part15.drivers import session_lines as lines
from part15.drivers.tls_exchange import check_alive, server_name
from part15.drivers.tls_survey import ground
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.tls import RenegotiationSeen
from part15.registry import driver
from part15.wire import tls12
from part15.wire.tls_hello import Offer
from part15.wire.tls_octets import Malformed

OTHER = "other"
"""The name of a second right client identity in ``endpoints.ID.identities``."""

HELD = 0.5
"""Seconds for which a server that is asked for nothing must keep the connection."""


@driver(Impact.ASSOCIATE)
def ask(bench: Bench) -> RenegotiationSeen | NotReached:
    """Complete handshakes of TLS 1.2 and ask for another one inside, in every way that a clause names.

    The way ``certificate`` needs a second right identity and is left out without it, and where the
    server does not renegotiate at all.
    """
    here = ground(bench)
    if isinstance(here, NotReached):
        return here
    if "1.2" not in here.known.negotiated:
        here.leave(here.before)
        return RenegotiationSeen({}, False, False, here.before, here.before, here.known.negotiated)
    bench.note("TLS 1.2 handshakes, each with a request to renegotiate")
    seen = _asked(bench)
    after = check_alive(here.line, here.good)
    here.leave(after)
    if isinstance(seen, NotReached):
        return seen
    answers, indicated, authenticates = seen
    return RenegotiationSeen(
        answers, indicated, authenticates, here.before, after, here.known.negotiated
    )


def _asked(bench: Bench) -> tuple[dict[str, str], bool, bool] | NotReached:
    mine = _shows(bench, lines.identity_of(bench))
    answers: dict[str, str] = {}
    indicated = authenticates = False
    for way in ("right", "missing", "wrong", "never"):
        try:
            with tcp.stream(bench) as stream:
                client = Client(stream, mine)
                client.handshake(_offer(bench, "" if way == "never" else "scsv"))
                told = (
                    client.hello is not None
                    and client.hello.extension("renegotiation_info") is not None
                )
                indicated = indicated or told
                authenticates = authenticates or client.asked is not None
                info = {"right": client.client_verify, "wrong": bytes(12)}.get(way)
                answers[way] = client.renegotiate(_offer(bench, ""), info)
        except (Ended, Malformed) as problem:
            if way == "never":
                answers[way] = f"refused at once ({problem})"
                continue
            return NotReached(
                "handshake",
                f"no TLS 1.2 handshake with ECDHE and AES-GCM could be completed ({problem}); it may "
                "need a client certificate: give identity of the endpoint",
            )
    if {"close", "reset"} & set(answers.values()) and not _holds(bench, mine):
        return NotReached(
            "control",
            "the server ends a connection of TLS 1.2 after the handshake although nothing is asked of it, "
            "so its end refuses no renegotiation; it may not accept our certificate, or nothing serves "
            "behind the port",
        )
    other = bench.endpoint.identities.get(OTHER)
    if answers["right"] == "hello" and authenticates and other is not None:
        theirs = _shows(bench, lines.shown(bench, other, f"identities.{OTHER}"))
        answers["certificate"] = _changed(bench, mine, theirs)
    return answers, indicated, authenticates


def _holds(bench: Bench, identity: Shows) -> bool:
    """Tell whether a connection on which no renegotiation is asked for stays open for a moment."""
    try:
        with tcp.stream(bench) as stream:
            Client(stream, identity).handshake(_offer(bench, "scsv"))
            return not stream.wait_end(HELD)
    except (Ended, Malformed):
        return False


def _changed(bench: Bench, identity: Shows, other: Shows) -> str:
    try:
        with tcp.stream(bench) as stream:
            client = Client(stream, identity)
            client.handshake(_offer(bench, "scsv"))
            client.renegotiate_as(_offer(bench, ""), other)
    except (Ended, Malformed) as problem:
        return str(problem)
    return "completed"


def _offer(bench: Bench, renegotiation: str) -> Offer:
    return Offer(
        ("1.2",),
        tls12.SUITES,
        groups=tls12.GROUPS,
        server_name=server_name(bench),
        renegotiation=renegotiation,
    )


def _shows(bench: Bench, what: lines.Shown) -> Shows:
    """Return chain and key of *what*; raises Trouble("identity") if its files are unusable."""
    if not what.certificate:
        return Shows()
    try:
        return Shows.of(what.certificate, what.key, what.password)
    except (OSError, ValueError, TypeError) as problem:
        raise Trouble(
            "identity", f"the identity of {bench.endpoint.id} cannot be used: {problem}"
        ) from problem
