"""Stimuli that are decided from hellos: nothing here completes a handshake."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from part15.bench import Bench
from part15.channel import tcp
from part15.drivers.tls_exchange import (
    Line,
    bracketed,
    check_alive,
    control_of,
    server_name,
)
from part15.drivers.tls_survey import (
    Survey,
    good_offer,
    survey,
    surveyed_twins,
    with_certificate_types,
)
from part15.errors import ContentError
from part15.model import Impact
from part15.observations import Many, Member, NotReached
from part15.observations.tls import HelloSeen, HellosSeen, SuitesSeen
from part15.registry import did_you_mean, driver
from part15.wire import tls_names as names
from part15.wire import tls_sslv2
from part15.wire.tls_damage import DAMAGES, damaged
from part15.wire.tls_hello import ENTROPY, Offer

OPTIONS = tuple(
    field.name for field in dataclasses.fields(Offer) if field.name not in ("versions", "suites")
)
_BY_NAME: Mapping[str, Callable[[Any], Any]] = {
    "versions": tuple,
    "suites": names.suite_codes,
    "groups": names.group_codes,
    "schemes": names.scheme_codes,
    "alpn": tuple,
    "compression": tuple,
}


@driver(Impact.OBSERVE)
def enumerate(  # noqa: A001 - the verb of the stimulus
    bench: Bench,
    *,
    versions: Sequence[str] = (),
    suites: Sequence[str] = (),
    certificates: bool = False,
    schemes: Sequence[str] = (),
) -> SuitesSeen | NotReached:
    """Find which versions and suites the endpoint negotiates, by elimination.

    *suites* (names, codes, ``table:NAME``) narrows the offers to a set of one's own, *versions* to
    some versions; by default everything is offered once per run and shared. *certificates* also
    learns the certificate types and adds the enumerations of the endpoint's twins; *schemes* adds a
    probe that offers only those signature schemes in TLS 1.2.
    """
    seen = survey(bench)
    if isinstance(seen, NotReached):
        return seen
    if suites or versions:
        seen = _narrowed(bench, seen, tuple(versions), tuple(suites))
    if certificates:
        typed = with_certificate_types(bench, seen)
        seen = dataclasses.replace(seen, types=typed.types, twins=surveyed_twins(bench))
    return _probed(bench, seen, tuple(schemes)) if schemes else seen


def _narrowed(
    bench: Bench, known: SuitesSeen, versions: tuple[str, ...], suites: tuple[str, ...]
) -> SuitesSeen:
    """Return the enumeration of *suites* in *versions*; of everything it is a part of *known*."""
    wanted = versions or tuple(found.version for found in known.versions)
    if not suites:
        kept = tuple(found for found in known.versions if found.version in wanted)
        return dataclasses.replace(known, versions=kept)
    line, name = Line(bench, reached=True), server_name(bench)
    good = good_offer(known, name)
    assert good is not None
    work = Survey(line, name)
    found = tuple(work.version(version, names.suite_codes(suites)) for version in wanted)
    after = check_alive(line, good)
    line.close()
    return dataclasses.replace(
        known, versions=found, before=known.after, after=after, connections=line.connections
    )


def _probed(bench: Bench, seen: SuitesSeen, schemes: tuple[str, ...]) -> SuitesSeen:
    suites = seen.accepted("1.2")
    good = good_offer(seen, server_name(bench))
    if not suites or good is None:
        return seen
    line = Line(bench, reached=True)
    offer = Offer(
        ("1.2",), suites, schemes=names.scheme_codes(schemes), server_name=server_name(bench)
    )
    probe = line.ask(offer)
    after = control_of(probe, "") if probe.outcome == "hello" else check_alive(line, good)
    line.close()
    return dataclasses.replace(seen, probes=(probe,), after=after)


@driver(Impact.OBSERVE)
def offer(
    bench: Bench,
    *,
    versions: Sequence[str],
    suites: Sequence[str] = ("all",),
    options: Mapping[str, Any] | None = None,
    variants: Sequence[Mapping[str, Any]] = (),
    repeat: int = 1,
    await_close: bool = False,
) -> HellosSeen | NotReached:
    """Send ClientHellos and read up to the ServerHello(Done), between controls that must succeed.

    *options* sets fields of the offer (``groups schemes alpn compression record_version
    encrypt_then_mac fallback server_name …``; server_name ``endpoint`` stands for its own name);
    each of *variants* is one offer that changes some of them, versions and suites included.
    """
    known = survey(bench)
    if isinstance(known, NotReached):
        return known
    name = server_name(bench)
    good = good_offer(known, name)
    assert good is not None
    before = known.after
    line = Line(bench, reached=True)
    if not before.ok:
        before = check_alive(line, good)
        if not before.ok:
            line.close()
            return NotReached(
                "control",
                f"an offer that the endpoint accepted before was answered with {before.answer}",
            )
    base = _made(
        Offer(tuple(versions), names.suite_codes(suites), server_name=name), options or {}, name
    )
    offers = [_made(base, variant, name) for variant in variants] or [base]
    asks = [functools.partial(line.ask, one, await_close=await_close) for one in offers * repeat]
    seen = bracketed(line, before, good, asks)
    line.close()
    return dataclasses.replace(seen, known_versions=known.negotiated, known_types=known.types)


def _made(base: Offer, changes: Mapping[str, Any], name: str) -> Offer:
    """Return *base* with *changes* by name; raises ContentError for an option that does not exist."""
    made: dict[str, Any] = {}
    for option, value in changes.items():
        if option not in (*OPTIONS, "versions", "suites"):
            raise ContentError(f"tls.offer has no option '{option}'{did_you_mean(option, OPTIONS)}")
        made[option] = _BY_NAME.get(option, lambda same: same)(value)
    if made.get("server_name") == "endpoint":
        made["server_name"] = name
    return dataclasses.replace(base, **made)


@driver(Impact.OBSERVE)
def offer_sslv2(bench: Bench) -> HellosSeen | NotReached:
    """Send an SSL 2.0 CLIENT-HELLO; outcome ``hello`` means that an SSL 2.0 SERVER-HELLO came back."""
    known = survey(bench)
    if isinstance(known, NotReached):
        return known
    good = good_offer(known, server_name(bench))
    assert good is not None
    line = Line(bench, reached=True)
    before = known.after if known.after.ok else check_alive(line, good)
    if not before.ok:
        return NotReached("control", f"a known good offer was answered with {before.answer}")
    seen = _sslv2(bench)
    after = check_alive(line, good)
    line.close()
    bench.note("one SSL 2.0 CLIENT-HELLO")
    return HellosSeen((seen,), before, after, known.negotiated, known.types)


def _sslv2(bench: Bench) -> HelloSeen:
    with tcp.stream(bench) as stream:
        stream.send(tls_sslv2.encode_client_hello(os.urandom(16)))
        stream.ended = "" if stream.ended == "reset" else stream.ended
        data = b""
        while not stream.ended and len(data) < 16:
            data += stream.receive(4096)
    bench.evidence.keep("sslv2-c2s.bin", bytes(stream.sent))
    bench.evidence.keep("sslv2-s2c.bin", bytes(stream.received))
    offered = HelloSeen("SSL 2.0 CLIENT-HELLO", ("ssl2",), (), "silent")
    if tls_sslv2.is_server_hello(data):
        return dataclasses.replace(offered, outcome="hello", version="ssl2")
    if data[:2] == b"\x15\x03" and len(data) >= 7:
        return dataclasses.replace(offered, outcome="alert", alert_level=data[5], alert=data[6])
    if data:
        return dataclasses.replace(offered, outcome="garbage", detail=f"{len(data)} octets")
    ended = "silent" if stream.ended == "timeout" else stream.ended
    return dataclasses.replace(offered, outcome=ended)


@driver(Impact.ASSOCIATE)
def offer_damaged(bench: Bench, *, damages: Sequence[str] = ()) -> Many[HellosSeen] | NotReached:
    """Send ClientHellos that are damaged in one place each, with a good offer after every one.

    Stops at the damage after which the good offer is no longer accepted.
    """
    known = survey(bench)
    if isinstance(known, NotReached):
        return known
    good = good_offer(known, server_name(bench))
    assert good is not None
    line = Line(bench, reached=True)
    before = check_alive(line, good)
    if not before.ok:
        return NotReached("control", f"a known good offer was answered with {before.answer}")
    quick = dataclasses.replace(bench, deadline=min(bench.deadline, 1.0))
    members: list[Member[HellosSeen]] = []
    for name in damages or DAMAGES:
        octets = damaged(name, good, os.urandom(ENTROPY))
        hurt = Line(quick, line.transcript, line.connections, reached=True)
        seen = hurt.send(octets, good)
        line.connections = hurt.connections
        after = check_alive(line, good)
        told = dataclasses.replace(seen, offered=f"ClientHello with {name}")
        members.append(Member(name, HellosSeen((told,), before, after)))
        if not after.ok:
            break
        before = after
    line.close()
    return Many(tuple(members), "damaged hello")
