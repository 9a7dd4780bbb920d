"""A data set as a small tree that can be changed and written again, in any native or encapsulated encoding.

For making objects (the signer of the embedded peer, mutants, tests): verification never goes this way.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from part15.wire.elements import FRAGMENT, ITEM, SHORT_FORM, Element, Syntax, children
from part15.wire.mac_stream import Stored, choices, swapped, width_of
from part15.wire.part10 import (
    DEFLATED_UID,
    EXPLICIT_UID,
    Part10File,
    is_deflated,
    parse,
    syntax_of,
    uid_text,
)

_EVER = 0xFFFFFFFF
_ITEM_TAG, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_IMPLEMENTATION = "1.2.826.0.1.3680043.10.1515.1"


@dataclass
class Node:
    """One element: *value* in little endian, or *items* of a sequence, or *fragments* of encapsulated data."""

    tag: int
    vr: str
    value: bytes = b""
    items: list[list[Node]] | None = None
    fragments: list[bytes] | None = None


def tree_of(source: Stored) -> list[Node]:
    """Return the data set as a tree; ambiguous VRs of implicit VR become definite."""
    return _nodes(source, source.top, choices(source))


def _nodes(source: Stored, indices: Iterable[int], vrs: object) -> list[Node]:
    assert isinstance(vrs, dict)
    elements = source.elements
    found = []
    for index in indices:
        element: Element = elements[index]
        vr = vrs.get(element.vr, element.vr)
        inside = list(children(elements, index))
        if vr == "SQ" or (inside and elements[inside[0]].vr is ITEM):
            items = [_nodes(source, children(elements, i), vrs) for i in inside]
            found.append(Node(element.tag, vr, items=items))
        elif element.length < 0:
            octets = [
                bytes(source.data[elements[i].value : elements[i].end])
                for i in inside
                if elements[i].vr is FRAGMENT
            ]
            found.append(Node(element.tag, vr, fragments=octets))
        else:
            octets_of = bytes(source.data[element.value : element.end])
            width = width_of(vr)
            if source.syntax.big and width:
                octets_of = swapped(octets_of, width)
            found.append(Node(element.tag, vr, octets_of))
    return found


def encode(nodes: Sequence[Node], syntax: Syntax, *, undefined: bool = False) -> bytes:
    """Return the data set written in *syntax*; *undefined* lengths for sequences and items, else defined."""
    return b"".join(_element(node, syntax, undefined) for node in nodes)


def _tag(number: int, big: bool) -> bytes:
    return struct.pack(">HH" if big else "<HH", number >> 16, number & 0xFFFF)


def _head(node: Node, length: int, syntax: Syntax) -> bytes:
    order = ">" if syntax.big else "<"
    tag = _tag(node.tag, syntax.big)
    if not syntax.explicit:
        return tag + struct.pack(order + "I", length)
    if node.vr in SHORT_FORM:
        return tag + node.vr.encode() + struct.pack(order + "H", length)
    return tag + node.vr.encode() + b"\0\0" + struct.pack(order + "I", length)


def _framed(tag: int, length: int, big: bool) -> bytes:
    return _tag(tag, big) + struct.pack(">I" if big else "<I", length)


def _element(node: Node, syntax: Syntax, undefined: bool) -> bytes:
    big = syntax.big
    if node.fragments is not None:
        parts = [_framed(_ITEM_TAG, len(f), big) + f for f in node.fragments]
        return _head(node, _EVER, syntax) + b"".join(parts) + _framed(_SEQUENCE_END, 0, big)
    if node.items is None:
        width = width_of(node.vr)
        value = swapped(node.value, width) if big and width else node.value
        return _head(node, len(value), syntax) + value
    bodies = [encode(item, syntax, undefined=undefined) for item in node.items]
    if undefined:
        parts = [
            _framed(_ITEM_TAG, _EVER, big) + body + _framed(_ITEM_END, 0, big) for body in bodies
        ]
        return _head(node, _EVER, syntax) + b"".join(parts) + _framed(_SEQUENCE_END, 0, big)
    content = b"".join(_framed(_ITEM_TAG, len(body), big) + body for body in bodies)
    return _head(node, len(content), syntax) + content


def find(nodes: Sequence[Node], tag: int) -> Node | None:
    """Return the element *tag* of one level, or None."""
    return next((node for node in nodes if node.tag == tag), None)


def need(nodes: Sequence[Node], tag: int) -> Node:
    """Return the element *tag* of one level; KeyError if it is not there."""
    found = find(nodes, tag)
    if found is None:
        raise KeyError(f"{tag:08X}")
    return found


def items_in(nodes: Sequence[Node], tag: int) -> list[list[Node]]:
    """Return the items of the sequence *tag* of one level, none if it is not there."""
    found = find(nodes, tag)
    return [] if found is None or found.items is None else found.items


def put(nodes: list[Node], node: Node) -> None:
    """Put *node* where its tag belongs in one level, in place of one with its tag."""
    nodes[:] = sorted([n for n in nodes if n.tag != node.tag] + [node], key=lambda n: n.tag)


def take(nodes: list[Node], tag: int) -> None:
    """Remove the element *tag* of one level."""
    nodes[:] = [node for node in nodes if node.tag != tag]


def text_node(tag: int, vr: str, text: str) -> Node:
    """Return a text element, padded to even length as its VR asks."""
    value = text.encode("latin-1")
    return Node(tag, vr, value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2))


def octets_node(tag: int, octets: bytes, vr: str = "OB") -> Node:
    """Return a binary element, padded with a zero octet to even length."""
    return Node(tag, vr, octets + bytes(len(octets) % 2))


def file_of(nodes: Sequence[Node], uid: str = EXPLICIT_UID, *, undefined: bool = False) -> bytes:
    """Return a DICOM file with the data set *nodes* in the transfer syntax *uid*."""
    sop_class, instance = find(nodes, 0x00080016), find(nodes, 0x00080018)
    meta = [
        Node(0x00020001, "OB", b"\0\1"),
        text_node(0x00020002, "UI", uid_text(sop_class.value) if sop_class else ""),
        text_node(0x00020003, "UI", uid_text(instance.value) if instance else ""),
        text_node(0x00020010, "UI", uid),
        text_node(0x00020012, "UI", _IMPLEMENTATION),
    ]
    explicit = syntax_of(EXPLICIT_UID)
    group = encode(meta, explicit)
    head = encode([Node(0x00020000, "UL", struct.pack("<I", len(group)))], explicit)
    body = encode(nodes, syntax_of(uid), undefined=undefined)
    if is_deflated(uid):
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = packer.compress(body) + packer.flush()
        body += bytes(len(body) % 2)
    return bytes(128) + b"DICM" + head + group + body


def opened(data: bytes) -> tuple[list[Node], Part10File]:
    """Return the tree and the file in *data*.

    Raises MalformedDataSet if it cannot be read.
    """
    file = parse(data)
    source = Stored(memoryview(file.data_set), file.walk(), file.syntax)
    return tree_of(source), file


def moved(data: bytes, uid: str, *, undefined: bool = False) -> bytes:
    """Return the object in *data* written in the native or deflated transfer syntax *uid*."""
    nodes, _ = opened(data)
    return file_of(nodes, uid, undefined=undefined)


NATIVE_SYNTAXES = (EXPLICIT_UID, "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", DEFLATED_UID)
"""The transfer syntaxes :func:`moved` takes an object with native pixel data to."""
