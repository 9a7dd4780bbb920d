"""What is judged of a SUT client that was given a right or a wrong answer to its ClientHello."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.tls_words import no_hello
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations import NotReached
from part15.observations.session import NOT_OFFERED
from part15.observations.tls import ClientHelloSeen
from part15.observations.tls_choices import ChoicesSeen, Chosen
from part15.registry import check
from part15.wire import tls_names as names
from part15.wire.tls_names import version_label

REFUSING = (40, 47, 70, 71)
"""Alerts that can refuse a version: handshake_failure, illegal_parameter, protocol_version, insufficient_security."""
WAY_OF_VERSION = {"1.1": "tls_1.1", "1.0": "tls_1.0", "ssl3": "ssl_3"}


def _answer(seen: Chosen) -> str:
    if seen.alert is not None:
        return f"alert {names.alert_label(seen.alert)}"
    return "went on" if seen.went_on else seen.ended


def _doubt(seen: ChoicesSeen, chosen: Chosen) -> Judgement | None:
    """Return why the end of *chosen* is no refusal, or None if it is one.

    An alert is a word of the client itself; a mere end of the connection needs a right connection
    before and after, or it may have any cause.
    """
    if chosen.refused and chosen.alert is not None:
        return None
    if not chosen.refused:
        return undecided(
            f"given {chosen.text}, the client neither went on nor ended it: {chosen.why}"
        )
    if not all(seen.lives):
        when = "afterwards" if seen.lives[0] else "before"
        return undecided(
            f"given {chosen.text}, the client ended the connection, but {when} it did not associate with a right "
            f"server either, so that proves nothing"
        )
    return None


def _about(seen: ChoicesSeen, way: str, *, absent: Judgement | None = None) -> Judgement | Chosen:
    """Return the connection of *way*, or the judgement if there is none; *absent* if it means nothing here."""
    chosen = seen.chosen.get(way)
    if isinstance(chosen, Chosen):
        return chosen
    if chosen is not None and chosen.step == NOT_OFFERED and absent is not None:
        return absent
    return undecided(chosen.why if isinstance(chosen, NotReached) else f"'{way}' was not tried")


@check
def refuses(seen: ChoicesSeen, *, way: str) -> Judgement:
    """The client does not go on when it is answered in *way*."""
    chosen = _about(seen, way)
    if isinstance(chosen, Judgement):
        return chosen
    if chosen.went_on:
        return fails(
            f"given {chosen.text}, the client went on with the handshake.",
            expected="an alert",
            observed="went on",
        )
    return _doubt(seen, chosen) or passes(
        f"given {chosen.text}, the client ended the handshake.", observed=_answer(chosen)
    )


@check
def alerts(seen: ChoicesSeen, *, way: str, alerts: Sequence[int]) -> Judgement:
    """Answered in *way*, the client sends one of the fatal *alerts* and closes the connection.

    Where the answer means nothing to it, a client of TLS 1.3 alone, it cannot violate this.
    """
    absent = passes("the client offers TLS 1.3 only, where this has no object.")
    chosen = _about(seen, way, absent=absent if _only_13(seen.right.hello) else None)
    if isinstance(chosen, Judgement):
        return chosen
    wanted = " or ".join(names.alert_label(code) for code in alerts)
    if chosen.went_on or (chosen.alert is not None and chosen.alert not in alerts):
        return fails(
            f"given {chosen.text}, the client {'went on' if chosen.went_on else 'sent ' + _answer(chosen)}.",
            expected=f"fatal {wanted}",
            observed=_answer(chosen),
        )
    if chosen.alert is None and chosen.ended == "reset":
        return undecided(
            f"given {chosen.text}, the client reset the connection; an alert may be lost by that."
        )
    if chosen.alert is None:
        return _doubt(seen, chosen) or fails(
            f"given {chosen.text}, the client ended the connection without an alert.",
            expected=f"fatal {wanted}",
            observed=chosen.ended,
        )
    if not chosen.closes:
        return fails(
            f"the client sent {_answer(chosen)} and left the connection open.",
            expected="a closed connection",
            observed="open",
        )
    return passes(
        f"given {chosen.text}, the client sent {_answer(chosen)} and closed.",
        expected=f"fatal {wanted}",
        observed=_answer(chosen),
    )


def _only_13(hello: ClientHelloSeen | None) -> bool:
    return hello is not None and hello.outcome == "hello" and set(hello.versions) == {"1.3"}


@check
def keeps_off_versions(seen: ChoicesSeen, *, versions: Sequence[str]) -> Judgement:
    """The client neither offers one of *versions* nor goes on with a ServerHello that selects it."""
    hello = seen.right.hello
    if hello is None or hello.outcome != "hello":
        return no_hello(hello or ClientHelloSeen("silent"))
    bad = [version_label(v) for v in hello.versions if v in versions]
    wanted = f"none of {', '.join(version_label(v) for v in versions)}"
    if bad:
        return fails(
            f"client offers {', '.join(bad)}; raise its lowest protocol version to TLS 1.2.",
            expected=wanted,
            observed=[version_label(v) for v in hello.versions],
        )
    refused: list[str] = []
    for version in versions:
        label, chosen = version_label(version), _about(seen, WAY_OF_VERSION[version])
        if isinstance(chosen, Judgement):
            return chosen
        if chosen.went_on:
            return fails(
                f"client goes on when {label} is selected, although it names a later version; raise its lowest one.",
                expected=wanted,
                observed=label,
            )
        doubt = _doubt(seen, chosen)
        if doubt is None and chosen.alert not in (None, *REFUSING):
            doubt = undecided(
                f"given {label}, the client sent {_answer(chosen)}, which refuses something else than the version"
            )
        if doubt is not None:
            return doubt
        refused.append(f"{label}: {_answer(chosen)}")
    return passes(
        f"client does not offer {', '.join(version_label(v) for v in versions)} and refuses it when selected.",
        expected=wanted,
        observed="; ".join(refused),
    )


@check
def keeps_dh_bits(seen: ChoicesSeen, *, minimum: int) -> Judgement:
    """The client goes on with no finite-field key exchange below *minimum* bits."""
    tried = [c for way, c in seen.chosen.items() if way.startswith("dh_")]
    short = [c for c in tried if isinstance(c, Chosen) and c.dh_bits < minimum]
    taken = sorted(c.dh_bits for c in short if c.went_on)
    expected = f"a prime of {minimum} bits or more"
    if taken:
        return fails(
            f"client goes on with a DH prime of {taken[0]} bits; raise the least size that it accepts, or "
            "remove the DHE suites.",
            expected=expected,
            observed=", ".join(f"{bits} bits" for bits in taken),
        )
    if tried and all(isinstance(c, NotReached) and c.step == NOT_OFFERED for c in tried):
        return passes(
            "client offers no DHE suite, so no short prime can be used.", expected=expected
        )
    if not short:
        why = next((c.why for c in tried if isinstance(c, NotReached)), "no short prime was tried")
        return undecided(why, expected=expected)
    doubts = [d for c in short if (d := _doubt(seen, c)) is not None]
    if doubts:
        return doubts[0]
    sizes = ", ".join(str(bits) for bits in sorted({c.dh_bits for c in short}))
    return passes(f"client refused DH primes of {sizes} bits.", expected=expected)


@check
def keeps_curve_bits(seen: ChoicesSeen, *, minimum: int) -> Judgement:
    """The client lists no curve below *minimum* bits and goes on with none (x25519 counts as 256, T-17)."""
    hello = seen.right.hello
    if hello is None or hello.outcome != "hello":
        return no_hello(hello or ClientHelloSeen("silent"))
    known = [names.groups()[code] for code in hello.groups if code in names.groups()]
    small = [g.name for g in known if g.kind == "curve" and g.counted_bits < minimum]
    if small:
        return fails(
            f"client lists {', '.join(small)}, below {minimum} bits; remove small curves from its groups.",
            expected=f"curves of {minimum} bits or more",
            observed=small,
        )
    absent = passes(
        "client offers no suite with elliptic curves before TLS 1.3, and lists no small one."
    )
    chosen = _about(seen, "small_curve", absent=absent)
    if isinstance(chosen, Judgement):
        return chosen
    if chosen.went_on:
        return fails(
            f"client goes on with {names.group_name(chosen.group)}, which it does not list.",
            expected=f"curves of {minimum} bits or more",
            observed=names.group_name(chosen.group),
        )
    return _doubt(seen, chosen) or passes(
        f"client lists no curve below {minimum} bits and refused {names.group_name(chosen.group)}.",
        rests_on=("T-17",),
    )


@check
def omits_compression(seen: ChoicesSeen) -> Judgement:
    """The client offers no compression but null, and goes on with none."""
    hello = seen.right.hello
    if hello is None or hello.outcome != "hello":
        return no_hello(hello or ClientHelloSeen("silent"))
    if hello.compression != (0,):
        return fails(
            f"client offers the compression methods {', '.join(map(str, hello.compression))}.",
            expected="0 (null)",
            observed=hello.compression,
        )
    absent = passes("client offers TLS 1.3 only, which has no compression.")
    chosen = _about(seen, "compressed", absent=absent)
    if isinstance(chosen, Judgement):
        return chosen
    if chosen.went_on:
        return fails("client goes on with compression.", expected="an alert", observed="went on")
    return _doubt(seen, chosen) or passes(
        "client offers no compression and refuses it.", observed=_answer(chosen)
    )


@check
def renews_keys(seen: ChoicesSeen, *, curves_too: bool = True) -> Judgement:
    """No ephemeral public key of the client occurs twice; without *curves_too* only finite-field keys count."""
    every = [seen.right, *(c for c in seen.chosen.values() if isinstance(c, Chosen)), seen.after]
    keys = [c.public for c in every if c.public and (curves_too or c.dh_bits)]
    if not keys and seen.right.hello is not None and not _ephemeral(seen.right.hello):
        return passes("client offers no suite with an ephemeral key, so none is reused.")
    if len(keys) < 2:
        none = [w for w, c in seen.chosen.items() if w.startswith("dh_") and isinstance(c, Chosen)]
        if not curves_too and seen.right.hello is not None and not none:
            return passes("client uses no finite-field key exchange with us, so no key is reused.")
        return undecided(
            f"{len(keys)} ephemeral keys of the client were seen; at least two are needed."
        )
    repeated = len(keys) - len(set(keys))
    if repeated:
        return fails(
            f"client used the same ephemeral key again in {repeated} of {len(keys)} connections; make a new one "
            "for each handshake.",
            expected="a new key each time",
            observed=f"{len(set(keys))} different keys",
        )
    return passes(f"client used {len(keys)} different ephemeral keys in as many connections.")


def _ephemeral(hello: ClientHelloSeen) -> bool:
    """Tell whether *hello* offers a key exchange with an ephemeral key."""
    known = [names.suites()[code] for code in hello.suites if code in names.suites()]
    return hello.outcome != "hello" or any(s.kx in ("ECDHE", "DHE", "any") for s in known)


@check
def survives(seen: ChoicesSeen) -> Judgement:
    """After every wrong answer, the client connects and makes its request as before."""
    if not seen.lives[0]:
        return undecided(
            f"before any wrong answer the client did not associate with us: {seen.right.why}"
        )
    odd = [c for c in seen.chosen.values() if isinstance(c, Chosen)]
    findings = [
        Finding(c.text, Word.WARN, f"given {c.text}, the client went on", "an alert", "went on")
        for c in odd
        if c.went_on and not c.text.startswith("a DH prime")
    ]
    if seen.lives[1]:
        return passes(
            f"after {len(odd)} odd answers the client associated as before.", findings=findings
        )
    return fails(
        f"after {len(odd)} odd answers the client did not associate any more ({_answer(seen.after)} {seen.after.why}).",
        expected="an association",
        observed=_answer(seen.after),
        findings=findings,
    )
