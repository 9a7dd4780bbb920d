"""The bundle for a connectathon monitor: one zip with the report, the proof, and a page that says where it is."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from part15.errors import InputError
from part15.report import render, seal, view
from part15.report.stored import read

README = "README.txt"
MAX_SIZE = 2 << 30
"""Octets of a run above which no bundle is made."""


def bundle(run: Path, out: Path, *, phi: bool = False) -> dict[str, int]:
    """Write the bundle of *run* to *out*; returns how many files it holds and how many were left out.

    Evidence that may hold patient data is left out unless *phi* is set. The seals of the run go along
    as they are, so what was left out shows when the bundle is verified. Raises InputError if the run is
    not intact, is too large, or *out* lies within it.
    """
    if out.resolve().is_relative_to(run.resolve()):
        raise InputError(f"{out} lies in the run itself; write the bundle elsewhere")
    found = seal.verify(run)
    if found.problems:
        raise InputError(f"{run} is not as it was written: {found.problems[0]}")
    document = read(run)
    names = [*seal.digests(run), seal.SUMS, *([seal.SIGNATURE] if found.signer else [])]
    if sum((run / n).stat().st_size for n in names) > MAX_SIZE:
        raise InputError(f"{run} is larger than {MAX_SIZE >> 30} GiB; hand over the folder itself")
    private = (
        {e["path"] for e in document["evidence"] if e["phi"] == "possible"} if not phi else set()
    )
    kept = sorted(n for n in names if n not in private)
    with zipfile.ZipFile(out, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        _add(archive, README, _readme(document, found, sorted(private)).encode())
        _add(archive, "gitb.xml", render(document, "gitb").encode())
        for name in kept:
            _add(archive, f"run/{name}", (run / name).read_bytes())
    return {"files": len(kept), "leftOut": len(private)}


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


def _readme(document: Mapping[str, Any], found: seal.Verification, private: list[str]) -> str:
    sut, run = document["sut"], document["run"]
    peers = ", ".join(document["sent"]["connections"]) or "none (files and declarations only)"
    lines = [
        "RESULT OF A PS3.15 CONFORMANCE RUN",
        "",
        f"Who       {sut['product']} {sut['version']}{', ' + sut['vendor'] if sut['vendor'] else ''}",
        f"What      PS3.15 edition {document['standard']['edition']}, part15 {document['tool']['version']}",
        f"When      {run['startedAt']} to {run['endedAt']}",
        f"Peer      {peers}",
        f"Operator  {sut['operator'] or 'not named'}",
        "",
        "Result",
        *(
            f"  {view.CONCLUSIONS[c['conclusion']]}: {view.claim_name(c)} ({view.decided_text(c)})"
            for c in view.claims(document)
        ),
        *(f"  Site policy, no part of PS3.15: {view.policy_line(p)}" for p in document["policies"]),
        "",
        "Proof",
        "  run/report.html   the report, for a browser, works without a network",
        "  run/report.json   the same for programs; gitb.xml is its form for validation services",
        "  run/evidence/     what was seen, one folder per stimulus",
        "  run/SHA256SUMS    check with: cd run && sha256sum -c SHA256SUMS",
        f"  seal              {found.seal}",
        f"  signed            {'by the certificate with SHA-256 ' + found.signer if found.signer else 'no'}",
    ]
    if private:
        lines += [
            "",
            f"Left out, since it may hold patient data ({len(private)} files):",
            *(f"  {n}" for n in private),
        ]
    return "\n".join(lines) + "\n"
