"""Two real ends with us as the wire: the product's client sends what we planted to its server, through our relay."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from part15.address import split_address
from part15.bench import Bench
from part15.channel import records
from part15.channel.relay import Relay
from part15.channel.tls import Tap
from part15.channel.trigger import ASK, acting
from part15.errors import Trouble
from part15.observations.tls_stream import LinkSeen
from part15.wire import markers, tls_names
from part15.wire.tls_octets import Malformed
from part15.wire.tls_records import HANDSHAKE, Deframer, Joiner
from part15.wire.tls_server import SERVER_HELLO, parse_server_hello
from part15.wire.trap_objects import Trap, base, file_of, joined, new_uid
from part15.wire.writing import element

ROOM = 1 << 20
"""Octets of each way that a relay keeps."""
ROWS = 256
"""Rows of the planted image, each with the same 64 octets."""
APPLICATION_DATA = 0x17
Command = str | Sequence[str]
HEADER, QUERY, PIXELS = "the header", "the query", "the pixel data"


def planted() -> dict[str, bytes]:
    """Return markers that no other run has, by where they are planted."""
    tag = os.urandom(6).hex().encode()
    return {HEADER: b"PART15HDR" + tag, QUERY: b"PART15QRY" + tag, PIXELS: os.urandom(64)}


@dataclass(frozen=True)
class Sender:
    """How the product's client is made to send the file ``{file}``: an object, or the keys of a *query*."""

    name: str
    command: Command
    host: str
    port: int
    wait: float
    query: bool = False


def senders(bench: Bench) -> Iterator[Sender]:
    """Yield what can make the product's client send our file to the endpoint of *bench*.

    These are the triggers of its listeners with the transport of the endpoint, and ``actions.query``,
    which take ``{port}`` and ``{file}``. A person is not asked.
    """
    alike = [x for x in bench.target.listeners.values() if x.transport == bench.endpoint.transport]
    for one in alike:
        if _takes_file(one.trigger):
            yield Sender(f"object of {one.id}", one.trigger, one.host, one.port, one.wait)
    query = bench.target.actions.get("query")
    if _takes_file(query):
        host = alike[0].host if alike else "127.0.0.1"
        yield Sender("query of actions.query", query, host, 0, 4 * bench.deadline, query=True)


def _takes_file(command: Command | None) -> bool:
    if not command or command == ASK:
        return False
    whole = command if isinstance(command, str) else " ".join(command)
    return "{file}" in whole and "{port}" in whole


def link(bench: Bench, sender: Sender) -> LinkSeen:
    """Have *sender* send what we planted to the endpoint through a relay, and hunt in the octets of both ends.

    What was planted counts only if the client says that it was taken, and as many octets passed.
    """
    sought, data, path = _file(bench, query=sender.query)
    bench.note(f"{sender.name}, sent by the product itself through a relay")
    bench.ledger.connected(bench.endpoint.address)
    slots = {"host": sender.host, "aet": bench.endpoint.ae_title, "file": str(path)}
    try:
        with Relay(
            bench.endpoint.address,
            host=sender.host,
            port=sender.port,
            deadline=bench.deadline,
            room=ROOM,
        ) as relay:
            slots["port"] = str(split_address(relay.here)[1])
            code = _acted(bench, sender, slots)
    except (Trouble, OSError) as problem:
        return LinkSeen(ended=str(problem))
    return _judged(bench, sender, sought, data, relay.taps, code)


def _acted(bench: Bench, sender: Sender, slots: Mapping[str, str]) -> int | None:
    folder = getattr(bench.target, "folder", bench.scratch)
    with (
        acting(sender.command, folder=folder, slots=slots, what="send an object") as process,
        contextlib.suppress(subprocess.TimeoutExpired),
    ):
        return process.wait(sender.wait) if process else None
    return None


def _file(bench: Bench, *, query: bool) -> tuple[dict[str, bytes], bytes, Path]:
    """Return what is planted, the data set with it, and the DICOM file of that."""
    sought, uid, study = planted(), new_uid(), new_uid()
    if query:
        del sought[HEADER], sought[PIXELS]
        keys = {
            0x00080052: element(0x00080052, "CS", "STUDY"),
            0x00100020: element(0x00100020, "LO", sought[QUERY]),
            0x0020000D: element(0x0020000D, "UI", ""),
        }
        data = joined(keys)
    else:
        del sought[QUERY]
        bench.ledger.keep(uid, study)
        data = joined(
            {
                **base(uid, study, new_uid()),
                0x00100020: element(0x00100020, "LO", sought[HEADER]),
                0x00280010: element(0x00280010, "US", ROWS.to_bytes(2, "little")),
                0x00280011: element(0x00280011, "US", len(sought[PIXELS]).to_bytes(2, "little")),
                0x7FE00010: element(0x7FE00010, "OB", sought[PIXELS] * ROWS),
            }
        )
    path = bench.scratch / f"{uid}.dcm"
    path.write_bytes(file_of(Trap("planted", uid, data)))
    return sought, data, path


def _judged(
    bench: Bench,
    sender: Sender,
    sought: Mapping[str, bytes],
    data: bytes,
    taps: list[Tap],
    code: int | None,
) -> LinkSeen:
    sent = b"".join(bytes(tap.sent) for tap in taps)
    received = b"".join(bytes(tap.received) for tap in taps)
    if not sent:
        return LinkSeen(ended=f"nothing came to the relay ({_word(code)})")
    name = sender.name.replace(" ", "-")
    bench.evidence.keep(f"{name}-on-the-path-c2s.bin", sent, phi="possible")
    bench.evidence.keep(f"{name}-on-the-path-s2c.bin", received, phi="possible")
    read = {*markers.found(sent, sought), *markers.found(received, sought)}
    visible = tuple(name for name in sought if name in read)
    version, suite = _selected(received)
    carried = sum(_payload(bytes(tap.sent)) for tap in taps)
    whole = code == 0 and carried >= len(data)
    here = markers.found(data, sought) if whole else visible
    why = "" if whole else f"not sent as a whole: {carried} octets ({_word(code)})"
    return LinkSeen(version, suite, len(sent) + len(received), here, visible, why)


def _word(code: int | None) -> str:
    return "the trigger did not end in time" if code is None else f"the trigger ended with {code}"


def _payload(octets: bytes) -> int:
    """Return how many octets other than those of a TLS handshake are in *octets* of a client."""
    if octets[:1] not in (b"\x14", b"\x15", b"\x16", b"\x17"):
        return len(octets)
    try:
        found, _ = records.cut(octets)
    except ValueError:
        return 0
    return sum(len(r) - records.HEADER for r in found if r[0] == APPLICATION_DATA)


def _selected(octets: bytes) -> tuple[str, str]:
    """Return version and suite of the ServerHello in *octets* of a server; empty without one."""
    joiner = Joiner()
    versions = {code: name for name, code in tls_names.VERSIONS.items()}
    with contextlib.suppress(Malformed):
        for record in Deframer().feed(octets[: 1 << 14]):
            if record.type != HANDSHAKE:
                break
            for kind, body in joiner.feed(record.fragment):
                if kind != SERVER_HELLO:
                    break
                hello = parse_server_hello(body)
                version = versions.get(hello.selected, f"{hello.selected:#06x}")
                return f"TLSv{version}", tls_names.suite_name(hello.suite)
    return "", ""
