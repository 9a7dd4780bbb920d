"""Stimuli with a completed handshake: associations, identities, foreign protocols, silence, refusals."""

from __future__ import annotations

import concurrent.futures
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel.association import Conversation
from part15.channel.tls import Ended, Plain
from part15.drivers import session_foreign as foreign
from part15.drivers import session_lines as lines
from part15.drivers import wrong_identities
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import (
    AnswersSeen,
    AssociationSeen,
    AuthenticationSeen,
    ForeignSeen,
    PortsSeen,
    Silence,
    SilenceSeen,
    UseSeen,
)
from part15.registry import driver
from part15.wire import pdu

KINDS = (
    "none",
    "unknown_ca",
    "self_signed",
    "expired",
    "future",
    "wrong_usage",
    "revoked",
    "rsa_1024",
    "sha1",
    "md5",
    *wrong_identities.DERIVED,
)
"""The kinds of client identity that are shown by default."""

OLD_CURVES = ("p_192", "p_224")
"""Kinds that TLS 1.3 has no signature scheme for."""


@driver(Impact.ASSOCIATE)
def associate(
    bench: Bench, *, minimum: str = "", maximum: str = ""
) -> AssociationSeen | NotReached:
    """Open an association with the endpoint's identity and echo inside it.

    *minimum* and *maximum* limit the TLS versions we offer.
    """
    bench.note("association with C-ECHO")
    if not minimum and not maximum:
        seen = lines.after(bench)
    else:
        mine = lines.identity_of(bench)
        shown = lines.Shown(mine.certificate, mine.key, mine.password, maximum, minimum)
        seen = lines.attempt(bench, shown)
    if seen.outcome in ("accepted", "aborted"):
        return seen
    return NotReached("association", lines.refused_because(bench, seen))


@driver(Impact.ASSOCIATE)
def show_identities(
    bench: Bench, *, kinds: Sequence[str] = KINDS
) -> AuthenticationSeen | NotReached:
    """Ask for an association with client identities of several *kinds*, between controls.

    ``none``, ``unknown_ca``, ``self_signed``, ``key_mismatch``, ``garbage`` and ``huge`` are made here; the others need an identity of that
    name in ``endpoints.ID.identities``, issued by the CA that the product trusts.
    """
    if bench.endpoint.transport == "iscl":
        return NotReached(
            "certificates", "ISCL proves who connects by keys, it has no certificates"
        )
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    shown: dict[str, AssociationSeen | NotReached] = {k: _show(bench, k) for k in kinds}
    return AuthenticationSeen(control, shown, lines.after(bench))


def _show(bench: Bench, kind: str) -> AssociationSeen | NotReached:
    if kind in wrong_identities.DERIVED and kind not in bench.endpoint.identities:
        return _show_derived(bench, kind)
    given = bench.endpoint.identities.get(kind)
    label = f"identities.{kind}"
    what = lines.shown(bench, given, label) if given else lines.made_identity(bench, kind)
    if what is None:
        return NotReached(
            "identity",
            f"give endpoints.{bench.endpoint.id}.{label}: a certificate of that kind, issued by the CA "
            "that the product trusts ('part15 pki make' shows how such ones look)",
        )
    if kind in OLD_CURVES:
        what = lines.Shown(what.certificate, what.key, what.password, maximum="1.2")
    bench.note(f"association with client identity '{kind}'")
    try:
        seen = lines.attempt(bench, what, label)
    except Trouble as trouble:
        return NotReached(trouble.step, trouble.why)
    shake = seen.handshake
    if seen.outcome == "ours":
        return NotReached(
            "handshake",
            f"our own TLS library gave up ({seen.why}); nothing is known of the product",
        )
    if kind != "none" and shake and shake.requested and not shake.presented and not seen.accepted:
        return NotReached(
            "identity", "our TLS library did not send this certificate, so nothing was refused"
        )
    return seen


