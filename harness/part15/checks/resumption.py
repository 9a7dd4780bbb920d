"""What is judged about session tickets: protection, lifetime, key exchange, early data."""

from __future__ import annotations

from dataclasses import replace

from part15.model import Finding, Judgement, Word, fails, needs_review, passes, undecided
from part15.observations.session import Resumed, ResumptionSeen
from part15.registry import check

NONE_GIVEN = "no session ticket"
OPEN = ("silent", "not offered", "ours", "garbage")
"""What became of a changed ticket where nothing was decided."""


def _known(seen: ResumptionSeen) -> dict[str, Resumed]:
    """Return the versions in which tickets were given."""
    return {v: r for v, r in seen.versions.items() if r.tickets}


def _nothing(seen: ResumptionSeen, what: str) -> Judgement:
    """Answer where no version gave a ticket: right if every version that is spoken shows it, else open.

    A version that the server refuses with an alert is not spoken.
    """
    none = [v for v, r in seen.versions.items() if NONE_GIVEN in r.why]
    unknown = [r.why for v, r in seen.versions.items() if v not in none and r.untouched != "alert"]
    if none and not unknown:
        return passes(f"the server gives no session tickets, so {what}", observed="no tickets")
    return undecided(
        "; ".join(unknown or [r.why for r in seen.versions.values()]) or "no version was tried"
    )


def _without_13(seen: ResumptionSeen, what: str) -> Judgement:
    """Answer where TLS 1.3 gave no ticket, whatever TLS 1.2 did."""
    found = seen.versions.get("1.3")
    spoken = seen.control.handshake.version if seen.control.handshake else ""
    if found is not None and found.untouched == "alert" and spoken not in ("", "TLSv1.3"):
        return passes(
            f"the server refuses TLS 1.3 and speaks {spoken}, so {what}", observed="no TLS 1.3"
        )
    return _nothing(replace(seen, versions={"1.3": found} if found else {}), what)


@check
def protects_tickets(seen: ResumptionSeen) -> Judgement:
    """A ticket or session id of which one octet was changed resumes nothing; no ticket shows our certificate.

    A right ticket that is taken where it should not be is a finding: without extended_master_secret
    (RFC 7627 section 5.3), or a second time in TLS 1.3 (RFC 8446 appendix C.4).
    """
    by_id = [v for v, r in seen.versions.items() if r.other_id == "resumed"]
    if by_id:
        return fails(
            f"the server resumes a TLS {by_id[0]} session from a changed session id",
            expected="a full handshake or a refusal",
            observed="resumed",
        )
    known = _known(seen)
    if not known:
        return _nothing(seen, "none can be forged")
    taken = [(v, p) for v, r in known.items() for p, a in r.tampered.items() if a == "resumed"]
    leaking = [v for v, r in known.items() if r.leaks]
    observed = "; ".join(
        f"TLS {v}: {', '.join(f'{p}: {a}' for p, a in r.tampered.items()) or r.untouched}"
        for v, r in known.items()
    )
    if taken:
        version, place = taken[0]
        return fails(
            f"the server resumes a TLS {version} session from a ticket changed at its {place}",
            expected="a full handshake or a refusal",
            observed=observed,
            findings=[Finding(f"TLS {v}, {p}", Word.FAIL, "resumed") for v, p in taken],
        )
    if leaking:
        return fails(
            f"a session ticket of TLS {leaking[0]} shows our certificate in clear",
            expected="encrypted tickets",
            observed=observed,
        )
    tried = {v: r for v, r in known.items() if r.tampered}
    open_ones = [
        f"TLS {v}, {p}: {a}" for v, r in tried.items() for p, a in r.tampered.items() if a in OPEN
    ]
    if open_ones:
        return undecided(
            f"a changed ticket was neither taken nor refused ({'; '.join(open_ones)})",
            observed=observed,
        )
    if not tried:
        return undecided(
            "tickets are given, but the right one did not resume either "
            f"({', '.join(f'TLS {v}: {r.untouched}' for v, r in known.items())}), so nothing was refused"
        )
    if not seen.after.accepted:
        return undecided(
            f"the control association afterwards was not accepted ({seen.after.outcome})"
        )
    return passes(
        f"changed tickets of TLS {' and '.join(tried)} resume nothing",
        observed=observed,
        findings=_taken_too_easily(tried),
    )


def _taken_too_easily(tried: dict[str, Resumed]) -> list[Finding]:
    found = [
        Finding(
            f"TLS {v}, extended_master_secret",
            Word.WARN,
            "a session with extended_master_secret is resumed from a ClientHello without it",
            "the handshake is aborted",
            "resumed",
        )
        for v, r in tried.items()
        if r.without_ems == "resumed"
    ]
    if "1.3" in tried and tried["1.3"].again == "resumed":
        found.append(Finding("TLS 1.3, again", Word.INFO, "the same ticket resumes more than once"))
    return found


@check
def limits_ticket_lifetime(seen: ResumptionSeen, *, most: int = 604800) -> Judgement:
    """No ticket says that it lives longer than *most* seconds; RFC 8446 section 4.6.1 allows seven days."""
    known = _known(seen)
    if not known:
        return _nothing(seen, "none lives too long")
    lifetimes = {v: r.lifetimes for v, r in known.items()}
    observed = ", ".join(f"TLS {v}: {max(found)} s" for v, found in lifetimes.items())
    long = [v for v, found in lifetimes.items() if max(found) > most]
    if long:
        return fails(
            f"a ticket of TLS {long[0]} lives {max(lifetimes[long[0]])} s",
            expected=f"at most {most} s",
            observed=observed,
        )
    if any(0 in found for v, found in lifetimes.items() if v == "1.2"):
        return needs_review(
            "a TLS 1.2 ticket has lifetime hint 0, which leaves it to the client; look how long the server takes it",
            observed=observed,
        )
    return passes("every ticket ends in time", expected=f"at most {most} s", observed=observed)


@check
def resumes_with_key_exchange(seen: ResumptionSeen) -> Judgement:
    """Offered psk_ke and psk_dhe_ke, the server resumes with a key share or not at all."""
    found = seen.versions.get("1.3")
    if found is None or not found.tickets:
        return _without_13(seen, "it resumes nothing without a key exchange")
    if found.modes == "without key share":
        return fails(
            "the server resumes a TLS 1.3 session without a key share although psk_dhe_ke was offered",
            expected="pre_shared_key with key_share",
            observed=found.modes,
        )
    if found.modes in ("with key share", "full"):
        return passes(
            f"offered both modes, the server answered {found.modes}", observed=found.modes
        )
    return undecided(
        f"the resumption could not be tried: {found.untouched or found.modes or found.why}"
    )


@check
def allows_no_early_data(seen: ResumptionSeen) -> Judgement:
    """No TLS 1.3 ticket allows early data: no specification defines it for DICOM."""
    found = seen.versions.get("1.3")
    if found is None or not found.tickets:
        return _without_13(seen, "early data cannot be sent")
    if found.early:
        return fails(
            f"a TLS 1.3 ticket allows {found.early} octets of early data",
            expected="0",
            observed=str(found.early),
        )
    return passes("no TLS 1.3 ticket allows early data", expected="0", observed="0")
