"""Objects to sign: an image with everything the MAC stream knows, a report, and one object per module of Annex C."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from part15.content import table
from part15.wire.dictionary import tag_number, vr_of
from part15.wire.part10 import EXPLICIT_UID
from part15.wire.signing import Order, Signer, code_nodes, referenced_mac, sign
from part15.wire.tree import Node, file_of, items_in, need, octets_node, opened, put, text_node

CT = "1.2.840.10008.5.1.4.1.1.2"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
RLE = "1.2.840.10008.1.2.5"
ROOT = "1.2.826.0.1.3680043.10.1515.4"
IDENTITY = (0x00080016, 0x00080018, 0x0020000D, 0x0020000E)
_OVERLAY, _CURVE = "60", "50"


def identity(sop_class: str, number: int) -> list[Node]:
    """Return the UIDs of object *number*."""
    return [
        text_node(0x00080016, "UI", sop_class),
        text_node(0x00080018, "UI", f"{ROOT}.{number}"),
        text_node(0x0020000D, "UI", f"{ROOT}.1000"),
        text_node(0x0020000E, "UI", f"{ROOT}.1001"),
    ]


def image() -> list[Node]:
    """Return a CT image: group lengths, nested sequences, an item with excluded elements, private and UN elements."""
    nested = [
        Node(0x00080000, "UL", b"\x08\0\0\0"),
        Node(0x00400008, "SQ", items=[code_nodes("1", "99PART15", "protocol"), []]),
        text_node(0x00401001, "SH", "1"),
    ]
    nodes = [
        *identity(CT, 1),
        Node(0x00080000, "UL", b"\x08\0\0\0"),
        text_node(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
        text_node(0x00080012, "DA", "20260601"),
        text_node(0x00080013, "TM", "120000"),
        text_node(0x00080060, "CS", "CT"),
        text_node(0x00080070, "LO", "part15"),
        text_node(0x00100010, "PN", "Signed^Object"),
        text_node(0x00200013, "IS", "1"),
        Node(0x00280002, "US", b"\1\0"),
        text_node(0x00280004, "CS", "MONOCHROME2"),
        Node(0x00280010, "US", b"\4\0"),
        Node(0x00280011, "US", b"\4\0"),
        Node(0x00280100, "US", b"\x10\0"),
        Node(0x00280101, "US", b"\x10\0"),
        Node(0x00280102, "US", b"\x0f\0"),
        Node(0x00280103, "US", b"\0\0"),
        text_node(0x00290010, "LO", "PART15"),
        text_node(0x00291001, "LO", "private"),
        Node(0x00291002, "UN", b"\1\2"),
        Node(0x00400275, "SQ", items=[nested, [text_node(0x00401001, "SH", "2")]]),
        Node(0x7FE00010, "OW", bytes(range(32))),
        Node(0xFFFCFFFC, "OB", b"\0\0"),
    ]
    return sorted(nodes, key=lambda n: n.tag)


def plain() -> bytes:
    """Return the image as a file in explicit VR little endian."""
    return file_of(image())


def compressed() -> bytes:
    """Return the image with encapsulated pixel data; the fragments are no real RLE."""
    nodes = image()
    put(nodes, Node(0x7FE00010, "OB", fragments=[b"", b"\1\0\0\0" + bytes(60), bytes(20)]))
    return file_of(nodes, RLE)


def reference(data: bytes, *, mac: bool = True, algorithm: str = "SHA256") -> list[Node]:
    """Return an item of Referenced SOP Sequence for the signed object in *data*, with MAC and signature."""
    nodes, _ = opened(data)
    item = [
        Node(0x00081150, "UI", need(nodes, 0x00080016).value),
        Node(0x00081155, "UI", need(nodes, 0x00080018).value),
    ]
    for signature in items_in(nodes, 0xFFFAFFFA)[:1]:
        copied = [
            Node(0x04000100, "UI", need(signature, 0x04000100).value),
            Node(0x04000120, "OB", need(signature, 0x04000120).value),
        ]
        put(item, Node(0x04000402, "SQ", items=[copied]))
    if mac:
        tags = (*IDENTITY, 0x00280010, 0x7FE00010)
        put(item, Node(0x04000403, "SQ", items=[referenced_mac(data, sorted(tags), algorithm)]))
    return item


def report(items: Sequence[list[Node]] = (), *, verified: bool = True) -> list[Node]:
    """Return a Basic Text SR that refers to *items* (of :func:`reference`) in its evidence."""
    observer = [
        text_node(0x0040A030, "DT", "20260601120000"),
        text_node(0x0040A075, "PN", "Reader^One"),
    ]
    text = [
        text_node(0x0040A010, "CS", "CONTAINS"),
        text_node(0x0040A040, "CS", "TEXT"),
        Node(0x0040A043, "SQ", items=[code_nodes("121071", "DCM", "Finding")]),
        text_node(0x0040A160, "UT", "nothing"),
    ]
    nodes = [
        *identity(BASIC_TEXT_SR, 2),
        text_node(0x00080060, "CS", "SR"),
        text_node(0x00080070, "LO", "part15"),
        text_node(0x00200013, "IS", "1"),
        text_node(0x0040A032, "DT", "20260601120000"),
        text_node(0x0040A040, "CS", "CONTAINER"),
        Node(0x0040A043, "SQ", items=[code_nodes("126000", "DCM", "Imaging Report")]),
        text_node(0x0040A050, "CS", "SEPARATE"),
        Node(0x0040A360, "SQ", items=[_study([reference_to(3)])]),
        Node(0x0040A385, "SQ", items=[_study([reference_to(4)])]),
        text_node(0x0040A491, "CS", "COMPLETE"),
        text_node(0x0040A493, "CS", "VERIFIED" if verified else "UNVERIFIED"),
        Node(0x0040A504, "SQ", items=[[text_node(0x0040DB00, "CS", "2000")]]),
        Node(0x0040A730, "SQ", items=[text]),
    ]
    if verified:
        nodes.append(Node(0x0040A073, "SQ", items=[observer]))
    if items:
        nodes.append(Node(0x0040A375, "SQ", items=[_study(list(items))]))
    return sorted(nodes, key=lambda n: n.tag)


def reference_to(number: int) -> list[Node]:
    """Return a bare reference to object *number*."""
    return [
        text_node(0x00081150, "UI", BASIC_TEXT_SR),
        text_node(0x00081155, "UI", f"{ROOT}.{number}"),
    ]


def _study(items: list[list[Node]]) -> list[Node]:
    series = [Node(0x00081199, "SQ", items=items), text_node(0x0020000E, "UI", f"{ROOT}.1001")]
    return [Node(0x00081115, "SQ", items=[series]), text_node(0x0020000D, "UI", f"{ROOT}.1000")]


@dataclass(frozen=True)
class ModuleSample:
    """An object whose IOD contains *module*, with the one attribute *tag* that only that module has."""

    module: str
    sop_class: str
    tag: int
    number: int

    def nodes(self) -> list[Node]:
        """Return the data set."""
        return sorted(
            [*identity(self.sop_class, self.number), small(self.tag)], key=lambda n: n.tag
        )


def small(tag: int) -> Node:
    """Return an element *tag* with a small value of its VR; a sequence holds one item."""
    vr = vr_of(tag).split("/")[0]
    if vr == "SQ":
        return Node(tag, vr, items=[code_nodes("1", "99PART15", "one")])
    if vr in ("US", "SS"):
        return Node(tag, vr, b"\1\0")
    if vr in ("UL", "SL", "FL", "AT"):
        return Node(tag, vr, b"\1\0\0\0")
    if vr == "FD":
        return Node(tag, vr, bytes(8))
    if vr.startswith("O"):
        return octets_node(tag, bytes(8), vr)
    texts = {
        "UI": "1.2.3",
        "DA": "20260601",
        "TM": "120000",
        "DT": "20260601120000",
        "IS": "1",
        "DS": "1",
    }
    return text_node(tag, vr, texts.get(vr, "A"))


@functools.cache
def module_samples(profile: str) -> tuple[ModuleSample, ...]:
    """Return one sample per module that *profile* still has and a SOP Class, or mere presence, can show."""
    lists = table("signature-modules")
    modules = [name for name, _, last in lists["profiles"][profile]["modules"] if last is None]
    found = []
    for number, module in enumerate(modules, 100):
        sample = _sample(module, modules, number)
        if sample is not None:
            found.append(sample)
    return tuple(found)


def _tags(module: str) -> list[int]:
    """Return the tags of *module* in the newest list; the first group of repeating ones."""
    rows = table("signature-modules")["modules"][module]
    found = []
    for row in rows:
        tag, _, flags = row.split(" ")
        if "c" in flags or "xx" in tag:
            found.append(tag_number(tag.replace("xx", "00")))
    return found


def _sample(module: str, modules: Sequence[str], number: int) -> ModuleSample | None:
    shown = ("overlay-plane", "curve", "graphic-annotation", "multi-frame-functional-groups")
    first = {"graphic-annotation": 0x00700001, "multi-frame-functional-groups": 0x52009229}
    if module in shown:
        tag = first.get(module) or _tags(module)[0]
        return ModuleSample(module, CT, tag, number)
    for uid, iod in table("iod-modules")["classes"].items():
        there = {entry.split(" ")[0] for entry in iod["modules"]} & set(modules)
        if module not in there:
            continue
        others = {tag for other in there - {module} for tag in _tags(other)}
        for tag in _tags(module):
            if tag not in others and tag not in IDENTITY:
                return ModuleSample(module, uid, tag, number)
    return None


def signed(nodes: Sequence[Node], signer: Signer, uid: str = EXPLICIT_UID) -> bytes:
    """Return *nodes* as a file with a right signature over all that can be signed."""
    return sign(file_of(nodes, uid), Order(signer, uid=f"{ROOT}.9.{_number(nodes)}"))


def _number(nodes: Sequence[Node]) -> int:
    return int(need(nodes, 0x00080018).value.rstrip(b"\0").rsplit(b".", 1)[1])
