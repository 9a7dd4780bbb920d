"""Adapters for de-identifiers that part15 knows: gdcmanon, dicognito, dicom-anonymizer, deid.

    adapter = ["python", "-m", "part15.peers.adapters.deid_tools", "gdcmanon"]
    adapter = ["python", "-m", "part15.peers.adapters.deid_tools", "dicognito", "--program", "/venv/bin/python"]

``--program`` is the tool's own program, or for dicognito the Python of its environment. Tools whose map
of UIDs lives for one run get all the files that they accept in one run.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from part15.peers.adapters import CANNOT, DONE, REFUSED, Answer, serve

SECONDS = 60
Make = Callable[[str, Path, Path, Mapping[str, Any]], list[str]]
"""Program, source, output and request to the command; source and output are files, or folders.

A tool that names its output itself writes it into the folder of the output, which is empty."""


class _Failed(Exception):  # noqa: N818 - an answer
    """The tool ended with an error; the text is the last line that it wrote."""


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise _Failed(lines[-1] if lines else f"{command[0]} ended with {done.returncode}")


def _gdcmanon(program: str, source: Path, made: Path, request: Mapping[str, Any]) -> list[str]:
    recipients = request.get("recipients") or [str(_spare_certificate())]
    return [program, "-e", "-c", recipients[0], "-i", str(source), "-o", str(made)]


def _dicognito(program: str, source: Path, made: Path, request: Mapping[str, Any]) -> list[str]:
    del request
    chosen = ("--seed", "part15", "-q", "-o", str(made.parent))
    return [program, "-m", "dicognito", *chosen, str(source)]


def _dicom_anonymizer(
    program: str, source: Path, made: Path, request: Mapping[str, Any]
) -> list[str]:
    del request
    return [program, str(source), str(made)]


def _deid(program: str, source: Path, made: Path, request: Mapping[str, Any]) -> list[str]:
    del request
    chosen = ("--outfolder", str(made.parent), "--overwrite")
    return [program, *chosen, "identifiers", "--action", "all", "--input", str(source)]


TOOLS: Mapping[str, tuple[str, Make]] = {
    "gdcmanon": ("gdcmanon", _gdcmanon),
    "dicognito": (sys.executable, _dicognito),
    "dicom-anonymizer": ("dicom-anonymizer", _dicom_anonymizer),
    "deid": ("deid", _deid),
}
_TOGETHER = frozenset(["gdcmanon", "dicom-anonymizer"])
"""Tools that replace alike within one run only, and that take a folder."""


@functools.cache
def _spare_certificate() -> Path:
    """Return the certificate of nobody: gdcmanon always encrypts."""
    from cryptography.hazmat.primitives.serialization import Encoding

    from part15.forge import authority, shared_keys

    path = Path(tempfile.mkdtemp(prefix="part15-adapter-")) / "spare.pem"
    spare = authority("nobody", shared_keys().rsa("nobody"))
    path.write_bytes(spare.certificate.public_bytes(Encoding.PEM))
    return path


def deidentify(request: Mapping[str, Any], *, tool: str, program: str) -> Answer:
    """Run *tool* on each file; a file that it does not want is left out, and its log says so."""
    name, make = TOOLS[tool]
    log: list[str] = []
    pairs: dict[str, str] = {}
    try:
        for number, source in enumerate(map(Path, request["files"])):
            folder = Path(request["out"]) / f"{number:06d}"
            folder.mkdir()
            try:
                _run(make(program or name, source, folder / "made.dcm", request))
            except _Failed:
                log.append(f"{tool} refused file {number}")
                continue
            made = sorted(path for path in folder.rglob("*") if path.is_file())
            if made:
                pairs[str(source)] = str(made[0])
        if tool in _TOGETHER and len(pairs) > 1:
            pairs = _in_one_run(pairs, request, functools.partial(make, program or name))
    except FileNotFoundError:
        return CANNOT, {"reason": f"{program or name} is not installed"}
    except _Failed as failed:
        return REFUSED, {"reason": f"{tool}: {failed}"}
    if not pairs:
        return REFUSED, {"reason": f"{tool} refused every file"}
    return DONE, {"files": list(pairs.values()), "pairs": pairs, "log": log}


def _in_one_run(
    pairs: Mapping[str, str],
    request: Mapping[str, Any],
    make: Callable[[Path, Path, Mapping[str, Any]], list[str]],
) -> dict[str, str]:
    """De-identify the files of *pairs*, which the tool accepts one by one, as one folder."""
    made = Path(request["out"]) / "together"
    made.mkdir()
    with tempfile.TemporaryDirectory(prefix="part15-adapter-") as staged:
        names = {}
        for number, source in enumerate(pairs):
            names[source] = f"{number:06d}-{Path(source).name}"
            shutil.copy(source, Path(staged) / names[source])
        _run(make(Path(staged), made, request))
    return {s: str(made / name) for s, name in names.items() if (made / name).is_file()}


def reidentify(request: Mapping[str, Any], *, program: str) -> Answer:
    """Let gdcmanon re-identify each file."""
    written = []
    for number, source in enumerate(map(Path, request["files"])):
        made = Path(request["out"]) / f"{number:06d}.dcm"
        command = [
            program or "gdcmanon",
            "-d",
            "-k",
            request["key"],
            "-i",
            str(source),
            "-o",
            str(made),
        ]
        try:
            _run(command)
        except _Failed as failed:
            return REFUSED, {"reason": f"gdcmanon: {failed}"}
        except FileNotFoundError:
            return CANNOT, {"reason": f"{program or 'gdcmanon'} is not installed"}
        if not made.is_file():
            return REFUSED, {"reason": "gdcmanon wrote nothing"}
        written.append(str(made))
    return DONE, {"files": written}


def main(arguments: Sequence[str]) -> int:
    """Serve one request."""
    parser = argparse.ArgumentParser(prog="part15.peers.adapters.deid_tools")
    parser.add_argument("tool", choices=sorted(TOOLS))
    parser.add_argument("--program", default="")
    parser.add_argument("verb")
    given = parser.parse_args(arguments)
    verbs = {"deidentify": functools.partial(deidentify, tool=given.tool, program=given.program)}
    if given.tool == "gdcmanon":
        verbs["reidentify"] = functools.partial(reidentify, program=given.program)
    return serve(verbs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
