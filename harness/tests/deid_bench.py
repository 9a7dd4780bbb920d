"""A small image, what the right de-identifier makes of it, and what the judge says of the pair."""

from __future__ import annotations

import io
from collections.abc import Callable

from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from part15.observations.deid import DeidSeen
from part15.peers.deidentifier import Deidentifier
from part15.wire.deid import Claimed, read_pair

CT = "1.2.840.10008.5.1.4.1.1.2"
Edit = Callable[[Dataset], object]


def saved(made: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = made.SOPClassUID
    meta.MediaStorageSOPInstanceUID = made.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID, meta.ImplementationClassUID = syntax, "1.2.3.9"
    made.file_meta = meta
    out = io.BytesIO()
    with config.disable_value_validation():
        made.save_as(out, enforce_file_format=True)
    return out.getvalue()


def original() -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = CT, "1.2.3.4.1"
    made.StudyDate = made.SeriesDate = made.ContentDate = "20200101"
    made.StudyTime = made.ContentTime = "101112"
    made.AccessionNumber, made.Modality, made.Manufacturer = "ACC7712", "CT", "X"
    made.ReferringPhysicianName, made.StudyDescription = "REF^DOC", "desc"
    made.PatientName, made.PatientID, made.PatientSex = "DOE^JANE", "PID00923", "F"
    made.PatientBirthDate, made.StudyID = "19600102", "S77"
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.3.5.1", "1.2.3.6.1"
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = "1.2.3.7.1", ""
    made.SeriesNumber, made.InstanceNumber = 1, 1
    made.Rows = made.Columns = 4
    made.PixelData = bytes(32)
    made["PixelData"].VR = "OW"
    return made


def judged(
    before: Edit | None = None,
    after: Edit | None = None,
    options: tuple[str, ...] = (),
    edition: str = "2023b",
) -> DeidSeen:
    """Edit the original, let the right de-identifier work, edit its output, and read the pair."""
    with config.disable_value_validation():
        source = original()
        if before is not None:
            before(source)
        octets = saved(source)
        made = dcmread(io.BytesIO(Deidentifier(edition=edition, options=options).object(octets)))
        if after is not None:
            after(made)
        claim = Claimed(edition, options, hunt_originals=True, salt=b"salt")
        return read_pair(octets, saved(made), "a", claim)


def put(**values: object) -> Edit:
    def edit(made: Dataset) -> None:
        for keyword, value in values.items():
            setattr(made, keyword, value)

    return edit


def weights(seen: DeidSeen) -> dict[str, str]:
    return {d.path: f"{d.weight} {d.kind}" for d in seen.deviations if d.weight != "note"}
