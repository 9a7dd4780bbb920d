"""Stimuli that complete a handshake in each version and suite alone, with an association inside."""

from __future__ import annotations

import functools
import ssl
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from part15.bench import Bench
from part15.channel import completing, foreign
from part15.channel.association import Line, associate
from part15.channel.completing import OPENSSL
from part15.channel.foreign import Wanted
from part15.channel.tls import VERSIONS, Plain
from part15.drivers import serving
from part15.drivers import serving_lines as serving_with
from part15.drivers import session_lines as lines
from part15.drivers.tls_listen import turn_away
from part15.drivers.tls_survey import survey
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import AssociationSeen, Served
from part15.observations.tls import ClientHelloSeen, ClientSeen
from part15.observations.tls_completed import Completed, CompletedSeen
from part15.registry import driver
from part15.wire import tls_names as names
from part15.wire.tls_names import Suite

ORDER = ("1.3", "1.2", "1.1", "1.0", "ssl3")
MOST = 40
"""Pairs of a server that are completed by default."""
START = 3.0
"""Seconds that the process of another library may take to start, beside the deadline."""
MUTE = 3
"""Pairs that are met by silence after which no further one is tried, where nothing has associated at all."""
FEW = 12
"""Pairs of a client, which must be made to connect for each."""


@driver(Impact.ASSOCIATE)
def with_server(
    bench: Bench, *, versions: Sequence[str] = ORDER, most: int = MOST
) -> CompletedSeen | NotReached:
    """Complete each version and suite that the server selects, alone, and echo in an association inside."""
    own = survey(bench)
    if isinstance(own, NotReached):
        return own
    control = lines.before(bench)
    mine = lines.identity_of(bench)
    pairs = [(v.version, h.suite or 0) for v in own.versions for h in v.accepted]
    wanted = [
        Wanted(
            "client",
            version,
            suite,
            mine.certificate,
            mine.key,
            mine.password,
            lines.server_name(bench) or "",
        )
        for version, suite in pairs
        if version in versions
    ]
    before = not isinstance(control, NotReached)
    tried: list[Completed | NotReached] = []
    for one in wanted[:most]:
        if not before and _mute(tried):
            break
        key = ("completed", bench.endpoint.id, one)
        tried.append(bench.shelf.once(key, functools.partial(_with_server, bench, one)))
    lives = (before, lines.after(bench).accepted if before else _any(tried))
    return CompletedSeen(own.negotiated, True, tuple(tried), len(wanted) - len(tried), lives)


def _mute(tried: Sequence[Completed | NotReached]) -> bool:
    """Tell whether there was nothing but silence so far, often enough."""
    done = [pair for pair in tried if isinstance(pair, Completed)]
    return len(done) >= MUTE and all(pair.ended == "silent" for pair in done)


def _any(tried: Sequence[Completed | NotReached]) -> bool:
    """Tell whether an association worked in one of *tried*."""
    return any(isinstance(p, Completed) and p.ended == "accepted" for p in tried)


def _with_server(bench: Bench, wanted: Wanted) -> Completed | NotReached:
    """Complete one pair by the first library that can; what all of them fail at is the server's.

    A library may lack more than a suite: the curve of the server's certificate, for one.
    """
    why, failed = "", None
    for engine in completing.engines(wanted):
        bench.note(f"association with {wanted.text} by {engine['engine']}")
        seen = _attempt(bench, wanted, engine)
        if seen.outcome == "ours" or not _as_wanted(seen, wanted):
            why = f"{engine['engine']}: {seen.why or 'another suite was selected'}"
            continue
        ended = "accepted" if seen.accepted and seen.echo == 0 else seen.outcome
        ended = "no C-ECHO" if ended == "accepted" and seen.echo != 0 else ended
        pair = Completed(wanted.version, wanted.suite, str(engine["engine"]), ended, seen.why)
        if ended in ("accepted", "no C-ECHO", "silent"):
            return pair
        failed = failed or pair
    if failed is not None:
        return failed
    return NotReached("library", f"{wanted.text}: {why}" if why else completing.missing(wanted))


def _attempt(bench: Bench, wanted: Wanted, engine: Mapping[str, Any]) -> AssociationSeen:
    if engine["engine"] == OPENSSL:
        what = lines.Shown(
            wanted.certificate,
            wanted.key,
            wanted.password,
            wanted.version,
            wanted.version,
            ciphers=str(engine["ciphers"]),
        )
        return lines.attempt(bench, what)
    until = bench.until() + START
    line = foreign.speak(lambda: lines.open_plain(bench), wanted, engine, until)
    return associate(line, lines.request_for(bench), until)


