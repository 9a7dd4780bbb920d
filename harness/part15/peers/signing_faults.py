"""What signers get wrong under the Digital Signatures Macro, one thing each (PS3.3 C.12.1.1.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from part15.peers.signing_orders import Files, SigningFault, changed, edited, right_order
from part15.peers.signing_party import SigningParty, signing_party
from part15.peers.signing_samples import compressed, plain, reference, report
from part15.peers.timestamp_authority import TimestampAuthority
from part15.wire.elements import EXPLICIT_BIG, Syntax
from part15.wire.mac_stream import Stored, stream
from part15.wire.part10 import BIG_ENDIAN_UID
from part15.wire.signing import code_nodes, sign
from part15.wire.tree import Node, file_of, items_in, need, put, take


def _streamed(
    pieces: Callable[[Stored, Sequence[int], Sequence[int]], Iterator[memoryview | bytes]],
) -> Any:
    def streamer(
        source: Stored, chosen: Sequence[int], own: Sequence[int], syntax: Syntax
    ) -> Iterator[memoryview | bytes]:
        del syntax
        return pieces(source, chosen, own)

    return streamer


def _with_lengths(
    source: Stored, chosen: Sequence[int], own: Sequence[int]
) -> Iterator[memoryview | bytes]:
    for index in (*chosen, *own):
        element = source.elements[index]
        yield source.data[element.start : element.end]


def _everything_inside(
    source: Stored, chosen: Sequence[int], own: Sequence[int]
) -> Iterator[memoryview | bytes]:
    careless = Stored(source.data, source.elements, source.syntax)
    careless.__dict__["unsignable"] = frozenset()
    return stream(careless, [*chosen, *own])


def _without_item(
    source: Stored, chosen: Sequence[int], own: Sequence[int]
) -> Iterator[memoryview | bytes]:
    del own
    return stream(source, chosen)


def _big_endian(
    source: Stored, chosen: Sequence[int], own: Sequence[int]
) -> Iterator[memoryview | bytes]:
    return stream(source, [*chosen, *own], EXPLICIT_BIG)


def _fragment_lengths(party: SigningParty) -> Files:
    streamer = _streamed(lambda s, c, o: stream(s, [*c, *o], fragment_lengths=True))
    return {"compressed.dcm": sign(compressed(), right_order(party, streamer=streamer))}


def _same_number(party: SigningParty) -> Files:
    first = sign(plain(), right_order(party))
    return {"image.dcm": sign(first, right_order(party, 2, algorithm="SHA512"))}


def _same_uid(party: SigningParty) -> Files:
    first = sign(plain(), right_order(party))
    return {"image.dcm": sign(first, right_order(party, mac_id=1))}


def _drop_parameters(nodes: list[Node]) -> None:
    take(nodes, 0x4FFE0001)


def _change_pixel(nodes: list[Node]) -> None:
    put(nodes, Node(0x7FE00010, "OW", bytes(31) + b"\xff"))


def _other_number(item: list[Node]) -> None:
    put(item, Node(0x04000005, "US", b"\7\0"))


def _certificate_twice(item: list[Node]) -> None:
    item.append(Node(0x04000115, "OB", need(item, 0x04000115).value))
    item.sort(key=lambda n: n.tag)


def _token_without_type(item: list[Node]) -> None:
    take(item, 0x04000305)


def _truncated_certificate(item: list[Node]) -> None:
    put(item, Node(0x04000115, "OB", need(item, 0x04000115).value[:100]))


def _twice(tags: tuple[int, ...]) -> tuple[int, ...]:
    return (*tags, tags[-1])


def _none(_: tuple[int, ...]) -> tuple[int, ...]:
    return ()


def _no_octets(_: bytes) -> bytes:
    return b""


def stamp_by(name: str, **changes: Any) -> Callable[[bytes], bytes]:
    """Return what asks the authority *name* of the party for a token."""

    def stamp(value: bytes) -> bytes:
        authority: TimestampAuthority = getattr(signing_party(), name)
        return replace(authority, **changes).stamp(value)

    return stamp


def _two_purposes() -> Node:
    codes = [code_nodes("1", "ASTM-sigpurpose", "Author's Signature")] * 2
    return Node(0x04000401, "SQ", items=codes)


def _referring(change: Callable[[list[Node]], None]) -> Callable[[SigningParty], Files]:
    def make(party: SigningParty) -> Files:
        first = sign(plain(), right_order(party))
        item = reference(first)
        change(item)
        document = sign(file_of(report([item])), right_order(party, 6))
        return {"image.dcm": first, "report.dcm": document}

    return make


def _other_mac(item: list[Node]) -> None:
    put(items_in(item, 0x04000403)[0], Node(0x04000404, "OB", bytes(32)))


def _mac_without_list(item: list[Node]) -> None:
    take(items_in(item, 0x04000403)[0], 0x04000020)


def _other_signature(item: list[Node]) -> None:
    put(items_in(item, 0x04000402)[0], Node(0x04000120, "OB", bytes(256)))


VALUE = "M-signature-value"
MADE = ("C.1-pkcs1-padding", VALUE)

MACRO = (
    edited(
        "forgets_mac_parameters",
        "writes no MAC Parameters Sequence",
        ("M-mac-parameters-present", "M-mac-id-link"),
        _drop_parameters,
    ),
    SigningFault(
        "numbers_every_mac_zero",
        "gives the MAC parameters of both signers the number 0",
        ("M-mac-id-unique", "M-mac-id-link"),
        _same_number,
        "neither signature can be linked to one item",
    ),
    changed(
        "links_to_another_number",
        "numbers its MAC parameters otherwise than its signature",
        ("M-mac-id-link",),
        parameters=_other_number,
    ),
    changed(
        "signs_in_big_endian",
        "calculates the MAC in explicit VR big endian and says so",
        ("M-mac-transfer-syntax",),
        mac_syntax=BIG_ENDIAN_UID,
    ),
    changed(
        "hashes_what_is_stored",
        "hashes big endian octets and calls them explicit VR little endian",
        ("M-stream-transfer-syntax", VALUE),
        streamer=_streamed(_big_endian),
    ),
    changed(
        "names_an_unknown_hash",
        "labels the MAC SHA3_256",
        ("M-mac-algorithm-term", "C.1-creator-hash"),
        term="SHA3_256",
    ),
    changed(
        "lists_what_is_not_there",
        "lists an element that the data set does not hold",
        ("M-data-elements-signed",),
        listing=lambda tags: tuple(sorted((*tags, 0x00102180))),
    ),
    changed(
        "lists_nothing",
        "leaves Data Elements Signed empty",
        ("M-data-elements-signed",),
        listing=_none,
    ),
    changed(
        "lists_backwards",
        "lists the signed elements in descending order",
        ("M-data-elements-order",),
        listing=lambda tags: tags[::-1],
    ),
    changed(
        "lists_one_twice",
        "lists one element twice",
        ("M-data-elements-order",),
        listing=_twice,
    ),
    changed(
        "signs_group_lengths",
        "signs the group length (0008,0000)",
        ("M-excluded-elements",),
        listing=lambda tags: (0x00080000, *tags),
        streamer=_streamed(_everything_inside),
    ),
    changed(
        "signs_unknown_vr",
        "signs an element of VR UN",
        ("M-excluded-elements",),
        listing=lambda tags: tuple(sorted((*tags, 0x00291002))),
    ),
    edited(
        "alters_after_signing",
        "changes pixel data after it was signed",
        ("M-stream-leaf", VALUE),
        _change_pixel,
    ),
    changed(
        "hashes_sequence_lengths",
        "hashes sequences and items with their lengths",
        ("M-stream-sequence", VALUE),
        streamer=_streamed(_with_lengths),
    ),
    SigningFault(
        "hashes_fragment_lengths",
        "hashes the lengths of pixel fragments, as DCMTK did before 3.5.4",
        ("M-stream-encapsulated", VALUE),
        _fragment_lengths,
    ),
    changed(
        "hashes_excluded_inside_items",
        "hashes group lengths inside signed items",
        ("M-stream-nested-exclusion", "M-excluded-elements", VALUE),
        streamer=_streamed(_everything_inside),
    ),
    changed(
        "leaves_out_the_signature_item",
        "hashes the listed elements alone",
        ("M-stream-signature-item", VALUE),
        streamer=_streamed(_without_item),
    ),
    SigningFault(
        "gives_one_uid_twice",
        "gives two signatures one Digital Signature UID",
        ("M-signature-uid",),
        _same_uid,
    ),
    changed(
        "omits_the_offset",
        "writes Digital Signature DateTime without an offset from UTC",
        ("M-signature-datetime-offset",),
        datetime="20260601120000",
    ),
    changed(
        "writes_another_certificate_type",
        "calls its certificate X509_1988",
        ("M-certificate-type", "C.1-x509-certificate"),
        certificate_type="X509_1988",
    ),
    changed(
        "cuts_the_certificate",
        "stores one hundred octets of its certificate",
        ("M-certificate-of-signer", "C.1-x509-certificate"),
        item=_truncated_certificate,
    ),
    changed(
        "damages_the_signature",
        "stores a signature with one bit changed",
        ("M-certificate-of-signer", *MADE),
        "the block cannot be opened, so the key seems to be another one",
        value=lambda value: bytes((value[0] ^ 1,)) + value[1:],
    ),
    changed("stores_no_signature", "leaves Signature empty", (VALUE,), value=_no_octets),
    changed(
        "stamps_something_else",
        "has other octets stamped than those of the signature",
        ("M-timestamp-over-signature", "C.1-timestamp-protocol"),
        token=lambda value: signing_party().authority.stamp(value[::-1]),
    ),
    changed(
        "forgets_the_timestamp_type",
        "stores a token without its type",
        ("M-timestamp-pair", "C.1-timestamp-type"),
        item=_token_without_type,
    ),
    changed(
        "states_two_purposes",
        "writes two purpose codes into one signature",
        ("M-purpose-code",),
        extra=(_two_purposes(),),
    ),
    changed(
        "merges_two_signers",
        "writes two certificates into one item",
        ("M-one-item-per-signature",),
        item=_certificate_twice,
    ),
    SigningFault(
        "writes_a_wrong_referenced_mac",
        "refers to an object with a MAC that is not its own",
        ("M-referenced-sop-mac",),
        _referring(_other_mac),
    ),
    SigningFault(
        "writes_a_referenced_mac_without_its_list",
        "refers to an object with a MAC but does not say over what",
        ("M-referenced-sop-mac",),
        _referring(_mac_without_list),
    ),
    SigningFault(
        "copies_another_signature",
        "refers to a signature with a value that it does not have",
        ("M-referenced-signature",),
        _referring(_other_signature),
    ),
)
