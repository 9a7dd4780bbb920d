"""Checks of what an audit trail says of users: logins, enterprise identities, certificates, passcodes (PS3.15 A.5.2, 6.2)."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape

from part15.checks.audit import heard
from part15.checks.audit_story import LOGIN, TRANSFERRED, answered, finding, told
from part15.model import Judgement, does_not_apply, undecided
from part15.observations.audit import AuditStorySeen, DeedSeen
from part15.registry import check
from part15.wire.audit_fields import person_of
from part15.wire.audit_judge import NEWEST
from part15.wire.audit_message import Message, decoded_octets

LOGINS = ("login", "login-fail")
NO_LOGIN = "no User Authentication message was seen after a login of the harness"


def _logins(seen: AuditStorySeen, edition: str) -> Iterator[tuple[DeedSeen, str, Message]]:
    for deed, name, m in told(seen, edition):
        if m.kind == LOGIN and deed.kind in LOGINS and deed.done and m.participants:
            yield deed, name, m


@check
def tells_logins(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """A login is told with its user, as a success only if it was one (A.5.3.12)."""
    findings, count = [], 0
    for deed, name, m in _logins(seen, edition):
        if not deed.user:
            continue
        count += 1
        outcome = m.event.get("EventOutcomeIndicator", "").strip()
        if (outcome == "0") != (deed.kind == "login"):
            wanted = "0" if deed.kind == "login" else "not 0"
            text = f"a login that {'succeeded' if deed.kind == 'login' else 'failed'} has outcome {outcome}"
            findings.append(finding(name, text, wanted, outcome))
        elif deed.user.partition("@")[0] not in {
            p.get(field).partition("@")[0]
            for p in m.participants
            for field in ("UserID", "AlternativeUserID")
        }:
            findings.append(
                finding(name, "no participant is the user who logged in", "that user", "others")
            )
    return answered(
        findings,
        count,
        what="logins",
        kept=f"{count} logins are told with their user and outcome",
        missing=NO_LOGIN,
    )


@check
def tells_enterprise_identity(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """AlternativeUserID of a person is the enterprise identity that authenticated (A.5.2.2).

    It is the one declared for the login in ``audit.enterprise_identities``, or else the login itself,
    alone or with its realm.
    """
    declared = seen.trail.declared.enterprise or {}
    findings, count = [], 0
    for deed, name, m in _logins(seen, edition):
        other = person_of(m).get("AlternativeUserID")
        if not other or not deed.user:
            continue
        count += 1
        known = declared.get(deed.user)
        right = other == known if known else other.partition("@")[0] == deed.user.partition("@")[0]
        if not right:
            text = "AlternativeUserID of the person is not the identity that was authenticated"
            findings.append(finding(name, text, "the enterprise identity of the login", "another"))
    return answered(
        findings, count, what="enterprise identities", kept=f"{count} persons have the identity that was shown",
        missing="no User Authentication message about a login of the harness had AlternativeUserID on the person",
    )  # fmt: skip


@check
def tells_certificate(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """The identity in our TLS certificate is that of a participant, where the product is declared to use it (6.2)."""
    declared = seen.trail.declared.certificate_identity
    if declared is None:
        return undecided(
            "not declared; add [declared] audit.certificate_identity (true or false) to the target file, with what "
            "the Conformance Statement says of the identity in certificates"
        )
    if not declared:
        return does_not_apply(
            "the identity in certificates is declared as not used", observed="false"
        )
    findings, count = [], 0
    for deed, name, m in told(seen, edition):
        if (
            not deed.names
            or not deed.done
            or (deed.kind, m.kind) not in (("store", TRANSFERRED), ("login", LOGIN))
        ):
            continue
        count += 1
        said = [
            p.get(field).lower()
            for p in m.participants
            for field in ("UserID", "AlternativeUserID", "UserName")
        ]
        if not any(known.lower() in text for known in deed.names for text in said):
            text = "no participant has the identity of the TLS certificate that was shown"
            findings.append(finding(name, text, "a name of our certificate", "others"))
    return answered(
        findings, count, what="the identity of certificates", kept=f"{count} messages name the holder of the certificate",
        missing="no message told of an association over TLS for which a certificate was shown",
    )  # fmt: skip


def _forms(secret: str) -> list[bytes]:
    """Return the octets by which *secret* may stand in a message."""
    plain = secret.encode()
    coded = base64.b64encode(plain).rstrip(b"=")
    texts = {
        secret,
        escape(secret, {'"': "&quot;", "'": "&apos;"}),
        quote(secret, safe=""),
        plain.hex(),
    }
    return [
        *(t.encode() for t in texts),
        coded,
        secret.encode("utf-16-le"),
        secret.encode("utf-16-be"),
    ]


@check
def tells_no_secret(seen: AuditStorySeen, *, edition: str = NEWEST) -> Judgement:
    """No message contains a passcode that was sent, as it is or encoded, or names a detail as one."""
    sent = {d.secret for d in seen.deeds if d.secret}
    forms = [form for s in sent for form in _forms(s)]
    findings = [
        finding(message.name, "a passcode that was sent stands in the message", "none", "it")
        for message in seen.trail.messages
        if any(form in message.data for form in forms)
    ]
    for name, e in heard(seen, edition).members:
        for o in e.message.objects if e.message else ():
            inside = [decoded_octets(v) for v in (*o.queries, *(v for _, v in o.details))]
            if any(form in octets for form in forms for octets in inside):
                findings.append(
                    finding(name, f"{o.path}: a passcode that was sent stands in it", "none", "it")
                )
            if any(
                w in k.lower() for k, _ in o.details for w in ("password", "passcode", "passwd")
            ):
                findings.append(
                    finding(name, f"{o.path} has a detail for a passcode", "none", "one")
                )
    if findings:
        return answered(findings, len(seen.trail.messages), what="passcodes", kept="", missing="")
    if not sent:
        return undecided("not exercised: no passcode was sent, so its absence proves nothing")
    if not seen.trail.messages:
        return undecided("not exercised: no audit message was seen after a passcode had been sent")
    if seen.trail.more:
        return undecided(
            f"{seen.trail.more} messages beyond those kept were not searched for passcodes"
        )
    about = len(list(_logins(seen, edition)))
    return answered(
        findings, len(seen.trail.messages), what="passcodes", missing="",
        kept=f"{len(seen.trail.messages)} messages, {about} of them about logins, hold none of {len(sent)} passcodes sent",
    )  # fmt: skip
