"""Checks of audit collectors (PS3.15 A.6 and A.7; RFC 5424, 5425, 5426)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations.audit import (
    CollectorOffersSeen,
    CollectorSeen,
    DeliverySeen,
    FloodSeen,
)
from part15.registry import check

EXPORT = (
    "the store of the collector could not be read; give the target an action 'export' that writes the "
    "stored messages into {file}"
)


def _findings(faulty: Sequence[DeliverySeen]) -> list[Finding]:
    return [
        Finding(
            f"message {d.name}",
            Word.FAIL,
            f"{d.size} octets: {'not taken' if not d.sent else d.stored}",
            "whole",
            d.stored,
        )
        for d in faulty
    ]


@check
def stores(
    seen: CollectorSeen, *, names: Sequence[str] = (), ordered: bool = False, survives: bool = True
) -> Judgement:
    """The messages called *names* (all, if none is named) are stored whole; the service goes on afterwards.

    Without access to the store only a refusal is seen: that fails, everything else stays open.
    """
    chosen = [d for d in seen.deliveries if not names or d.name in names]
    if not chosen:
        return undecided(f"none of the messages {', '.join(names)} was sent")
    refused = [d for d in chosen if not d.sent]
    if refused:
        return fails(
            f"the connection ended before message {refused[0].name} of {refused[0].size} octets was taken",
            expected="all taken",
            observed=f"{len(refused)} of {len(chosen)} not taken",
            findings=_findings(refused),
        )
    if survives and seen.alive is False:
        return fails(
            f"after the messages '{seen.batch}' the collector took no further message; see its log",
            expected="a further message stored",
            observed="not stored",
        )
    if not seen.readable:
        return undecided(f"all {len(chosen)} messages were taken, but {EXPORT}")
    broken = [d for d in chosen if d.stored != "whole"]
    if broken:
        return fails(
            f"{len(broken)} of {len(chosen)} messages are not stored whole; the first has {broken[0].size} octets "
            f"and is {broken[0].stored}; raise the message size of the collector",
            expected="whole",
            observed=broken[0].stored,
            findings=_findings(broken),
        )
    if ordered and seen.in_order is False:
        return fails(
            "the stored messages are out of order",
            expected="the order of sending",
            observed="another",
        )
    return passes(
        f"{len(chosen)} messages of {min(d.size for d in chosen)} to {max(d.size for d in chosen)} octets are "
        "stored whole",
        observed=f"{len(chosen)} whole",
    )


@check
def serves_port(seen: CollectorSeen, *, port: int) -> Judgement:
    """Datagrams sent to *port* are stored (RFC 5426 3.3)."""
    if seen.port != port:
        return undecided(
            f"the endpoint names port {seen.port}; point it to {port}, where the collector must be able to listen",
            expected=port,
            observed=seen.port,
        )
    if not seen.readable:
        return undecided(f"{len(seen.deliveries)} datagrams were sent to port {port}, but {EXPORT}")
    stored = sum(d.stored == "whole" for d in seen.deliveries)
    if not stored:
        return fails(
            f"none of {len(seen.deliveries)} datagrams sent to port {port} is stored",
            expected="stored",
            observed="none",
        )
    return passes(f"{stored} datagrams sent to port {port} are stored", observed=port)


@check
def survives(seen: CollectorSeen) -> Judgement:
    """The collector takes a good message after what was sent."""
    if seen.alive is None:
        return undecided("whether the collector goes on was not seen")
    if not seen.alive:
        return fails(
            f"after '{seen.batch}' a good message on a new connection was not stored or not even taken",
            expected="a good message stored",
            observed="not stored",
        )
    if not seen.readable:
        return undecided(f"after '{seen.batch}' a new connection took a good message, but {EXPORT}")
    return passes(f"after '{seen.batch}' a good message was stored", observed="stored")


@check
def bears_flood(seen: FloodSeen) -> Judgement:
    """Every message of a flood is stored once and in order, and the service goes on (A.6: TCP loses nothing)."""
    said = f"{seen.sent} messages ({seen.octets} octets) in {seen.seconds:.1f} s"
    if not seen.taken:
        return fails(
            f"the connection ended during a flood of {said}",
            expected="all taken",
            observed="the connection ended",
        )
    if not seen.alive:
        return fails(
            f"after a flood of {said} a good message on a new connection was not stored or not even taken",
            expected="a good message stored",
            observed="not stored",
        )
    if seen.stored is None:
        return undecided(f"a flood of {said} was taken, but {EXPORT}")
    if seen.stored < seen.sent:
        return fails(
            f"of a flood of {said} {seen.sent - seen.stored} are not stored; TCP can hold a fast sender back, "
            "so none need be dropped",
            expected=f"{seen.sent} stored",
            observed=f"{seen.stored} stored",
        )
    if seen.again or seen.in_order is False:
        return fails(
            f"a flood of {said} is stored {'twice in part' if seen.again else 'out of order'}",
            expected="each once, in the order of sending",
            observed=f"{seen.again} twice" if seen.again else "another order",
        )
    return passes(
        f"a flood of {said} is stored whole and in order", observed=f"{seen.stored} stored"
    )


@check
def answers_goodbye(seen: CollectorSeen) -> Judgement:
    """The collector answers close_notify with close_notify (RFC 5425 4.4)."""
    if seen.answered is None:
        return undecided("the connection had ended before close_notify could be sent")
    if not seen.answered:
        return fails(
            "close_notify was not answered within 2 s; send one before closing",
            expected="close_notify",
            observed="the connection closed or stayed silent",
        )
    return passes("close_notify was answered", observed="close_notify")


@check
def refuses(seen: CollectorOffersSeen, *, names: Sequence[str]) -> Judgement:
    """Clients with the identities *names* are refused, and one with the right identity is not."""
    if seen.before != "accepted":
        return undecided(
            f"a client with the right certificate was {seen.before}, so refusing others proves nothing; see the "
            "identity of the endpoint"
        )
    tried = [o for o in seen.offers if o.name in names]
    taken = [o for o in tried if o.outcome == "accepted"]
    if taken:
        return fails(
            f"the collector accepted a client with the identity '{taken[0].name}'; demand and verify certificates",
            expected="a refusal",
            observed="accepted",
            findings=[Finding(o.name, Word.FAIL, "accepted", "refused", "accepted") for o in taken],
        )
    if seen.after != "accepted":
        return fails(
            "after the refusals a client with the right certificate was no longer accepted",
            expected="accepted",
            observed=seen.after,
        )
    left = [n for n in names if n not in {o.name for o in tried if o.outcome == "refused"}]
    if left:
        return undecided(
            f"not decided for {', '.join(left)}; add these identities to the endpoint (part15 pki make)",
            observed=[o.name for o in tried],
        )
    return passes(
        f"clients with {len(tried)} wrong identities were refused", observed=[o.name for o in tried]
    )


@check
def tells_storage(seen: CollectorSeen) -> Judgement:
    """Say what of the messages was stored."""
    if not seen.readable:
        return undecided(EXPORT)
    counts = {w: sum(d.stored == w for d in seen.deliveries) for w in ("whole", "cut", "lost")}
    said = ", ".join(f"{n} {w}" for w, n in counts.items())
    if counts["whole"] == len(seen.deliveries):
        return passes(f"of {len(seen.deliveries)} messages all are stored whole", observed=said)
    if counts["lost"]:
        return fails(
            f"of {len(seen.deliveries)} valid messages: {said}", expected="all whole", observed=said,
            findings=_findings([d for d in seen.deliveries if d.stored != "whole"]),
        )  # fmt: skip
    return informs(f"of {len(seen.deliveries)} messages: {said}", observed=said)
