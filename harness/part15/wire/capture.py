"""The UDP datagrams of a packet capture: pcap and pcapng, Ethernet, Linux cooked, loopback and raw IP; bounded, never raises.

Only whole datagrams are given; fragments and packets that were cut when captured are counted instead.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

PCAP = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}
"""The first octets of a pcap file (in microseconds or nanoseconds), with its octet order."""
SECTION, INTERFACE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 3, 6
ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
NULL, ETHERNET, RAW, COOKED, COOKED_2 = 0, 1, 101, 113, 276
PACKETS = 1_000_000
UDP = 17


@dataclass(frozen=True)
class Datagrams:
    """The payloads of the UDP datagrams *found*, and how many were *left* because they are not whole."""

    found: tuple[bytes, ...]
    left: int


def is_capture(head: bytes) -> bool:
    """Tell whether a file that begins with *head* is a packet capture."""
    return head[:4] in PCAP or (head[:4] == b"\x0a\x0d\x0d\x0a" and head[8:12] in ORDERS)


def read_capture_file(data: bytes) -> Datagrams:
    """Return the UDP datagrams of the capture *data*, in the order in which they were captured."""
    packets = _pcap(data) if data[:4] in PCAP else _pcapng(data)
    found: list[bytes] = []
    left = 0
    for count, (link, packet, whole) in enumerate(packets):
        if count >= PACKETS:
            left += 1
            break
        payload = _udp(_network(link, packet))
        if payload is None:
            continue
        if whole and payload[1]:
            found.append(payload[0])
        else:
            left += 1
    return Datagrams(tuple(found), left)


def _pcap(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    order = PCAP[data[:4]]
    if len(data) < 24:
        return
    link = struct.unpack_from(f"{order}I", data, 20)[0] & 0xFFFF
    at = 24
    while at + 16 <= len(data):
        kept, length = struct.unpack_from(f"{order}II", data, at + 8)
        yield link, data[at + 16 : at + 16 + kept], kept >= length
        at += 16 + kept


def _pcapng(data: bytes) -> Iterator[tuple[int, bytes, bool]]:
    order, links, at = "<", list[int](), 0
    while at + 12 <= len(data):
        kind = struct.unpack_from(f"{order}I", data, at)[0]
        if kind == SECTION:
            order, links = ORDERS.get(data[at + 8 : at + 12], order), []
        size = struct.unpack_from(f"{order}I", data, at + 4)[0]
        if size < 12 or at + size > len(data):
            return
        body = data[at + 8 : at + size - 4]
        if kind == INTERFACE and len(body) >= 2:
            links.append(struct.unpack_from(f"{order}H", body)[0])
        elif kind == ENHANCED and len(body) >= 20:
            interface, _, _, kept, length = struct.unpack_from(f"{order}IIIII", body)
            link = links[interface] if interface < len(links) else RAW
            yield link, body[20 : 20 + kept], kept >= length
        elif kind == SIMPLE and len(body) >= 4 and links:
            length = struct.unpack_from(f"{order}I", body)[0]
            yield links[0], body[4 : 4 + length], len(body) - 4 >= length
        at += size


def _network(link: int, packet: bytes) -> bytes:
    """Return the IP packet inside the frame *packet*, or nothing."""
    if link == ETHERNET:
        at, kind = 14, packet[12:14]
        while kind in (b"\x81\x00", b"\x88\xa8"):
            kind, at = packet[at + 2 : at + 4], at + 4
        return packet[at:] if kind in (b"\x08\x00", b"\x86\xdd") else b""
    return packet[{NULL: 4, COOKED: 16, COOKED_2: 20}.get(link, 0) :]


def _udp(packet: bytes) -> tuple[bytes, bool] | None:
    """Return the payload of the UDP datagram in the IP *packet* and whether it is whole; None if there is none."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 28 and packet[9] == UDP:
        at = (packet[0] & 15) * 4
        fragment = struct.unpack_from(">H", packet, 6)[0]
        if fragment & 0x1FFF:
            return None
        part = bool(fragment & 0x2000)
    elif version == 6 and len(packet) >= 48 and packet[6] == UDP:
        at, part = 40, False
    else:
        return None
    if len(packet) < at + 8:
        return None
    length = struct.unpack_from(">H", packet, at + 4)[0]
    payload = packet[at + 8 : at + length]
    return payload, not part and len(payload) == length - 8
