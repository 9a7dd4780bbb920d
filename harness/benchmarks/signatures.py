"""Verify signatures: goals 3 and 4 of the performance goals, and the walk of goal 6. Prints ratios to dcmsign.

python harness/benchmarks/signatures.py [FILES]
"""

from __future__ import annotations

import functools
import hashlib
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from part15.peers.signing_party import signing_party
from part15.peers.signing_samples import identity, image
from part15.wire import part10
from part15.wire.signed_object import read_file
from part15.wire.signing import Order, code_nodes, sign
from part15.wire.tree import Node, file_of, put, text_node

ROUNDS = 3
TRUST = signing_party().trust
CT = "1.2.840.10008.5.1.4.1.1.2"


def small() -> bytes:
    """Return an object of about 39 KB with about 260 elements."""
    nodes = [n for n in image() if n.vr != "UN"]
    for number in range(0x10, 0xF0):
        put(nodes, text_node(0x00210000 | (number + 0x1000), "LO", f"value {number}"))
    put(nodes, text_node(0x00210010, "LO", "PART15"))
    put(nodes, Node(0x7FE00010, "OW", bytes(range(256)) * 128))
    return file_of(nodes)


def multi_frame(frames: int = 100, side: int = 512) -> bytes:
    """Return a flat object with *frames* frames and functional groups that stay below 16 KiB."""
    group = [Node(0x00209111, "SQ", items=[[Node(0x00209157, "UL", struct.pack("<I", 1))]])]
    nodes = [
        *identity(CT, 1),
        text_node(0x00280008, "IS", str(frames)),
        Node(0x00280010, "US", struct.pack("<H", side)),
        Node(0x00280011, "US", struct.pack("<H", side)),
        Node(0x00400260, "SQ", items=[code_nodes("1", "99PART15", "protocol")]),
        Node(0x52009230, "SQ", items=[group] * frames),
        Node(0x7FE00010, "OW", bytes(range(256)) * (frames * side * side * 2 // 256)),
    ]
    return file_of(nodes)


def cpu(work: Callable[[], Any]) -> float:
    """Return the cpu seconds of *work*, children included."""

    def used() -> float:
        kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        return sum(resource.getrusage(k).ru_utime + resource.getrusage(k).ru_stime for k in kinds)

    before = used()
    work()
    return used() - before


def dcmsign(file: Path, anchor: Path) -> None:
    """Verify as a process."""
    subprocess.run(["dcmsign", "-q", "--verify", "+cf", anchor, file], check=True)


def ours(file: Path) -> None:
    """Verify in this process."""
    seen = read_file(part10.open_file(file), TRUST)
    assert seen.signatures[0].crypto.integrity == "valid"
    assert seen.signatures[0].trust.status == "trusted"


def over(files: list[Path], work: Callable[[Path], Any]) -> None:
    """Do *work* on each of *files*."""
    for file in files:
        work(file)


def floor(file: Path) -> None:
    """Hash the file, read in blocks of 256 KiB."""
    with file.open("rb") as stream:
        hashlib.file_digest(stream, "sha256")


def measured(name: str, works: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return and print the median of each of *works*, measured in turns."""
    spent: dict[str, list[float]] = {key: [] for key in works}
    for _ in range(ROUNDS):
        for key, work in works.items():
            spent[key].append(cpu(work))
    found = {key: statistics.median(values) for key, values in spent.items()}
    print(name + ": " + ", ".join(f"{key} {value:.3f} s" for key, value in found.items()))
    return found


def main(count: int) -> None:
    """Print the ratios of goals 3 and 4."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        anchor = folder / "root.pem"
        anchor.write_bytes(signing_party().root.public_bytes(Encoding.PEM))
        files = [folder / f"{n}.dcm" for n in range(count)]
        signed = sign(small(), Order(signing_party().right))
        for file in files:
            file.write_bytes(signed)
        ours(files[0])
        elements = len(part10.parse(signed).walk())
        print(f"small: {count} files of {len(signed)} octets, {elements} elements")
        found = measured(
            "goal 3",
            {
                "dcmsign": lambda: over(files, lambda f: dcmsign(f, anchor)),
                "ours": lambda: over(files, ours),
            },
        )
        print(f"goal 3: 1/{found['dcmsign'] / found['ours']:.0f} of dcmsign; goal 1/40")
        large = folder / "mf50.dcm"
        large.write_bytes(sign(multi_frame(), Order(signing_party().right)))
        found = measured(
            "goal 4",
            {
                "sha256": functools.partial(floor, large),
                "dcmsign": functools.partial(dcmsign, large, anchor),
                "ours": functools.partial(ours, large),
            },
        )
        print(
            f"goal 4: {found['ours'] / found['sha256']:.2f} x the floor; goal 1.4;"
            f" {found['ours'] / found['dcmsign']:.2f} x dcmsign without start; goal 1.5 with start"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
