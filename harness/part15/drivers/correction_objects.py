"""The signed objects that a product is asked to correct: an image of two signatories, and a verified report."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

from part15.channel.services import Instance
from part15.forge import issue, shared_keys
from part15.wire import part10, trap_objects
from part15.wire.signing import Order, Signer, code_nodes, sign
from part15.wire.trap_objects import EXPLICIT, SECONDARY_CAPTURE, Trap, new_uid
from part15.wire.tree import Node, file_of, text_node

BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
PATIENT_NAME, OBSERVED = 0x00100010, 0x0040A032
VERIFICATION = ("5", "ASTM-sigpurpose", "Verification Signature")
AUTHOR = ("1", "ASTM-sigpurpose", "Author's Signature")
_PIXELS = (0x00080016, 0x0020000D, 0x0020000E, 0x00280010, 0x00280011, 0x7FE00010)
"""What a signature covers that no correction of the patient breaks."""


@dataclass(frozen=True)
class Correctable:
    """A signed object, and what is to be corrected in it: *tag* from *old* to *new*; *ours* are its signatures."""

    kind: str
    instance: Instance
    study: str
    series: str
    tag: int
    old: str
    new: str
    ours: tuple[str, ...]


@functools.cache
def _signer(name: str) -> Signer:
    from cryptography.hazmat.primitives.serialization import Encoding

    key = shared_keys().rsa(f"correction-{name}")
    return Signer(key, issue(f"part15 test {name}", key, None).public_bytes(Encoding.DER))


def correctable(kind: str) -> Correctable:
    """Return a new object of *kind*, ``image`` or ``report``; the study has nothing else."""
    return _image() if kind == "image" else _report()


def _signed(octets: bytes, orders: Sequence[Order]) -> bytes:
    for order in orders:
        octets = sign(octets, order)
    file = part10.parse(octets)
    return bytes(file.data_set[file.start :])


def _image() -> Correctable:
    """Return a secondary capture signed by creator (everything), by an authorizing person, and over its pixels."""
    uid, study, series = new_uid(), new_uid(), new_uid()
    signatures = new_uid(), new_uid(), new_uid()
    plain = trap_objects.joined(trap_objects.base(uid, study, series))
    orders = (
        Order(_signer("creator"), uid=signatures[0]),
        Order(_signer("person"), uid=signatures[1], mac_id=1, purpose=AUTHOR),
        Order(_signer("creator"), uid=signatures[2], mac_id=2, tags=_PIXELS),
    )
    data = _signed(trap_objects.file_of(Trap("signed", uid, plain)), orders)
    instance = Instance(SECONDARY_CAPTURE, uid, EXPLICIT, data)
    names = "PART15^Test", "PART15^Corrected"
    return Correctable("image", instance, study, series, PATIENT_NAME, *names, signatures)


def _report() -> Correctable:
    """Return a verified Basic Text SR, signed by its verifying observer over everything."""
    uid, study, series = new_uid(), new_uid(), new_uid()
    old, new = "20260102101112", "20260102111112"
    observer = [
        text_node(0x0040A027, "LO", "PART15"),
        text_node(0x0040A030, "DT", "20260102121212"),
        text_node(0x0040A075, "PN", "PART15^Reader"),
        Node(0x0040A088, "SQ", items=[]),
    ]
    finding = [
        text_node(0x0040A010, "CS", "CONTAINS"),
        text_node(0x0040A040, "CS", "TEXT"),
        Node(0x0040A043, "SQ", items=[code_nodes("121071", "DCM", "Finding")]),
        text_node(0x0040A160, "UT", "nothing of note"),
    ]
    nodes = [
        text_node(0x00080005, "CS", "ISO_IR 100"),
        text_node(0x00080016, "UI", BASIC_TEXT_SR),
        text_node(0x00080018, "UI", uid),
        text_node(0x00080020, "DA", "20260102"),
        text_node(0x00080023, "DA", "20260102"),
        text_node(0x00080030, "TM", "101112"),
        text_node(0x00080033, "TM", "101112"),
        text_node(0x00080050, "SH", "PART15"),
        text_node(0x00080060, "CS", "SR"),
        text_node(0x00080070, "LO", "part15"),
        text_node(0x00080090, "PN", ""),
        Node(0x00081111, "SQ", items=[]),
        text_node(0x00100010, "PN", "PART15^Test"),
        text_node(0x00100020, "LO", "PART15-1"),
        text_node(0x00100030, "DA", ""),
        text_node(0x00100040, "CS", ""),
        text_node(0x0020000D, "UI", study),
        text_node(0x0020000E, "UI", series),
        text_node(0x00200010, "SH", "PART15"),
        text_node(0x00200011, "IS", "1"),
        text_node(0x00200013, "IS", "1"),
        text_node(OBSERVED, "DT", old),
        text_node(0x0040A040, "CS", "CONTAINER"),
        Node(0x0040A043, "SQ", items=[code_nodes("126000", "DCM", "Imaging Report")]),
        text_node(0x0040A050, "CS", "SEPARATE"),
        Node(0x0040A073, "SQ", items=[observer]),
        Node(0x0040A372, "SQ", items=[]),
        text_node(0x0040A491, "CS", "COMPLETE"),
        text_node(0x0040A493, "CS", "VERIFIED"),
        Node(0x0040A730, "SQ", items=[finding]),
    ]
    signature = new_uid()
    order = Order(_signer("reader"), uid=signature, purpose=VERIFICATION)
    data = _signed(file_of(nodes), [order])
    instance = Instance(BASIC_TEXT_SR, uid, EXPLICIT, data)
    return Correctable("report", instance, study, series, OBSERVED, old, new, (signature,))
