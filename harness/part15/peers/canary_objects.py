"""Objects of the planted corpus that are no images: structured content, graphics, a document."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from part15.peers.canary_values import Planter

CONCEPTS = (
    ("121008", "DCM", "Person Observer Name", "PNAME"),
    ("121022", "DCM", "Accession Number", "TEXT"),
    ("121012", "DCM", "Device Observer UID", "UIDREF"),
    ("126201", "DCM", "Acquisition Date", "DATE"),
    ("111526", "DCM", "DateTime Started", "DATETIME"),
    ("11329-0", "LN", "History", "TEXT"),
)
RETIRED = (
    ("R-42B89", "SRT", "Clinical Report", "TEXT"),
    ("R-42B89", "SRT", "Clinical Report", "COMPOSITE"),
)
"""One concept by its retired code; its two value types have rows of their own."""
_VALUES = {
    "PNAME": "PersonName",
    "TEXT": "TextValue",
    "UIDREF": "UID",
    "DATE": "Date",
    "DATETIME": "DateTime",
    "COMPOSITE": "ReferencedSOPSequence",
}


def _coded(code: str, scheme: str, meaning: str) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = code, scheme, meaning
    return made


def _item(p: Planter, code: str, scheme: str, meaning: str, kind: str) -> Dataset:
    made = Dataset()
    made.RelationshipType, made.ValueType = "CONTAINS", kind
    made.ConceptNameCodeSequence = [_coded(code, scheme, meaning)]
    home = f"E.3.4-1 {code} {scheme}"
    value: Any
    if kind == "PNAME":
        value = p.name(home)
    elif kind == "TEXT":
        value = p.phrase(home)
    elif kind == "UIDREF":
        value = p.uid(home)
    elif kind == "COMPOSITE":
        reference = Dataset()
        reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
        reference.ReferencedSOPInstanceUID = p.uid(home)
        value = [reference]
    else:
        value = p.date(home) + ("101112" if kind == "DATETIME" else "")
    setattr(made, _VALUES[kind], value)
    return made


def content_items(made: Dataset, p: Planter, image: str) -> None:
    """Add a document with the concepts of Table E.3.4-1, one retired, one that no row lists."""
    made.Modality, made.ValueType, made.ContinuityOfContent = "SR", "CONTAINER", "SEPARATE"
    made.ContentDate, made.ContentTime = p.date("(0008,0023)"), "101112"
    made.CompletionFlag, made.VerificationFlag = "COMPLETE", "UNVERIFIED"
    made.ReferencedPerformedProcedureStepSequence = []
    made.PerformedProcedureCodeSequence = []
    made.ConceptNameCodeSequence = [_coded("18748-4", "LN", "Diagnostic imaging report")]
    items = [_item(p, *concept) for concept in (*CONCEPTS, *RETIRED)]
    items.append(_item(p, "QZ1", "99PART15", "Finding of no table", "TEXT"))
    section = Dataset()
    section.RelationshipType, section.ValueType = "CONTAINS", "CONTAINER"
    section.ConceptNameCodeSequence = [_coded("121070", "DCM", "Findings")]
    section.ContinuityOfContent = "SEPARATE"
    inner = _item(p, "121008", "DCM", "Person Observer Name", "PNAME")
    shown = Dataset()
    shown.RelationshipType, shown.ValueType = "CONTAINS", "IMAGE"
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = image
    shown.ReferencedSOPSequence = [reference]
    section.ContentSequence = [inner, shown]
    made.ContentSequence = [*items, section]
    context = _item(p, "121022", "DCM", "Accession Number", "TEXT")
    del context.RelationshipType
    made.AcquisitionContextSequence = [context]


def graphics(made: Dataset, p: Planter, image: str, series: str) -> None:
    """Add a presentation state with a name in its text annotation."""
    made.Modality, made.ContentLabel, made.InstanceNumber = "PR", p.text("(0070,0080)"), 1
    made.ContentDescription = p.phrase("(0070,0081)")
    made.ContentCreatorName = p.name("(0070,0084)")
    made.PresentationCreationDate, made.PresentationCreationTime = p.date("(0070,0082)"), "101112"
    reference = Dataset()
    reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    reference.ReferencedSOPInstanceUID = image
    listed = Dataset()
    listed.SeriesInstanceUID, listed.ReferencedImageSequence = series, [reference]
    made.ReferencedSeriesSequence = [listed]
    drawn = Dataset()
    drawn.UnformattedTextValue = f"LEFT {p.text('(0070,0001)')} NOTE"
    drawn.BoundingBoxAnnotationUnits = "PIXEL"
    annotation = Dataset()
    annotation.GraphicLayer, annotation.TextObjectSequence = "LAYER", [drawn]
    made.GraphicAnnotationSequence = [annotation]


def pdf(made: Dataset, p: Planter) -> None:
    """Add a document with a name in its text."""
    made.Modality, made.ConversionType = "DOC", "WSD"
    made.ContentDate, made.ContentTime = p.date("(0008,0023)"), "101112"
    made.BurnedInAnnotation, made.DocumentTitle = "YES", p.phrase("(0042,0010)")
    made.MIMETypeOfEncapsulatedDocument, made.ConceptNameCodeSequence = "application/pdf", []
    text = f"%PDF-1.4\n1 0 obj << /Title ({p.text('(0042,0011)')}) >> endobj\n%%EOF\n".encode()
    made.EncapsulatedDocument = text + b"\0" * (len(text) % 2)
