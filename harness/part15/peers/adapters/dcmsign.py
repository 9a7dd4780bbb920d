"""An adapter for ``dcmsign`` of DCMTK: ``sign`` and ``verify`` (PS3.15 Annex C)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from part15.peers.adapters import CANNOT, DONE, REFUSED, Answer, serve

SECONDS = 60
SIGNING = {
    "base-rsa": "+pb",
    "creator-rsa": "+pc",
    "authorization-rsa": "+pa",
    "sr-rsa": "+pr",
}
REQUIRING = {"creator-rsa": "+rc", "authorization-rsa": "+ru", "sr-rsa": "+rs"}
MACS = {
    "RIPEMD160": "+mr",
    "SHA1": "+ms",
    "MD5": "+mm",
    "SHA256": "+m2",
    "SHA384": "+m3",
    "SHA512": "+m5",
}
_REFUSALS = range(80, 128)
"""Exit codes of dcmsign that are answers: 85 signing refused, 101 not verified, 102 policy unmet."""


def _dcmsign(*arguments: object) -> tuple[int, str]:
    command = ["dcmsign", *(str(a) for a in arguments)]
    done = subprocess.run(
        command, capture_output=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL
    )
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    told = [line.split(":", 1)[-1].strip() for line in lines if line[:2] in ("E:", "F:")]
    return done.returncode, told[-1] if told else f"dcmsign ended with {done.returncode}"


def sign(request: Mapping[str, Any]) -> Answer:
    """Sign each file with the key and certificate of the request."""
    options: list[object] = ["+s", request["key"], request["certificate"]]
    if request.get("profile") in SIGNING:
        options.append(SIGNING[request["profile"]])
    mac = str(request.get("mac") or "SHA256")
    if mac not in MACS:
        return CANNOT, {"reason": f"dcmsign has no MAC algorithm {mac}"}
    options.append(MACS[mac])
    if request.get("purpose"):
        options += ["+sp", request["purpose"]]
    written = []
    for source in map(Path, request["files"]):
        target = Path(request["out"]) / source.name
        code, why = _dcmsign(*options, source, target)
        if code in _REFUSALS:
            return REFUSED, {"reason": why}
        if code:
            return CANNOT, {"reason": why}
        written.append(str(target))
    return DONE, {"files": written}


def verify(request: Mapping[str, Any]) -> Answer:
    """Verify each file; all must be accepted."""
    options: list[object] = ["--verify", "+rg"]
    for key, option in (("trust", "+cf"), ("intermediates", "+uf"), ("crls", "+cr")):
        for path in request.get(key, ()):
            options += [option, path]
    if request.get("profile") in REQUIRING:
        options.append(REQUIRING[request["profile"]])
    results = []
    for source in request["files"]:
        code, why = _dcmsign(*options, source)
        if code and code not in _REFUSALS:
            return CANNOT, {"reason": why}
        results.append({"file": source, "accepted": not code, "reason": why if code else ""})
    reason = next((str(r["reason"]) for r in results if not r["accepted"]), "")
    return (REFUSED if reason else DONE), {"results": results, "reason": reason}


def main(arguments: Sequence[str]) -> int:
    """Serve one request."""
    del arguments
    try:
        return serve({"sign": sign, "verify": verify})
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        sys.stdout.write('{"reason": "dcmsign is not installed"}')
        return CANNOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
