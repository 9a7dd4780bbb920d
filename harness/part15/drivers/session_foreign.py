"""Bytes that do not belong on a port, and what answered them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from part15.bench import Bench
from part15.channel.association import Conversation
from part15.channel.tls import Ended, Plain, Stream, dial
from part15.drivers import session_lines as lines
from part15.errors import Trouble
from part15.observations.session import Foreign
from part15.wire import pdu

HTTP = b"GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
OPTIONS = b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
ISCL = b"ISCL" + bytes(28)
"""Octets shaped like the first message of ISCL: neither TLS nor a PDU."""
PATIENCE = 1.5
"""Seconds to wait for an answer to bytes that should get none."""


def siblings(bench: Bench, transport: str) -> Iterator[tuple[str, Any]]:
    """Yield the other endpoints of the target with *transport* on the same host."""
    for name, point in bench.target.endpoints.items():
        if (
            name != bench.endpoint.id
            and point.transport == transport
            and point.host == bench.endpoint.host
        ):
            yield name, point


def classify(octets: bytes) -> str:
    """Return what kind of answer *octets* begin."""
    if octets[:1] in (b"\x02", b"\x03") and octets[1:2] == b"\0":
        return "dicom"
    if octets[:1] == b"\x07" and octets[1:2] == b"\0":
        return "abort"
    if octets[:5] == b"HTTP/":
        return "http"
    if octets[:2] == b"\x16\x03":
        return "tls"
    if octets[:2] == b"\x15\x03":
        return "alert"
    return "other"


def _ask(stream: Stream, octets: bytes, until: float) -> tuple[str, bytes, str]:
    """Send *octets* and return the kind of answer, its first octets, and words."""
    heard = b""
    try:
        stream.send(octets, until)
        while len(heard) < 5:
            more = stream.receive(until)
            if not more:
                break
            heard += more
    except Ended as ended:
        return (classify(heard) if heard else ended.how), heard[:64], ended.why
    return (classify(heard) if heard else "closed"), heard[:64], ""


def _on(bench: Bench, point: Any, kind: str, octets: bytes) -> Foreign:
    bench.ledger.connected(point.address)
    bench.note(f"{kind} to {point.address}")
    until = min(bench.until(), bench.until() - bench.deadline + PATIENCE)
    try:
        sock = dial(point.address, until)
    except Ended as ended:
        return Foreign(kind, point.id, False, "ours", why=ended.why)
    plain = Plain(sock, wire=bench.recorded(sock))
    try:
        return Foreign(kind, point.id, False, *_ask(plain, octets, until))
    finally:
        plain.close()


def plain_association(bench: Bench, point: Any) -> Foreign:
    """Ask *point* for an association without TLS."""
    request = pdu.encode_request(pdu.verification(point.ae_title, point.calling_ae_title))
    return _on(bench, point, "plain A-ASSOCIATE-RQ", request)


def client_hello(bench: Bench, point: Any) -> Foreign:
    """Send *point* a ClientHello that every TLS server of the last fifteen years answers."""
    return _on(bench, point, "ClientHello", _hello())


def _hello() -> bytes:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    return out.read()


def _inside(bench: Bench, kind: str, octets: bytes, alpn: tuple[str, ...] = ()) -> Foreign:
    """Send *octets* through TLS to the endpoint."""
    mine = lines.identity_of(bench)
    shown = lines.Shown(mine.certificate, mine.key, mine.password, alpn=alpn)
    bench.note(f"{kind} inside TLS")
    try:
        line = lines.open_line(bench, shown)
    except Trouble as trouble:
        return Foreign(kind, bench.endpoint.id, True, "ours", why=str(trouble))
    try:
        if line.failed:
            return Foreign(kind, bench.endpoint.id, True, line.failed.how, why=line.failed.why)
        talk, heard = Conversation(line), b""
        until = bench.until() - bench.deadline + PATIENCE
        try:
            talk.send(octets, until)
            talk.next(until)
            heard = talk.heard
        except Ended as ended:
            heard = talk.heard
            if not heard:
                return Foreign(kind, bench.endpoint.id, True, ended.how, why=ended.why)
        return Foreign(kind, bench.endpoint.id, True, classify(heard), heard)
    finally:
        line.close()


def on_the_port(bench: Bench) -> Iterator[Foreign]:
    """Yield what the endpoint itself answers to foreign bytes."""
    yield plain_association(bench, bench.endpoint)
    yield _on(bench, bench.endpoint, "plain HTTP", HTTP)
    yield _on(bench, bench.endpoint, "ISCL greeting", ISCL)
    if bench.endpoint.transport == "tls":
        yield _inside(bench, "HTTP GET inside TLS", HTTP)
        yield _inside(bench, "HTTP OPTIONS inside TLS", OPTIONS)
        yield _inside(bench, "HTTP GET inside TLS with ALPN http/1.1", HTTP, ("http/1.1",))


def on_others(bench: Bench) -> Iterator[Foreign]:
    """Yield what other endpoints of the target answer: plain ones to TLS, DICOMweb ones to DICOM."""
    for _, point in siblings(bench, "plain"):
        yield client_hello(bench, point)
    for name, point in siblings(bench, "https"):
        import dataclasses

        web = dataclasses.replace(bench, endpoint=point)
        request = pdu.encode_request(lines.request_for(web))
        yield dataclasses.replace(_inside(web, "A-ASSOCIATE-RQ inside TLS", request), endpoint=name)


def provocations(request: pdu.Associate) -> Iterator[tuple[str, bool, bytes]]:
    """Yield (name, inside an association, octets) of what must be rejected or aborted."""
    import dataclasses

    right = pdu.encode_request(request)
    unknown = dataclasses.replace(request, called=f"NO{os.urandom(5).hex().upper()}")
    yield "an unknown called AE title", False, pdu.encode_request(unknown)
    other = dataclasses.replace(request, application_context="1.2.840.10008.3.1.1.99")
    yield "an unknown application context", False, pdu.encode_request(other)
    version = dataclasses.replace(request, version=0x8000)
    yield "a protocol version without bit 0", False, pdu.encode_request(version)
    yield "an A-RELEASE-RQ before the association", False, pdu.encode_release()
    yield "a PDU type that does not exist", True, pdu.frame(0x5A, bytes(4))
    yield "a second A-ASSOCIATE-RQ", True, right
    wrong = pdu.encode_data([pdu.Pdv(253, True, True, b"\0\0")])
    yield "a presentation context that was not negotiated", True, wrong
    broken = pdu.frame(pdu.DATA_TF, b"\x00\x00\xff\xff\x01\x03")
    yield "a presentation data value longer than its PDU", True, broken
