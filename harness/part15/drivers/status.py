"""Stimuli of Online Electronic Storage (PS3.15 A.1): status in, status out, commitment, alteration."""

from __future__ import annotations

import ssl
import time

from part15.bench import Bench
from part15.channel import services
from part15.channel.tls import Ended
from part15.drivers import session, session_lines, status_copies, status_lines
from part15.drivers import storage_lines as lines
from part15.drivers.status_lines import Play, Sent, secure
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import AuthenticationSeen
from part15.observations.status import (
    PARTNER,
    PLAIN,
    STRANGER,
    Alteration,
    AlterationsSeen,
    CommitmentSeen,
    StatusCase,
    StatusSeen,
)
from part15.registry import driver
from part15.wire import dimse, pdu, writing
from part15.wire.trap_objects import SECONDARY_CAPTURE, new_uid

OWN = ("OR", "AO", "AC", "NS", None)
INJECTED = ("OR", "AO", "AC", "NS", "XX", "ao", "OR\\AO", None)
"""What is sent without right to it (A.1.1 f.2)."""
OTHER_CLASS = "1.2.840.10008.5.1.4.1.1.2"
"""CT Image Storage: not the class of what we store."""
LINKS = ("vpn", "ipsec")
"""Protection of a network that is no Secure Transport Connection Profile of Annex B."""
BALLAST = 200_000
"""Octets of pixel data behind which a transfer is altered, so that some of it has arrived."""


@driver(Impact.STORE)
def follow(bench: Bench) -> StatusSeen | NotReached:
    """Store instances of every status as partner, stranger and without protection, and ask for them.

    As partner before the commitment of OR and AO; then, after it, as partner, as stranger and
    without protection: by C-GET, by C-MOVE to our listeners, and by the action ``copy``.
    """
    found: StatusSeen | NotReached = bench.shelf.once(
        ("status", bench.endpoint.id), lambda: _followed(bench)
    )
    return found


def _followed(bench: Bench) -> StatusSeen | NotReached:
    nothing = secure(bench)
    link = str(bench.target.declared.get("oes", {}).get("link", "")).lower()
    if nothing and link in LINKS:
        return StatusSeen((), {}, {}, link=link)
    if nothing or status_lines.elsewhere(bench):
        return nothing or StatusSeen((), {}, {}, status_lines.elsewhere(bench))
    play = status_lines.begin(bench)
    own = [status_lines.made(play, status, PARTNER) for status in OWN]
    others = [
        status_lines.made(play, status, who)
        for who in (STRANGER, PLAIN)
        if who in play.parties
        for status in INJECTED
    ]
    status_lines.store(play, [*own, *others])
    if not any(s.stored for s in own):
        return NotReached("C-STORE", f"nothing of ours was stored ({own[0].answer})")
    try:
        cases = status_lines.fetch(play, PARTNER, [*own, *others])
        cases += status_lines.moved(play, PARTNER, own)
        held = [s for s in own if s.status in ("OR", "AO")]
        status_lines.commit_sent(play, held)
        cases += _after(play, own)
    except Ended as ended:
        return NotReached("C-GET", f"what is stored cannot be asked for: {ended}")
    refused = {f"{s.came} {s.status}": s.said for s in play.sent if not s.stored}
    return StatusSeen(tuple(cases), refused, play.missing)


def _after(play: Play, own: list[Sent]) -> list[StatusCase]:
    """Return the cases after the commitment: of everything as partner, of the rest as others."""
    found: list[StatusCase] = []
    for who in play.parties:
        found += status_lines.fetch(play, who, own)
    for kind in (PARTNER, STRANGER, PLAIN):
        found += status_lines.moved(play, kind, own)
        found += status_copies.copied(play, kind, own)
    return found


