"""The corpus of planted identity: a patient in two studies, with a known value in every place it can hide.

    corpus = write_corpus(folder)
    corpus.files["STUDY1/.../CT000001"]      # what stands in each file
    corpus.canaries, corpus.region           # what must not come out, and where it is burned in

Every row of Table E.1-1 is planted at the top of one object and in items of another; private blocks,
repeating groups, UN, nested sequences, overlays, a document, structured content, graphics, preamble,
file meta information, file names. No value is anybody's: the words are random letters.
"""

from __future__ import annotations

import copy
import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from part15.content import table
from part15.peers.canary_objects import content_items, graphics, pdf
from part15.peers.canary_values import BURNED_AT, Planter, burned_pattern
from part15.wire.deid_hunt import Canary
from part15.wire.deid_rules import safe_private
from part15.wire.dictionary import tag_number, tag_text

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
MARKED_CLASS = "1.2.826.0.1.3680043.10.1511.77.1"
MARKED_VERSION = "QZMARKEDWRITER"
EARLIER = ("QZ-EARLIER", "99PART15")
"""A method code of another scheme: one object of the corpus was de-identified before."""
SAFE = ("ELSCINT1", 0x00E1, 0x21)
UNSAFE = "QZPART15 CANARY"
SEED_FILE = "part15-corpus.txt"
NOTED_SAFE = ("PART15 NOTED SAFE", 0x0021, 0x01)
_SKIPPED = frozenset(
    ["FFFAFFFA", "04000561", "04000100", "04000115", "04000120", "0040A730", "00400555"]
)
_FIXED = frozenset(
    [
        "00080018", "00080020", "00080021", "00080022", "00080023", "00080030", "00080050", "00080080",
        "0020000D", "0020000E", "00200010", "00200052", "00100010", "00100020", "00100030", "00081030",
        "0008103E", "00080090", "00081070",
    ]
)  # fmt: skip