def _show_derived(bench: Bench, kind: str) -> AssociationSeen | NotReached:
    """Show what no library shows, in a TLS 1.2 of our own, if the right identity is let in that way."""
    if not lines.identity_of(bench).certificate:
        return NotReached("identity", f"give endpoints.{bench.endpoint.id}.identity")
    control = bench.shelf.once(
        ("own-tls", bench.endpoint.id), lambda: lines.own_attempt(bench, "right")
    )
    if not control.accepted:
        return NotReached(
            "handshake",
            f"with our right certificate our own TLS 1.2 (ECDHE or DHE with AES-GCM) was not let in either "
            f"({control.outcome} {control.why})",
        )
    bench.note(f"association with client identity '{kind}' in our own TLS 1.2")
    return lines.own_attempt(bench, kind)


@driver(Impact.ASSOCIATE)
def cross_protocols(bench: Bench) -> ForeignSeen | NotReached:
    """Send what does not belong there to the ports of the target, between controls.

    Plain DICOM, HTTP and ISCL to the TLS port; HTTP inside its TLS, with and without ALPN; a
    ClientHello to every plain DICOM port; DICOM inside TLS to every DICOMweb port.
    """
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    answers = {a.kind: a for a in foreign.on_the_port(bench)}
    answers |= {f"{a.kind} on {a.endpoint}": a for a in foreign.on_others(bench)}
    return ForeignSeen(answers, control, lines.after(bench))


UNHEARD = "the handshake did not complete: "


@driver(Impact.ASSOCIATE, late=True)
def stay_silent(
    bench: Bench, *, stages: Sequence[str] = ("connect", "handshake", "drip")
) -> SilenceSeen | NotReached:
    """Connect and stay silent at several *stages* at once, until the other side ends it.

    A stage that got no answer because the product serves one connection at a time is tried again alone.
    Waits for the declared ``ul.artim_seconds`` and a fifth more, or for the bench's deadline.
    """
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    declared = bench.target.declared.get("ul", {}).get("artim_seconds")
    claimed = float(declared) if isinstance(declared, (int, float)) and declared > 0 else None
    waited = min(max(claimed * 1.2 + 0.5, 1.0), 120.0) if claimed else bench.deadline
    wanted = [s for s in stages if bench.endpoint.transport == "tls" or s == "connect"]
    bench.note(f"silence for up to {waited:g} s: {', '.join(wanted)}")
    with concurrent.futures.ThreadPoolExecutor(len(wanted)) as pool:
        found = dict(
            zip(wanted, pool.map(lambda s: _silence(bench, s, waited), wanted), strict=True)
        )
    for stage in [s for s, seen in found.items() if seen.how.startswith(UNHEARD)]:
        lines.after(bench)
        found[stage] = _silence(bench, stage, waited)
    return SilenceSeen(found, waited, claimed, control, lines.after(bench))


def _silence(bench: Bench, stage: str, waited: float) -> Silence:
    line = None
    try:
        if stage == "handshake":
            line = lines.open_line(bench, lines.identity_of(bench))
        plain = line.plain if line else lines.open_plain(bench)
    except Trouble as trouble:
        return Silence(False, 0.0, str(trouble))
    if line and line.failed:
        line.close()
        return Silence(False, 0.0, f"{UNHEARD}{line.failed}")
    began = time.monotonic()
    try:
        if stage == "drip":
            _drip(plain, began + waited)
        while plain.receive(began + waited):
            continue
        ended = Ended("closed")
    except Ended as how:
        ended = how
    finally:
        (line or plain).close()
    return Silence(ended.how != "silent", round(time.monotonic() - began, 2), ended.how)


def _drip(plain: Plain, until: float) -> None:
    """Send a handshake record octet by octet, two each second, as long as it is taken."""
    for octet in b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500):
        plain.send(bytes([octet]), until)
        try:
            taken = plain.receive(min(time.monotonic() + 0.5, until))
        except Ended as ended:
            if ended.how != "silent" or time.monotonic() >= until:
                raise
        else:
            if not taken:
                return


