"""part15: conformance testing for DICOM PS3.15, clause by clause, over the wire and on files."""

__version__ = "0.1.0"
