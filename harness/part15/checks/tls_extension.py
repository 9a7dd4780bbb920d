"""What a server does with extensions, compression and record versions (RFC 7525, 8996, 9325)."""

from __future__ import annotations

from part15.checks.tls_words import answer, answered, answers, suite, unclear, without_12
from part15.model import Judgement, fails, passes, undecided
from part15.observations.tls import HellosSeen
from part15.registry import check
from part15.wire import tls_names as names
from part15.wire.tls_names import version_label


@check
def acknowledges(seen: HellosSeen, *, extension: str) -> Judgement:
    """Every accepted offer is answered with *extension* in the ServerHello."""
    taken = answered(seen)
    if not taken and without_12(seen):
        return passes(f"server negotiates TLS 1.3 only, where {extension} has no object.")
    if not taken:
        return undecided(f"server accepted none of the offers: {answers(seen)}.")
    code = names.EXTENSIONS[extension]
    without = [hello for hello in taken if code not in hello.extensions]
    if not without:
        return passes(f"server acknowledged {extension}.", observed=extension)
    told = f"server did not acknowledge {extension} in {version_label(without[0].version)}"
    return fails(f"{told}; enable it in the TLS library.", expected=extension, observed="absent")


@check
def omits(seen: HellosSeen, *, extension: str) -> Judgement:
    """No accepted offer is answered with *extension*, though it was offered."""
    code = names.EXTENSIONS[extension]
    taken = answered(seen)
    with_it = [hello for hello in taken if code in hello.extensions]
    if with_it:
        return fails(
            f"server acknowledged {extension} in {version_label(with_it[0].version)}; disable it.",
            expected=f"no {extension}",
            observed=extension,
        )
    if not taken:
        return unclear(seen) or passes(
            f"server refused the offers with which {extension} could be used: {answers(seen)}."
        )
    return passes(f"server did not acknowledge {extension}.", expected=f"no {extension}")


@check
def omits_compression(seen: HellosSeen) -> Judgement:
    """Compression was offered first and the server chose none."""
    taken = answered(seen)
    chosen = [hello for hello in taken if hello.compression]
    if chosen:
        return fails(
            f"server selected compression method {chosen[0].compression} in "
            f"{version_label(chosen[0].version)}; disable TLS compression.",
            expected="method 0 (null)",
            observed=f"method {chosen[0].compression}",
        )
    if not taken and without_12(seen):
        return passes("server negotiates TLS 1.3 only, which has no compression.")
    if not taken:
        return undecided(f"server accepted none of the offers: {answers(seen)}.")
    return passes(
        "server selected no compression although it was offered first.", observed="method 0"
    )


@check
def selects_protocol(seen: HellosSeen, *, protocol: str) -> Judgement:
    """ALPN offered *protocol*: the server selects it; one that was not offered is worse than none (T-28)."""
    taken = answered(seen)
    if not taken:
        return undecided(
            f"server accepted no TLS 1.2 offer with ALPN ({answers(seen)}); in TLS 1.3 its answer is encrypted."
        )
    said = taken[0].alpn
    if said == protocol:
        return passes(f"server selected the protocol '{protocol}' by ALPN.", observed=protocol)
    if said is None:
        return fails(
            f"server ignored ALPN; register '{protocol}' with its TLS library.",
            expected=protocol,
            observed="no ALPN answer",
            rests_on=("T-28",),
        )
    return fails(
        f"server selected the protocol '{said}', which was not offered.",
        expected=protocol,
        observed=said,
        rests_on=("T-28",),
    )


@check
def pairs_cbc_with_etm(seen: HellosSeen) -> Judgement:
    """CBC suites are refused, or used only with encrypt_then_mac: refused where it was not offered."""
    code = names.EXTENSIONS["encrypt_then_mac"]
    bare = [hello for hello in answered(seen) if code not in hello.extensions]
    if bare:
        return fails(
            f"server selected {suite(bare[0])} without encrypt_then_mac; refuse CBC suites or demand it.",
            expected="no CBC suite without encrypt_then_mac",
            observed=suite(bare[0]),
        )
    return unclear(seen) or passes(
        f"server uses no CBC suite without encrypt_then_mac: {answers(seen)}."
    )


@check
def ignores_record_version(seen: HellosSeen) -> Judgement:
    """Hold if the record-layer version of the ClientHello changes neither the answer nor its version."""
    refused = [hello for hello in seen.hellos if hello.refused]
    if refused:
        return fails(
            f"server refused a ClientHello for its record-layer version: {refused[0].offered} got "
            f"{answer(refused[0])}.",
            expected="the same ServerHello version each time",
            observed=answers(seen),
        )
    taken = answered(seen)
    if len(taken) < len(seen.hellos):
        return undecided(f"an offer was neither accepted nor refused: {answers(seen)}.")
    versions = sorted({hello.version for hello in taken})
    if len(versions) != 1 or versions[0] in ("1.0", "1.1"):
        return fails(
            f"server selected {', '.join(map(version_label, versions))} for record-layer versions that "
            "should not matter.",
            expected="the same version each time, TLS 1.2 or later",
            observed=[version_label(version) for version in versions],
        )
    return passes(
        f"server selected {version_label(versions[0])} for each of {len(taken)} record versions."
    )


@check
def marks_downgrade(seen: HellosSeen) -> Judgement:
    """Hold if a server with TLS 1.3 that answers an older offer says so in its random (RFC 8446 4.1.3)."""
    if "1.3" not in seen.known_versions:
        return passes("server does not negotiate TLS 1.3, so there is no downgrade to mark.")
    taken = answered(seen)
    if not taken:
        return undecided(f"server accepted no older offer: {answers(seen)}.")
    plain = [hello for hello in taken if not hello.sentinel]
    if plain:
        return fails(
            f"server answered {version_label(plain[0].version)} without the downgrade mark in its random.",
            expected="DOWNGRD in the last eight octets of the random",
            observed="no mark",
        )
    return passes("server marked the older version in its random.", observed=taken[0].sentinel)
