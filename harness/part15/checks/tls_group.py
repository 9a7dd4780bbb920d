"""Which groups a server uses and whether it renews its ephemeral keys (B.11, B.13, RFC 7525, 9325)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.tls_words import answer, answered, listed, suite, unclear, undecidable
from part15.model import Judgement, fails, passes, undecided
from part15.observations.tls import HelloSeen, HellosSeen, SuitesSeen
from part15.registry import check
from part15.wire import tls_names as names


@check
def has_dh_bits(seen: SuitesSeen, *, minimum: int) -> Judgement:
    """Every finite-field key exchange that the server chose has a prime of at least *minimum* bits."""
    sizes = [hello for hello in seen.hellos if hello.dh_bits is not None]
    short = [hello for hello in sizes if (hello.dh_bits or 0) < minimum]
    expected = f"a prime of {minimum} bits or more"
    if short:
        worst = min(hello.dh_bits or 0 for hello in short)
        return fails(
            f"server used a DH prime of {worst} bits with {listed(short)}; configure parameters of "
            f"{minimum} bits or more (ffdhe2048 of RFC 7919).",
            expected=expected,
            observed=f"{worst} bits",
        )
    doubt = undecidable(seen, ("1.2", "1.1", "1.0", "ssl3"))
    if doubt is not None:
        return doubt
    if not sizes:
        return passes(
            "server negotiates no DHE suite, so there is no short prime.", expected=expected
        )
    least = min(hello.dh_bits or 0 for hello in sizes)
    return passes(
        f"server used DH primes of {least} bits or more in {len(sizes)} DHE suites.",
        expected=expected,
        observed=f"{least} bits",
    )


@check
def keeps_group_bits(seen: HellosSeen, *, minimum: int) -> Judgement:
    """No accepted offer used a curve of fewer than *minimum* bits (x25519 counts as 256, T-17)."""
    small = [
        hello
        for hello in answered(seen)
        if _group_bits(hello) is not None and (_group_bits(hello) or 0) < minimum
    ]
    expected = f"groups of {minimum} bits or more"
    if small:
        return fails(
            f"server used {names.group_name(small[0].group)} ({_group_bits(small[0])} bits) with "
            f"{suite(small[0])}; remove small curves from its groups.",
            expected=expected,
            observed=[names.group_name(hello.group) for hello in small],
        )
    doubt = unclear(seen)
    if doubt is not None:
        return doubt
    unknown = [h for h in answered(seen) if h.group is not None and h.group not in names.groups()]
    if unknown:
        return undecided(
            f"server used {names.group_name(unknown[0].group)}, whose size is not known."
        )
    used = sorted({names.group_name(hello.group) for hello in answered(seen) if hello.group})
    odd = "x25519" in used and minimum == 256
    return passes(
        f"server used {', '.join(used) or 'no curve'} and refused offers of small curves only.",
        expected=expected,
        observed=used,
        rests_on=("T-17",) if odd else (),
    )


@check
def serves_groups(seen: HellosSeen, *, groups: Sequence[str]) -> Judgement:
    """Each of *groups*, offered alone in this order, is used for the key exchange."""
    missing: list[str] = []
    for group, hello in zip(names.group_codes(groups), seen.hellos, strict=False):
        if hello.outcome == "hello" and hello.group in (group, None):
            continue
        if hello.outcome != "hello" and not hello.refused:
            return undecided(
                f"the offer of {names.group_name(group)} alone got no decision: {answer(hello)}."
            )
        missing.append(names.group_name(group))
    expected = ", ".join(groups)
    if missing:
        return fails(
            f"server does not use {', '.join(missing)} when it is the only group offered.",
            expected=expected,
            observed=[g for g in groups if g not in missing] or "none of them",
        )
    return passes(
        f"server used {expected} when offered alone.", expected=expected, observed=expected
    )


@check
def renews_keys(seen: HellosSeen, *, curves_too: bool = True) -> Judgement:
    """No ephemeral public key occurs twice; without *curves_too* only finite-field keys count."""
    keys = [
        hello.public for hello in answered(seen) if hello.public and (curves_too or hello.dh_bits)
    ]
    if len(keys) < 2:
        if not curves_too and answered(seen) == [] and unclear(seen) is None:
            return passes("server negotiates no finite-field key exchange, so no key is reused.")
        return undecided(f"{len(keys)} ephemeral keys were seen; at least two are needed.")
    repeated = len(keys) - len(set(keys))
    if repeated:
        return fails(
            f"server used the same ephemeral key again in {repeated} of {len(keys)} connections; set "
            "single use of (EC)DH keys.",
            expected="a new key each time",
            observed=f"{len(set(keys))} different keys",
        )
    return passes(f"server used {len(keys)} different ephemeral keys in as many connections.")


def _group_bits(hello: HelloSeen) -> int | None:
    group = names.groups().get(hello.group or 0)
    return group.counted_bits if group is not None and group.kind == "curve" else None
