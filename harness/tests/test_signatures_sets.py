"""Sets that key object selections state, and chains of references."""

from __future__ import annotations

from part15.observations.signatures import SignedObjectSeen
from part15.peers.signing_orders import right_order
from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import (
    ROOT,
    plain,
    reference,
    reference_to,
    report,
)
from part15.wire import part10
from part15.wire.signature_references import resolve
from part15.wire.signature_sets import chains, complete_sets, told
from part15.wire.signed_object import read_object
from part15.wire.signing import code_nodes, sign
from part15.wire.tree import Node, file_of, opened, put, text_node

PARTY = signing_party()


def seen_of(data: bytes, name: str = "object") -> SignedObjectSeen:
    return read_object(data, name, PARTY.trust)


def selection(number: int, title: str, items: list[list[Node]]) -> bytes:
    """Return a Key Object Selection of *title* over *items*."""
    nodes = [n for n in report(items, verified=False) if n.tag not in (0x0040A360, 0x0040A385)]
    put(nodes, text_node(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.59"))
    put(nodes, text_node(0x00080018, "UI", f"{ROOT}.{number}"))
    put(nodes, Node(0x0040A043, "SQ", items=[code_nodes(title, "DCM", "title")]))
    return sign(file_of(nodes), right_order(PARTY, number))


def resolved(files: dict[str, bytes]) -> list[SignedObjectSeen]:
    return resolve(
        [seen_of(d, n) for n, d in files.items()], lambda name: part10.parse(files[name])
    )


def test_complete_sets_are_held_against_what_is_there() -> None:
    first = sign(plain(), right_order(PARTY))
    whole = {"image.dcm": first, "kos.dcm": selection(20, "113033", [reference(first)])}
    (found,) = complete_sets(resolved(whole))
    assert (found.missing, found.extra, found.changed, found.signed) == ((), (), (), True)
    assert "none missing; none extra; none changed" in told(found)
    (found,) = complete_sets(resolved({"kos.dcm": whole["kos.dcm"]}))
    assert found.missing == (f"{ROOT}.1",)
    nodes, _ = opened(first)
    put(nodes, Node(0x7FE00010, "OW", bytes(32)))
    (found,) = complete_sets(resolved({**whole, "image.dcm": file_of(nodes)}))
    assert found.changed == (f"{ROOT}.1",)
    more = {**whole, "more.dcm": file_of(report())}
    (found,) = complete_sets(resolved(more))
    assert found.extra == (f"{ROOT}.2",)
    manifest = {"image.dcm": first, "kos.dcm": selection(20, "113030", [reference(first)])}
    (found,) = complete_sets(resolved({**manifest, "more.dcm": file_of(report())}))
    assert found.extra == ()


def test_selections_of_selections_are_followed_and_bounded() -> None:
    first = sign(plain(), right_order(PARTY))
    inner = selection(21, "113030", [reference(first), reference_to(20)])
    outer = selection(20, "113030", [reference_to(21)])
    sets = {
        s.name: s for s in complete_sets(resolved({"a": first, "inner": inner, "outer": outer}))
    }
    assert sets["outer"].through == ("inner",)
    assert sets["outer"].cycle
    assert f"{ROOT}.1" in sets["outer"].named
    chain = {f"k{n}": selection(n, "113030", [reference_to(n + 1)]) for n in range(30, 60)}
    found = complete_sets(resolved(chain))[0]
    assert found.deep
    assert "were not followed" in told(found)


def test_chains_of_references_are_told() -> None:
    first = sign(plain(), right_order(PARTY))
    middle = selection(21, "113030", [reference(first)])
    top = sign(file_of(report([reference_to(21), reference_to(1)])), right_order(PARTY, 2))
    (sentence,) = chains(resolved({"image": first, "middle": middle, "top": top}))
    assert "top refers to" in sentence
    assert "middle" in sentence
