"""Certified timestamps of signatures (PS3.3 C.12.1.1.3.1.3, PS3.15 C.1, RFC 3161)."""

from __future__ import annotations

from part15.checks.signatures import Fault, each, settled, unreadable
from part15.model import Judgement, does_not_apply, fails, undecided
from part15.observations.signatures import INVALID, UNDECIDABLE, SignedObjectSeen
from part15.registry import check


@check
def pairs_timestamp(seen: SignedObjectSeen, *, term: str = "CMS_TSP") -> Judgement:
    """Certified Timestamp and Certified Timestamp Type come together, and the type is *term*."""
    if answer := unreadable(seen):
        return answer
    faults = {}
    for s in seen.current:
        stamp = s.timestamp
        if stamp is None:
            continue
        if not stamp.has_type:
            faults[s.path] = (
                "(0400,0310) CertifiedTimestamp without (0400,0305) CertifiedTimestampType"
                " (dcmsign then takes the timestamp as absent)"
            )
        elif stamp.type != term:
            faults[s.path] = (
                f"(0400,0305) CertifiedTimestampType is {stamp.type!r}, not {term!r}"
                " (dcmsign then takes the timestamp as absent)"
            )
        elif not stamp.has_token:
            faults[s.path] = (
                "(0400,0305) CertifiedTimestampType without (0400,0310) CertifiedTimestamp"
            )
    if not any(s.timestamp for s in seen.current):
        return does_not_apply("no signature carries a certified timestamp")
    return each(seen, faults, "timestamp and type come together")


@check
def stamps_signature(seen: SignedObjectSeen) -> Judgement:
    """The imprint of the timestamp token is that of the octets of Signature."""
    return _stamped(seen, imprint_only=True)


@check
def stamps_by_protocol(seen: SignedObjectSeen, *, required: bool = False) -> Judgement:
    """Certified Timestamp is a sound RFC 3161 TimeStampToken of a time stamp authority.

    *required* is the rule of a site or vendor that every signature carries one.
    """
    bare = [s for s in seen.current if s.timestamp is None]
    if required and bare:
        return fails(f"{bare[0].path}: there is no certified timestamp", observed="none")
    return _stamped(seen, imprint_only=False)


def _stamped(seen: SignedObjectSeen, *, imprint_only: bool) -> Judgement:
    if answer := unreadable(seen):
        return answer
    stamped = [(s, s.timestamp) for s in seen.current if s.timestamp and s.timestamp.has_token]
    if not stamped:
        return does_not_apply("no signature carries a certified timestamp")
    faults: list[Fault] = []
    warnings: list[Fault] = []
    unknown = []
    for s, stamp in stamped:
        if stamp.order in ("before-signature", "after-expiry"):
            what = {
                "before-signature": "is older than the signature says it is itself",
                "after-expiry": "was made after the certificate of the signer had expired, so it heals nothing",
            }[stamp.order]
            warnings.append((s.path, f"the timestamp of {stamp.time} {what}; C.1 has no rule"))
        if imprint_only:
            if stamp.imprint == "differs":
                faults.append((s.path, stamp.why))
            elif not stamp.imprint:
                unknown.append((s.path, stamp.why))
        elif stamp.status == INVALID and stamp.type == "CMS_TSP":
            faults.append((s.path, stamp.why))
        elif stamp.status == UNDECIDABLE:
            unknown.append((s.path, stamp.why))
    if faults:
        return settled(faults, "", warnings=warnings)
    if unknown:
        return undecided(f"{unknown[0][0]}: {unknown[0][1]}")
    return settled([], f"{len(stamped)} timestamps are over their signatures", warnings=warnings)
