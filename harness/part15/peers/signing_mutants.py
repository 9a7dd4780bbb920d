"""Objects for verifiers of signatures: good ones, and mutants with one defect each (PS3.15 C.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from part15.peers.signing_orders import right_order
from part15.peers.signing_party import SigningParty
from part15.peers.signing_samples import compressed, image, plain
from part15.wire.part10 import BIG_ENDIAN_UID, DEFLATED_UID, IMPLICIT_UID
from part15.wire.signature_value import TERMS
from part15.wire.signing import at_node, sign
from part15.wire.tree import Node, file_of, items_in, need, opened, put, take, text_node

_SIGNATURES, _PARAMETERS, _REQUEST = 0xFFFAFFFA, 0x4FFE0001, 0x00400275


@dataclass(frozen=True)
class SignedMutant:
    """A signed object; without a *defect* a verifier has to accept it."""

    name: str
    octets: bytes
    defect: str = ""

    @property
    def right(self) -> bool:
        """Tell whether a verifier has to accept it."""
        return not self.defect


def hashes(party: SigningParty) -> Iterator[SignedMutant]:
    """Yield one good object per MAC algorithm."""
    for term in TERMS:
        order = right_order(party, algorithm=term, token=None)
        yield SignedMutant(term, sign(plain(), order))


def controls(party: SigningParty) -> Iterator[SignedMutant]:
    """Yield good objects in every encoding, with several signatures, and one changed where nothing is signed."""
    order = right_order(party, token=None)
    nodes = [n for n in image() if n.vr != "UN" and n.tag >> 16 != 0x0029]
    yield SignedMutant("good", sign(plain(), order))
    yield SignedMutant("good-compressed", sign(compressed(), order))
    for name, uid in (
        ("implicit", IMPLICIT_UID),
        ("big-endian", BIG_ENDIAN_UID),
        ("deflated", DEFLATED_UID),
    ):
        yield SignedMutant(f"good-{name}", sign(file_of(nodes, uid), order))
    yield SignedMutant("good-two-signatures", _two(party))
    yield SignedMutant(
        "good-item-signature", sign(plain(), right_order(party, level=((_REQUEST, 2),), token=None))
    )
    changed, _ = opened(sign(plain(), order))
    put(changed, text_node(0x00104000, "LT", "added after signing, not in the list"))
    yield SignedMutant("good-unlisted-element-added", file_of(changed))


def _two(party: SigningParty) -> bytes:
    first = sign(plain(), right_order(party, token=None))
    return sign(first, right_order(party, 2, signer=party.signers["second"], mac_id=1, token=None))


def historic(party: SigningParty) -> Iterator[SignedMutant]:
    """Yield an object whose one signature belongs to an earlier state, beside a good one."""
    nodes, _ = opened(sign(plain(), right_order(party, token=None)))
    earlier = [need(nodes, _PARAMETERS), need(nodes, _SIGNATURES)]
    current = [n for n in nodes if n.tag not in (_PARAMETERS, _SIGNATURES)]
    put(current, text_node(0x00100010, "PN", "Changed^Since"))
    put(current, Node(0x04000561, "SQ", items=[[Node(0x04000550, "SQ", items=[earlier])]]))
    yield SignedMutant(
        "good-earlier-signature", sign(file_of(current), right_order(party, 2, token=None))
    )


Edit = Callable[[list[Node]], None]


def _value(nodes: list[Node]) -> None:
    put(nodes, text_node(0x00100010, "PN", "Other^Object"))


def _pixel(nodes: list[Node]) -> None:
    pixels = need(nodes, 0x7FE00010)
    pixels.value = pixels.value[:-1] + bytes((pixels.value[-1] ^ 1,))


def _vr(nodes: list[Node]) -> None:
    need(nodes, 0x00291001).vr = "SH"


def _padding(nodes: list[Node]) -> None:
    need(nodes, 0x7FE00010).value += b"\0\0"


def _item_order(nodes: list[Node]) -> None:
    items_in(nodes, _REQUEST).reverse()


def _removed(nodes: list[Node]) -> None:
    take(nodes, 0x00100010)


def _item_added(nodes: list[Node]) -> None:
    items_in(nodes, _REQUEST).append([])


def _added_inside(nodes: list[Node]) -> None:
    put(items_in(nodes, _REQUEST)[0], text_node(0x00400007, "LO", "added"))


def _nested(nodes: list[Node]) -> None:
    code = items_in(items_in(nodes, _REQUEST)[0], 0x00400008)[0]
    put(code, text_node(0x00080104, "LO", "another"))


def _list(nodes: list[Node]) -> None:
    item = items_in(nodes, _PARAMETERS)[0]
    tags = [
        n.tag
        for n in image()
        if n.vr != "UN" and n.tag & 0xFFFF and n.tag not in (0x00100010, 0xFFFCFFFC)
    ]
    put(item, at_node(tags))


def _label(nodes: list[Node]) -> None:
    put(items_in(nodes, _PARAMETERS)[0], text_node(0x04000015, "CS", "SHA512"))


def _date(nodes: list[Node]) -> None:
    put(items_in(nodes, _SIGNATURES)[0], text_node(0x04000105, "DT", "20200101000000+0000"))


def _cut(nodes: list[Node]) -> None:
    signature = need(items_in(nodes, _SIGNATURES)[0], 0x04000120)
    signature.value = signature.value[:-16]


def _no_signature_value(nodes: list[Node]) -> None:
    put(items_in(nodes, _SIGNATURES)[0], Node(0x04000120, "OB", b""))


def _parameters(nodes: list[Node]) -> None:
    take(nodes, _PARAMETERS)


_EDITS: dict[str, tuple[str, Edit]] = {
    "value": ("a signed value is another", _value),
    "pixel-bit": ("one bit of the pixel data is another", _pixel),
    "vr": ("a signed element has another VR", _vr),
    "padding": ("pixel data has two octets more", _padding),
    "item-order": ("two items of a signed sequence changed places", _item_order),
    "element-removed": ("a signed element is gone", _removed),
    "item-added": ("a signed sequence has an empty item more", _item_added),
    "element-added-in-item": ("an item of a signed sequence has an element more", _added_inside),
    "nested-value": ("a value two levels down is another", _nested),
    "list-shortened": ("the list of signed elements lacks one", _list),
    "algorithm-label": ("the MAC algorithm is labelled otherwise", _label),
    "signature-date": ("the signature says another time", _date),
    "signature-cut": ("the signature is shorter", _cut),
    "signature-empty": ("the signature is empty", _no_signature_value),
    "parameters-removed": ("there are no MAC parameters", _parameters),
}


def tampered(party: SigningParty) -> Iterator[SignedMutant]:
    """Yield signed objects that were altered, one thing each; a verifier accepts none."""
    good = sign(plain(), right_order(party, token=None))
    for name, (defect, edit) in _EDITS.items():
        nodes, _ = opened(good)
        edit(nodes)
        yield SignedMutant(name, file_of(nodes), defect)
    nodes, _ = opened(good)
    put(
        items_in(nodes, _SIGNATURES)[0],
        Node(0x04000115, "OB", _padded(party.signers["second"].certificate)),
    )
    yield SignedMutant(
        "certificate-swapped", file_of(nodes), "the certificate is that of another signer"
    )
    nodes, _ = opened(_two(party))
    put(items_in(nodes, _SIGNATURES)[1], text_node(0x04000105, "DT", "20200101000000+0000"))
    yield SignedMutant(
        "second-signature", file_of(nodes), "the second of two signatures does not hold"
    )
    nodes, _ = opened(sign(plain(), right_order(party, level=((_REQUEST, 2),), token=None)))
    put(items_in(nodes, _REQUEST)[1], text_node(0x00401001, "SH", "3"))
    yield SignedMutant(
        "item-signature",
        file_of(nodes),
        "a value in an item with a signature of its own is another",
    )
    nodes, _ = opened(sign(compressed(), right_order(party, token=None)))
    fragments = need(nodes, 0x7FE00010).fragments or []
    need(nodes, 0x7FE00010).fragments = [fragments[0], fragments[1] + fragments[2]]
    yield SignedMutant(
        "fragments-joined", file_of(nodes, "1.2.840.10008.1.2.5"), "two pixel fragments became one"
    )


def _padded(octets: bytes) -> bytes:
    return octets + bytes(len(octets) % 2)
