"""What a SUT client opens its connections with: versions, suites, extensions (B.1-B.13, RFC 7525, 8996, 9325)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from part15.checks.tls_words import no_hello
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.tls import ClientHelloSeen, ClientSeen, PortSeen
from part15.registry import check
from part15.wire import tls_names as names
from part15.wire.tls_names import suite_label, version_label

SIGNALLING = (names.RENEGOTIATION_SCSV, names.FALLBACK_SCSV)
OLD = ("ssl3", "1.0", "1.1")


@check
def begins_with_tls(seen: ClientSeen) -> Judgement:
    """The first octets of the connection are a TLS handshake record."""
    first = seen.first
    if first.outcome == "hello":
        return passes("client opened with a ClientHello.", observed="ClientHello")
    if first.outcome in ("plain", "sslv2", "garbage"):
        return fails(
            f"client opened with {first.detail} instead of a TLS ClientHello; switch TLS on for this destination.",
            expected="a TLS handshake record",
            observed=first.outcome,
        )
    return no_hello(first)


@check
def stays_on_tls(seen: ClientSeen) -> Judgement:
    """Turned away in its TLS handshake, the client does not go on in clear, on this or a further connection."""
    sent = [(attempt.way, hello) for attempt in seen.attempts for hello in attempt.hellos]
    plain = [(way, hello) for way, hello in sent if hello.outcome == "plain"]
    if plain:
        return fails(
            f"client sent an A-ASSOCIATE-RQ in clear after its handshake was refused by {plain[0][0]}; "
            "it must not fall back to plain TCP.",
            expected="TLS or nothing",
            observed="A-ASSOCIATE-RQ without TLS",
        )
    if seen.first.outcome != "hello":
        return no_hello(seen.first)
    ways = ", ".join(attempt.way for attempt in seen.attempts)
    return passes(f"client sent nothing in clear after {ways} ({len(sent)} connections).")


@check
def keeps_version(seen: ClientSeen, *, lowest: str) -> Judgement:
    """When it retries after a refusal, the client's highest version does not drop below *lowest*."""
    limit = names.version_code(lowest)
    dropped = [
        (attempt.way, hello)
        for attempt in seen.attempts
        for hello in attempt.hellos
        if hello.outcome == "sslv2" or (hello.outcome == "hello" and _highest(hello) < limit)
    ]
    if dropped:
        way, hello = dropped[0]
        version = (
            "SSL 2.0"
            if hello.outcome == "sslv2"
            else version_label(names.version_name(_highest(hello)))
        )
        return fails(
            f"client fell back to {version} after {way}; it must not go below {version_label(lowest)}.",
            expected=f"{version_label(lowest)} or later",
            observed=version,
        )
    if seen.first.outcome != "hello":
        return no_hello(seen.first)
    retries = sum(len(attempt.hellos) - 1 for attempt in seen.attempts)
    return passes(
        f"client retried {retries} times and never offered less than {version_label(lowest)}."
    )


@check
def offers_versions(seen: ClientSeen, *, any_of: Sequence[str], first: bool = False) -> Judgement:
    """The ClientHello offers one of *any_of*; with *first* that is the version it names first."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    wanted = " or ".join(version_label(version) for version in any_of)
    offered = [version_label(version) for version in hello.versions]
    looked_at = hello.versions[:1] if first else hello.versions
    if set(looked_at) & set(any_of):
        return passes(f"client offers {', '.join(offered)}.", expected=wanted, observed=offered)
    where = " first" if first else ""
    return fails(
        f"client offers {', '.join(offered)}, not {wanted}{where}.",
        expected=wanted,
        observed=offered,
    )


@check
def tries_version(seen: ClientSeen, *, version: str) -> Judgement:
    """A client that has *version* offers it in its first ClientHello."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    label = version_label(version)
    if version in hello.versions:
        place = hello.versions.index(version)
        note = (
            ""
            if place == 0
            else f", although not first but after {version_label(hello.versions[0])}"
        )
        return passes(f"client offers {label}{note}.", observed=label)
    later = [h for a in seen.attempts for h in a.hellos if version in h.versions]
    if later:
        return fails(
            f"client has {label} but does not offer it in its first ClientHello.",
            expected=label,
            observed=[version_label(v) for v in hello.versions],
        )
    return undecided(
        f"client does not offer {label}; whether it has it at all is not visible.", expected=label
    )


