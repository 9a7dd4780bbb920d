"""An adapter for ``openssl cms``: secure media as a script around OpenSSL makes and reads them.

``openssl cms -encrypt`` can only call its content id-data, so what it writes by itself violates
D.1-inner-choice. With ``--bare`` the label and the nesting are rewritten as the standard asks.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from part15.peers.adapters import CANNOT, DONE, REFUSED, Answer, serve
from part15.wire import cms_ber as ber
from part15.wire.cms_ber import BerError, Budget
from part15.wire.cms_names import DATA, DIGESTED_DATA, SIGNED_DATA

SECONDS = 60
_DER = ("-binary", "-inform", "DER")


class _Refused(Exception):  # noqa: N818 - an answer
    """OpenSSL refused; the last line that it said is the reason."""


def _openssl(*arguments: object) -> None:
    command = ["openssl", "cms", *(str(a) for a in arguments)]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _Refused(lines[-1] if lines else f"openssl ended with {done.returncode}")


def write_media(request: Mapping[str, Any], *, bare: bool) -> Answer:
    """Sign (or digest) each file and encrypt that for every recipient."""
    out, written = Path(request["out"]), []
    password = request.get("password")
    if password is not None and not all(0x20 <= ord(c) <= 0x7E for c in password):
        return REFUSED, {"reason": "the password is outside the Default Character Repertoire"}
    try:
        for source in map(Path, request["files"]):
            inner, target = out / f".{source.name}.inner", out / source.name
            _protect(request, source, inner)
            if bare:
                inner.write_bytes(unwrapped(inner.read_bytes()))
            _encrypt(request, inner, target)
            inner.unlink()
            if bare:
                label = SIGNED_DATA if request.get("signer") else DIGESTED_DATA
                target.write_bytes(relabelled(target.read_bytes(), label))
            written.append(str(target))
    except _Refused as refused:
        return REFUSED, {"reason": str(refused)}
    return DONE, {"files": written}


def _protect(request: Mapping[str, Any], source: Path, inner: Path) -> None:
    digest = "sha1" if str(request.get("edition", "2023b")) < "2011" else "sha256"
    ends = ("-binary", "-md", digest, "-in", source, "-outform", "DER", "-out", inner)
    signer = request.get("signer")
    if signer:
        keys = ("-signer", signer["certificate"], "-inkey", signer["key"])
        _openssl("-sign", "-nodetach", *keys, *ends)
    else:
        _openssl("-digest_create", *ends)


def _encrypt(request: Mapping[str, Any], inner: Path, target: Path) -> None:
    cipher = "-des3" if str(request.get("edition", "2023b")) < "2008" else "-aes256"
    password = request.get("password")
    secret = ("-pwri_password", password) if password is not None else ()
    ends = ("-binary", "-in", inner, "-outform", "DER", "-out", target)
    _openssl("-encrypt", cipher, *secret, *ends, *request.get("recipients", ()))


def unwrapped(octets: bytes) -> bytes:
    """Return what the ContentInfo in *octets* holds; raises BerError if it is none."""
    budget = Budget(len(octets))
    parts = ber.children(octets, ber.read(octets, 0, len(octets), budget), budget)
    inner = ber.children(octets, parts[1], budget)[0]
    return ber.raw(octets, inner)


def wrapped(octets: bytes, oid: str) -> bytes:
    """Return *octets* as the content of a ContentInfo of type *oid*."""
    return ber.element(ber.SEQUENCE, ber.oid_octets(oid) + ber.element(0xA0, octets))


def relabelled(octets: bytes, oid: str) -> bytes:
    """Return an EnvelopedData whose encrypted content type is *oid* (as long as id-data) instead of id-data."""
    before, _, after = octets.rpartition(ber.oid_octets(DATA))
    return before + ber.oid_octets(oid) + after


def read_media(request: Mapping[str, Any]) -> Answer:
    """Decrypt and verify each file; what OpenSSL refuses is refused."""
    out, written, results = Path(request["out"]), [], []
    for source in map(Path, request["files"]):
        target = out / f"{source.name}.dcm"
        try:
            _open(request, source, target)
        except (_Refused, BerError) as refused:
            target.unlink(missing_ok=True)
            results.append({"file": str(source), "accepted": False, "reason": str(refused)})
            continue
        written.append(str(target))
        results.append({"file": str(source), "accepted": True})
    reason = next((str(r["reason"]) for r in results if not r["accepted"]), "")
    return (DONE if written else REFUSED), {"files": written, "results": results, "reason": reason}


def _open(request: Mapping[str, Any], source: Path, target: Path) -> None:
    inner = Path(request["out"]) / f".{source.name}.inner"
    password = request.get("password")
    keys: Sequence[object] = ()
    if request.get("key"):
        keys = ("-recip", request["certificate"], "-inkey", request["key"])
    if password is not None:
        keys = (*keys, "-pwri_password", password)
    try:
        _openssl("-decrypt", *_DER, "-in", source, "-out", inner, *keys)
        octets = inner.read_bytes()
        signed = _is_signed(octets)
        if octets[4:6] != b"\x06\x09" and octets[:1] == b"0":
            inner.write_bytes(wrapped(octets, SIGNED_DATA if signed else DIGESTED_DATA))
        anchors = [a for path in request.get("trust", ()) for a in ("-CAfile", path)]
        how = ("-verify", "-purpose", "any", *anchors) if signed else ("-digest_verify",)
        if signed and not anchors:
            how = (*how, "-noverify")
        _openssl(*how, *_DER, "-in", inner, "-out", target)
    finally:
        inner.unlink(missing_ok=True)
    if target.read_bytes()[128:132] != b"DICM":
        raise _Refused("there is no DICOM File inside")


def _is_signed(octets: bytes) -> bool:
    """Tell Signed-data from Digested-data, in a ContentInfo or bare; raises BerError if it is neither."""
    budget = Budget(len(octets))
    parts = ber.children(octets, ber.read(octets, 0, len(octets), budget), budget)
    if parts and parts[0].identifier == ber.OID:
        named = ber.oid_text(octets, parts[0])
        if named not in (SIGNED_DATA, DIGESTED_DATA):
            raise BerError("the content is neither signed nor digested")
        return named == SIGNED_DATA
    return len(parts) > 1 and parts[1].identifier == ber.SET


def main(arguments: Sequence[str]) -> int:
    """Serve one request."""
    bare = "--bare" in arguments
    try:
        return serve(
            {"write-media": lambda ask: write_media(ask, bare=bare), "read-media": read_media}
        )
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        sys.stdout.write('{"reason": "openssl is not installed"}')
        return CANNOT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
