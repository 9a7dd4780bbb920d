"""The SUT as signer through the adapter's verb ``sign``: objects that we make are handed over, signed ones come back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from part15.bench import Bench
from part15.channel.adapter import Adapter, adapter_of
from part15.errors import Trouble
from part15.observations import NotReached
from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import compressed, image, module_samples, plain, report
from part15.wire.part10 import IMPLICIT_UID
from part15.wire.tree import file_of

_DEADLINE = 30.0
_MODULES = (
    "overlay-plane",
    "waveform",
    "enhanced-mr-image",
    "multi-frame-functional-groups",
    "encapsulated-document",
    "segmentation-image",
)


def inputs(profile: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and octets of the unsigned objects for a signer of *profile*."""
    if profile != "sr-rsa":
        yield "image.dcm", plain()
        yield "compressed.dcm", compressed()
        nodes = [n for n in image() if n.vr != "UN" and n.tag >> 16 != 0x0029]
        yield "implicit.dcm", file_of(nodes, IMPLICIT_UID)
        for sample in module_samples("creator-rsa"):
            if sample.module in _MODULES:
                yield f"{sample.module}.dcm", file_of(sample.nodes())
    if profile in ("sr-rsa", "creator-rsa", "base-rsa"):
        yield "unverified.dcm", file_of(report(verified=False))
    if profile in ("sr-rsa", "creator-rsa"):
        yield "verified.dcm", file_of(report())


def signed_by_adapter(bench: Bench, profile: str) -> tuple[dict[str, Path], Path] | NotReached:
    """Return the signed files by name, and the anchor that the certificate we gave leads to."""
    try:
        adapter = adapter_of(bench.target)
    except Trouble:
        why = "the target names neither media.folder nor an adapter with the verb sign"
        return NotReached("media", why)
    folder = bench.scratch / f"sign-{profile or 'base-rsa'}"
    folder.mkdir(parents=True, exist_ok=True)
    anchor = _keys(folder)
    found: dict[str, Path] = {}
    whys = []
    for name, octets in inputs(profile):
        path, why = _signed(bench, adapter, folder, profile, name, octets)
        if path is not None:
            found[name] = path
        else:
            whys.append(f"{name}: {why}")
            bench.note(f"sign: {name} did not come back signed: {why}")
    if not found:
        return NotReached("sign", f"the adapter signed nothing; {whys[0]}")
    return found, anchor


def _keys(folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    party = signing_party()
    key = party.right.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    certificate = x509.load_der_x509_certificate(party.right.certificate)
    (folder / "key.pem").write_bytes(key)
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    anchor = folder / "root.pem"
    anchor.write_bytes(party.root.public_bytes(Encoding.PEM))
    return anchor


def _signed(
    bench: Bench, adapter: Adapter, folder: Path, profile: str, name: str, octets: bytes
) -> tuple[Path | None, str]:
    """Ask for one object; returns the file that came back, or why there is none."""
    source, out = folder / "in" / name, folder / "out" / name.removesuffix(".dcm")
    source.parent.mkdir(exist_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    source.write_bytes(octets)
    verification = name == "verified.dcm" and profile == "sr-rsa"
    request = {
        "files": [str(source)],
        "out": str(out),
        "profile": profile or "base-rsa",
        "key": str(folder / "key.pem"),
        "certificate": str(folder / "certificate.pem"),
        "mac": "SHA256",
        "purpose": "5" if verification else "1",
    }
    answer = adapter.ask("sign", request, deadline=max(bench.deadline, _DEADLINE))
    if answer.outcome != "done":
        return None, f"{answer.outcome} ({answer.why or 'no reason'})"
    written = [Path(p) for p in answer.files] or sorted(p for p in out.rglob("*") if p.is_file())
    inside = [p for p in written if p.is_file() and p.resolve().is_relative_to(out.resolve())]
    return (
        (inside[0], "") if inside else (None, "nothing was written into the folder that was given")
    )