@check
def omits_versions(seen: ClientSeen, *, versions: Sequence[str]) -> Judgement:
    """The ClientHello offers none of *versions*; without supported_versions its lowest one is not visible."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    bad = [version for version in hello.versions if version in versions]
    wanted = f"none of {', '.join(version_label(version) for version in versions)}"
    if bad:
        told = ", ".join(version_label(version) for version in bad)
        return fails(
            f"client offers {told}; raise its lowest protocol version to TLS 1.2.",
            expected=wanted,
            observed=told,
        )
    if not hello.listed:
        return undecided(
            f"client offers at most {version_label(hello.versions[0])} and lists no versions, so its lowest "
            "one shows only when a server selects it.",
            expected=wanted,
        )
    return passes(
        f"client lists {', '.join(version_label(v) for v in hello.versions)} only.", expected=wanted
    )


@check
def avoids_client_version(seen: ClientSeen, *, version: str) -> Judgement:
    """No ClientHello has *version* in its client_version field (the record layer may)."""
    code = names.version_code(version)
    every = [hello for a in seen.attempts for hello in a.hellos if hello.outcome == "hello"]
    bad = [hello for hello in every if hello.client_version == code]
    if bad:
        return fails(
            f"client sent a ClientHello with client_version 0x{code:04X} ({version_label(version)}).",
            expected=f"not 0x{code:04X}",
            observed=f"0x{code:04X}",
        )
    if not every:
        return no_hello(seen.first)
    return passes(
        f"client_version is 0x{every[0].client_version:04X}.", expected=f"not 0x{code:04X}"
    )


@check
def offers_suites(seen: ClientSeen, *, suites: Sequence[str], at_least: int = 0) -> Judgement:
    """The ClientHello offers each of *suites*, or *at_least* so many of them."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    wanted = names.suite_codes(suites)
    missing = [code for code in wanted if code not in hello.suites]
    present = len(wanted) - len(missing)
    if present >= (at_least or len(wanted)):
        return passes(
            f"client offers {present} of the {len(wanted)} suites.", observed=f"{present}"
        )
    return fails(
        f"client does not offer {suite_label(missing[0])}"
        + (f" nor {len(missing) - 1} more of the {len(wanted)} suites" if len(missing) > 1 else "")
        + "; add it to its cipher string.",
        expected=f"{at_least or len(wanted)} of {len(wanted)} suites",
        observed=f"{present}",
        findings=[
            Finding(suite_label(c), Word.FAIL, "not offered") for c in missing if not at_least
        ],
    )


@check
def omits_suites(seen: ClientSeen, *, suites: Sequence[str]) -> Judgement:
    """The ClientHello offers none of *suites*."""
    unwanted = frozenset(names.suite_codes(suites))
    return _without(seen, lambda code: code in unwanted)


@check
def offers_only(seen: ClientSeen, *, suites: Sequence[str]) -> Judgement:
    """The ClientHello offers no suite but *suites*, signalling values and GREASE left aside."""
    allowed = frozenset(names.suite_codes(suites))
    return _without(seen, lambda code: code not in allowed)


@check
def omits_parts(seen: ClientSeen, *, parts: Mapping[str, Any]) -> Judgement:
    """No offered suite has a forbidden part; a forbidden hash merely listed for signatures is a warning (T-18)."""

    def bad(code: int) -> bool:
        suite = names.suites().get(code)
        return suite is None or any(
            getattr(suite, part) in values for part, values in parts.items()
        )

    answer = _without(seen, bad)
    weak = [
        scheme.name
        for scheme in (names.schemes().get(code) for code in seen.first.schemes)
        if scheme is not None and scheme.hash in parts.get("hash", ())
    ]
    if answer.word is Word.PASS and weak:
        note = f"client lists {', '.join(weak)} for signatures; offered is not used."
        return passes(
            answer.message,
            findings=[Finding("signature_algorithms", Word.WARN, note)],
            rests_on=("T-18",),
        )
    return answer


@check
def adds_only_strong(seen: ClientSeen, *, suites: Sequence[str], minimum: int = 128) -> Judgement:
    """Every suite offered beyond *suites* is authenticated encryption, forward secret, of *minimum* bits (T-15)."""
    known = frozenset(names.suite_codes(suites))

    def weak(code: int) -> bool:
        suite = names.suites().get(code)
        if code in known:
            return False
        return suite is None or not (suite.aead and suite.forward_secret and suite.bits >= minimum)

    return dataclasses.replace(_without(seen, weak), rests_on=("T-15",))


@check
def offers_only_parts(seen: ClientSeen, *, parts: Mapping[str, Any]) -> Judgement:
    """Every suite offered is made of permitted *parts*; other signature schemes it lists are a warning (T-19).

    A suite of TLS 1.3 leaves key exchange and authentication open; those are not judged by it.
    """

    def bad(code: int) -> bool:
        suite = names.suites().get(code)
        return suite is None or any(
            getattr(suite, part) != "any" and getattr(suite, part) not in values
            for part, values in parts.items()
        )

    answer = _without(seen, bad)
    schemes = [names.schemes().get(code) for code in seen.first.schemes]
    others = [s.name for s in schemes if s is not None and s.hash not in parts.get("hash", ())]
    if answer.word is Word.PASS and others:
        note = f"client lists {', '.join(others)} for signatures; offered is not used."
        finding = Finding("signature_algorithms", Word.WARN, note)
        return passes(answer.message, findings=[finding], rests_on=("T-19",))
    return answer


@check
def connects_where_told(seen: PortSeen) -> Judgement:
    """Told another port than before, the product connects to that one."""
    if seen.came == seen.told:
        return passes(
            f"the product connected to port {seen.told}, and before to port {seen.before}",
            observed=f"port {seen.came}",
        )
    return fails(
        f"told to use port {seen.told}, the product connected to port {seen.came}, which it was told before; make "
        "the port of the remote configurable.",
        expected=f"port {seen.told}",
        observed=f"port {seen.came}",
    )


def _without(seen: ClientSeen, bad: Callable[[int], bool]) -> Judgement:
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    found = [code for code in hello.suites if code not in SIGNALLING and bad(code)]
    if found:
        rest = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return fails(
            f"client offers {suite_label(found[0])}{rest}; remove it from its cipher string.",
            expected="not offered",
            observed=[suite_label(code) for code in found],
            findings=[Finding(suite_label(c), Word.FAIL, "offered") for c in found] if rest else (),
        )
    real = [code for code in hello.suites if code not in SIGNALLING]
    return passes(f"client offers {len(real)} suites, none of them forbidden.")


def _highest(hello: ClientHelloSeen) -> int:
    known = [names.VERSIONS[version] for version in hello.versions if version in names.VERSIONS]
    return max(known, default=hello.client_version)
