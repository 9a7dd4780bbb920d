"""Stimuli for the DICOMweb endpoints of a target: one GET over TLS."""

from __future__ import annotations

import dataclasses
import ssl

from part15.bench import Bench
from part15.channel.tls import Ended
from part15.drivers import session_lines as lines
from part15.errors import Trouble
from part15.model import Impact
from part15.observations.session import WebSeen
from part15.registry import driver

LIMIT = 64 << 10
"""Octets of an answer that are read to find its headers."""


@driver(Impact.ASSOCIATE, at="target")
def get_headers(bench: Bench) -> WebSeen:
    """Ask every ``https`` endpoint of the target for ``/`` and keep the header of RFC 6797."""
    headers, failed = {}, {}
    for name, point in bench.target.endpoints.items():
        if point.transport != "https":
            continue
        web = dataclasses.replace(bench, endpoint=point)
        bench.note(f"HTTP GET to {name}")
        try:
            headers[name] = _header(_get(web), "strict-transport-security")
        except (Trouble, Ended, ssl.SSLError, ValueError) as trouble:
            failed[name] = str(trouble)
    return WebSeen(headers, failed)


def _get(bench: Bench) -> bytes:
    """Return the head of the answer to a GET; raises Ended, ssl.SSLError, Trouble, ValueError."""
    line = lines.open_line(bench, lines.identity_of(bench))
    try:
        if line.failed:
            raise line.failed
        host = lines.server_name(bench) or bench.endpoint.address
        request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        until = bench.until()
        line.stream.send(request.encode("ascii", "replace"), until)
        heard = b""
        while b"\r\n\r\n" not in heard and len(heard) < LIMIT:
            octets = line.stream.receive(until)
            if not octets:
                break
            heard += octets
    finally:
        line.close()
    if not heard.startswith(b"HTTP/"):
        raise ValueError("the answer is no HTTP response")
    return heard


def _header(response: bytes, name: str) -> str:
    """Return the value of the header *name*, empty if it is not there."""
    for row in response.split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]:
        key, _, value = row.partition(b":")
        if key.strip().lower() == name.encode():
            return value.strip().decode("latin-1")
    return ""
