"""Checks of how an audit source transmits (PS3.15 A.6 and A.7; RFC 5424, 5425, 5426, 9662)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.audit_declared import size_of
from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations.audit import (
    AuditConnectionSeen,
    AuditStorySeen,
    AuditTrailSeen,
    OutageSeen,
    SourceOffersSeen,
)
from part15.registry import check
from part15.wire.audit_judge import examine

Sent = AuditTrailSeen | AuditStorySeen


def _trail(seen: Sent) -> AuditTrailSeen:
    return seen.trail if isinstance(seen, AuditStorySeen) else seen


def _used(seen: Sent) -> list[AuditConnectionSeen]:
    """Return the connections that carried something."""
    return [c for c in _trail(seen).connections if c.first != "nothing"]


NO_CONNECTION = undecided(
    "no connection with audit messages was seen; make the product send to the listener over TLS"
)


@check
def secures(seen: Sent) -> Judgement:
    """TLS comes before any message, and messages are counted by octets (A.6, RFC 5425)."""
    used = _used(seen)
    if not used:
        return NO_CONNECTION
    clear = [c for c in used if c.first == "clear"]
    if clear:
        return fails(
            f"{len(clear)} of {len(used)} connections began without TLS and carried "
            f"{sum(c.octets for c in clear)} octets in clear; send audit messages over TLS only",
            expected="a ClientHello first",
            observed="octets in clear",
        )
    counted = sum(m.carrier == "octet-counting" for m in _trail(seen).messages)
    if not counted and any(c.octets for c in used):
        return fails(
            "no message was framed by its octet count, though octets arrived inside TLS",
            expected="MSG-LEN SP SYSLOG-MSG",
            observed=f"{sum(c.octets for c in used)} octets in other framing",
        )
    if not counted:
        return undecided("the TLS connection carried no message")
    return passes(f"{len(used)} connections began with TLS and carried {counted} counted messages")


@check
def opens_as_client(seen: Sent) -> Judgement:
    """The source is the TLS client (RFC 5425 4.2)."""
    used = _used(seen)
    if not used:
        return NO_CONNECTION
    silent = [c for c in used if c.first != "tls"]
    if silent:
        return fails(
            f"{len(silent)} of {len(used)} connections did not begin with a ClientHello of the source",
            expected="a ClientHello",
            observed=silent[0].first,
        )
    return passes(
        f"the source sent the ClientHello on {len(used)} connections", observed="ClientHello"
    )


@check
def negotiates(seen: Sent, *, least: str) -> Judgement:
    """Every handshake ends with TLS version *least* or a later one."""
    done = [c for c in _used(seen) if c.version]
    clear = [c for c in _used(seen) if c.first == "clear"]
    if clear:
        return fails(
            "messages came without TLS", expected=f"TLS {least} or later", observed="no TLS"
        )
    if not done:
        why = next((c.failed for c in _used(seen) if c.failed), "")
        return undecided(
            f"no handshake was completed{f' ({why})' if why else ''}, so the version is not known",
            expected=f"TLS {least} or later",
        )
    old = [c for c in done if c.version < least]
    if old:
        return fails(
            f"the source negotiated TLS {old[0].version}, although the listener takes later versions; "
            f"enable TLS {least}",
            expected=f"TLS {least} or later",
            observed=old[0].version,
            rests_on=("S-16",),
        )
    return passes(
        f"{len(done)} handshakes ended with TLS {', '.join(sorted({c.version for c in done}))}",
        expected=f"TLS {least} or later",
        observed=sorted({c.version for c in done}),
    )


@check
def frames_by_count(seen: Sent) -> Judgement:
    """Every frame is MSG-LEN, one space and exactly so many octets (RFC 5425 4.3)."""
    used = [c for c in _used(seen) if c.octets]
    if not used:
        return NO_CONNECTION
    findings = [
        Finding(
            f"connection {c.number}, {place}",
            Word.FAIL,
            f"expected {expected}, found {observed}",
            expected,
            observed,
        )
        for c in used
        for place, expected, observed in c.framing
    ]
    if findings:
        first = findings[0]
        return fails(
            f"the stream is not framed by octet counting: {first.subject}: {first.message}",
            expected=first.expected,
            observed=first.observed,
            findings=findings,
        )
    return passes(
        f"{sum(c.messages for c in used)} frames on {len(used)} connections are counted rightly"
    )


@check
def says_goodbye(seen: Sent) -> Judgement:
    """The source sends close_notify before it closes (RFC 5425 4.4); a bare end is common and only warned of."""
    ended = [c for c in _used(seen) if c.version and c.ended != "open"]
    clear = [c for c in _used(seen) if c.first == "clear"]
    if clear:
        return fails(
            "messages came without TLS, so without close_notify",
            expected="close_notify",
            observed="no TLS",
        )
    if not ended:
        return undecided(
            "no connection was closed while the harness listened; stop the product in an orderly way"
        )
    bare = [c for c in ended if c.ended != "close-notify"]
    if bare:
        message = (
            f"{len(bare)} of {len(ended)} connections ended by {bare[0].ended} without close_notify; "
            "messages at the end may be lost unseen"
        )
        return Judgement(Word.WARN, message, "close_notify", bare[0].ended)
    return passes(f"{len(ended)} connections ended with close_notify", observed="close_notify")


@check
def reaches(seen: Sent, *, octets: int) -> Judgement:
    """Messages of *octets* and more arrive whole (A.6); smaller ones only show part of it."""
    trail = _trail(seen)
    if not trail.messages:
        return undecided(
            "no audit message was seen; make the product report a study with many instances"
        )
    cut = [
        m
        for m in trail.messages
        if examine(m.data, m.carrier).message is None
        and b"<AuditMessage" in m.data
        and not _closed(m.data)
    ]
    largest = max(size_of(m) for m in trail.messages)
    if cut:
        return fails(
            f"{len(cut)} messages end before their XML does; the longest has {max(map(size_of, cut))} octets",
            expected=f"whole messages of {octets} octets and more",
            observed=f"{max(map(size_of, cut))} octets",
            findings=[Finding(m.name, Word.FAIL, f"cut at {size_of(m)} octets") for m in cut[:50]],
        )
    if largest < octets:
        return undecided(
            f"partly exercised: the longest message has {largest} octets; make the product report a study "
            f"whose message is longer than {octets}",
            expected=f"{octets} octets or more",
            observed=largest,
        )
    return passes(f"a message of {largest} octets arrived whole", expected=octets, observed=largest)


def _closed(data: bytes) -> bool:
    return data.rstrip(b"\r\n\0 ").endswith(b"AuditMessage>")


@check
def fits_datagrams(seen: Sent, *, octets: int) -> Judgement:
    """No datagram is larger than *octets*, what the path carries unfragmented (RFC 5426 3.2)."""
    sizes = [size_of(m) for m in _trail(seen).messages if m.carrier == "datagram"]
    if not sizes:
        return undecided("no datagram was seen; make the product send audit messages over UDP")
    large = [s for s in sizes if s > octets]
    if large:
        return fails(
            f"{len(large)} of {len(sizes)} datagrams are larger than {octets} octets; the largest has {max(large)}",
            expected=f"at most {octets}",
            observed=max(large),
        )
    return passes(
        f"the largest of {len(sizes)} datagrams has {max(sizes)} octets", observed=max(sizes)
    )


@check
def tells_cut_datagrams(seen: Sent) -> Judgement:
    """Say how large datagrams were and whether their XML is whole (A.7 permits that the transport cuts it)."""
    found = [m for m in _trail(seen).messages if m.carrier == "datagram"]
    if not found:
        return undecided("no datagram was seen; make the product send audit messages over UDP")
    cut = [m for m in found if not _closed(m.data)]
    return informs(
        f"{len(found)} datagrams, the largest of {max(map(size_of, found))} octets; {len(cut)} are cut",
        observed=f"{len(cut)} cut",
    )


@check
def takes_our_port(seen: Sent, *, default: int) -> Judgement:
    """Messages arrive at the port the harness chose, and the declared default is *default* (A.7)."""
    trail = _trail(seen)
    declared = trail.declared.default_port
    if declared is not None and declared != default:
        return fails(
            f"the declared default port is {declared}; the profile says {default}",
            expected=default,
            observed=declared,
        )
    if not trail.messages:
        return undecided(
            "no message arrived, so it is not known whether the port can be configured"
        )
    if trail.port == default:
        return undecided(
            f"the listener is at the default port {default}; give it another to see that it can be configured"
        )
    stated = f"the declared default is {default}" if declared else "the default is not declared"
    return passes(
        f"messages arrived at port {trail.port}, as configured; {stated}", observed=trail.port
    )


@check
def refuses_collectors(
    seen: SourceOffersSeen, *, names: Sequence[str], presents: bool = False
) -> Judgement:
    """The source breaks the handshake with collectors that show one of *names*, and sends them nothing.

    With *presents* it also shows a certificate of its own to the right collector, if asked.
    """
    control = seen.control
    if control is None or not control.messages:
        return undecided(
            "the source did not send to a collector with the right certificate, so a refusal would prove nothing"
        )
    if presents and control.first == "clear":
        return fails(
            "the source sent without TLS", expected="mutual authentication", observed="no TLS"
        )
    if presents and seen.asked and not control.certificate:
        return fails(
            "the source showed no certificate, although it was asked for one; configure its certificate",
            expected="a client certificate",
            observed="none",
        )
    tried = [o for o in seen.offers if o.name in names]
    taken = [o for o in tried if o.octets or (o.connected and not o.refused)]
    if taken:
        return fails(
            f"the source accepted a collector with the certificate '{taken[0].name}' and sent {taken[0].octets} "
            "octets; verify the collector's certificate",
            expected="a refused handshake",
            observed=f"{taken[0].octets} octets sent",
            findings=[
                Finding(o.name, Word.FAIL, f"accepted; {o.octets} octets sent") for o in taken
            ],
        )
    silent = [o.name for o in tried if not o.connected]
    left = [*[n for n in names if n not in {o.name for o in tried}], *silent]
    if left:
        return undecided(
            f"not tried: {', '.join(left)}; add these identities to the listener (part15 pki make) and let the "
            "trigger send each time",
            observed=[o.name for o in tried if o.connected],
        )
    if presents and not seen.asked:
        return undecided(
            "the listener has no 'trust', so the source was not asked for a certificate"
        )
    return passes(
        f"the source refused {len(tried)} collectors with wrong certificates and sent them nothing",
        observed=[o.name for o in tried],
    )


@check
def arrives(seen: AuditTrailSeen) -> Judgement:
    """Messages arrive at the port that the listener was given after the source had sent to another one."""
    if not seen.messages:
        return fails(
            f"the source sent to another port a moment ago, but nothing to port {seen.port}",
            expected=f"messages at port {seen.port}",
            observed="none",
        )
    return passes(f"{len(seen.messages)} messages arrived at port {seen.port}", observed=seen.port)


@check
def sums_datagrams(seen: Sent) -> Judgement:
    """No datagram comes with a UDP checksum of zero, which means that it was switched off (RFC 5426 3.6)."""
    counted = _trail(seen).checksums
    if counted is None:
        return undecided(
            "UDP checksums could not be seen; run as root, or with the right CAP_NET_RAW, and over UDP"
        )
    zero, other = counted
    if zero:
        return fails(
            f"{zero} of {zero + other} datagrams came without a UDP checksum; switch checksums on",
            expected="a checksum",
            observed="zero",
        )
    if not other:
        return undecided("no datagram was seen; make the product send audit messages over UDP")
    return passes(
        f"{other} datagrams came with a UDP checksum", observed=f"{other} with a checksum"
    )


@check
def returns_after_outage(seen: OutageSeen) -> Judgement:
    """The source sends again after the collector was away; what it lost, repeated or delivered late is told."""
    late = len(seen.late)
    lost = max(0, seen.after - late)
    told = (
        f"the collector was away for {seen.seconds:.1f} s; {late} messages of that time came late, "
        f"{seen.again} came twice, {seen.after} came once it was back"
    )
    if not seen.after and not late:
        return fails(
            f"the source did not return: {told}", expected="a new connection", observed="none"
        )
    if lost:
        told += f"; as the same trigger made {seen.after} messages then, about {lost} were lost"
    return passes(
        told, observed=f"{late} late, {seen.again} twice, {seen.after} after, {lost} lost"
    )


ENTRY, DETACH = "110108", "110125"


@check
def tells_detach_first(seen: OutageSeen, *, edition: str) -> Judgement:
    """Of what was buffered while the collector was away, the Detach message comes first (A.5.3.9)."""
    if not seen.late:
        return undecided(
            "not exercised: no message of the time away came late, so nothing was buffered"
        )
    examined = [(m, examine(m.data, m.carrier, edition, m.size).message) for m in seen.late]
    detaches = [
        at
        for at, (_, m) in enumerate(examined)
        if m is not None and m.kind == ENTRY and any(c.code == DETACH for c in m.event_types)
    ]
    if not detaches:
        return undecided(
            f"{len(seen.late)} messages came late, none of them Network Entry with Detach: the product did not "
            "notice that it was cut off, or does not tell it"
        )
    if detaches[0]:
        return fails(
            f"the Detach message came after {detaches[0]} other buffered messages",
            expected="Detach before other buffered messages",
            observed=f"place {detaches[0] + 1}",
            findings=[Finding(examined[detaches[0]][0].name, Word.FAIL, "Detach comes late")],
        )
    return passes(
        f"Detach came first of {len(seen.late)} buffered messages", observed="Detach first"
    )