@driver(Impact.STORE)
def commit(bench: Bench) -> CommitmentSeen | NotReached:
    """Ask for storage commitment of an AO instance that was stored, of one that never was, and of the first under another SOP class."""
    nothing = secure(bench)
    if nothing or status_lines.elsewhere(bench):
        where = status_lines.elsewhere(bench)
        return nothing or CommitmentSeen(False, None, (), (), False, 0.0, where)
    play = status_lines.begin(bench)
    sent = status_lines.made(play, "AO", PARTNER)
    status_lines.store(play, [sent])
    if not sent.stored:
        return NotReached("C-STORE", f"an AO instance was not stored ({sent.answer})")
    party = play.parties[PARTNER]
    row = sent.instance.sop_class, sent.instance.uid
    known = status_lines.commit(party, [row], repeated=True)
    unknown = status_lines.Reports(offered=False, action=None)
    mismatch = unknown
    if known.action == 0:
        mismatch = status_lines.commit(party, [(OTHER_CLASS, sent.instance.uid)])
        unknown = status_lines.commit(party, [(SECONDARY_CAPTURE, new_uid())])
    return CommitmentSeen(
        known.offered,
        known.action,
        known.events,
        unknown.events,
        known.listened,
        bench.deadline,
        mismatch=mismatch.events,
    )


@driver(Impact.ASSOCIATE)
def authenticate(bench: Bench) -> AuthenticationSeen | NotReached:
    """Ask for an association without a certificate and with ones that nobody trusts.

    A plain endpoint is judged by the secure one beside it.
    """
    there = status_lines.at_secure(bench)
    kinds = ["none", "unknown_ca", "self_signed", "expired"]
    found: AuthenticationSeen | NotReached = bench.shelf.once(
        ("strange identities", there.endpoint.id),
        lambda: secure(bench) or session.show_identities(there, kinds=kinds),
    )
    return found


@driver(Impact.STORE)
def alter(bench: Bench) -> AlterationsSeen | NotReached:
    """Flip one bit of the last TLS record of a C-STORE of an OR and of an AC instance; ask for them later."""
    nothing = secure(bench)
    if nothing or status_lines.elsewhere(bench):
        return nothing or AlterationsSeen(False, (), status_lines.elsewhere(bench))
    play = status_lines.begin(bench)
    control = status_lines.made(play, "AC", PARTNER)
    status_lines.store(play, [control])
    cases: list[Alteration] = []
    try:
        seen = status_lines.fetch(play, PARTNER, [control])
        cases += [_altered(bench, play, status) for status in ("OR", "AC")]
        after = status_lines.fetch(play, PARTNER, [control])
    except Ended as ended:
        return NotReached("association", f"no association to alter: {ended}")
    delivered = [any(c.delivered for c in found) for found in (seen, after)]
    return AlterationsSeen(delivered[0], tuple(cases), after=delivered[1])


def _altered(bench: Bench, play: Play, status: str) -> Alteration:
    sent = status_lines.made(play, status, PARTNER)
    pixels = writing.element(0x7FE00010, "OB", bytes(BALLAST))
    at = sent.instance.data.index(b"\xe0\x7f\x10\x00")
    data = sent.instance.data[:at] + pixels
    sent.answer = 0
    bench.note(f"C-STORE of test object {sent.instance.uid}, altered in transmission")
    bench.ledger.keep(sent.instance.uid, play.study)
    ended, answered = _sent_altered(bench, sent, data)
    status_lines.commit_sent(play, [sent])
    cases = status_lines.fetch(play, PARTNER, [sent], sent.instance.uid)
    kept = sent.committed or any(c.delivered for c in cases)
    return Alteration(status, ended, answered, kept)


def _sent_altered(bench: Bench, sent: Sent, data: bytes) -> tuple[str, int | None]:
    """Store *data* with one bit flipped in its last record; return how it ended and any status."""
    line = session_lines.open_line(bench, session_lines.identity_of(bench))
    point = bench.endpoint
    asked = services.proposal(
        point.ae_title, point.calling_ae_title, [(SECONDARY_CAPTURE, (lines.EXPLICIT,))]
    )
    talk, until = services.opened(line, asked, bench.until()), bench.until()
    context = talk.context_of(SECONDARY_CAPTURE)
    if context is None or line.tls is None:
        line.close()
        raise Ended("no context", "Storage was not accepted")
    command = dimse.store_request(SECONDARY_CAPTURE, sent.instance.uid)
    parts = list(pdu.fragments(context, command, data, talk.room))
    try:
        line.stream.send(b"".join(parts[:-1]), until)
        sealed = bytearray(line.tls.seal(parts[-1]))
        sealed[-5] ^= 1
        line.plain.send(bytes(sealed), until)
        answer = talk.get(min(until, time.monotonic() + bench.deadline))
    except (Ended, ssl.SSLError) as error:
        return error.how if isinstance(error, Ended) else "ours", None
    finally:
        line.close(reset=True)
    return "answered", answer.status
