"""Stimuli with session tickets and ids: resumed, changed by one octet, repeated, and offered with weaker modes.

The ticket is changed in our ClientHello on its way out. Nothing completes after that; whether the
server takes it shows in its first flight.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from dataclasses import replace

from part15.bench import Bench
from part15.channel import records
from part15.channel.association import Line, associate
from part15.channel.tls import Ended, Tls, listen_to, reading
from part15.drivers import session_lines as lines
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import Resumed, ResumptionSeen
from part15.registry import driver
from part15.wire import tls_tickets as tickets

ALLOW_NO_DHE_KEX = 0x400
"""OpenSSL's option that makes a client offer psk_ke beside psk_dhe_ke."""


@driver(Impact.ASSOCIATE)
def resume(bench: Bench) -> ResumptionSeen | NotReached:
    """Get session tickets in TLS 1.2 and 1.3 (and a session id in 1.2), resume with them, and with changed ones."""
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    found = {}
    for version in ("1.2", "1.3"):
        bench.note(f"session tickets of TLS {version}, right and changed")
        try:
            found[version] = _in_version(bench, version)
        except (Trouble, Ended) as trouble:
            found[version] = Resumed(why=str(trouble))
    return ResumptionSeen(found, control, lines.after(bench))


def _in_version(bench: Bench, version: str) -> Resumed:
    mine = lines.identity_of(bench)
    shown = lines.Shown(mine.certificate, mine.key, mine.password, version, version)
    context = lines.context_for(bench, shown)
    context.options |= ssl.Options(ALLOW_NO_DHE_KEX)
    line = _connect(bench, context, None)
    seen = associate(line, lines.request_for(bench), bench.until())
    given = [t for m in line.spoken.got(4) if (t := tickets.read_ticket(m, version)) is not None]
    leaf = ssl.PEM_cert_to_DER_cert(_first_pem(shown.certificate)) if shown.certificate else b""
    learnt = Resumed(
        tickets=len(given),
        lifetimes=tuple(t.lifetime for t in given),
        early=max((t.early_data for t in given), default=0),
        leaks=any(tickets.shows(t.octets, leaf) for t in given),
    )
    if not seen.accepted or line.tls is None:
        why = f"no association in TLS {version}: {seen.outcome} {seen.why}".strip()
        return replace(learnt, why=why, untouched=seen.outcome)
    if version == "1.2":
        learnt = _by_id(bench, shown, learnt)
    session = line.tls.object.session
    if session is None or not given:
        return replace(learnt, why=f"no session ticket was given in TLS {version}")
    return _tried(bench, context, session, learnt, given[-1].octets, version)


def _first_pem(path: str) -> str:
    from pathlib import Path

    end = "-----END CERTIFICATE-----"
    text = Path(path).read_text(encoding="ascii", errors="replace")
    return text[text.find("-----BEGIN CERTIFICATE-----") : text.find(end) + len(end)] + "\n"


def _connect(bench: Bench, context: ssl.SSLContext, session: ssl.SSLSession | None) -> Line:
    """Open a connection with *context*, which serves one connection after the other."""
    spoken = listen_to(context)
    tls = Tls(lines.open_plain(bench), context, name=lines.server_name(bench), session=session)
    line = Line(tls.plain, tls, spoken)
    try:
        tls.handshake(bench.until())
    except (Ended, ssl.SSLError) as error:
        line.failed = reading(error, spoken)
    return line


def _tried(
    bench: Bench,
    context: ssl.SSLContext,
    session: ssl.SSLSession,
    learnt: Resumed,
    ticket: bytes,
    version: str,
) -> Resumed:
    line = _connect(bench, context, session)
    hello = (line.spoken.got(2) or [b""])[0]
    modes = tickets.mode_of(hello) if version == "1.3" and hello else ""
    if line.failed or line.tls is None:
        line.close(reset=True)
        return replace(learnt, untouched=str(line.failed), modes=modes)
    untouched = "resumed" if line.tls.object.session_reused else "full"
    associate(line, lines.request_for(bench), bench.until())
    if untouched != "resumed":
        return replace(learnt, untouched=untouched, modes=modes)

    def offered(change: Callable[[bytes], bytes]) -> str:
        return _first_flight(bench, context, session, change, version)

    tampered = {
        name: offered(_instead(ticket, records.flipped(ticket, at)))
        for name, at in tickets.places(ticket).items()
    }
    extended = tickets.EXTENDED_MASTER_SECRET in tickets.hello_extensions(hello)
    plain = offered(
        lambda flight: tickets.without_extension(flight, tickets.EXTENDED_MASTER_SECRET)
    )
    return replace(
        learnt,
        untouched=untouched,
        modes=modes,
        tampered=tampered,
        again=offered(lambda flight: flight),
        without_ems=plain if version == "1.2" and extended else "",
    )


def _instead(right: bytes, changed: bytes) -> Callable[[bytes], bytes]:
    """Return what replaces *right* in a flight by *changed*; an empty flight where it is not in it."""
    return lambda flight: flight.replace(right, changed) if right in flight else b""


def _by_id(bench: Bench, shown: lines.Shown, learnt: Resumed) -> Resumed:
    """Resume by session id where no tickets are taken: with the right one, and with a changed one."""
    context = lines.context_for(bench, shown)
    context.options |= ssl.OP_NO_TICKET
    line = _connect(bench, context, None)
    associate(line, lines.request_for(bench), bench.until())
    session = line.tls.object.session if line.tls and not line.failed else None
    if session is None or not session.id:
        return learnt
    line = _connect(bench, context, session)
    if line.failed or line.tls is None:
        line.close(reset=True)
        return replace(learnt, by_id=str(line.failed))
    by_id = "resumed" if line.tls.object.session_reused else "full"
    associate(line, lines.request_for(bench), bench.until())
    if by_id != "resumed":
        return replace(learnt, by_id=by_id)
    change = _instead(session.id, records.flipped(session.id, -1))
    other = _first_flight(bench, context, session, change, "1.2")
    return replace(learnt, by_id=by_id, other_id=other)


def _first_flight(
    bench: Bench,
    context: ssl.SSLContext,
    session: ssl.SSLSession,
    change: Callable[[bytes], bytes],
    version: str,
) -> str:
    """Offer *session* in a ClientHello after *change* and return what the server's first flight shows."""
    plain, until = lines.open_plain(bench), bench.until()
    tls = Tls(plain, context, name=lines.server_name(bench), session=session)
    hello = change(tls.first_flight())
    heard = b""
    try:
        if not hello:
            return "not offered"
        plain.send(hello, until)
        while not (answer := tickets.answered(heard, version)):
            octets = plain.receive(until)
            if not octets:
                return "closed"
            heard += octets
    except Ended as ended:
        return ended.how
    else:
        return answer
    finally:
        with contextlib.suppress(Ended):
            plain.close(reset=True)
