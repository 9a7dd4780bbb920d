"""A small signer (PS3.3 C.12.1.1.3, PS3.15 C.1): makes the objects our own tests and peers need.

    signed = sign(data, Order(signer=Signer(key, certificate_der), tags=(0x00080018, ...)))

Every way in which a signer can go wrong that the clauses of Annex C know is a field of :class:`Order`.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from part15.wire.elements import Syntax
from part15.wire.mac_stream import (
    MAC_PARAMETERS,
    SEQUENCE_OF_SIGNATURES,
    TOP,
    Stored,
    forbidden,
    gathered,
    listed,
    of_signature_item,
    stream,
)
from part15.wire.part10 import (
    BIG_ENDIAN_UID,
    EXPLICIT_UID,
    IMPLICIT_UID,
    Part10File,
    parse,
    syntax_of,
)
from part15.wire.signature_value import TERMS, digest_info, digest_of
from part15.wire.tree import Node, file_of, find, octets_node, opened, put, text_node

Level = tuple[tuple[int, int], ...]
"""The way down to an item: (tag of the sequence, number of the item from 1), ..."""

Pieces = Iterator[memoryview | bytes]
Streamer = Callable[[Stored, Sequence[int], Sequence[int], Syntax], Pieces]
_CERTIFICATE, _SIGNATURE = 0x04000115, 0x04000120


@dataclass(frozen=True)
class Signer:
    """A private key (``cryptography``) and the octets that go into Certificate of Signer."""

    key: Any
    certificate: bytes


def prescribed(source: Stored, chosen: Sequence[int], own: Sequence[int], syntax: Syntax) -> Pieces:
    """The stream of PS3.3."""
    return stream(source, [*chosen, *own], syntax)


def padded_block(size: int, content: bytes, *, kind: int = 1) -> bytes:
    """Return an encryption block of *size* octets, type 01, around *content*."""
    return bytes((0, kind)) + b"\xff" * (size - 3 - len(content)) + b"\0" + content


@dataclass(frozen=True)
class Order:
    """What to sign and how; the defaults make a right signature over every signable element.

    *datetime* empty means now; *tags* None means all signable ones; *level* () the top level; *listing* changes the list of tags
    after the stream was chosen; *term* overrides the label of the algorithm; *streamer* the octets that
    are hashed; *block* the content under the signature: ``digestinfo``, ``bare``, ``garbage``, ``type2``
    or ``pss``; *value* changes the octets of the signature; *item* and *parameters* change the finished
    items; *share* reuses an existing MAC Parameters item of that ID instead of writing one.
    """

    signer: Signer
    tags: tuple[int, ...] | None = None
    level: Level = ()
    algorithm: str = "SHA256"
    uid: str = "1.2.826.0.1.3680043.10.1515.2.1"
    datetime: str = ""
    mac_id: int = 0
    mac_syntax: str = ""
    purpose: tuple[str, str, str] | None = None
    token: Callable[[bytes], bytes] | None = None
    timestamp_type: str | None = "CMS_TSP"
    term: str = ""
    certificate_type: str = "X509_1993_SIG"
    listing: Callable[[tuple[int, ...]], tuple[int, ...]] | None = None
    streamer: Streamer = prescribed
    block: str = "digestinfo"
    value: Callable[[bytes], bytes] | None = None
    item: Callable[[list[Node]], None] | None = None
    parameters: Callable[[list[Node]], None] | None = None
    store_in: str = ""
    share: bool = False
    extra: tuple[Node, ...] = field(default=())


def sign(data: bytes, order: Order) -> bytes:
    """Return the file in *data* with one more signature.

    Raises MalformedDataSet if *data* cannot be read, ValueError if *order* names a level that is not there.
    """
    nodes, file = opened(data)
    uid = order.store_in or file.transfer_syntax
    place = _descend(nodes, order.level)
    tags = _signable(file, order) if order.tags is None else order.tags
    mac_syntax = order.mac_syntax or _mac_syntax(uid)
    shown = order.listing(tags) if order.listing else tags
    if not order.share:
        _append(place, MAC_PARAMETERS, _parameters(order, mac_syntax, shown))
    item = _signature_item(order)
    _append(place, SEQUENCE_OF_SIGNATURES, item)
    unsigned = file_of(nodes, uid)
    source, level, signature = _located(unsigned, order.level)
    chosen = listed(source, level, tags)
    own = of_signature_item(source, signature)
    pieces = order.streamer(source, chosen, own, syntax_of(mac_syntax))
    mac, _ = digest_of(gathered(pieces), TERMS[order.algorithm])
    value = _value(order, mac)
    if order.value:
        value = order.value(value)
    put(item, octets_node(_CERTIFICATE, order.signer.certificate))
    put(item, octets_node(_SIGNATURE, value))
    if order.token is not None:
        if order.timestamp_type is not None:
            put(item, text_node(0x04000305, "CS", order.timestamp_type))
        put(item, octets_node(0x04000310, order.token(value)))
    if order.item:
        order.item(item)
    return file_of(nodes, uid)


def _mac_syntax(uid: str) -> str:
    return EXPLICIT_UID if uid in (IMPLICIT_UID, BIG_ENDIAN_UID) else uid


def _descend(nodes: list[Node], level: Level) -> list[Node]:
    for tag, number in level:
        node = find(nodes, tag)
        if node is None or node.items is None or not 0 < number <= len(node.items):
            raise ValueError(f"there is no item {number} of {tag:08X}")
        nodes = node.items[number - 1]
    return nodes


def _signable(file: Part10File, order: Order) -> tuple[int, ...]:
    source = _stored(file)
    level = _level_index(source, order.level)
    return tuple(source.elements[i].tag for i in source.level(level) if i not in source.unsignable)


def _stored(file: Part10File) -> Stored:
    return Stored(memoryview(file.data_set), file.walk(), file.syntax)


def _level_index(source: Stored, level: Level) -> int:
    at = TOP
    for tag, number in level:
        index = next(i for i in source.level(at) if source.elements[i].tag == tag)
        at = source.level(index)[number - 1]
    return at


def _located(data: bytes, level: Level) -> tuple[Stored, int, int]:
    """Return the data set, the level, and the last signature item at that level."""
    source = _stored(parse(data))
    at = _level_index(source, level)
    index = next(i for i in source.level(at) if source.elements[i].tag == SEQUENCE_OF_SIGNATURES)
    return source, at, source.level(index)[-1]


def _append(nodes: list[Node], tag: int, item: list[Node]) -> None:
    node = find(nodes, tag)
    if node is None or node.items is None:
        node = Node(tag, "SQ", items=[])
        put(nodes, node)
    assert node.items is not None
    node.items.append(item)


def at_node(tags: Sequence[int]) -> Node:
    """Return Data Elements Signed with *tags*."""
    return Node(0x04000020, "AT", b"".join(struct.pack("<HH", t >> 16, t & 0xFFFF) for t in tags))


def _parameters(order: Order, mac_syntax: str, tags: Sequence[int]) -> list[Node]:
    item = [
        Node(0x04000005, "US", struct.pack("<H", order.mac_id)),
        text_node(0x04000010, "UI", mac_syntax),
        text_node(0x04000015, "CS", order.term or order.algorithm),
        at_node(tags),
    ]
    if order.parameters:
        order.parameters(item)
    return item


def code_nodes(value: str, scheme: str, meaning: str) -> list[Node]:
    """Return the elements of a code item."""
    return [
        text_node(0x00080100, "SH", value),
        text_node(0x00080102, "SH", scheme),
        text_node(0x00080104, "LO", meaning),
    ]


def now() -> str:
    """Return the present as a DT value with an offset from UTC."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%d%H%M%S}+0000"


