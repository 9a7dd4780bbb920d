"""Named facts of TLS surveys, associations and ports."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from part15 import content
from part15.observations import NotReached
from part15.wire.user_identity import PRESUMES

if TYPE_CHECKING:
    from part15.observations.identity import (
        IdentitiesSeen,
        IdentityAnswer,
        UnsupportedSeen,
        WrongIdentitiesSeen,
    )
    from part15.observations.policy import PolicySeen
    from part15.observations.session import (
        AnswersSeen,
        AssociationSeen,
        AuthenticationSeen,
        ForeignSeen,
        HandshakeSeen,
        IntegritySeen,
        PortsSeen,
        SilenceSeen,
        UseSeen,
    )
    from part15.observations.tls import HelloSeen, SuitesSeen

Fact = tuple[str, tuple[str, ...], Any]
"""Key, statement rows that it answers, JSON value."""


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
            "answer": answer.why if isinstance(answer, NotReached) else _outcome(answer),
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


def _policy(seen: PolicySeen) -> Iterator[Fact]:
    rows = [
        {
            "check": a.check,
            "shown": a.shown,
            "enforced": "yes" if a.refused else "no" if a.accepted else "not determined",
            "answer": a.why if a.outcome in ("not tried", "absent") else a.said,
            "declared": a.check in (seen.declared or ()),
        }
        for a in seen.answers
    ]
    yield "association.policy", ("CS-ASSOC-1",), rows


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


def _integrity(seen: IntegritySeen) -> Iterator[Fact]:
    rows = []
    for name, damage in seen.damages.items():
        alert = f"alert {damage.alert}" if damage.alert is not None else damage.how
        if damage.why:
            answer = f"not done: {damage.why}"
        elif damage.acknowledged:
            answer = f"{seen.message} was answered with success"
        else:
            answer = (
                f"connection ended ({alert or 'no alert'})"
                if damage.closed
                else "connection stayed open"
            )
        rows.append({"damage": name, "answer": answer})
    yield "integrity.damages", ("CS-TLS-4",), rows


UNSEEN = "inconclusive: not observable here"


def _identities(answers: Sequence[IdentityAnswer], environment: str) -> Iterator[Fact]:
    rows = [
        {
            "shown": a.shown,
            "type": a.kind,
            "asked": a.positive,
            "answer": a.said,
            "responses": len(a.responses),
        }
        for a in answers
    ]
    yield "identity.answers", ("CS-USER-1",), rows
    if environment:
        types = sorted({a.kind for a in answers if a.kind in PRESUMES})
        yield (
            "identity.environments",
            ("CS-USER-1",),
            [
                {"type": t, "presumes": PRESUMES[t], "combination": combination, "outcome": outcome}
                for t in types
                for combination, outcome in (
                    (f"identity {environment}", "tested"),
                    ("identity over VPN or IPsec", UNSEEN),
                )
            ],
        )


def _identity(seen: IdentitiesSeen | WrongIdentitiesSeen) -> Iterator[Fact]:
    yield from _identities(seen.answers, seen.environment)


def _unsupported(seen: UnsupportedSeen) -> Iterator[Fact]:
    yield from _identities(seen.answers, "")


READERS: dict[str, Callable[[Any], Iterator[Fact]]] = {
    "SuitesSeen": _suites,
    "AuthenticationSeen": _authentication,
    "ForeignSeen": _foreign,
    "AnswersSeen": _answers,
    "HandshakeSeen": _handshake,
    "AssociationSeen": _association,
    "PortsSeen": _ports,
    "SilenceSeen": _silence,
    "UseSeen": _use,
    "IntegritySeen": _integrity,
    "PolicySeen": _policy,
    "IdentitiesSeen": _identity,
    "WrongIdentitiesSeen": _identity,
    "UnsupportedSeen": _unsupported,
}
"""Name of an observation class to the function that names its facts."""
