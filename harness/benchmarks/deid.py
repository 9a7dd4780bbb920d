"""Judging de-identification against pydicom: iterate over everything and look tags up in a dictionary (goal 7).

    python harness/benchmarks/deid.py [ROUNDS]

Objects: ct (261 elements), sr (1024 text leaves, nesting 5), enh (500 frames with functional groups).
Prints microseconds of cpu per object, the median of pairs (peer, ours, peer, ours, ...), and the ratio.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from part15.wire.deid import Claimed, read_object
from part15.wire.deid_rules import rules


def saved(made: Dataset, sop_class: str) -> bytes:
    made.SOPClassUID, made.SOPInstanceUID = sop_class, "1.2.3.4"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, "1.2.3.4"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta = meta
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def coded(value: str) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, "99X", "Meaning"
    return made


def ct() -> bytes:
    made = Dataset()
    made.PatientName, made.PatientID, made.StudyDate = "", "", ""
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    for number in range(130):
        made.add_new(0x00189300 + number, "DS", "1.5")
    made.ReferencedImageSequence = []
    for number in range(30):
        item = Dataset()
        item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        item.ReferencedSOPInstanceUID = f"1.2.3.5.{number}"
        item.PurposeOfReferenceCodeSequence = [coded("121314")]
        made.ReferencedImageSequence.append(item)
    made.PixelData = bytes(128 * 128 * 2)
    made["PixelData"].VR = "OW"
    return saved(made, "1.2.840.10008.5.1.4.1.1.2")


def sr() -> bytes:
    def container(depth: int) -> Dataset:
        made = Dataset()
        made.RelationshipType, made.ValueType = "CONTAINS", "CONTAINER" if depth else "TEXT"
        made.ConceptNameCodeSequence = [coded("121070")]
        if depth:
            made.ContinuityOfContent = "SEPARATE"
            made.ContentSequence = [container(depth - 1) for _ in range(4)]
        else:
            made.TextValue = "Dummy"
        return made

    return saved(container(5), "1.2.840.10008.5.1.4.1.1.88.33")


def enh() -> bytes:
    made = Dataset()
    frames = []
    for number in range(500):
        frame = Dataset()
        content = Dataset()
        content.FrameAcquisitionNumber, content.TemporalPositionIndex = 1, number + 1
        content.DimensionIndexValues = [1, number + 1]
        plane = Dataset()
        plane.ImagePositionPatient = [0, 0, number]
        value = Dataset()
        value.WindowCenter, value.WindowWidth = 40, 400
        frame.FrameContentSequence, frame.PlanePositionSequence = [content], [plane]
        frame.FrameVOILUTSequence = [value]
        frames.append(frame)
    made.PerFrameFunctionalGroupsSequence = frames
    made.PixelData = bytes(500 * 32 * 32 * 2)
    made["PixelData"].VR = "OW"
    return saved(made, "1.2.840.10008.5.1.4.1.1.2.1")


def peer(octets: bytes) -> int:
    table = rules("2023b").exact
    found = 0
    for element in pydicom.dcmread(io.BytesIO(octets)).iterall():
        rule = table.get(int(element.tag))
        if rule is not None and rule.action == "X":
            found += 1
    return found


def timed(function: Callable[[bytes], object], octets: bytes, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        function(octets)
    return (time.process_time() - start) / times * 1e6


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    claim = Claimed()
    print(f"pydicom {pydicom.__version__}, median of {rounds} pairs")
    for make in (ct, sr, enh):
        octets = make()
        times = max(1, 400_000 // len(octets))
        read_object(octets, "a", claim), peer(octets)
        theirs, ours = [], []
        for _ in range(rounds):
            theirs.append(timed(peer, octets, max(1, times // 8)))
            ours.append(timed(lambda o: read_object(o, "a", claim), octets, times))
        one, other = statistics.median(theirs), statistics.median(ours)
        print(
            f"{make.__name__:4} {len(octets):8} octets  pydicom {one:9.0f} us  part15 {other:8.0f} us  {one / other:5.1f} x  {1e6 / other:8.0f} files/s"
        )


if __name__ == "__main__":
    main()
