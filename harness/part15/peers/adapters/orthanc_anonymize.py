"""An adapter for the anonymisation of Orthanc: started for one request, on loopback, and ended with it.

    adapter = ["python", "-m", "part15.peers.adapters.orthanc_anonymize", "--version", "2021b"]

``--version`` is the edition of PS3.15 that Orthanc is asked to follow (its ``DicomVersion``).
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from part15.peers.adapters import CANNOT, DONE, REFUSED, Answer, serve

SECONDS = 60.0
START = 20.0


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _ask(url: str, data: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, data, timeout=SECONDS) as answer:  # noqa: S310 - our own loopback
        return bytes(answer.read())


@contextlib.contextmanager
def running(program: str) -> Iterator[str]:
    """Yield the address of an Orthanc with an empty store.

    Raises FileNotFoundError if it is not installed, TimeoutError if it does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="part15-orthanc-") as folder:
        http, dicom = _free_ports(2)
        configuration = {
            "StorageDirectory": folder,
            "IndexDirectory": folder,
            "HttpPort": http,
            "DicomPort": dicom,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
        }
        path = Path(folder) / "orthanc.json"
        path.write_text(json.dumps(configuration), encoding="utf-8")
        process = subprocess.Popen(
            [program, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        address = f"http://127.0.0.1:{http}"
        try:
            _wait(address, process)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            _ask(f"{address}/system")
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    raise TimeoutError("Orthanc does not answer")


def deidentify(request: Mapping[str, Any], *, program: str, version: str) -> Answer:
    """Store every file, anonymise study by study, and write what comes out."""
    try:
        with running(program) as address:
            pairs = _anonymised(address, [Path(f) for f in request["files"]], request, version)
    except FileNotFoundError:
        return CANNOT, {"reason": f"{program} is not installed"}
    except (TimeoutError, urllib.error.URLError) as trouble:
        return REFUSED, {"reason": f"Orthanc: {trouble}"}
    if not pairs:
        return REFUSED, {"reason": "Orthanc anonymised nothing"}
    return DONE, {"files": list(pairs.values()), "pairs": pairs}


def _anonymised(
    address: str, sources: Sequence[Path], request: Mapping[str, Any], version: str
) -> dict[str, str]:
    by_id: dict[str, str] = {}
    studies: dict[str, None] = {}
    for source in sources:
        with contextlib.suppress(urllib.error.HTTPError):
            stored = json.loads(_ask(f"{address}/instances", source.read_bytes()))
            by_id[stored["ID"]] = str(source)
            studies[stored["ParentStudy"]] = None
    pairs: dict[str, str] = {}
    body = json.dumps({"DicomVersion": version, "Force": True}).encode()
    for study in studies:
        made = json.loads(_ask(f"{address}/studies/{study}/anonymize", body))
        for instance in json.loads(_ask(f"{address}/studies/{made['ID']}/instances")):
            name = instance["ID"]
            origin = _ask(f"{address}/instances/{name}/metadata/AnonymizedFrom").decode()
            target = Path(request["out"]) / f"{len(pairs):06d}.dcm"
            target.write_bytes(_ask(f"{address}/instances/{name}/file"))
            if origin in by_id:
                pairs[by_id[origin]] = str(target)
    return pairs


def main(arguments: Sequence[str]) -> int:
    """Serve one request."""
    parser = argparse.ArgumentParser(prog="part15.peers.adapters.orthanc_anonymize")
    parser.add_argument("--program", default="Orthanc")
    parser.add_argument("--version", default="2021b", choices=["2008", "2017c", "2021b"])
    parser.add_argument("verb")
    given = parser.parse_args(arguments)
    verb = functools.partial(deidentify, program=given.program, version=given.version)
    return serve({"deidentify": verb})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