def _as_wanted(seen: AssociationSeen, wanted: Wanted) -> bool:
    """Tell whether the suite that was to be completed was, where any was: in TLS 1.3 OpenSSL offers all."""
    shake = seen.handshake
    return shake is None or not shake.completed or shake.code in (0, wanted.suite)


@driver(Impact.ASSOCIATE, at="listener")
def with_client(
    bench: Bench, *, versions: Sequence[str] = (), most: int = FEW
) -> CompletedSeen | NotReached:
    """Select each version and suite that the client offers, alone, and serve the association inside.

    A hello that lists no versions names its highest one only: without *versions* no other is tried.
    """
    seen = turn_away(bench)
    if isinstance(seen, NotReached):
        return seen
    assert isinstance(seen, ClientSeen)
    files = serving_with.files_of(bench, serving_with.RIGHT)
    if isinstance(files, NotReached):
        return files
    shown = serving_with.ours(bench, serving_with.RIGHT)
    assert not isinstance(shown, NotReached)
    auth = "RSA" if shown.kind == "RSA" else "ECDSA"
    tried_in = versions or seen.first.versions
    pairs = [p for p in _offered(seen.first, auth) if p[0] in tried_in]
    wanted = [Wanted("server", version, suite, *files) for version, suite in pairs]
    tried = tuple(
        bench.shelf.once(("completed", bench.endpoint.id, w), lambda w=w: _with_client(bench, w))  # type: ignore[misc]
        for w in wanted[:most]
    )
    lives = (_entered(serving.once(bench)), _entered(serving.again(bench)))
    hello = seen.first
    return CompletedSeen(_versions(hello), hello.listed, tried, max(len(wanted) - most, 0), lives)


def _entered(seen: Served | NotReached) -> bool:
    return isinstance(seen, Served) and seen.entered


def _versions(hello: ClientHelloSeen) -> tuple[str, ...]:
    """Return the versions of *hello*: those it lists, or all up to the one it names."""
    if hello.listed or not hello.versions:
        return hello.versions
    highest = names.version_code(hello.versions[0])
    return tuple(v for v in ORDER if names.version_code(v) <= highest)


def _offered(hello: ClientHelloSeen, auth: str) -> Iterator[tuple[str, int]]:
    """Yield the versions and suites of *hello* that a certificate with a key for *auth* can serve, newest first."""
    known = [names.suites()[code] for code in hello.suites if code in names.suites()]
    for version in ORDER:
        if version in _versions(hello):
            yield from ((version, s.code) for s in known if _fits(s, version, auth))


def _fits(suite: Suite, version: str, auth: str) -> bool:
    code, first, last = (names.version_code(v) for v in (version, suite.first, suite.last))
    return first <= code <= last and suite.auth in (auth, "any")


def _with_client(bench: Bench, wanted: Wanted) -> Completed | NotReached:
    why = ""
    for engine in completing.engines(wanted):
        bench.note(f"listening with {wanted.text} alone, by {engine['engine']}")
        seen = _served(bench, wanted, engine)
        if isinstance(seen, NotReached):
            return seen
        if seen.ended != "ours":
            ended = "accepted" if seen.entered else seen.ended
            return Completed(wanted.version, wanted.suite, str(engine["engine"]), ended, seen.why)
        why = f"{engine['engine']}: {seen.why}"
    return NotReached("library", f"{wanted.text}: {why}" if why else completing.missing(wanted))


def _served(bench: Bench, wanted: Wanted, engine: Mapping[str, Any]) -> Served | NotReached:
    def serve(line: Line) -> Served:
        return serving.serve_once(line, bench.deadline)

    if engine["engine"] == OPENSSL:
        return serving_with.connected(
            bench, serve, make=lambda: _only(bench, wanted, str(engine["ciphers"])), far=_far
        )

    def protect(plain: Plain, until: float) -> Line:
        return foreign.speak(lambda: plain, wanted, engine, until + START)

    return serving_with.connected(bench, serve, protect=protect, far=_far)


def _far(seen: Served) -> bool:
    return seen.entered


def _only(bench: Bench, wanted: Wanted, ciphers: str) -> ssl.SSLContext:
    made = serving_with.server_context(bench, wanted.certificate, wanted.key)
    made.set_ciphers(ciphers)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what is wanted here
        made.minimum_version = made.maximum_version = VERSIONS[wanted.version]
    return made
