"""Stimuli of ISCL (PS3.15 B.2): the port, the wire between two ends, and us as an end."""

from __future__ import annotations

from collections.abc import Sequence

from part15.bench import Bench
from part15.channel.tls import Ended, Plain, dial
from part15.drivers import iscl_end, iscl_listen, iscl_wire
from part15.drivers.session_foreign import client_hello, plain_association
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.iscl import IsclPortSeen, IsclSeen
from part15.registry import driver

TRANSFERS = 40
"""About so often a client must send, until every damage was tried."""


@driver(Impact.ASSOCIATE)
def knock(bench: Bench) -> IsclPortSeen | NotReached:
    """Send a plain A-ASSOCIATE-RQ and a TLS ClientHello to the ISCL port; look whether it greets by itself."""
    point = bench.endpoint
    bench.ledger.connected(point.address)
    until = bench.until()
    try:
        plain = Plain(dial(point.address, until))
    except Ended as ended:
        return NotReached("connect", f"{point.address}: {ended.why}")
    try:
        greets = bool(plain.receive(until - bench.deadline / 2))
    except Ended:
        greets = False
    finally:
        plain.close()
    answers = {a.kind: a for a in (plain_association(bench, point), client_hello(bench, point))}
    shared = tuple(
        f"{name} ({other.transport})"
        for name, other in bench.target.endpoints.items()
        if other.transport != "iscl" and (other.host, other.port) == (point.host, point.port)
    )
    return IsclPortSeen(point.port, answers, shared, greets)


@driver(Impact.STORE)
def examine(bench: Bench, *, features: Sequence[str] = ()) -> IsclSeen:
    """Try all on an ISCL server: between two real ends, then with us as its client.

    *features* are those of the claim. What needs a second end or test keys that the target does not
    give says so.
    """
    between = iscl_wire.observe(bench, "server")
    return IsclSeen("server", tuple(features), between, iscl_end.observe(bench))


@driver(Impact.STORE, at="listener", turns=lambda: TRANSFERS)
def examine_client(bench: Bench, *, features: Sequence[str] = ()) -> IsclSeen:
    """Try all on an ISCL client: between two real ends, then with us as its server.

    *features* are those of the claim. What needs a second end or test keys that the target does not
    give says so.
    """
    between = iscl_wire.observe(bench, "client")
    return IsclSeen("client", tuple(features), between, iscl_listen.observe(bench))
