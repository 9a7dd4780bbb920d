"""Goal 12: DES as ISCL uses it, beside the bare cipher; one pass each over messages of 16 KiB.

    python harness/benchmarks/iscl.py [--runs 9] [--size 16384] [--count 200]

Measures in turns the bare ``TripleDES`` K,K,K of ``cryptography`` in CBC mode, our enciphering of a
message into blocks, our DES-MAC, and a whole message through two engines (two passes to send, two to
receive). Prints medians of cpu seconds and the ratio bare / ours per pass.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher

from part15.wire import iscl_des as des
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import load_binding
from part15.wire.iscl_seal import Method, Way
from part15.wire.iscl_types import Keys, Settings

KEY = bytes.fromhex("FEDCBA9876543210")


def bare(message: bytes) -> None:
    mode = des.ciphers()[3]  # the class of CBC that this version of the library has
    encryptor = Cipher(TripleDES(KEY * 3), mode(des.ZERO)).encryptor()
    encryptor.update(message)
    encryptor.finalize()


def measured(work: Callable[[], object], count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        work()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--size", type=int, default=16384)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    binding = load_binding()
    message = bytes(i % 251 for i in range(options.size))
    way, method = Way(binding), Method(True, "des_mac", KEY, KEY)
    keys = Keys({1: KEY}, {1: KEY})
    settings = Settings(privacy=True)
    server = Engine(binding, "server", keys, settings)
    client = Engine(binding, "client", keys, settings)

    def carried() -> None:
        client.send(message)
        for _ in range(4):
            server.feed(client.outgoing())
            client.feed(server.outgoing())

    server.start()
    for _ in range(6):
        client.feed(server.outgoing())
        server.feed(client.outgoing())
    assert client.state == server.state == "ready"
    works: dict[str, tuple[Callable[[], object], int]] = {
        "bare cipher": (lambda: bare(message), 1),
        "message into blocks": (lambda: way.pieces(method, message, 8160), 1),
        "DES-MAC": (lambda: des.des_mac(KEY, message), 1),
        "message through two engines": (carried, 4),
    }
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(options.runs):
        for name, (work, _) in works.items():
            seen[name].append(measured(work, options.count))
    floor = statistics.median(seen["bare cipher"])
    megabytes = options.size * options.count / 1e6
    for name, (_, passes) in works.items():
        seconds = statistics.median(seen[name]) / passes
        print(
            f"{name:30} {megabytes / seconds:7.1f} MB/s per pass, {floor / seconds:5.2f} of the bare cipher"
        )


if __name__ == "__main__":
    main()
