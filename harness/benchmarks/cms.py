"""Decrypt and verify Secure DICOM Files: goals 8 and 9 of the performance goals. Prints ratios to openssl.

python harness/benchmarks/cms.py [FILES]
"""

from __future__ import annotations

import dataclasses
import mmap
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from part15.peers.media_party import base_recipe, opener_of, parties, write_pem
from part15.peers.media_samples import element, file_of
from part15.wire.cms_secure_file import look
from part15.wire.cms_writing import Identity, write

ROUNDS = 3


def image(octets: int) -> bytes:
    """Return a DICOM File with *octets* of pixel data."""
    pixels = os.urandom(1024) * (octets // 1024)
    rows = element(0x00080016, "UI", "1.2.3") + element(0x00080018, "UI", "1.2.4")
    return file_of("1.2.3", "1.2.4", rows + element(0x7FE00010, "OW", pixels))


def cpu(work: Callable[[], object]) -> float:
    """Return the cpu seconds of *work*, children included."""

    def used() -> float:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(resource.getrusage(k).ru_utime + resource.getrusage(k).ru_stime for k in kinds)

    before = used()
    work()
    return used() - before


def run(*command: object) -> None:
    """Run one process."""
    subprocess.run([str(c) for c in command], check=True, stderr=subprocess.DEVNULL)


def openssl(folder: Path, file: Path) -> None:
    """Decrypt and verify as two processes."""
    inner, plain = folder / "inner", folder / "plain"
    key = ["-recip", folder / "first.crt", "-inkey", folder / "first.key"]
    command: list[object]
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", file, *key]
    run(*command, "-out", inner)
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-binary", "-in", inner]
    run(*command, "-CAfile", folder / "root.crt", "-purpose", "any", "-out", plain)


def ours(file: Path) -> None:
    """Decrypt, verify and walk the file that comes out."""
    everybody = parties()
    with file.open("rb") as stream:
        view = memoryview(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))
    seen = look(view, (opener_of(everybody.recipients["first"]),), everybody.trust).seen
    assert seen.inner is not None
    assert seen.inner.signers[0].signature == "valid"
    assert seen.inner.signers[0].trust == "trusted"


def every(files: list[Path], work: Callable[[Path], None]) -> None:
    """Do *work* on each of *files*."""
    for file in files:
        work(file)


def measured(name: str, folder: Path, files: list[Path]) -> None:
    """Measure in pairs and print."""
    theirs, mine = [], []
    for _ in range(ROUNDS):
        theirs.append(cpu(lambda: every(files, lambda f: openssl(folder, f))))
        mine.append(cpu(lambda: every(files, ours)))
    peer, we = statistics.median(theirs), statistics.median(mine)
    print(
        f"{name}: openssl {peer:.3f} s, ours {we:.3f} s for {len(files)} files: {peer / we:.1f} x"
    )


def main(count: int) -> None:
    """Make the files, measure, print."""
    everybody = parties()
    recipe = base_recipe("2023b")
    # openssl reads ContentInfo only, so its files carry the whole structure (form a).
    recipe = dataclasses.replace(recipe, form="wrapped")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_pem(folder, "first", everybody.recipients["first"])
        write_pem(folder, "root", Identity(everybody.root.certificate, everybody.root.key))
        small = folder / "ct512"
        small.write_bytes(write(image(512 * 512 * 2), recipe))
        measured("ct512", folder, [small] * count)
        large = folder / "mf50"
        large.write_bytes(write(image(100 * 512 * 512 * 2), recipe))
        measured("mf50", folder, [large])
        print(f"  file {large.stat().st_size >> 20} MiB")
        memory(large, folder)


def memory(file: Path, folder: Path) -> None:
    """Print the memory of a fresh process that reads *file*, by the size of the file."""
    code = (
        "import mmap,sys\n"
        "def most():\n"
        "    rows=open('/proc/self/status').read().splitlines()\n"
        "    return int([r for r in rows if r.startswith('VmHWM')][0].split()[1])\n"
        "from cryptography.hazmat.primitives.serialization import load_pem_private_key as l\n"
        "from part15.wire.cms_opening import RsaOpener\n"
        "from part15.wire.cms_secure_file import look\n"
        "k=RsaOpener(l(open(sys.argv[2],'rb').read(),None))\n"
        "f=open(sys.argv[1],'rb')\n"
        "v=memoryview(mmap.mmap(f.fileno(),0,access=mmap.ACCESS_READ))\n"
        "a=most()\n"
        "s=look(v,(k,)).seen\n"
        "assert s.access=='opened',s\n"
        "print(most()-a)\n"
    )
    command = [sys.executable, "-c", code, str(file), str(folder / "first.key")]
    used = int(subprocess.run(command, check=True, capture_output=True).stdout) * 1024
    print(
        f"  memory {used / file.stat().st_size:.2f} x the file (with the mapped file); goal 2.5 x"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
