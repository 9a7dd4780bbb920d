"""What an endpoint negotiates, found by elimination: offer everything, drop what was chosen, repeat.

Learnt once per endpoint and shared by every TLS stimulus of a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from part15.bench import Bench
from part15.drivers.tls_exchange import (
    Line,
    answer,
    check_alive,
    control_of,
    server_name,
)
from part15.errors import Trouble
from part15.observations import NotReached
from part15.observations.tls import ControlSeen, HelloSeen, SuitesSeen, VersionSeen
from part15.wire import tls_names as names
from part15.wire.tls_hello import Offer

ORDER = ("1.3", "1.2", "1.1", "1.0", "ssl3")
PROTOCOL_VERSION = 70
BATCH = 64
"""How many suites go into one offer for a server that does not answer a large hello."""
AUTHENTICATION = {"RSA": "RSA", "DSS": "DSS", "ECDSA": "ECDSA"}
TYPE_SCHEMES = {
    "RSA": (0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B, 0x0401, 0x0501, 0x0601),
    "ECDSA": (0x0403, 0x0503, 0x0603),
}


@dataclass
class Survey:
    """An enumeration under way on one line."""

    line: Line
    name: str

    def version(self, version: str, codes: Sequence[int]) -> VersionSeen:
        """Return which of *codes* the endpoint accepts in *version*."""
        found = self._eliminate(version, list(codes))
        if found.accepted or not self._perhaps_too_large(found, codes):
            return found
        first = self._eliminate(version, list(names.suite_codes("table:tls-modern")))
        if not first.accepted:
            return found
        return self._in_batches(version, codes)

    def _eliminate(self, version: str, left: list[int]) -> VersionSeen:
        accepted: list[HelloSeen] = []
        refusal: HelloSeen | None = None
        while left:
            seen = self.line.settle(Offer((version,), tuple(left), server_name=self.name))
            if seen.outcome != "hello" or seen.version != version or seen.suite not in left:
                refusal = seen
                break
            accepted.append(seen)
            left.remove(seen.suite)
        return VersionSeen(version, tuple(accepted), refusal, _decided(version, accepted, refusal))

    def _perhaps_too_large(self, found: VersionSeen, codes: Sequence[int]) -> bool:
        """Tell whether a server that knows *version* may only have disliked the size of the offer."""
        refusal = found.refusal
        return (
            found.version == "1.2"
            and len(codes) > BATCH
            and refusal is not None
            and refusal.outcome not in ("hello", "silent", "unreachable")
            and refusal.alert != PROTOCOL_VERSION
        )

    def _in_batches(self, version: str, codes: Sequence[int]) -> VersionSeen:
        parts = [
            self._eliminate(version, list(codes[at : at + BATCH]))
            for at in range(0, len(codes), BATCH)
        ]
        accepted = tuple(hello for part in parts for hello in part.accepted)
        return VersionSeen(
            version, accepted, parts[-1].refusal, all(part.complete for part in parts)
        )


def _decided(version: str, accepted: Sequence[HelloSeen], refusal: HelloSeen | None) -> bool:
    """Tell whether everything that was offered in *version* is known to be accepted or refused."""
    if refusal is None or refusal.refused:
        return True
    lower = refusal.outcome == "hello" and version in ORDER[: _rank(refusal.version)]
    return lower and not accepted


def _rank(version: str) -> int:
    """Return the place of *version* in :data:`ORDER`; 0 if it is none, so that nothing is above it."""
    return ORDER.index(version) if version in ORDER else 0


def good_offer(seen: SuitesSeen, name: str) -> Offer | None:
    """Return an offer that the endpoint is known to accept, of its newest version."""
    for found in seen.versions:
        whole = [hello for hello in found.accepted if hello.accepted]
        if whole:
            suites = tuple(hello.suite for hello in whole if hello.suite is not None)
            return Offer((found.version,), suites, server_name=name)
    return None


def survey(bench: Bench) -> SuitesSeen | NotReached:
    """Return what the endpoint of *bench* negotiates in every version; learnt once per run.

    Raises Trouble("connect") if the endpoint cannot be reached.
    """
    return bench.shelf.once(("tls-survey", bench.endpoint.id), lambda: _survey(bench))


def _survey(bench: Bench) -> SuitesSeen | NotReached:
    line = Line(bench)
    work = Survey(line, server_name(bench))
    found = tuple(
        work.version(version, names.suite_codes("all-1.3" if version == "1.3" else "all"))
        for version in ORDER
    )
    seen = SuitesSeen(
        bench.endpoint.id, found, ControlSeen("", False, ""), ControlSeen("", False, "")
    )
    good = good_offer(seen, work.name)
    if good is None:
        line.close()
        return NotReached("control", _never(found))
    first = next(hello for version in found for hello in version.accepted if hello.accepted)
    after = check_alive(line, good) if found[-1].refusal else control_of(found[-1].accepted[-1], "")
    line.close()
    return dataclasses.replace(
        seen,
        before=control_of(first, first.offered),
        after=after,
        types=_types_in_use(found),
        connections=line.connections,
    )


def _never(found: Sequence[VersionSeen]) -> str:
    """Say why no control exists: no offer of any version was accepted."""
    answers = [
        f"{names.version_label(version.version)}: {answer(last)}"
        for version in found
        if (last := version.refusal or next(iter(version.accepted), None)) is not None
    ]
    plain = all(v.refusal is not None and v.refusal.outcome == "garbage" for v in found)
    ask = (
        "is it a port without TLS?"
        if plain
        else "is its certificate installed, and does the port speak TLS?"
    )
    return f"the endpoint accepted none of the broad offers ({'; '.join(answers)}); {ask}"


def _types_in_use(found: Sequence[VersionSeen]) -> tuple[str, ...]:
    """Return the certificate types that accepted suites or chains show."""
    types: dict[str, None] = {}
    for hello in (hello for version in found for hello in version.accepted):
        suite = names.suites().get(hello.suite if hello.suite is not None else -1)
        if suite is None or suite.first == "1.3":
            continue
        leaf = hello.chain[0].key if hello.chain else ""
        if leaf.startswith("Ed"):
            types["EdDSA"] = None
        elif suite.auth in AUTHENTICATION:
            types[AUTHENTICATION[suite.auth]] = None
    return tuple(types)


def with_certificate_types(bench: Bench, seen: SuitesSeen) -> SuitesSeen:
    """Return *seen* with the certificate types that TLS 1.3 shows when only their schemes are offered."""
    return bench.shelf.once(("tls-types", bench.endpoint.id), lambda: _with_types(bench, seen))


def _with_types(bench: Bench, seen: SuitesSeen) -> SuitesSeen:
    suites = seen.accepted("1.3")
    missing = [kind for kind in TYPE_SCHEMES if kind not in seen.types]
    if not suites or not missing:
        return seen
    line = Line(bench, reached=True)
    types = dict.fromkeys(seen.types)
    for kind in missing:
        offer = Offer(("1.3",), suites, schemes=TYPE_SCHEMES[kind], server_name=server_name(bench))
        answered = line.ask(offer)
        if answered.outcome == "hello" and not answered.retry:
            types[kind] = None
    good = good_offer(seen, server_name(bench))
    after = check_alive(line, good) if good else seen.after
    line.close()
    return dataclasses.replace(seen, types=tuple(types), after=after)


@dataclass
class Ground:
    """What an offer stands on: the survey, a good offer, a control that was accepted before, an open line."""

    known: SuitesSeen
    good: Offer
    before: ControlSeen
    line: Line
    _last: list[ControlSeen]

    def leave(self, after: ControlSeen) -> None:
        """Close the line; *after* is the control before the next stimulus."""
        self._last[:] = [after]
        self.line.close()


def ground(bench: Bench) -> Ground | NotReached:
    """Return what offers to the endpoint of *bench* stand on; the last control of a run is the first of the next.

    ``NotReached`` if the endpoint accepts no good offer (any more). Raises Trouble("connect").
    """
    known = survey(bench)
    if isinstance(known, NotReached):
        return known
    good = good_offer(known, server_name(bench))
    if good is None:
        return NotReached("control", "the endpoint accepts no offer")
    line = Line(bench, reached=True)
    last: list[ControlSeen] = bench.shelf.once(
        ("tls-control", bench.endpoint.id), lambda: [known.after]
    )
    before = last[0] if last[0].ok else check_alive(line, good)
    if not before.ok:
        line.close()
        return NotReached(
            "control",
            f"an offer that the endpoint accepted before was answered with {before.answer}",
        )
    return Ground(known, good, before, line, last)


def twins_of(bench: Bench) -> tuple[Bench, ...]:
    """Return a bench for each other TLS endpoint of the target that carries a claim of this one."""
    mine = bench.endpoint
    others = getattr(bench.target, "endpoints", {}) or {}
    return tuple(
        dataclasses.replace(bench, endpoint=other)
        for name, other in others.items()
        if name != mine.id
        and other.transport == mine.transport
        and (not other.profiles or not mine.profiles or set(other.profiles) & set(mine.profiles))
    )


def surveyed_twins(bench: Bench) -> tuple[SuitesSeen, ...]:
    """Return the surveys of the twins; one that cannot be reached is left out (its own cases say so)."""
    found = []
    for twin in twins_of(bench):
        try:
            seen = survey(twin)
            if isinstance(seen, SuitesSeen):
                found.append(with_certificate_types(twin, seen))
        except Trouble:
            continue
    return tuple(found)
