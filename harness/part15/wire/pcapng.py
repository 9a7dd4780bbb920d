"""Captures as pcapng files (draft-ietf-opsawg-pcapng): TCP and UDP conversations with headers made up around them.

What was sent and received is real; the IP and TCP headers are not, since the octets are taken at
the socket. The acknowledgement numbers fit, so that analysers put the streams together. NSS key log
lines go into a Decryption Secrets Block, by which TLS sessions show decrypted.
"""

from __future__ import annotations

import array
import ipaddress
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

SECTION, INTERFACE, PACKET, SECRETS = 0x0A0D0D0A, 1, 6, 0x0A
TLS_KEY_LOG = 0x544C534B
RAW_IP = 101
MSS = 32_768
"""Octets per made-up segment."""
_TCP, _UDP = 6, 17
_SYN, _ACK, _PSH = 2, 16, 8
_COMMENT, _APPLICATION = 1, 4

Address = tuple[str, int]


@dataclass(frozen=True)
class Piece:
    """Octets that passed at once: *at* in seconds since 1970, *out* if the first address sent them."""

    at: float
    out: bool
    octets: bytes


@dataclass(frozen=True)
class Conversation:
    """One connection (or exchange of datagrams) between *here* and *there*.

    *opened_here* tells who connected; *comment* stands at its first packet.
    """

    here: Address
    there: Address
    began: float
    pieces: Sequence[Piece] = field(default_factory=tuple)
    opened_here: bool = True
    udp: bool = False
    comment: str = ""


def encode(
    conversations: Sequence[Conversation], *, keys: bytes = b"", comment: str = "", tool: str = ""
) -> bytes:
    """Return the pcapng file of *conversations*, packets in the order of time.

    *keys* are NSS key log lines; *comment* tells what a reader must know of the whole file.
    """
    packets = [packet for each in conversations for packet in _packets(each)]
    packets.sort(key=lambda packet: packet[0])
    options = _option(_COMMENT, comment.encode()) + _option(_APPLICATION, tool.encode())
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _ended(options)
    blocks = [
        _block(SECTION, section),
        _block(INTERFACE, struct.pack("<HHI", RAW_IP, 0, 0)),
    ]
    if keys:
        blocks.append(
            _block(SECRETS, struct.pack("<II", TLS_KEY_LOG, len(keys)) + keys + _padding(keys))
        )
    blocks += [_packet(at, data, said) for at, data, said in packets]
    return b"".join(blocks)


def _packets(talk: Conversation) -> list[tuple[float, bytes, str]]:
    if talk.udp:
        found = [(p.at, _datagram(talk, p), "") for p in talk.pieces]
    else:
        found = list(_segments(talk))
    if found and talk.comment:
        found[0] = (*found[0][:2], talk.comment)
    return found


def _segments(talk: Conversation) -> list[tuple[float, bytes, str]]:
    sent = {True: 1, False: 1}
    made: list[tuple[float, bytes, str]] = []

    def put(at: float, flags: int, data: bytes = b"", *, out: bool) -> None:
        number = 0 if flags & _SYN else sent[out]
        other = sent[not out] if flags & _ACK else 0
        made.append((at, _segment(talk, out, number, other, flags, data), ""))

    opener = talk.opened_here
    put(talk.began, _SYN, out=opener)
    put(talk.began, _SYN | _ACK, out=not opener)
    put(talk.began, _ACK, out=opener)
    for piece in talk.pieces:
        for start in range(0, len(piece.octets), MSS):
            data = piece.octets[start : start + MSS]
            put(piece.at, _PSH | _ACK, data, out=piece.out)
            sent[piece.out] += len(data)
    return made


def _ends(talk: Conversation, out: bool) -> tuple[Address, Address]:
    return (talk.here, talk.there) if out else (talk.there, talk.here)


def _segment(
    talk: Conversation, out: bool, number: int, other: int, flags: int, data: bytes
) -> bytes:
    source, sink = _ends(talk, out)
    head = struct.pack(
        ">HHIIBBHHH", source[1], sink[1], number & 0xFFFFFFFF, other & 0xFFFFFFFF,
        5 << 4, flags, 65535, 0, 0,
    )  # fmt: skip
    return _wrapped(source[0], sink[0], _TCP, head, data, 16)


def _datagram(talk: Conversation, piece: Piece) -> bytes:
    source, sink = _ends(talk, piece.out)
    data = piece.octets[:65_000]
    head = struct.pack(">HHHH", source[1], sink[1], 8 + len(data), 0)
    return _wrapped(source[0], sink[0], _UDP, head, data, 6)


def _wrapped(source: str, sink: str, protocol: int, head: bytes, data: bytes, place: int) -> bytes:
    """Return an IP packet; the checksum of *head* stands at *place* in it."""
    ends = [ipaddress.ip_address(a.partition("%")[0]) for a in (source, sink)]
    if ends[0].version != ends[1].version:
        ends = [_six(end) for end in ends]
    addresses = b"".join(end.packed for end in ends)
    size = len(head) + len(data)
    pseudo = addresses + struct.pack(">II", size, protocol)
    total = _checksum(pseudo + head + data) or 0xFFFF
    body = head[:place] + struct.pack(">H", total) + head[place + 2 :] + data
    if ends[0].version == 6:
        return struct.pack(">IHBB", 6 << 28, size, protocol, 64) + addresses + body
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + size, 0, 0x4000, 64, protocol, 0) + addresses
    return ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:] + body


def _six(end: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv6Address:
    if isinstance(end, ipaddress.IPv6Address):
        return end
    return ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + end.packed)


def _checksum(data: bytes) -> int:
    """Return the internet checksum (RFC 1071) of *data*."""
    words = array.array("H", data + b"\0" * (len(data) % 2))
    if sys.byteorder == "little":
        words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packet(at: float, data: bytes, comment: str) -> bytes:
    stamp = int(at * 1_000_000)
    head = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, len(data), len(data))
    options = _ended(_option(_COMMENT, comment.encode()))
    return _block(PACKET, head + data + _padding(data) + options)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


def _option(code: int, value: bytes) -> bytes:
    value = value[:65_000]
    return struct.pack("<HH", code, len(value)) + value + _padding(value) if value else b""


def _ended(options: bytes) -> bytes:
    return options + b"\0\0\0\0" if options else b""


def _padding(data: bytes) -> bytes:
    return b"\0" * (-len(data) % 4)
