"""Identity in places of an object that tools forget: sequences in UN, records of a DICOMDIR, repeating groups, documents."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from part15.checks import deid_options
from part15.model import Word
from part15.peers.deidentifier import Deidentifier
from part15.wire.deid import Claimed, read_object, read_pair

sys.path.insert(0, str(Path(__file__).parent))
from deid_bench import CT, Edit, judged, original, saved, weights

ITEM, ITEM_END, END = (
    b"\xfe\xff" + tag + length
    for tag, length in ((b"\x00\xe0", b""), (b"\x0d\xe0", bytes(4)), (b"\xdd\xe0", bytes(4)))
)
EVER = b"\xff" * 4


def encoded(*, implicit: bool) -> bytes:
    """Return a data set with a sequence of its own, and names in both."""
    inner, made = Dataset(), Dataset()
    inner.PatientComments = "of Jane"
    made.PatientAddress, made.ReferencedPatientSequence = "7 High Street", [inner]
    out = DicomBytesIO()
    out.is_little_endian, out.is_implicit_VR = True, implicit
    write_dataset(out, made)
    return bytes(out.getvalue())


def defined(*, implicit: bool = True) -> bytes:
    data = encoded(implicit=implicit)
    return ITEM + len(data).to_bytes(4, "little") + data


def undefined(*, implicit: bool = True) -> bytes:
    return ITEM + EVER + encoded(implicit=implicit) + ITEM_END


@pytest.mark.filterwarnings("ignore:VR lookup failed:UserWarning")  # pydicom, of a tag of nobody
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("value", "items"),
    [
        (defined(), 1),
        (undefined(), 1),
        (undefined() + defined() + undefined() + END, 3),
        (defined(implicit=False), 1),
        (undefined(implicit=False), 1),
    ],
    ids=["defined", "undefined", "both", "explicit", "explicit undefined"],
)
def test_sequences_in_un_are_opened_however_their_items_end(
    value: bytes, items: int, syntax: str
) -> None:
    made = original()
    made.add_new(0x0018FFF1, "UN", value)
    octets = saved(made, syntax)
    seen = read_object(octets, "a", Claimed())
    left = {d.path for d in seen.deviations if d.weight == "fail"}
    hidden = {f"(0018,FFF1)[{n}]/" for n in range(1, items + 1)}
    rows = ("(0010,1040)", "(0008,1120)")
    assert left == {"(0008,1030)", *(item + row for item in hidden for row in rows)}
    with config.disable_value_validation():
        right = Deidentifier().object(octets)
    assert not [d for d in read_object(right, "a", Claimed()).deviations if d.weight == "fail"]


@pytest.mark.parametrize(
    "value", [ITEM + EVER, undefined()[:-8], ITEM + EVER + END, undefined() + ITEM, ITEM + bytes(3)]
)
def test_what_only_begins_like_an_item_is_a_value(value: bytes) -> None:
    made = original()
    made.add_new(0x0018FFF1, "UN", value + bytes(len(value) % 2))
    seen = read_object(saved(made), "a", Claimed())
    assert not [d for d in seen.deviations if d.path.startswith("(0018,FFF1)[")]


def directory(file: str) -> bytes:
    """Return a DICOMDIR of one patient whose image is called *file*."""
    records = []
    for kind, values in (
        ("PATIENT", {"PatientName": "DOE^JANE", "PatientID": "PID00923"}),
        ("STUDY", {"StudyInstanceUID": "1.2.3.5.1", "StudyDescription": "Knee"}),
        ("IMAGE", {"ReferencedFileID": ["IMAGES", file], "ReferencedSOPClassUIDInFile": CT}),
    ):
        record = Dataset()
        record.DirectoryRecordType = kind
        for keyword, value in values.items():
            setattr(record, keyword, value)
        records.append(record)
    records[-1].ReferencedSOPInstanceUIDInFile = "1.2.3.4.1"
    made, meta = Dataset(), FileMetaDataset()
    made.FileSetID, made.DirectoryRecordSequence = "SET", records
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.1.3.10", "1.2.3"
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, "1.2.3.9"
    made.file_meta = meta
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def test_records_of_a_dicomdir_are_judged_one_by_one() -> None:
    octets = directory("IM1")
    seen = read_pair(octets, octets, "DICOMDIR", Claimed())
    assert set(weights(seen)) == {
        "(0004,1220)[1]/(0010,0010)", "(0004,1220)[1]/(0010,0020)", "(0004,1220)[2]/(0008,1030)",
        "(0004,1220)[2]/(0020,000D)", "(0004,1220)[3]/(0004,1511)",
    }  # fmt: skip
    alone = read_object(octets, "DICOMDIR", Claimed())
    assert [d.path for d in alone.deviations if d.weight == "fail"] == [
        "(0004,1220)[2]/(0008,1030)"
    ]


@pytest.mark.parametrize(
    ("file", "word"), [("IM1", Word.PASS), ("PID00923", Word.FAIL), ("DOE_JANE", Word.FAIL)]
)
def test_names_of_files_in_a_dicomdir_tell_no_patient(file: str, word: Word) -> None:
    octets = directory(file)
    right = Deidentifier().object(octets)
    seen = read_pair(octets, right, "DICOMDIR", Claimed(hunt_originals=True))
    assert weights(seen) == {}
    assert deid_options.frees_of_planted(seen).word is word, seen.survivors
    assert {s.place for s in seen.survivors} == (
        set() if word is Word.PASS else {"(0004,1220)[3]/(0004,1500)"}
    )


def groups(made: Dataset) -> None:
    for group in (0x5000, 0x501E, 0x6000, 0x60FE):
        kind = 0x2500 if group >> 8 == 0x50 else 0x4000
        made.add_new(group << 16 | kind, "LT", "of Jane")
        made.add_new(group << 16 | 0x3000, "OW", bytes(4))


def document(made: Dataset) -> None:
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.104.2"
    made.MIMETypeOfEncapsulatedDocument = "text/xml"
    made.EncapsulatedDocument = b"<ClinicalDocument><name>JANE DOE</name></ClinicalDocument>"


def display(made: Dataset) -> None:
    made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.131"
    selector, box, image = Dataset(), Dataset(), Dataset()
    selector.SelectorPNValue, selector.SelectorLOValue = "DOE^JANE", "PID00923"
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CT, "1.2.3.4.1"
    box.ReferencedImageSequence = [image]
    made.FilterOperationsSequence, made.StructuredDisplayImageBoxSequence = [selector], [box]
    made.HangingProtocolUserIdentificationCodeSequence = []


@pytest.mark.parametrize(
    ("plant", "left"),
    [
        (
            groups,
            {
                "(5000,2500)", "(5000,3000)", "(501E,2500)", "(501E,3000)",
                "(6000,3000)", "(6000,4000)", "(60FE,3000)", "(60FE,4000)",
            },
        ),
        (document, {"(0042,0011)"}),
        (
            display,
            {
                "(0072,0400)[1]/(0072,006A)", "(0072,0400)[1]/(0072,0066)",
                "(0072,0422)[1]/(0008,1140)[1]/(0008,1155)",
            },
        ),
    ],
    ids=["repeating groups", "document", "structured display"],
)  # fmt: skip
def test_what_is_left_in_forgotten_places_is_named(plant: Edit, left: set[str]) -> None:
    assert weights(judged(plant)) == {}
    found = {p for p, w in weights(judged(plant, plant)).items() if w == "fail left"}
    assert found == left
