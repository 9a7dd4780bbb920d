"""Stimuli that are decided from hellos: nothing here completes a handshake."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
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
    ground,
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
        seen = _narrowed(bench, seen, tuple(versions), suites)
        if isinstance(seen, NotReached):
            return seen
    if certificates:
        typed = with_certificate_types(bench, seen)
        seen = dataclasses.replace(seen, types=typed.types, twins=surveyed_twins(bench))
    return _probed(bench, seen, tuple(schemes)) if schemes else seen


def _narrowed(
    bench: Bench, known: SuitesSeen, versions: tuple[str, ...], suites: str | Sequence[str]
) -> SuitesSeen | NotReached:
    """Return the enumeration of *suites* in *versions*; of everything it is a part of *known*."""
    wanted = versions or tuple(found.version for found in known.versions)
    if not suites:
        kept = tuple(found for found in known.versions if found.version in wanted)
        return dataclasses.replace(known, versions=kept)
    here = ground(bench)
    if isinstance(here, NotReached):
        return here
    work = Survey(here.line, server_name(bench))
    found = tuple(work.version(version, names.suite_codes(suites)) for version in wanted)
    after = check_alive(here.line, here.good)
    here.leave(after)
    return dataclasses.replace(
        known, versions=found, before=here.before, after=after, connections=here.line.connections
    )


def _probed(bench: Bench, seen: SuitesSeen, schemes: tuple[str, ...]) -> SuitesSeen | NotReached:
    suites = seen.accepted("1.2")
    if not suites:
        return seen
    here = ground(bench)
    if isinstance(here, NotReached):
        return here
    asked = Offer(
        ("1.2",), suites, schemes=names.scheme_codes(schemes), server_name=server_name(bench)
    )
    probe = here.line.settle(asked)
    after = control_of(probe, "") if probe.accepted else check_alive(here.line, here.good)
    here.leave(after)
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
    here = ground(bench)
    if isinstance(here, NotReached):
        return here
    told = server_name(bench) or _name_of_certificate(here.known)
    if not told and _asks_for_name(options or {}, variants):
        return NotReached(
            "server name",
            "neither the endpoint nor its certificate tells a host name; set server_name of the endpoint",
        )
    plain = Offer(tuple(versions), names.suite_codes(suites), server_name=server_name(bench))
    base = _made(plain, options or {}, told)
    offers = [_made(base, variant, told) for variant in variants] or [base]
    ask = functools.partial(here.line.settle, await_close=await_close)
    seen = bracketed(
        here.line, here.before, here.good, [functools.partial(ask, o) for o in offers * repeat]
    )
    here.leave(seen.after)
    return dataclasses.replace(
        seen, known_versions=here.known.negotiated, known_types=here.known.types
    )


def _asks_for_name(options: Mapping[str, Any], variants: Sequence[Mapping[str, Any]]) -> bool:
    return any(each.get("server_name") == "endpoint" for each in (options, *variants))


def _name_of_certificate(known: SuitesSeen) -> str:
    """Return the common name of the server's certificate if it can be a host name."""
    leaf = next((hello.chain[0].subject for hello in known.hellos if hello.chain), "")
    return leaf if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", leaf) else ""


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
    here = ground(bench)
    if isinstance(here, NotReached):
        return here
    seen = _sslv2(bench)
    after = check_alive(here.line, here.good)
    here.leave(after)
    bench.note("one SSL 2.0 CLIENT-HELLO")
    return HellosSeen((seen,), here.before, after, here.known.negotiated, here.known.types)


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
    here = ground(bench)
    if isinstance(here, NotReached):
        return here
    before, line = here.before, here.line
    quick = dataclasses.replace(bench, deadline=min(bench.deadline, 1.0))
    members: list[Member[HellosSeen]] = []
    for name in damages or DAMAGES:
        octets = damaged(name, here.good, os.urandom(ENTROPY))
        hurt = Line(quick, line.transcript, line.connections, reached=True)
        seen = hurt.send(octets, here.good)
        line.connections = hurt.connections
        after = check_alive(line, here.good)
        told = dataclasses.replace(seen, offered=f"ClientHello with {name}")
        members.append(Member(name, HellosSeen((told,), before, after)))
        before = after
        if not after.ok:
            break
    here.leave(before)
    return Many(tuple(members), "damaged hello")