def _signature_item(order: Order) -> list[Node]:
    item = [
        Node(0x04000005, "US", struct.pack("<H", order.mac_id)),
        text_node(0x04000100, "UI", order.uid),
        text_node(0x04000105, "DT", order.datetime or now()),
        text_node(0x04000110, "CS", order.certificate_type),
    ]
    if order.purpose is not None:
        put(item, Node(0x04000401, "SQ", items=[code_nodes(*order.purpose)]))
    for node in order.extra:
        put(item, node)
    return item


def _value(order: Order, mac: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

    key = order.signer.key
    if not isinstance(key, rsa.RSAPrivateKey):
        return _other_value(key, order.algorithm, mac)
    if order.block == "pss":
        return _pss(key, order.algorithm, mac)
    numbers = key.private_numbers()
    size = (key.key_size + 7) // 8
    info = digest_info(TERMS[order.algorithm], mac)
    content = {"bare": mac, "garbage": info + b"part15"}.get(order.block, info)
    if order.block in ("bare", "digestinfo"):
        value: bytes = key.sign(content, padding.PKCS1v15(), utils.NoDigestInfo())
        return value
    if order.block == "garbage":
        block = b"\0\1" + b"\xff" * 8 + b"\0" + content
        block += bytes(size - len(block))
    else:
        block = padded_block(size, content, kind=2 if order.block == "type2" else 1)
    number = pow(int.from_bytes(block, "big"), numbers.d, numbers.public_numbers.n)
    return number.to_bytes(size, "big")


def _prehashed(algorithm: str) -> Any:
    from cryptography.hazmat.primitives import hashes

    return getattr(hashes, algorithm)()


def _pss(key: Any, algorithm: str, mac: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import padding, utils

    function = _prehashed(algorithm)
    scheme = padding.PSS(padding.MGF1(function), padding.PSS.DIGEST_LENGTH)
    value: bytes = key.sign(mac, scheme, utils.Prehashed(function))
    return value


def _other_value(key: Any, algorithm: str, mac: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    hashed = utils.Prehashed(_prehashed(algorithm))
    value: bytes = (
        key.sign(mac, ec.ECDSA(hashed))
        if isinstance(key, ec.EllipticCurvePrivateKey)
        else key.sign(mac, hashed)
    )
    return value


def referenced_mac(data: bytes, tags: Sequence[int], algorithm: str = "SHA256") -> list[Node]:
    """Return an item of Referenced SOP Instance MAC Sequence over the object in *data*."""
    source = _stored(parse(data))
    mac, _ = digest_of(stream(source, listed(source, TOP, tags)), TERMS[algorithm])
    return [
        text_node(0x04000010, "UI", EXPLICIT_UID),
        text_node(0x04000015, "CS", algorithm),
        at_node(tags),
        octets_node(0x04000404, mac),
    ]


def signable_tags(tags: Sequence[int]) -> tuple[int, ...]:
    """Return those of *tags* that may be signed by their tag."""
    return tuple(tag for tag in tags if not forbidden(tag))
