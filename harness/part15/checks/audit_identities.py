"""Checks of who and what an audit trail names: AE titles, objects, addresses, passcodes (PS3.15 A.5.2)."""

from __future__ import annotations

from part15.checks.audit import heard
from part15.checks.audit_story import (
    BEGIN,
    NO_TRANSFER,
    QUERY,
    TRANSFERRED,
    answered,
    finding,
    studies_of,
    told,
    transfers,
)
from part15.model import Judgement, fails, informs, passes, undecided
from part15.observations.audit import AuditStorySeen, AuditTrailSeen
from part15.registry import check
from part15.wire.audit_fields import address_of
from part15.wire.audit_judge import NEWEST
from part15.wire.audit_message import Participant


def _titles(p: Participant) -> set[str]:
    value = p.get("AlternativeUserID")
    if not value.upper().startswith("AETITLES="):
        return set()
    return {title.strip() for title in value.partition("=")[2].split(";")}


@check
def tells_titles(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """AE titles in messages about an association are those that took part in it (A.5.2.2)."""
    findings, count = [], 0
    for deed, name, m in told(seen, edition):
        if (
            not deed.done
            or deed.kind not in ("store", "query", "retrieve")
            or m.kind not in (TRANSFERRED, BEGIN, QUERY)
        ):
            continue
        for p in m.participants:
            titles = _titles(p)
            if not titles:
                continue
            count += 1
            strangers = titles - {deed.calling, deed.called}
            source = deed.called if deed.kind == "retrieve" else deed.calling
            if strangers or (p.has_role("110153") and source not in titles):
                text = (
                    "an AE title that took no part"
                    if strangers
                    else f"the source is not {source}, from which the data came"
                )
                findings.append(
                    finding(name, f"{p.path}: {text}", f"{deed.calling}, {deed.called}", "others")
                )
    return answered(
        findings, count, what="AE titles", kept=f"{count} participants carry the AE titles of the association",
        missing="no message about an association carried AE titles",
    )  # fmt: skip


@check
def tells_objects(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """Study Instance UID and Patient ID of a transfer message are those of the instances stored (A.5.3.7)."""
    findings, count = [], 0
    for deed, name, m in transfers(seen, edition, TRANSFERRED, BEGIN):
        count += 1
        studies = {o.get("ParticipantObjectID") for o in studies_of(m)}
        patients = {
            o.get("ParticipantObjectID")
            for o in m.objects
            if o.get("ParticipantObjectTypeCodeRole") == "1"
        }
        if studies - set(deed.studies):
            findings.append(
                finding(name, "a study is named that was not stored", "the stored study", "another")
            )
        elif patients - set(deed.patients):
            findings.append(
                finding(
                    name, "a patient is named who was not stored", "the stored patient", "another"
                )
            )
    return answered(
        findings, count, what="studies and patients", kept=f"{count} messages name the right study and patient",
        missing=NO_TRANSFER,
    )  # fmt: skip


@check
def tells_addresses(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """The network access point of the other side is the address that it really had (A.5.2.4)."""
    findings, count = [], 0
    for deed, name, m in told(seen, edition):
        if not (deed.done and deed.ours and deed.kind in ("store", "query", "retrieve")):
            continue
        ours = "110152" if deed.kind == "retrieve" else "110153"
        for p in m.participants:
            stated = address_of(p.get("NetworkAccessPointID"))
            if not p.has_role(ours) or p.get("NetworkAccessPointTypeCode") != "2" or stated is None:
                continue
            count += 1
            if stated != address_of(deed.ours):
                text = f"{p.path}: the address is not that of the association"
                findings.append(finding(name, text, deed.ours, stated))
    return answered(
        findings, count, what="network addresses", kept=f"{count} participants have the address that was seen",
        missing="no message named the IP address of the source",
    )  # fmt: skip


@check
def keeps_one_address(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """The product uses one network access point for itself in all messages (A.5.2.4).

    Two messages at least show it; those of a product with several addresses show more if the
    endpoints of the target use them.
    """
    found: dict[str, str] = {}
    count = 0
    for deed, name, m in told(seen, edition):
        for p in m.participants:
            own = p.get("NetworkAccessPointID")
            if own and p.has_role("110152") and deed.called in _titles(p):
                count += 1
                found.setdefault(address_of(own) or own.lower(), name)
    if len(found) > 1:
        return fails(
            f"the product names {len(found)} network access points for itself; select one and keep it",
            expected="one",
            observed=len(found),
            findings=[
                finding(n, "another network access point begins here", "one", "another")
                for n in found.values()
            ],
        )
    if count < 2:
        return undecided(
            "not exercised: fewer than two messages named the network access point of the product itself",
            observed=count,
        )
    return passes(
        f"{count} messages name the same network access point of the product", observed="one"
    )


@check
def tells_detail(seen: AuditTrailSeen, *, edition: str = NEWEST) -> Judgement:
    """Say per message type whether instances are listed (forensic) or studies only (surveillance), as declared."""
    levels: dict[str, str] = {}
    for _, e in heard(seen, edition).members:
        if e.message is not None and any(o.is_study for o in e.message.objects):
            listed = any(c.instances for o in e.message.objects for c in o.sop_classes)
            levels[e.kind] = "instance" if listed or levels.get(e.kind) == "instance" else "study"
    if not levels:
        return undecided("not exercised: no message about a study was seen")
    said = ", ".join(f"{kind} {level}" for kind, level in sorted(levels.items()))
    wrong = sorted(
        kind
        for kind, level in (seen.declared.detail or {}).items()
        if kind in levels and levels[kind] != level
    )
    if wrong:
        return fails(
            f"the level of detail of {', '.join(wrong)} is not the declared one: {said}",
            expected=[f"{k} {v}" for k, v in sorted((seen.declared.detail or {}).items())],
            observed=said,
        )
    return informs(f"the level of detail by EventID is {said}", observed=said)
