"""Secure File-sets (PS3.10 7.4)."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.media import SecureFileSetSeen
from part15.registry import check


@check
def holds_secure_files_only(seen: SecureFileSetSeen) -> Judgement:
    """Tell whether every file of the file-set, DICOMDIR included, is a Secure DICOM File (PS3.10 7.4).

    A file that is neither CMS nor DICOM and that the DICOMDIR does not name is no part of the set.
    References that leave the folder, and symbolic links, were not followed and are findings.
    """
    findings = [
        Finding(m.path, Word.FAIL, f"{m.path} is {_NAMES[m.kind]}", "a Secure DICOM File", m.kind)
        for m in seen.members
        if m.kind in ("plain", "other") or (m.kind == "foreign" and m.referenced)
    ]
    findings += [
        Finding(
            r, Word.FAIL, f"the DICOMDIR names {r!r}, which leaves the folder; it was not followed"
        )
        for r in seen.escaping
    ]
    findings += [
        Finding(n, Word.FAIL, f"{n} is a symbolic link; it was not followed") for n in seen.links
    ]
    if findings:
        first = findings[0]
        return fails(
            f"{first.message}; every file of a Secure File-set is encapsulated, DICOMDIR included",
            expected="Secure DICOM Files only",
            observed=f"{len(findings)} entries that are none",
            findings=findings[:50],
        )
    if seen.truncated:
        return undecided("the file-set has more files than were looked at")
    foreign = [m for m in seen.members if m.kind == "foreign"]
    notes = [
        Finding(
            m.path,
            Word.INFO,
            "neither CMS nor DICOM, and not named by the DICOMDIR: no part of the set",
        )
        for m in foreign[:50]
    ]
    notes += [
        Finding(n, Word.INFO, f"the DICOMDIR names {n}, which is not there")
        for n in seen.missing[:50]
    ]
    what = "; the DICOMDIR was not decrypted" if seen.directory == "unreadable" else ""
    secure = len(seen.members) - len(foreign)
    if not secure:
        return undecided("there is no DICOM file", findings=notes)
    return passes(f"all {secure} files are Secure DICOM Files{what}", findings=notes)


_NAMES = {
    "plain": "a plain DICOM file",
    "other": "no Secure DICOM File",
    "foreign": "neither CMS nor DICOM, although the DICOMDIR names it",
}


@check
def holds_no_secure_file(seen: SecureFileSetSeen) -> Judgement:
    """Tell whether a file-set of an application profile without security holds no CMS file (PS3.10 7)."""
    secure = [m for m in seen.members if m.kind == "secure"]
    if secure:
        return fails(
            f"{secure[0].path} is a Secure DICOM File, although the application profile selects no security",
            expected="plain DICOM files",
            observed=f"{len(secure)} Secure DICOM Files",
            findings=[Finding(m.path, Word.FAIL, "a Secure DICOM File") for m in secure[:50]],
        )
    if not seen.members:
        return undecided("the file-set is empty")
    return passes(f"none of {len(seen.members)} files is a Secure DICOM File")
