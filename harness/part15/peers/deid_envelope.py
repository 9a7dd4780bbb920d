"""Encrypted Attributes of the embedded de-identifier: three recipients, three subsets (PS3.3 C.12.1.1.4)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from part15.wire.cms_writing import Recipe, write

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from part15.peers.deidentifier import Deidentifier

SUBSETS: tuple[tuple[int, ...], ...] = (
    (0x00080018, 0x00080020, 0x00081140, 0x00100010, 0x00100020, 0x00100030),
    (0x00100020, 0x00100030),
    (0x00080020, 0x00080050),
)
"""Attributes for each recipient in turn; only those that the original has and the output has changed."""
SHARED = 0x00100020
UNTOUCHED = 0x00080060
_TRAILING = bytes(3)


def plain_octets(attributes: Dataset, *, implicit: bool = False) -> bytes:
    """Return a data set without preamble and meta information."""
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, implicit
    write_dataset(out, attributes)
    return bytes(out.getvalue())


def enclose(
    peer: Deidentifier, made: Dataset, before: Dataset, *, cipher: str = "aes256-CBC"
) -> None:
    """Add Encrypted Attributes Sequence to *made*, one item per recipient of *peer*."""
    items = []
    for number, recipient in enumerate(peer.recipients):
        subset = SUBSETS[number % len(SUBSETS)]
        inner = _inner(peer, made, before, subset, number)
        if not len(inner):
            continue
        items.append(_item(peer, inner, recipient, cipher))
    if peer.wrong("encloses_nothing"):
        items = []
    if peer.wrong("encloses_below_the_top"):
        holder = Dataset()
        holder.EncryptedAttributesSequence = items
        made.add_new(0x00289145, "SQ", [holder])
        return
    made.EncryptedAttributesSequence = items


def _inner(
    peer: Deidentifier, made: Dataset, before: Dataset, subset: tuple[int, ...], number: int
) -> Dataset:
    inner = Dataset()
    for tag in subset:
        if tag in before and (tag not in made or made[tag].value != before[tag].value):
            inner.add(before[tag])
    if peer.wrong("encloses_two_values") and number == 1 and SHARED in inner:
        other = Dataset()
        other.update(inner)
        other.PatientID = "OTHER"
        inner = other
    if peer.wrong("encloses_unchanged") and UNTOUCHED in before:
        inner.add(before[UNTOUCHED])
    if peer.wrong("encloses_parts_of_sequences") and "ReferencedImageSequence" in inner:
        item = Dataset()
        item.ReferencedSOPInstanceUID = before.ReferencedImageSequence[0].ReferencedSOPInstanceUID
        inner.add_new(0x00081140, "SQ", [item])
    return inner


def _item(peer: Deidentifier, inner: Dataset, recipient: Certificate, cipher: str) -> Dataset:
    shell = Dataset()
    shell.ModifiedAttributesSequence = (
        [inner, Dataset()] if peer.wrong("encloses_two_items") else [inner]
    )
    if peer.wrong("encloses_at_the_top"):
        shell = inner
    implicit = peer.wrong("encloses_in_implicit_vr")
    plain = plain_octets(shell, implicit=implicit)
    if peer.wrong("encloses_whole_files"):
        plain = bytes(128) + b"DICM" + plain
    recipe = Recipe(recipients=(recipient,), inner="data", cipher=cipher)
    if peer.wrong("encrypts_with_rc2"):
        recipe = Recipe(recipients=(recipient,), inner="data", cipher="rc2-cbc")
    if peer.wrong("transports_by_password"):
        recipe = Recipe(passwords=(b"part15",), inner="data", cipher=cipher)
    octets = write(plain, recipe)
    if peer.wrong("encloses_without_encrypting"):
        octets = plain
    if peer.wrong("cuts_envelopes"):
        octets = octets[:200]
    octets += b"\0" * (len(octets) % 2)
    if peer.wrong("pads_envelopes_by_more"):
        octets += _TRAILING + b"\0"
    item = Dataset()
    syntax = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    if not peer.wrong("omits_content_syntax"):
        item.EncryptedContentTransferSyntaxUID = syntax
    item.EncryptedContent = octets
    return item


def enclosed(octets: bytes, peer: Deidentifier, before: bytes, cipher: str) -> bytes:
    """Return the de-identified file in *octets* with its attributes encrypted by *cipher*."""
    from pydicom import config, dcmread

    with config.disable_value_validation():
        made, original = dcmread(io.BytesIO(octets)), dcmread(io.BytesIO(before))
        enclose(peer, made, original, cipher=cipher)
        out = io.BytesIO()
        made.save_as(out, enforce_file_format=True)
    return out.getvalue()
