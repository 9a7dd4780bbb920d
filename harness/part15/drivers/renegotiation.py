"""Stimuli that renegotiate in TLS 1.2 with a client of our own: libraries refuse to do it wrongly."""

from __future__ import annotations

from part15.bench import Bench
from part15.channel.association import HEARD
from part15.channel.tls import Ended
from part15.channel.tls12 import Client12, Shows, connected, indication
from part15.drivers import session_lines as lines
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.session import RenegotiationSeen
from part15.registry import driver
from part15.wire import pdu

WAYS = {"indicated": "right", "indicated wrongly": "wrong", "not indicated": "absent"}


@driver(Impact.ASSOCIATE)
def renegotiate(bench: Bench) -> RenegotiationSeen | NotReached:
    """Ask to renegotiate rightly, wrongly indicated, not indicated, and with another certificate.

    The last needs ``identities.other`` of the endpoint: a second certificate that the product trusts.
    """
    control = lines.before(bench)
    if isinstance(control, NotReached):
        return control
    answers = {}
    acknowledged = False
    for way, how in WAYS.items():
        bench.note(f"renegotiation, {way}")
        answers[way], indicated = _asked(bench, how)
        acknowledged = acknowledged or indicated
    if answers["indicated"] == "renegotiated":
        answers["with another certificate"] = _with_another(bench)
    return RenegotiationSeen(answers, acknowledged, control, lines.after(bench))


def _opened(bench: Bench, *, indicate: bool) -> Client12 | str:
    """Return a connection after its first handshake, or why there is none."""
    mine = lines.identity_of(bench)
    try:
        shows = Shows.of(mine.certificate, mine.key, mine.password)
        plain = lines.open_plain(bench)
    except (Trouble, OSError, ValueError) as trouble:
        return str(trouble)
    name = lines.server_name(bench) or ""
    try:
        return connected(plain, shows, bench.until(), name=name, indicate=indicate)
    except Ended as ended:
        plain.close()
        return f"no handshake in TLS 1.2 with ECDHE and AES-GCM ({ended})"


def _asked(bench: Bench, how: str) -> tuple[str, bool]:
    """Return what the server made of a renegotiation indicated as *how*, and whether it indicates itself."""
    client = _opened(bench, indicate=how != "absent")
    if isinstance(client, str):
        return f"not tried: {client}", False
    acknowledged = client.acknowledged
    try:
        client.greet(bench.until(), indication=indication(client, how))
    except Ended as ended:
        return f"refused: {ended}", acknowledged
    finally:
        client.close()
    return "renegotiated", acknowledged


def _with_another(bench: Bench) -> str:
    """Return what the server made of another certificate in a renegotiation."""
    given = bench.endpoint.identities.get("other")
    if given is None:
        place = f"endpoints.{bench.endpoint.id}.identities.other"
        return f"not tried: give {place}, a second certificate that the product trusts"
    client = _opened(bench, indicate=True)
    if isinstance(client, str):
        return f"not tried: {client}"
    bench.note("renegotiation with another certificate")
    other = lines.shown(bench, given, "identities.other")
    until = bench.until()
    try:
        shows = Shows.of(other.certificate, other.key, other.password)
        client.complete(client.greet(until, indication=indication(client, "right")), shows, until)
        client.send(pdu.encode_request(lines.request_for(bench)), until)
        heard = client.receive(until)[:HEARD]
    except Ended as ended:
        return f"refused: {ended}"
    except (OSError, ValueError) as trouble:
        return f"not tried: {trouble}"
    finally:
        client.close()
    accepted = heard[:1] == bytes([pdu.ASSOCIATE_AC])
    return "renegotiated" if accepted else "refused: no A-ASSOCIATE-AC came"