@dataclass
class Corpus:
    """What was written: *files* is relative path to what it holds, in words."""

    folder: Path
    canaries: tuple[Canary, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    region: tuple[str, bytes, int, int, int, int] = ("", b"", 0, 0, 0, 0)
    burned: str = ""
    """The file with the burned-in word."""
    few: tuple[str, ...] = ()
    """Files that are enough to see how attributes are encrypted."""


class _Writer:
    def __init__(self, folder: Path, seed: str) -> None:
        self.folder, self.plant = folder, Planter(seed)
        self.corpus = Corpus(folder)
        p = self.plant
        self.patient = {
            "PatientName": p.name("(0010,0010)"),
            "PatientID": p.text("(0010,0020)"),
            "PatientBirthDate": p.date("(0010,0030)", known=dt.date(1958, 3, 7)),
            "PatientSex": "F",
        }
        self.frame = p.uid("(0020,0052)")
        self.code_rows = [
            row for row in table("confidentiality-e1-1")["rows"] if row.get("last") is None
        ]

    def study(self, day: dt.date) -> dict[str, Any]:
        p = self.plant
        return {
            "StudyInstanceUID": p.uid("(0020,000D)"),
            "StudyDate": p.date("(0008,0020)", known=day),
            "StudyTime": "101112",
            "StudyID": p.text("(0020,0010)"),
            "AccessionNumber": p.text("(0008,0050)"),
            "ReferringPhysicianName": p.name("(0008,0090)"),
            "StudyDescription": p.phrase("(0008,1030)"),
        }

    def instance(
        self, study: Mapping[str, Any], sop_class: str, series: str, number: int
    ) -> Dataset:
        p = self.plant
        made = Dataset()
        for keyword, value in {**self.patient, **study}.items():
            setattr(made, keyword, value)
        made.SOPClassUID, made.SOPInstanceUID = sop_class, p.uid("(0008,0018)")
        made.SeriesInstanceUID, made.SeriesNumber, made.InstanceNumber = series, 1, number
        made.InstitutionName = p.phrase("(0008,0080)")
        made.SeriesDescription = p.phrase("(0008,103E)")
        made.Manufacturer = "PART15"
        return made

    def image(self, made: Dataset, modality: str) -> Dataset:
        made.Modality = modality
        made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        made.FrameOfReferenceUID, made.PositionReferenceIndicator = self.frame, ""
        made.Rows, made.Columns, made.SamplesPerPixel = 32, 32, 1
        made.PhotometricInterpretation = "MONOCHROME2"
        made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
        made.PixelData = bytes(range(0, 200, 2)) * 20 + bytes(48)
        return made

    def row_values(self, made: Dataset, share: int, shares: int, *, top: bool) -> None:
        """Plant the rows of the table whose number falls into *share* of *shares*."""
        for number, row in enumerate(self.code_rows):
            digits = row["tag"].strip("()").replace(",", "")
            if (
                number % shares != share
                or not digits.isalnum()
                or "x" in digits
                or digits in _SKIPPED
            ):
                continue
            if (top and digits in _FIXED) or digits == "GGGGEEEE" or not digits[0].isdigit():
                continue
            tag, vr = tag_number(digits), row["vr"].split(" or ")[0]
            if tag >> 16 < 8 or (tag >> 16 in (0x0012, 0x0028, 0x0400) and not top):
                continue
            if tag in made or not vr:
                continue
            value = self.item(row["tag"]) if vr == "SQ" else self.plant.value(vr, row["tag"])
            if value is not None:
                made.add_new(tag, vr, value)

    def item(self, home: str) -> DicomSequence:
        """Return a sequence of one item with an unlisted code and a listed name in it."""
        inner = Dataset()
        inner.PatientName = self.plant.name(f"(0010,0010) in {home}"[:11])
        inner.ReferencedSOPClassUID = CT
        inner.ReferencedSOPInstanceUID = self.plant.uid("(0008,1155)")
        return DicomSequence([inner])

    def write(
        self, path: str, made: Dataset, what: str, syntax: Any = ExplicitVRLittleEndian
    ) -> None:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = (
            made.SOPClassUID,
            made.SOPInstanceUID,
        )
        meta.TransferSyntaxUID = syntax
        meta.ImplementationClassUID, meta.ImplementationVersionName = MARKED_CLASS, MARKED_VERSION
        meta.SourceApplicationEntityTitle = self.plant.text("(0002,0016)")
        meta.SendingApplicationEntityTitle = self.plant.text("(0002,0017)")
        meta.PrivateInformationCreatorUID = f"{MARKED_CLASS}.1"
        meta.PrivateInformation = self.plant.text("(0002,0102)").encode()
        made.file_meta = meta
        made.preamble = (self.plant.text("preamble") + " preamble").encode().ljust(128, b"\0")
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with config.disable_value_validation():
            made.save_as(place, enforce_file_format=True)
        self.corpus.files[path] = what


def write_corpus(folder: Path, seed: str = "part15") -> Corpus:
    """Write the corpus into *folder* (made if it is missing) and return what is planted where."""
    with config.disable_value_validation():
        return _written(_Writer(folder, seed))


def _written(writer: _Writer) -> Corpus:
    p = writer.plant
    home = f"{p.plant('file name', p.token(), listed=True)}_STUDY"
    first, second = writer.study(dt.date(1991, 4, 9)), writer.study(dt.date(1991, 7, 8))
    axial, other = p.uid("(0020,000E)"), p.uid("(0020,000E)")
    everything = _everything(writer, first, axial)
    writer.write(
        f"{home}/CT1.dcm",
        everything,
        "every row at the top, private blocks, overlay, burned-in text",
    )
    writer.corpus.burned = f"{home}/CT1.dcm"
    for share in range(3):
        made = _nested(writer, first, axial, everything, share)
        writer.write(f"{home}/CT{share + 2}.dcm", made, "rows inside items")
    writer.write(
        f"{home}/MR1.dcm",
        _again(writer, first, other, everything),
        "de-identified before",
        ImplicitVRLittleEndian,
    )
    series = {kind: p.uid("(0020,000E)") for kind in ("SR", "PR", "DOC")}
    report = writer.instance(first, SR, series["SR"], 1)
    content_items(report, p, everything.SOPInstanceUID)
    writer.write(f"{home}/SR1.dcm", report, "structured content")
    drawn = writer.instance(first, GSPS, series["PR"], 1)
    graphics(drawn, p, everything.SOPInstanceUID, axial)
    writer.write(f"{home}/PR1.dcm", drawn, "graphic annotation")
    document = writer.instance(first, PDF, series["DOC"], 1)
    pdf(document, p)
    writer.write(f"{home}/DOC1.dcm", document, "encapsulated document")
    later = writer.image(writer.instance(second, CT, p.uid("(0020,000E)"), 1), "CT")
    later.SeriesDate = later.AcquisitionDate = second["StudyDate"]
    later.AcquisitionNumber = ""
    writer.write("LATER/CT9.dcm", later, "a second study of the patient")
    writer.corpus.canaries = tuple(p.canaries)
    writer.corpus.few = (f"{home}/CT2.dcm", f"{home}/MR1.dcm", "LATER/CT9.dcm")
    return writer.corpus


def _everything(writer: _Writer, study: Mapping[str, Any], series: str) -> Dataset:
    p = writer.plant
    made = writer.image(writer.instance(study, CT, series, 1), "CT")
    made.AcquisitionNumber, made.KVP = "", ""
    writer.row_values(made, 0, 1, top=True)
    for keyword in ("SeriesDate", "AcquisitionDate", "ContentDate"):
        setattr(made, keyword, study["StudyDate"])
    made.SeriesTime = made.AcquisitionTime = made.ContentTime = "101112"
    _private(made, p)
    _repeating(made, p)
    _burned(writer, made)
    icon = Dataset()
    icon.Rows, icon.Columns, icon.SamplesPerPixel = 4, 4, 1
    icon.BitsAllocated, icon.BitsStored, icon.HighBit, icon.PixelRepresentation = 8, 8, 7, 0
    icon.PhotometricInterpretation, icon.PixelData = "MONOCHROME2", bytes(range(16))
    made.IconImageSequence = [icon]
    return made


def _private(made: Dataset, p: Planter) -> None:
    unsafe = made.private_block(0x0009, UNSAFE, create=True)
    unsafe.add_new(0x01, "LO", p.phrase("(gggg,eeee)"))
    unsafe.add_new(0x02, "UN", p.text("(gggg,eeee)").encode())
    inner = Dataset()
    inner.PatientName = p.name("(gggg,eeee)")
    unsafe.add_new(0x03, "SQ", [inner])
    safe = made.private_block(SAFE[1], SAFE[0], create=True)
    safe.add_new(SAFE[2], "DS", "12.5")
    noted = made.private_block(NOTED_SAFE[1], NOTED_SAFE[0], create=True)
    noted.add_new(NOTED_SAFE[2], "DS", "12.5")
    status = Dataset()
    status.PrivateGroupReference, status.PrivateCreatorReference = NOTED_SAFE[1], NOTED_SAFE[0]
    status.BlockIdentifyingInformationStatus = "SAFE"
    made.PrivateDataElementCharacteristicsSequence = [status]
    assert SAFE in safe_private(), tag_text(SAFE[1] << 16)


def _repeating(made: Dataset, p: Planter) -> None:
    for group in (0x6000, 0x6002):
        made.add_new(group << 16 | 0x0010, "US", 32)
        made.add_new(group << 16 | 0x0011, "US", 32)
        made.add_new(group << 16 | 0x0040, "CS", "G")
        made.add_new(group << 16 | 0x0050, "SS", [1, 1])
        made.add_new(group << 16 | 0x0100, "US", 1)
        made.add_new(group << 16 | 0x0102, "US", 0)
        made.add_new(group << 16 | 0x3000, "OW", p.text("(60xx,3000)").encode().ljust(128, b"\0"))
        made.add_new(group << 16 | 0x4000, "LT", p.phrase("(60xx,4000)"))
    made.add_new(0x50020020, "CS", "TAC")
    made.add_new(0x50022500, "LO", p.phrase("(50xx,xxxx)"))
    made.add_new(0x50023000, "OW", p.text("(50xx,xxxx)").encode())


def _burned(writer: _Writer, made: Dataset) -> None:
    pattern, width, height = burned_pattern()
    x, y = BURNED_AT
    pixels = bytearray(made.Rows * made.Columns * 2)
    for row in range(made.Rows):
        for column in range(made.Columns):
            at = 2 * (row * made.Columns + column)
            pixels[at : at + 2] = (20 + (row * column) % 60).to_bytes(2, "little")
    for at, lit in enumerate(pattern):
        if lit:
            place = 2 * ((y + at // width) * made.Columns + x + at % width)
            pixels[place : place + 2] = (250).to_bytes(2, "little")
    made.PixelData = bytes(pixels)
    made.BurnedInAnnotation = "YES"
    writer.corpus.region = ("burned-in word", pattern, x, y, width, height)


def _nested(
    writer: _Writer, study: Mapping[str, Any], series: str, first: Dataset, share: int
) -> Dataset:
    """Return an image with a third of the rows in an unlisted sequence, in references, and in requests."""
    p = writer.plant
    made = writer.image(writer.instance(study, CT, series, share + 2), "CT")
    made.AcquisitionNumber = ""
    held = Dataset()
    writer.row_values(held, share, 3, top=False)
    deeper = Dataset()
    deeper.PatientName = p.name("(0010,0010)")
    deeper.ReferencedSOPInstanceUID = first.SOPInstanceUID
    held.add_new(0x00289145, "SQ", [deeper])  # Pixel Value Transformation Sequence: no row lists it
    made.add_new(0x52009230, "SQ", [held, copy.deepcopy(deeper)])
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT, first.SOPInstanceUID
    made.ReferencedImageSequence = [reference]
    request = Dataset()
    request.RequestedProcedureDescription = p.phrase("(0032,1060)")
    request.AccessionNumber = p.text("(0008,0050)")
    made.RequestAttributesSequence = [request]
    original = Dataset()
    kept = Dataset()
    kept.PatientName = p.name("(0400,0561)")
    original.ModifiedAttributesSequence = [kept]
    made.OriginalAttributesSequence = [original]
    signature = Dataset()
    signature.MACIDNumber, signature.CertificateOfSigner = 0, p.text("(FFFA,FFFA)").encode()
    made.DigitalSignaturesSequence = [signature]
    made.FilterType = p.text("(0018,1160)", listed=False)  # no row lists it
    made.add_new(0x0018FFF1, "UN", _hidden_item(p.name("(0010,0010)")))
    return made


def _again(writer: _Writer, study: Mapping[str, Any], series: str, first: Dataset) -> Dataset:
    p = writer.plant
    made = writer.image(writer.instance(study, MR, series, 1), "MR")
    made.PatientIdentityRemoved, made.DeidentificationMethod = "NO", "EARLIER METHOD"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = EARLIER
    code.CodeMeaning = "An earlier method"
    made.DeidentificationMethodCodeSequence = [code]
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = CT, first.SOPInstanceUID
    made.ReferencedImageSequence = [reference]
    made.PatientAge, made.PatientSize, made.PatientWeight = "042Y", "1.75", "71.5"
    made.StationName = p.text("(0008,1010)")
    made.DeviceSerialNumber = p.text("(0018,1000)")
    made.ScanningSequence, made.SequenceVariant, made.ScanOptions = "SE", "NONE", ""
    made.MRAcquisitionType, made.EchoTime, made.EchoTrainLength = "2D", "10", ""
    return made


def _hidden_item(name: str) -> bytes:
    """Return a sequence item in implicit VR, as a UN value of an attribute that nobody knows."""
    value = name.encode() + b" " * (len(name) % 2)
    inner = bytes.fromhex("10001000") + len(value).to_bytes(4, "little") + value
    return bytes.fromhex("feff00e0") + len(inner).to_bytes(4, "little") + inner


def main(arguments: Sequence[str]) -> int:
    """Write the corpus into a folder, for a de-identifier that takes files from there.

    Named as ``media.originals`` of a target, with the output as ``media.folder``, the folder is known
    again by the seed in it, and every planted value is hunted.
    """
    import argparse

    parser = argparse.ArgumentParser(prog="part15.peers.canaries", description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", default="part15")
    given = parser.parse_args(arguments)
    corpus = write_corpus(given.folder, given.seed)
    (given.folder / SEED_FILE).write_text(given.seed + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(corpus.files)} objects with {len(corpus.canaries)} planted values\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
