"""The embedded re-identifier: opens one item with its key and puts the attributes back (PS3.15 E.1.2)."""

from __future__ import annotations

import io
from collections.abc import Collection
from dataclasses import dataclass

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.uid import UID

from part15.peers.deid_faults import switches
from part15.wire.cms_ber import BerError
from part15.wire.cms_names import DES_EDE3_CBC
from part15.wire.cms_opening import RsaOpener, open_enveloped
from part15.wire.deid_encrypted import envelope


class Refused(Exception):  # noqa: N818 - what the re-identifier answers
    """The object cannot be re-identified; the text says why."""


@dataclass(frozen=True)
class Reidentifier:
    """Right unless *faults* (names of ``deid_faults``) say otherwise; one not known raises TargetError."""

    faults: Collection[str] = ()

    def __post_init__(self) -> None:
        switches(self.faults)

    def wrong(self, fault: str) -> bool:
        """Tell whether *fault* is on."""
        return fault in self.faults

    def object(self, octets: bytes, opener: RsaOpener) -> bytes:
        """Return *octets* with the attributes of the first item that *opener* opens.

        Raises Refused if there is none, and leaves everything as it is.
        """
        with config.disable_value_validation():
            made = dcmread(io.BytesIO(octets))
            attributes = self._opened(made, opener)
            if not self.wrong("leaves_attributes_inside"):
                for element in attributes:
                    made.add(element)
            if self.wrong("restores_other_values") and "PatientID" in attributes:
                made.PatientID = "SOMEBODY"
            made.PatientIdentityRemoved = "YES" if self.wrong("leaves_identity_removed") else "NO"
            if not self.wrong("leaves_method"):
                for keyword in ("DeidentificationMethod", "DeidentificationMethodCodeSequence"):
                    if keyword in made:
                        delattr(made, keyword)
            made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
            out = io.BytesIO()
            made.save_as(out, enforce_file_format=True)
        return out.getvalue()

    def _opened(self, made: Dataset, opener: RsaOpener) -> Dataset:
        items = list(made.get("EncryptedAttributesSequence", []))
        if self.wrong("tries_the_first_item_only"):
            items = items[:1]
        for item in items:
            content = bytes(item.get("EncryptedContent", b""))
            try:
                enveloped, _ = envelope(content)
            except BerError:
                continue
            if enveloped.cipher.oid == DES_EDE3_CBC and self.wrong("knows_no_triple_des"):
                continue
            answer = open_enveloped(content, enveloped, [opener])
            if answer.access != "opened" or answer.plaintext is None or answer.padding == "wrong":
                continue
            return self._inner(bytes(answer.plaintext), item)
        if self.wrong("claims_success_for_strangers"):
            empty = Dataset()
            empty.PatientID = "SOMEBODY"
            return empty
        raise Refused("no item can be opened with this key")

    def _inner(self, plaintext: bytes, item: Dataset) -> Dataset:
        syntax = UID(str(item.get("EncryptedContentTransferSyntaxUID", "")))
        try:
            inner = read_dataset(
                DicomBytesIO(plaintext), syntax.is_implicit_VR, syntax.is_little_endian
            )
            return Dataset(inner.ModifiedAttributesSequence[0])
        except (ValueError, AttributeError, IndexError, EOFError, KeyError) as trouble:
            raise Refused(f"the content is no data set in {syntax}") from trouble
