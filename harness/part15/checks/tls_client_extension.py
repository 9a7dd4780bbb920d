"""What the extensions, groups, order and compression of a SUT client's hello say (RFC 7525, 9325, B.3, B.11, B.13)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.tls_words import no_hello
from part15.model import Judgement, fails, passes, undecided
from part15.observations.tls import ClientSeen
from part15.registry import check
from part15.wire import tls_names as names
from part15.wire.tls_names import suite_label


@check
def sends(seen: ClientSeen, *, extension: str, or_scsv: bool = False) -> Judgement:
    """The ClientHello carries *extension*; *or_scsv* lets the renegotiation signalling value 0x00FF do."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    if names.EXTENSIONS[extension] in hello.extensions:
        return passes(f"client sends {extension}.", observed=extension)
    if or_scsv and names.RENEGOTIATION_SCSV in hello.suites:
        return passes(
            "client sends the signalling value 0x00FF, which stands for it.", observed="0x00FF"
        )
    if set(hello.versions) == {"1.3"}:
        return passes(f"client offers TLS 1.3 only, where {extension} has no object.")
    return fails(f"client does not send {extension}.", expected=extension, observed="absent")


@check
def sends_not(seen: ClientSeen, *, extension: str) -> Judgement:
    """The ClientHello does not carry *extension*."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    if names.EXTENSIONS[extension] in hello.extensions:
        return fails(
            f"client sends {extension}; switch it off.", expected="absent", observed=extension
        )
    return passes(f"client does not send {extension}.")


@check
def never_sends(seen: ClientSeen, *, extension: str) -> Judgement:
    """No ClientHello of any connection carries *extension*."""
    every = [h for attempt in seen.attempts for h in attempt.hellos if h.outcome == "hello"]
    if not every:
        return no_hello(seen.first)
    if any(names.EXTENSIONS[extension] in hello.extensions for hello in every):
        return fails(
            f"client sends {extension}; switch it off.", expected="absent", observed=extension
        )
    return passes(f"client sent {extension} in none of {len(every)} ClientHellos.")


@check
def sends_server_name(seen: ClientSeen) -> Judgement:
    """The ClientHello carries the name of the server, where the client was given a name (T-27)."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    if hello.server_name:
        return passes(
            f"client sends server_name '{hello.server_name}'.", observed=hello.server_name
        )
    if not seen.named:
        return undecided(
            "client was given an address and not a name, so it could send no server_name; give the "
            "listener a host name.",
            rests_on=("T-27",),
        )
    return fails(
        "client sends no server_name.",
        expected="server_name",
        observed="absent",
        rests_on=("T-27",),
    )


@check
def offers_protocol(seen: ClientSeen, *, protocol: str) -> Judgement:
    """The ClientHello offers *protocol* by ALPN (T-28)."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    if protocol in hello.alpn:
        return passes(f"client offers '{protocol}' by ALPN.", observed=hello.alpn)
    return fails(
        f"client does not offer '{protocol}' by ALPN.",
        expected=protocol,
        observed=hello.alpn or "no ALPN",
        rests_on=("T-28",),
    )


@check
def offers_groups(seen: ClientSeen, *, groups: Sequence[str]) -> Judgement:
    """The ClientHello lists each of *groups* in supported_groups."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    missing = [
        g
        for g, code in zip(groups, names.group_codes(groups), strict=True)
        if code not in hello.groups
    ]
    if missing:
        return fails(
            f"client does not list {', '.join(missing)} in supported_groups.",
            expected=", ".join(groups),
            observed=[names.group_name(code) for code in hello.groups] or "no such extension",
        )
    return passes(f"client lists {', '.join(groups)}.", observed=", ".join(groups))


@check
def offers_hash(seen: ClientSeen, *, schemes: Sequence[str]) -> Judgement:
    """The ClientHello lists at least one of *schemes* in signature_algorithms."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    found = [
        names.scheme_name(code) for code in names.scheme_codes(schemes) if code in hello.schemes
    ]
    if found:
        return passes(f"client lists {', '.join(found)}.", observed=found)
    return fails(
        f"client lists none of {', '.join(schemes)} in signature_algorithms.",
        expected=" or ".join(schemes),
        observed=[names.scheme_name(code) for code in hello.schemes] or "no such extension",
    )


@check
def sends_uncompressed_points(seen: ClientSeen) -> Judgement:
    """ec_point_formats, if sent, names the uncompressed format only."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    sent = names.EXTENSIONS["ec_point_formats"] in hello.extensions
    if sent and hello.point_formats != (0,):
        return fails(
            f"client sends the point formats {', '.join(map(str, hello.point_formats))}.",
            expected="0 (uncompressed)",
            observed=hello.point_formats,
        )
    return passes(
        f"client sends {'the uncompressed point format' if sent else 'no point formats'}."
    )


@check
def prefers(seen: ClientSeen, *, better: Sequence[str], worse: Sequence[str]) -> Judgement:
    """Every offered suite of *better* stands before every offered one of *worse*."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    good = [hello.suites.index(code) for code in names.suite_codes(better) if code in hello.suites]
    bad = [hello.suites.index(code) for code in names.suite_codes(worse) if code in hello.suites]
    if not good:
        return fails(
            "client offers none of the suites that are to be preferred.",
            expected="the better suites",
        )
    if bad and min(bad) < max(good):
        return fails(
            f"client lists {suite_label(hello.suites[min(bad)])} before {suite_label(hello.suites[max(good)])}.",
            expected="the better suites first",
            observed=suite_label(hello.suites[min(bad)]),
        )
    return passes(
        "client lists the better suites first.", observed=suite_label(hello.suites[min(good)])
    )


@check
def lists_first(seen: ClientSeen, *, suite: str) -> Judgement:
    """The first TLS 1.2 suite is *suite*, or one of the same kind that is stronger."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    known = [names.suites()[code] for code in hello.suites if code in names.suites()]
    old = [found for found in known if found.first != "1.3"]
    wanted = names.suites()[names.suite_codes([suite])[0]]
    if not old:
        return passes("client offers no suite of TLS 1.2 or earlier.")
    head = old[0]
    if head.code == wanted.code:
        return passes(f"client lists {suite_label(head.code)} first.", observed=head.name)
    if head.forward_secret and head.aead and head.bits >= wanted.bits:
        return passes(
            f"client lists {suite_label(head.code)} first, which is not weaker.", observed=head.name
        )
    return fails(
        f"client lists {suite_label(head.code)} first.", expected=wanted.name, observed=head.name
    )


@check
def pairs_cbc_with_etm(seen: ClientSeen) -> Judgement:
    """CBC suites are offered only together with encrypt_then_mac."""
    hello = seen.first
    if hello.outcome != "hello":
        return no_hello(hello)
    cbc = [
        code
        for code in hello.suites
        if code in names.suites() and names.suites()[code].mode == "CBC"
    ]
    if not cbc:
        return passes("client offers no CBC suite.")
    if names.EXTENSIONS["encrypt_then_mac"] in hello.extensions:
        return passes(f"client offers {len(cbc)} CBC suites with encrypt_then_mac.")
    return fails(
        f"client offers {suite_label(cbc[0])} without encrypt_then_mac.",
        expected="encrypt_then_mac beside CBC suites",
        observed="absent",
    )
