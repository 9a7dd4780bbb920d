"""Clauses about the Conformance Statement: what the vendor declares in the target file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from part15.model import Judgement, does_not_apply, fails, passes, text_of, undecided
from part15.observations.statement import DeclarationSeen, DeclaredPoint
from part15.registry import check


def _shown(key: str, value: Any) -> str:
    text = text_of(value)
    return f"{key} = {text if len(text) <= 120 else text[:117] + '...'}"


def _undeclared(seen: DeclarationSeen) -> Judgement:
    keys = ", ".join(seen.absent)
    return undecided(
        f"not declared; add [declared] {keys} to the target file, with what the Conformance Statement says",
        expected=seen.keys,
        observed="not declared",
    )


def _silent(value: Any, *, none_will_do: bool) -> bool:
    """Tell whether *value* says that the statement is silent.

    An empty text always does; an empty list or table and ``false`` do, unless "none" or "no" is an
    answer. A number, 0 included, is an answer. A list of items is silent if one of them is.
    """
    if isinstance(value, str):
        return not value.strip()
    if value is None:
        return True
    if isinstance(value, tuple) and value:
        return any(_silent(item, none_will_do=none_will_do) for item in value)
    if isinstance(value, bool):
        return not value and not none_will_do
    if isinstance(value, (tuple, dict)):
        return not value and not none_will_do
    return False


def _unclaimed(seen: DeclarationSeen, profiles: Sequence[str]) -> Judgement | None:
    """Return *not-applicable* if none of *profiles* is claimed, None if one is or none was named."""
    if not profiles or set(profiles) & set(seen.claims):
        return None
    return does_not_apply(
        f"binds only where {' or '.join(profiles)} is claimed; the target does not claim it"
    )


@check
def declares(
    seen: DeclarationSeen, *, none_will_do: bool = False, only_if_claimed: Sequence[str] = ()
) -> Judgement:
    """Pass if the statement says something under every key.

    *none_will_do*: ``false`` and an empty list are answers ("there is none"), not silence.
    """
    unclaimed = _unclaimed(seen, only_if_claimed)
    if unclaimed:
        return unclaimed
    silent = [k for k, v in seen.values.items() if _silent(v, none_will_do=none_will_do)]
    if silent:
        return fails(
            f"the target declares that its statement does not say it: {', '.join(silent)} is empty; "
            "complete the Conformance Statement",
            expected=seen.keys,
            observed=[_shown(k, seen.values[k]) for k in silent],
        )
    if seen.absent or not seen.values:
        return _undeclared(seen)
    said = "; ".join(_shown(k, v) for k, v in seen.values.items())
    return passes(f"the statement says {said}", expected=seen.keys, observed=said)


@check
def declares_one_of(seen: DeclarationSeen, *, values: Sequence[str]) -> Judgement:
    """Pass if the declared value is one of *values*; numbers are compared as text."""
    if seen.absent or not seen.values:
        return _undeclared(seen)
    wrong = {k: v for k, v in seen.values.items() if text_of(v) not in values}
    if wrong:
        said = "; ".join(_shown(k, v) for k, v in wrong.items())
        return fails(
            f"the statement says {said}, which is none of {text_of(tuple(values))}",
            expected=values,
            observed=said,
        )
    said = "; ".join(_shown(k, v) for k, v in seen.values.items())
    return passes(f"the statement says {said}", expected=values, observed=said)


@check
def denies(seen: DeclarationSeen, *, only_if_claimed: Sequence[str] = ()) -> Judgement:
    """Pass if the statement says that there is none: an empty list or ``false`` under every key."""
    unclaimed = _unclaimed(seen, only_if_claimed)
    if unclaimed:
        return unclaimed
    present = {k: v for k, v in seen.values.items() if v not in (False, (), {}, "none", "no")}
    if present:
        said = "; ".join(_shown(k, v) for k, v in present.items())
        return fails(
            f"the statement says {said}, and there should be none", expected="none", observed=said
        )
    if seen.absent or not seen.values:
        return _undeclared(seen)
    return passes("the statement says that there is none", expected="none", observed="none")


@check
def lists_none_without(
    seen: DeclarationSeen, *, condition: str, listed: str, prefix: str
) -> Judgement:
    """Pass if *condition* is declared true, or nothing under *listed* begins with *prefix*."""
    if condition in seen.absent:
        return _undeclared(seen)
    if seen.values[condition] is True:
        return passes(f"the statement affirms {condition}", expected="true", observed="true")
    if listed in seen.absent:
        return _undeclared(seen)
    found = seen.values[listed]
    items = found if isinstance(found, tuple) else (found,)
    wrong = tuple(item for item in map(text_of, items) if item.startswith(prefix))
    if wrong:
        return fails(
            f"the statement denies {condition}, although it lists {text_of(wrong)}",
            expected=f"{condition} = true, or nothing in {listed} that begins with {prefix}",
            observed=wrong,
        )
    return passes(f"nothing in {listed} begins with {prefix}", observed=found)


def _numbers(value: Any) -> list[int]:
    """Return the port numbers in a declared *value*."""
    items = value if isinstance(value, tuple) else (value,)
    return [int(text) for text in map(text_of, items) if text.isdecimal()]


def _ports(seen: DeclarationSeen, points: Sequence[DeclaredPoint]) -> tuple[list[int], str]:
    """Return the default ports that are declared, else those of the endpoints, and where they come from."""
    stated = [port for value in seen.values.values() for port in _numbers(value)]
    if stated:
        return stated, "the declared default port"
    return [point.port for point in points], "the port of the tested endpoint"


@check
def recommends_port(
    seen: DeclarationSeen, *, ports: Sequence[int], transports: Sequence[str], profile: str = ""
) -> Judgement:
    """Pass if the default port is one of *ports*.

    A declared default port counts; without one, the ports at which the target listens with one of
    *transports* for *profile*, which may be those of a test bench.
    """
    points = [
        p
        for p in seen.points
        if p.listens
        and p.transport in transports
        and (not profile or not p.profiles or profile in p.profiles)
    ]
    found, source = _ports(seen, points)
    if not found:
        if seen.values:
            return undecided(
                f"{text_of(tuple(_shown(k, v) for k, v in seen.values.items()))} is no port number",
                expected=ports,
                observed=tuple(seen.values.values()),
            )
        kinds = " or ".join(transports)
        return undecided(
            f"the target has no endpoint with transport {kinds} and declares no default port; "
            f"add [declared] {', '.join(seen.keys)}",
            expected=ports,
        )
    wanted = text_of(tuple(ports))
    if any(port in ports for port in found):
        return passes(
            f"{source} is {text_of(tuple(found))}", expected=wanted, observed=tuple(found)
        )
    return fails(
        f"{source} is {text_of(tuple(found))}, recommended is {wanted}; if the product's default differs "
        f"from the test bench, declare it as {', '.join(seen.keys)}",
        expected=wanted,
        observed=tuple(found),
    )


@check
def separates_addresses(seen: DeclarationSeen, *, profiles: Sequence[str], port: int) -> Judgement:
    """Pass if endpoints at *port* that carry different ones of *profiles* are on different addresses."""
    both = [profile for profile in profiles if profile in seen.claims]
    if len(both) < len(profiles):
        left = [profile for profile in profiles if profile not in seen.claims]
        return does_not_apply(
            f"binds only where both are claimed; the target does not claim {text_of(tuple(left))}"
        )
    at = {
        profile: {
            p.host for p in seen.points if p.listens and p.port == port and profile in p.profiles
        }
        for profile in profiles
    }
    if not all(at.values()):
        return undecided(
            f"the target does not say which endpoint at port {port} carries which profile; "
            f"set profiles = [...] at its endpoints for {text_of(tuple(profiles))}",
            expected="different addresses",
        )
    shared = set.intersection(*at.values())
    if shared:
        return fails(
            f"{text_of(tuple(profiles))} share {text_of(tuple(sorted(shared)))} at port {port}; "
            "give each an address of its own",
            expected="different addresses",
            observed=tuple(sorted(shared)),
        )
    observed = tuple(
        f"{profile} at {text_of(tuple(sorted(hosts)))}" for profile, hosts in at.items()
    )
    return passes(
        "the profiles have addresses of their own",
        expected="different addresses",
        observed=observed,
    )
