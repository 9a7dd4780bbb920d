"""The state of use of security on each endpoint: enforced, used, available, absent (issue of most hospitals)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from part15.observations.session import UseSeen
from part15.report.facts import EndpointFacts, Observed

if TYPE_CHECKING:
    from part15.target import Endpoint, Listener, Target


def facts(
    target: Target, observed: Sequence[Observed], notes: Sequence[str]
) -> tuple[EndpointFacts, ...]:
    """Return the facts of every endpoint and listener, with the state that was seen where one was.

    *notes* are what was found while names were resolved (address families on which nothing listens).
    """
    uses = {o.endpoint: o.seen for o in observed if isinstance(o.seen, UseSeen)}
    differing = _differing({name: seen.state for name, seen in uses.items()})
    found = []
    points: dict[str, Endpoint | Listener] = {**target.endpoints, **target.listeners}
    for name, point in points.items():
        seen = uses.get(name)
        family = ("ipv6" if ":" in point.address.rpartition(":")[0] else "ipv4",)
        about = [n for n in notes if n.startswith(f"{name.rpartition('.')[0] or name}:")]
        found.append(
            EndpointFacts.of(
                point,
                state=seen.state if seen else "",
                why="; ".join([*([seen.why] if seen else []), *differing.get(name, ()), *about]),
                families=family,
            )
        )
    return tuple(found)


def _differing(states: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Return a sentence for every endpoint whose state differs from that of the other address family (CS-GEN-5)."""
    found: dict[str, tuple[str, ...]] = {}
    for name, state in states.items():
        base, _, family = name.rpartition(".")
        other = f"{base}.{'ipv6' if family == 'ipv4' else 'ipv4'}"
        if family in ("ipv4", "ipv6") and states.get(other, state) != state:
            found[name] = (f"this differs by address family: {other} is {states[other]}",)
    return found
