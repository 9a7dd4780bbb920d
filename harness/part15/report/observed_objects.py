"""Named facts of objects, files and audit messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from part15.report.observed_transport import Fact

if TYPE_CHECKING:
    from part15.observations.audit import AuditStorySeen, AuditTrailSeen
    from part15.observations.comparison import ComparisonSeen
    from part15.observations.deid import DeidSeen, DeidSet
    from part15.observations.media import SecureFileSeen
    from part15.observations.signatures import SignedObjectSeen
    from part15.observations.status import StatusSeen, StorySeen
    from part15.observations.storage import RoundTripSeen


def _trail(seen: AuditTrailSeen) -> Iterator[Fact]:
    yield "audit.kinds", ("CS-AUD-1",), dict(sorted(seen.kinds.items()))
    sizes = [m.size or len(m.data) for m in seen.messages]
    if sizes:
        yield "audit.maximumSize", ("CS-AUD-8",), max(sizes)
    rows = [
        {
            "transport": seen.transport,
            "version": c.version,
            "suite": c.suite,
            "messages": c.messages,
        }
        for c in seen.connections
    ]
    if rows:
        yield "audit.connections", ("CS-AUD-6",), rows


def _story(seen: AuditStorySeen) -> Iterator[Fact]:
    yield from _trail(seen.trail)


def _deid(seen: DeidSeen) -> Iterator[Fact]:
    yield "deid.removed", ("CS-DEID-1",), sorted(seen.removed)
    yield "deid.inserted", ("CS-DEID-5",), sorted(seen.added)
    yield "deid.altered", ("CS-DEID-2",), sorted(seen.altered)
    yield "deid.codes", ("CS-DEID-7",), sorted({c.code for c in seen.marks.codes})
    syntaxes = sorted({e.transfer_syntax for e in seen.encrypted.items if e.transfer_syntax})
    yield "deid.transferSyntaxes", ("CS-DEID-3", "CS-DEID-6"), syntaxes
    bits = sorted({b for e in seen.encrypted.items for b in e.key_bits})
    yield "deid.keyBits", ("CS-DEID-8",), bits
    deviations = [
        {"path": d.path, "required": d.action, "outcome": d.outcome, "class": d.kind}
        for d in seen.deviations
    ]
    yield "deid.deviations", ("CS-DEID-1",), deviations


def _signed(seen: SignedObjectSeen) -> Iterator[Fact]:
    rows = [
        {
            "object": seen.name,
            "algorithm": s.algorithm,
            "certificateType": s.certificate_type,
            "key": f"{s.certificate.key} {s.certificate.key_bits}".strip(),
            "signed": len(s.signed),
            "integrity": s.crypto.integrity,
            "timestamp": s.timestamp.status if s.timestamp else "none",
            "purpose": ", ".join(p.meaning or p.value for p in s.purposes or ()),
        }
        for s in seen.signatures
    ]
    yield "signatures", ("CS-SIG-2", "CS-SIG-5"), rows


def _comparison(seen: ComparisonSeen) -> Iterator[Fact]:
    row = {
        "before": seen.before,
        "after": seen.after,
        "identical": seen.identical,
        "syntaxBefore": seen.syntax_before,
        "syntaxAfter": seen.syntax_after,
        "differences": seen.total,
    }
    yield "preservation", ("CS-SIG-1", "CS-SIG-3"), [row]


def _media(seen: SecureFileSeen) -> Iterator[Fact]:
    row = {
        "content": seen.outer,
        "recipients": len(seen.recipients),
        "cipher": seen.cipher.name if seen.cipher else "none",
        "decrypts": seen.access,
        "signers": len(seen.inner.signers) if seen.inner else 0,
    }
    yield "media.files", ("CS-MEDIA-1",), [row]


def _round_trip(seen: RoundTripSeen) -> Iterator[Fact]:
    yield from _comparison(seen.comparison)


def _deid_set(seen: DeidSet) -> Iterator[Fact]:
    yield "deid.inserted", ("CS-DEID-5",), sorted(seen.inserted)
    yield "deid.codes", ("CS-DEID-7",), sorted(seen.codes)
    yield "deid.transferSyntaxes", ("CS-DEID-3", "CS-DEID-6"), sorted(seen.transfer_syntaxes)
    rows = [
        {"what": c.what, "kind": kind, "scope": c.scope, "count": c.count}
        for kind, conflicts in (
            ("split", seen.split),
            ("merged", seen.merged),
            ("shifted apart", seen.shifts),
        )
        for c in conflicts
    ]
    yield "deid.links", ("CS-DEID-4",), seen.links
    yield "deid.conflicts", ("CS-DEID-4",), rows


def _status(seen: StatusSeen) -> Iterator[Fact]:
    rows = [
        {
            "sent": c.sent,
            "came": c.came,
            "asked": c.asked,
            "committed": c.committed,
            "returned": (c.returned or "absent") if c.delivered else "not delivered",
        }
        for c in seen.cases
    ]
    yield "status.cases", (), rows


def _stories(seen: StorySeen) -> Iterator[Fact]:
    rows = [
        {"rule": rule, "steps": [{"text": s.words, "broke": s.broke} for s in steps]}
        for rule, steps in sorted(seen.stories.items())
    ]
    yield "status.stories", (), rows


READERS: dict[str, Callable[[Any], Iterator[Fact]]] = {
    "AuditTrailSeen": _trail,
    "AuditStorySeen": _story,
    "DeidSeen": _deid,
    "DeidSet": _deid_set,
    "SignedObjectSeen": _signed,
    "ComparisonSeen": _comparison,
    "RoundTripSeen": _round_trip,
    "SecureFileSeen": _media,
    "StatusSeen": _status,
    "StorySeen": _stories,
}
"""Name of an observation class to the function that names its facts."""