@driver(Impact.ASSOCIATE)
def draw_refusals(bench: Bench) -> AnswersSeen | NotReached:
    """Provoke A-ASSOCIATE-RJ and A-ABORT PDUs in several ways, one damage each, between controls."""
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    rejects: dict[str, tuple[int, ...]] = {}
    aborts: dict[str, tuple[int, ...]] = {}
    others: dict[str, str] = {}
    for name, associated, octets in foreign.provocations(lines.request_for(bench)):
        bench.note(f"association PDU with {name}")
        said = _provoke(bench, octets, associated=associated)
        if isinstance(said, pdu.Reject):
            rejects[name] = (said.result, said.source, said.reason)
        elif isinstance(said, pdu.Abort):
            aborts[name] = (said.source, said.reason)
        else:
            others[name] = said if isinstance(said, str) else _NAMES.get(type(said), "another PDU")
    return AnswersSeen(rejects, aborts, others, control, lines.after(bench))


_NAMES = {pdu.Associate: "A-ASSOCIATE-AC", pdu.Data: "P-DATA-TF"}
"""How the standard calls what was answered instead of a rejection or an abort."""


def _provoke(bench: Bench, octets: bytes, *, associated: bool) -> pdu.Pdu | str:
    try:
        line = lines.open_line(bench, lines.identity_of(bench))
    except Trouble as trouble:
        return str(trouble)
    talk, until = Conversation(line), bench.until()
    try:
        if line.failed:
            raise line.failed
        if associated:
            talk.send(pdu.encode_request(lines.request_for(bench)), until)
            _, said = talk.next(until)
            if not isinstance(said, pdu.Associate):
                return "no association to provoke in"
        talk.send(octets, until)
        _, said = talk.next(until)
    except Ended as ended:
        return str(ended)
    else:
        return said
    finally:
        line.close()


@driver(Impact.ASSOCIATE)
def observe_use(bench: Bench) -> UseSeen | NotReached:
    """Find out whether the endpoint's protection is enforced, used, only available, or absent.

    Asks for a plain association on the port itself and on every plain endpoint of the same host,
    and, on a plain endpoint, for TLS.
    """
    if bench.endpoint.transport == "plain":
        return _plain_use(bench)
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    here = foreign.plain_association(bench, bench.endpoint)
    spoken = (
        f"{control.handshake.version} with {control.handshake.suite}"
        if control.handshake
        else bench.endpoint.transport.upper()
    )
    if here.answer == "dicom":
        why = "the port also takes plain associations; switch that off"
        return UseSeen("used, not enforced", why, spoken, "accepted on the same port", shared=True)
    for name, sibling in foreign.siblings(bench, "plain"):
        if foreign.plain_association(bench, sibling).answer == "dicom":
            why = f"{name} at {sibling.address} takes plain associations for the same product; switch it off"
            return UseSeen("used, not enforced", why, spoken, f"accepted on {name}")
    return UseSeen("enforced", "plain associations are refused", spoken, f"refused ({here.answer})")


def _plain_use(bench: Bench) -> UseSeen:
    offered = foreign.client_hello(bench, bench.endpoint)
    seen = lines.attempt(bench, lines.Shown())
    plain = "accepted" if seen.accepted else seen.outcome
    if offered.answer == "tls":
        return UseSeen(
            "available, not used",
            "the port also speaks TLS; use it and refuse plain",
            "offered",
            plain,
        )
    for name, sibling in foreign.siblings(bench, "tls"):
        if foreign.client_hello(bench, sibling).answer == "tls":
            why = f"{name} at {sibling.address} speaks TLS; use that one and switch this one off"
            return UseSeen("available, not used", why, f"on {name}", plain)
    setting = f" ({bench.endpoint.setting})" if bench.endpoint.setting else ""
    return UseSeen(
        "absent", f"no TLS here; switch it on{setting}", f"none ({offered.answer})", plain
    )


@driver(Impact.OBSERVE, at="target")
def list_ports(bench: Bench) -> PortsSeen:
    """Read which ports the target states, by endpoint."""
    points = bench.target.endpoints
    return PortsSeen(
        {n: p.port for n, p in points.items()},
        {n: p.transport for n, p in points.items()},
        {n: p.host for n, p in points.items()},
    )
