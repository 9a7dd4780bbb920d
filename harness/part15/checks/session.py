"""What is judged with a completed handshake: associations, client certificates, foreign bytes, silence, refusals."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations import NotReached
from part15.observations.session import (
    AnswersSeen,
    AssociationSeen,
    AuthenticationSeen,
    Foreign,
    ForeignSeen,
    PortsSeen,
    SilenceSeen,
    UseSeen,
)
from part15.registry import check

KINDS = {
    "none": "no certificate",
    "unknown_ca": "a certificate of a CA it cannot know",
    "self_signed": "a self-signed certificate",
    "expired": "an expired certificate",
    "future": "a certificate that is not valid yet",
    "wrong_usage": "a certificate for servers only",
    "revoked": "a revoked certificate",
    "key_mismatch": "the right certificate without its key",
    "garbage": "something that is no certificate",
    "huge": "certificates of ten million octets",
    "rsa_1024": "a certificate with an RSA key of 1024 bits",
    "p_192": "a certificate with an elliptic curve key of 192 bits",
    "p_224": "a certificate with an elliptic curve key of 224 bits",
    "sha1": "a certificate signed with SHA-1",
    "md5": "a certificate signed with MD5",
    "sha224": "a certificate signed with SHA-224",
    "weak_issuer": "a certificate signed with an RSA key of 1024 bits",
    "weak_issuer_ec": "a certificate signed with an elliptic curve key of 224 bits",
}

UNDECIDED = ("silent", "garbage", "ours")
"""Outcomes of an association that neither let the client in nor turned it away."""


def _ended(seen: AssociationSeen) -> str:
    if seen.outcome == "alert" and seen.handshake and seen.handshake.alert is not None:
        return f"alert {seen.handshake.alert}"
    return seen.outcome


def _inside(seen: AssociationSeen) -> str:
    shake = seen.handshake
    return f"{shake.version} with {shake.suite}" if shake else "a plain connection"


def _dead(after: AssociationSeen) -> Judgement:
    return undecided(
        f"the control association afterwards was not accepted ({_ended(after)}), so the refusals before it prove nothing; "
        "look why the product stopped answering"
    )


@check
def associates(seen: AssociationSeen) -> Judgement:
    """The server accepts an association inside its transport and answers C-ECHO with success."""
    if seen.accepted and seen.echo == 0:
        return passes(f"an association was accepted inside {_inside(seen)} and C-ECHO succeeded")
    if seen.accepted:
        status = "no response" if seen.echo is None else f"status {seen.echo:04X}H"
        return fails(
            f"an association was accepted inside {_inside(seen)}, but C-ECHO got {status}",
            expected="C-ECHO with status 0000H",
            observed=status,
        )
    return fails(
        f"no association inside {_inside(seen)}: {_ended(seen)} {seen.why}".strip(),
        expected="A-ASSOCIATE-AC",
        observed=_ended(seen),
    )


@check
def authenticates(
    seen: AuthenticationSeen,
    *,
    refused: Sequence[str] = (
        *("none", "unknown_ca", "self_signed", "expired", "future"),
        *("key_mismatch", "garbage"),
    ),
    needed: Sequence[str] = ("none", "unknown_ca", "expired"),
) -> Judgement:
    """The server lets in our right certificate and none of the kinds *refused*.

    Only an upper layer PDU shows that it let us in: in TLS 1.3 our side of the handshake completes
    before the server has judged the certificate. Kinds of *needed* must have been shown for a pass;
    what else it lets in is a finding.
    """
    shake = seen.control.handshake
    if shake is not None and not shake.requested:
        return fails(
            "the server asks for no client certificate; switch bi-directional authentication on, or declare how",
            expected="a CertificateRequest",
            observed="none",
        )
    let_in = [k for k, s in seen.shown.items() if isinstance(s, AssociationSeen) and s.entered]
    findings = [
        _accepted(k, seen.shown[k], Word.FAIL if k in refused else Word.INFO) for k in let_in
    ]
    wrong = [k for k in let_in if k in refused]
    if wrong:
        return fails(
            f"the server lets in a client with {' and with '.join(_kind(k) for k in wrong)}",
            expected="no association",
            observed=", ".join(f"{k}: {_outcome(seen.shown[k])}" for k in wrong),
            findings=findings,
        )
    if not seen.after.accepted:
        return _dead(seen.after)
    missing = [k for k in needed if not isinstance(seen.shown.get(k), AssociationSeen)]
    if missing:
        why = seen.shown.get(missing[0])
        return undecided(
            f"not shown: {', '.join(_kind(k) for k in missing)}; {why.why if isinstance(why, NotReached) else 'show it'}",
            findings=findings,
        )
    open_ones = _unanswered(seen, refused)
    if open_ones is not None:
        return open_ones
    tried = [k for k in refused if isinstance(seen.shown.get(k), AssociationSeen)]
    return passes(
        f"our certificate was accepted, and the server refused {', '.join(_kind(k) for k in tried)}",
        observed=", ".join(f"{k}: {_outcome(seen.shown[k])}" for k in tried),
        findings=findings,
    )


def _unanswered(seen: AuthenticationSeen, kinds: Sequence[str]) -> Judgement | None:
    """Return why a client that was neither let in nor turned away was not refused, None if there is none."""
    hung = [
        k
        for k in kinds
        if isinstance(s := seen.shown.get(k), AssociationSeen) and s.outcome in UNDECIDED
    ]
    if not hung:
        return None
    return undecided(
        f"a client with {_kind(hung[0])} was neither let in nor turned away ({_outcome(seen.shown[hung[0]])}); "
        "a longer limits.deadline may show which",
        observed=", ".join(f"{k}: {_outcome(s)}" for k, s in seen.shown.items()),
    )


def _kind(kind: str) -> str:
    return KINDS.get(kind, f"a certificate of kind '{kind}'")


def _outcome(seen: AssociationSeen | NotReached) -> str:
    return _ended(seen) if isinstance(seen, AssociationSeen) else seen.step


def _accepted(kind: str, seen: AssociationSeen | NotReached, word: Word) -> Finding:
    return Finding(
        kind,
        word,
        f"the server lets in a client with {_kind(kind)}",
        "no association",
        _outcome(seen),
    )


@check
def refuses_identities(seen: AuthenticationSeen, *, kinds: Sequence[str]) -> Judgement:
    """The server lets in no client that shows a certificate of one of *kinds*."""
    shake = seen.control.handshake
    if shake is not None and not shake.requested:
        return undecided("the server asks for no client certificate, so it has none to refuse")
    tried = {k: s for k in kinds if isinstance(s := seen.shown.get(k), AssociationSeen)}
    wrong = [k for k, s in tried.items() if s.entered]
    if wrong:
        return fails(
            f"the server lets in a client with {' and with '.join(_kind(k) for k in wrong)}",
            expected="no association",
            observed=", ".join(f"{k}: {_outcome(tried[k])}" for k in wrong),
            findings=[_accepted(k, tried[k], Word.FAIL) for k in wrong],
        )
    if not tried:
        why = seen.shown.get(kinds[0])
        return undecided(
            why.why if isinstance(why, NotReached) else f"{_kind(kinds[0])} was not shown"
        )
    if not seen.after.accepted:
        return _dead(seen.after)
    open_ones = _unanswered(seen, kinds)
    if open_ones is not None:
        return open_ones
    return passes(
        f"the server refused {', '.join(_kind(k) for k in tried)}",
        observed=", ".join(f"{k}: {_outcome(s)}" for k, s in tried.items()),
    )


@check
def tells_whether_authentication_can_be_off(seen: AuthenticationSeen) -> Judgement:
    """Record whether a client without a certificate is let in; a permission, never a violation."""
    without = seen.shown.get("none")
    if not isinstance(without, AssociationSeen):
        return undecided("no client without a certificate was tried")
    word = (
        "is let in: authentication is off or optional"
        if without.entered
        else "is refused: authentication is on"
    )
    return informs(f"a client without a certificate {word}", observed=_ended(without))


def _where(answer: Foreign) -> str:
    return f"{answer.kind} on {answer.endpoint}: {answer.answer}"


@check
def keeps_to_its_protocol(seen: ForeignSeen, *, of: str = "transport") -> Judgement:
    """No port serves a protocol besides its own.

    *of* is ``transport`` (plain DICOM and HTTP on the TLS port, TLS on plain ports) or ``dicomweb``
    (HTTP inside the TLS of the DIMSE port, DICOM inside the TLS of a DICOMweb port).
    """
    judged = {k: a for k, a in seen.answers.items() if a.inside == (of == "dicomweb")}
    served = {k: a for k, a in judged.items() if a.answer == _forbidden(a)}
    if served:
        first = next(iter(served.values()))
        return fails(
            f"{first.endpoint} answers {first.kind} with {_WORDS[first.answer]}",
            expected="no such answer",
            observed=", ".join(_where(a) for a in served.values()),
            findings=[
                Finding(k, Word.FAIL, f"answered with {_WORDS[a.answer]}")
                for k, a in served.items()
            ],
        )
    tried = {k: a for k, a in judged.items() if a.answer != "ours"}
    if not tried:
        return undecided("nothing could be sent: " + "; ".join(a.why for a in judged.values()))
    if not seen.after.accepted:
        return _dead(seen.after)
    return passes(
        f"{', '.join(tried)} got no service", observed=", ".join(_where(a) for a in tried.values())
    )


_WORDS = {"dicom": "a DICOM association PDU", "http": "an HTTP response", "tls": "a TLS handshake"}


def _forbidden(answer: Foreign) -> str:
    if "HTTP" in answer.kind:
        return "http"
    return "tls" if "ClientHello" in answer.kind else "dicom"


@check
def enforces_protection(seen: UseSeen, *, reading: str = "") -> Judgement:
    """The port that serves protected associations refuses plain ones.

    A plain port beside it is a finding: the text forbids none. With *reading*, a violation is only a
    warning, as that reading says.
    """
    observed = f"TLS: {seen.tls}; plain: {seen.plain}"
    if seen.state == "enforced":
        return passes(f"{seen.why} and TLS works ({seen.tls})", observed=observed)
    if seen.state == "used, not enforced" and not seen.shared:
        finding = Finding("plain port", Word.WARN, seen.why, "plain refused", observed)
        return passes(
            f"the TLS port refuses plain associations; but {seen.why}",
            observed=observed,
            findings=[finding],
        )
    if not seen.state:
        return undecided(seen.why, observed=observed)
    if reading:
        return Judgement(
            Word.WARN, f"{seen.state}: {seen.why}", "plain refused", observed, rests_on=(reading,)
        )
    return fails(f"{seen.state}: {seen.why}", expected="plain refused", observed=observed)


@check
def closes_when_silent(seen: SilenceSeen) -> Judgement:
    """A connection on which no A-ASSOCIATE-RQ comes is closed when ARTIM expires.

    The stages before the handshake is complete are findings only: ARTIM runs on a transport
    connection, and whether an unfinished handshake is one is not said.
    """
    stage = "handshake" if "handshake" in seen.stages else "connect"
    main = seen.stages.get(stage)
    if main is None or (not main.closed and main.seconds == 0.0):
        return undecided(main.how if main else "no silent connection was made")
    findings = [
        Finding(
            name, Word.INFO, f"not closed within {seen.waited:g} s of silence at stage '{name}'"
        )
        for name, silence in seen.stages.items()
        if name != stage and not silence.closed
    ]
    limit = f"{seen.claimed:g} s declared" if seen.claimed else "no ul.artim_seconds declared"
    if main.closed:
        return passes(
            f"a silent connection was closed after {main.seconds:g} s ({limit})",
            expected=limit,
            observed=f"{main.how} after {main.seconds:g} s",
            findings=findings,
        )
    if seen.claimed is None:
        return undecided(
            f"a silent connection was still open after {seen.waited:g} s; declare ul.artim_seconds, so that the wait is long enough",
            findings=findings,
        )
    return fails(
        f"a silent connection was still open after {seen.waited:g} s, though ARTIM is declared as {seen.claimed:g} s",
        expected=f"closed within {seen.claimed * 1.2:g} s",
        observed="still open",
        findings=findings,
    )


REJECT_REASONS = {1: (1, 2, 3, 7), 2: (1, 2), 3: (1, 2)}
"""PS3.8 table 9-21: the defined reasons by source."""
ABORT_REASONS = {0: (0,), 2: (0, 1, 2, 4, 5, 6)}
"""PS3.8 table 9-26: the defined reasons by source; the reason of source 0 is not significant but sent as 0."""


@check
def rejects_by_the_table(seen: AnswersSeen) -> Judgement:
    """Every A-ASSOCIATE-RJ carries a result, source and reason of PS3.8 table 9-21."""

    def right(values: tuple[int, ...]) -> bool:
        return values[0] in (1, 2) and values[2] in REJECT_REASONS.get(values[1], ())

    return _by_the_table(
        seen, "A-ASSOCIATE-RJ", seen.rejects, {k: right(v) for k, v in seen.rejects.items()}
    )


@check
def aborts_by_the_table(seen: AnswersSeen) -> Judgement:
    """Every A-ABORT carries a source and reason of PS3.8 table 9-26."""

    def right(values: tuple[int, ...]) -> bool:
        return values[1] in ABORT_REASONS.get(values[0], ())

    return _by_the_table(
        seen, "A-ABORT", seen.aborts, {k: right(v) for k, v in seen.aborts.items()}
    )


def _by_the_table(
    seen: AnswersSeen, name: str, values: dict[str, tuple[int, ...]], right: dict[str, bool]
) -> Judgement:
    wrong = [k for k, ok in right.items() if not ok]
    listed = ", ".join(f"{k}: {values[k]}" for k in values)
    if wrong:
        return fails(
            f"the {name} to {wrong[0]} has the values {values[wrong[0]]}, which PS3.8 does not define",
            expected="defined values",
            observed=listed,
            findings=[Finding(k, Word.FAIL, f"{name} {values[k]}") for k in wrong],
        )
    if not values:
        return undecided(
            f"no {name} could be provoked ({', '.join(f'{k}: {v}' for k, v in seen.others.items()) or 'nothing else came'})"
        )
    return passes(f"all {len(values)} {name} PDUs drawn have defined values", observed=listed)


@check
def keeps_ports_apart(seen: PortsSeen) -> Judgement:
    """No two endpoints of the target share host and port with different transports."""
    by_place: dict[tuple[str, int], list[str]] = {}
    for name, port in seen.ports.items():
        by_place.setdefault((seen.hosts[name], port), []).append(name)
    for (host, port), names in by_place.items():
        kinds = {seen.transports[n] for n in names}
        if len(kinds) > 1:
            return fails(
                f"{' and '.join(names)} are both at {host} port {port}, with transports {' and '.join(sorted(kinds))}",
                expected="a port each",
                observed=f"{host} port {port}",
            )
    stated = ", ".join(f"{n}: {p}" for n, p in seen.ports.items())
    if not seen.ports:
        return undecided("the target states no port")
    return passes("no port is stated for two transports", observed=stated)
