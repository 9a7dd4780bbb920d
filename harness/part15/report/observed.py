"""From observations to named facts: ``observations[]`` of the report, which tables and statement are made from.

A fact has a *key* (``tls.suites``), a JSON *value*, the endpoint it is about, and the statement rows
(``CS-TLS-3``) that it answers. Observations without such facts give none; nothing is inferred here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from part15 import content
from part15.observations import Many
from part15.observations.audit import AuditTrailSeen, StorySeen
from part15.observations.comparison import ComparisonSeen
from part15.observations.deid import DeidSeen
from part15.observations.media import SecureFileSeen
from part15.observations.session import (
    AnswersSeen,
    AssociationSeen,
    AuthenticationSeen,
    ForeignSeen,
    HandshakeSeen,
    PortsSeen,
    SilenceSeen,
    UseSeen,
)
from part15.observations.signatures import SignedObjectSeen
from part15.observations.tls import HelloSeen, SuitesSeen
from part15.report.facts import Observed

MAX_VALUES = 500
"""Values of one fact; a fact is for a table that a person reads."""

Fact = tuple[str, tuple[str, ...], Any]


@functools.cache
def _names(table: str) -> dict[int, str]:
    rows = content.table(table)
    return {int(str(row["code"]), 0): row["name"] for row in rows}


def suite_name(code: int) -> str:
    """Return the IANA name of cipher suite *code*, or its number."""
    return _names("cipher-suites").get(code, f"0x{code:04X}")


def _group(code: int) -> str:
    return _names("tls-groups").get(code, f"0x{code:04X}")


def _scheme(code: int) -> str:
    return _names("tls-signature-schemes").get(code, f"0x{code:04X}")


def _suites(seen: SuitesSeen) -> Iterator[Fact]:
    rows = [
        {
            "version": v.version,
            "suite": suite_name(h.suite),
            "code": f"0x{h.suite:04X}",
            "rank": rank,
        }
        for v in seen.versions
        for rank, h in enumerate(v.accepted, 1)
        if h.suite is not None
    ]
    hellos = seen.hellos
    yield "tls.suites", ("CS-TLS-3",), rows
    yield "tls.versions", ("CS-TLS-3",), list(seen.negotiated)
    yield "tls.incomplete", (), [v.version for v in seen.versions if not v.complete]
    yield (
        "tls.groups",
        ("CS-TLS-3",),
        sorted({_group(h.group) for h in hellos if h.group is not None}),
    )
    yield "tls.dhBits", ("CS-TLS-3",), sorted({h.dh_bits for h in hellos if h.dh_bits})
    schemes = sorted({_scheme(h.scheme) for h in hellos if h.scheme is not None})
    yield "tls.signatureAlgorithms", ("CS-TLS-3",), schemes
    yield "tls.certificates", ("CS-TLS-2",), _certificates(hellos)
    asked = {h.certificate_request for h in hellos} - {None}
    if asked:
        yield (
            "tls.clientCertificate",
            ("CS-TLS-2",),
            "requested" if True in asked else "not requested",
        )
    yield from _extensions(hellos)


def _extensions(hellos: Sequence[HelloSeen]) -> Iterator[Fact]:
    if not hellos:
        return
    seen = {code for h in hellos for code in h.extensions}
    names = {
        23: "extended master secret",
        22: "encrypt-then-MAC",
        35: "session tickets",
        0xFF01: "secure renegotiation",
    }
    yield "tls.extensions", (), [name for code, name in names.items() if code in seen]
    yield "tls.compression", (), "yes" if any(h.compression for h in hellos) else "no"
    yield "tls.alpn", (), sorted({h.alpn for h in hellos if h.alpn})


def _certificates(hellos: Sequence[HelloSeen]) -> list[dict[str, Any]]:
    leaves = {h.chain[0].fingerprint: h.chain for h in hellos if h.chain and h.chain[0].fingerprint}
    return [
        {
            "subject": chain[0].subject,
            "key": f"{chain[0].key} {chain[0].bits}{' ' + chain[0].curve if chain[0].curve else ''}",
            "signedWith": chain[0].hash,
            "selfSigned": chain[0].self_signed,
            "chain": len(chain),
            "sha256": fingerprint,
        }
        for fingerprint, chain in sorted(leaves.items())
    ]


def _outcome(seen: AssociationSeen) -> str:
    reject = f" (result/source/reason {'/'.join(map(str, seen.reject))})" if seen.reject else ""
    abort = f" (source/reason {'/'.join(map(str, seen.abort))})" if seen.abort else ""
    alert = (
        f" (alert {seen.handshake.alert})"
        if seen.handshake and seen.handshake.alert is not None
        else ""
    )
    return f"{seen.outcome}{reject}{abort}{alert}"


def _authentication(seen: AuthenticationSeen) -> Iterator[Fact]:
    rows = [
        {
            "identity": kind,
            "answer": _outcome(answer) if isinstance(answer, AssociationSeen) else answer.why,
        }
        for kind, answer in seen.shown.items()
    ]
    yield "tls.clientIdentities", ("CS-TLS-2",), rows


def _foreign(seen: ForeignSeen) -> Iterator[Fact]:
    rows = [
        {
            "sent": f"{f.kind} {'inside TLS' if f.inside else 'on the bare port'}",
            "to": f.endpoint,
            "answer": f.answer,
        }
        for f in seen.answers.values()
    ]
    yield "port.foreign", (), rows


def _silence(seen: SilenceSeen) -> Iterator[Fact]:
    rows = [
        {"stage": stage, "closed": s.closed, "seconds": round(s.seconds, 1)}
        for stage, s in seen.stages.items()
    ]
    yield "port.silence", (), rows


def _answers(seen: AnswersSeen) -> Iterator[Fact]:
    rows = [
        *(
            {"stimulus": n, "indication": "A-ASSOCIATE-RJ", "numbers": list(v)}
            for n, v in seen.rejects.items()
        ),
        *(
            {"stimulus": n, "indication": "A-ABORT", "numbers": list(v)}
            for n, v in seen.aborts.items()
        ),
        *({"stimulus": n, "indication": v, "numbers": []} for n, v in seen.others.items()),
    ]
    yield "association.answers", ("CS-ASSOC-1",), rows


def _handshake(seen: HandshakeSeen) -> Iterator[Fact]:
    if seen.completed:
        yield "tls.session", ("CS-TLS-3",), f"{seen.version} {seen.suite}".strip()


def _association(seen: AssociationSeen) -> Iterator[Fact]:
    if seen.handshake is not None:
        yield from _handshake(seen.handshake)
    yield "association.story", (), _steps(seen)


def _steps(seen: AssociationSeen) -> list[dict[str, str]]:
    """Return who said what in one association, in order."""
    steps = []
    shake = seen.handshake
    if shake is not None:
        steps.append({"by": "harness", "text": "TLS ClientHello"})
        alert = f"TLS alert {shake.alert}" if shake.alert is not None else shake.ended
        asked = ", asks for a client certificate" if shake.requested else ""
        said = f"TLS {shake.version} {shake.suite}{asked}" if shake.completed else alert
        steps.append({"by": "sut", "text": said})
        if shake.presented:
            steps.append({"by": "harness", "text": "client certificate, Finished"})
        if not shake.completed:
            return steps
    steps.append({"by": "harness", "text": "A-ASSOCIATE-RQ"})
    if not seen.accepted:
        return [*steps, {"by": "sut", "text": _outcome(seen)}]
    steps += [{"by": "sut", "text": "A-ASSOCIATE-AC"}, {"by": "harness", "text": "C-ECHO-RQ"}]
    echo = f"C-ECHO-RSP, status 0x{seen.echo:04X}" if seen.echo is not None else "no C-ECHO-RSP"
    return [*steps, {"by": "sut", "text": echo}]


def _ports(seen: PortsSeen) -> Iterator[Fact]:
    rows = [
        {"endpoint": name, "port": port, "transport": seen.transports.get(name, "")}
        for name, port in sorted(seen.ports.items())
    ]
    yield "ports", ("CS-TLS-1",), rows


def _use(seen: UseSeen) -> Iterator[Fact]:
    yield "use", (), {"state": seen.state, "tls": seen.tls, "plain": seen.plain}


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


def _story(seen: StorySeen) -> Iterator[Fact]:
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


READERS: dict[type, Callable[[Any], Iterator[Fact]]] = {
    SuitesSeen: _suites,
    AuthenticationSeen: _authentication,
    ForeignSeen: _foreign,
    AnswersSeen: _answers,
    HandshakeSeen: _handshake,
    AssociationSeen: _association,
    PortsSeen: _ports,
    SilenceSeen: _silence,
    UseSeen: _use,
    AuditTrailSeen: _trail,
    StorySeen: _story,
    DeidSeen: _deid,
    SignedObjectSeen: _signed,
    ComparisonSeen: _comparison,
    SecureFileSeen: _media,
}
"""Observation class to the function that names its facts."""


def _facts(seen: Any, endpoint: str) -> Iterator[tuple[str, Fact]]:
    if isinstance(seen, Many):
        for member in seen.members[:MAX_VALUES]:
            yield from _facts(member.seen, endpoint)
        return
    if isinstance(seen, SuitesSeen):
        for one in seen.everywhere:
            for fact in _suites(one):
                yield one.endpoint or endpoint, fact
        return
    reader = READERS.get(type(seen))
    for fact in reader(seen) if reader else ():
        yield endpoint, fact


def _merged(key: str, old: Any, new: Any) -> Any:
    """Return two values of one fact as one: lists are joined without repeats, tables by their numbers.

    Of stories the longest is kept.
    """
    if key == "association.story":
        return max(old, new, key=len)
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *(v for v in new if v not in old)][:MAX_VALUES]
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    if isinstance(old, int) and isinstance(new, int):
        return max(old, new)
    return old if old == new else f"{old}; {new}"


def observations(items: Sequence[Observed]) -> list[dict[str, Any]]:
    """Return one row ``{id, csId, key, value, provenance, endpoint, evidence}`` per fact and endpoint, sorted."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for item in items:
        for endpoint, (key, statement, value) in _facts(item.seen, item.endpoint):
            name = f"{key}@{endpoint}" if endpoint else key
            evidence = f"{item.key}/observation.json"
            row = rows.get((endpoint, key))
            if row is None:
                rows[endpoint, key] = {
                    "id": name,
                    "csId": list(statement),
                    "key": key,
                    "value": value,
                    "provenance": "observed",
                    "endpoint": endpoint,
                    "evidence": [evidence],
                }
                continue
            row["value"] = _merged(key, row["value"], value)
            row["evidence"] = sorted({*row["evidence"], evidence})
    return [rows[key] for key in sorted(rows)]
