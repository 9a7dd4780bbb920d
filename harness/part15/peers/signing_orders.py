"""How the right signer signs, and the shape of a fault of one (PS3.15 Annex C)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from part15.peers.signing_party import SigningParty
from part15.peers.signing_samples import ROOT, compressed, image, plain, reference, report
from part15.wire.part10 import BIG_ENDIAN_UID
from part15.wire.signing import Order, sign
from part15.wire.tree import Node, file_of, opened

Files = Mapping[str, bytes]
"""The files a signer writes, by name."""
FAMILY = "digital_signatures"


@dataclass(frozen=True)
class SigningFault:
    """A signer with one defect: *make* writes the files it signs; *flips* the clauses they violate, and *why*."""

    name: str
    text: str
    flips: tuple[str, ...]
    make: Callable[[SigningParty], Files]
    why: str = ""
    family: str = FAMILY
    role: str = "signer"


def right_order(party: SigningParty, number: int = 1, **changes: Any) -> Order:
    """Return how the right signer signs: purpose, certified timestamp, all elements."""
    order = Order(
        party.right,
        uid=f"{ROOT}.8.{number}",
        purpose=("1", "ASTM-sigpurpose", "Author's Signature"),
        token=party.authority.stamp,
    )
    return replace(order, **changes)


def right_files(party: SigningParty) -> dict[str, bytes]:
    """Return what a right signer writes: images in several encodings, two signers, signed items, a report."""
    first = sign(plain(), right_order(party))
    both = sign(
        first, right_order(party, 2, signer=party.signers["second"], mac_id=1, algorithm="SHA512")
    )
    item = sign(plain(), right_order(party, 3, level=((0x00400275, 2),), token=None))
    big = sign(file_of(_without_unknown(), BIG_ENDIAN_UID), right_order(party, 5))
    document = sign(file_of(report([reference(first)])), right_order(party, 6))
    return {
        "image.dcm": first,
        "two-signers.dcm": both,
        "item-then-main.dcm": sign(item, right_order(party, 4)),
        "big-endian.dcm": big,
        "compressed.dcm": sign(compressed(), right_order(party, 7)),
        "report.dcm": document,
    }


def _without_unknown() -> list[Node]:
    return [node for node in image() if node.vr != "UN"]


def changed(
    name: str, text: str, flips: Sequence[str], why: str = "", **changes: Any
) -> SigningFault:
    """Return a fault whose signer signs the image with *changes* of the right order; names of signers are looked up."""

    def make(party: SigningParty) -> Files:
        found = dict(changes)
        if isinstance(found.get("signer"), str):
            found["signer"] = party.signers[found["signer"]]
        return {"image.dcm": sign(plain(), right_order(party, **found))}

    return SigningFault(name, text, tuple(flips), make, why)


def edited(
    name: str, text: str, flips: Sequence[str], edit: Callable[[list[Node]], None], why: str = ""
) -> SigningFault:
    """Return a fault that edits the right signed image."""

    def make(party: SigningParty) -> Files:
        nodes, _ = opened(sign(plain(), right_order(party)))
        edit(nodes)
        return {"image.dcm": file_of(nodes)}

    return SigningFault(name, text, tuple(flips), make, why)
