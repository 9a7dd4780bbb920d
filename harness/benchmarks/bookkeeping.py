"""Goals 13 and 14: CPU per case with report and JUnit beside bare pytest, and the start of the command line.

Run it with the Python that has part15: ``python harness/benchmarks/bookkeeping.py``. Prints ratios
and CPU seconds of whole processes, medians of paired runs; nothing is asserted.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = 1000
PAIRS = 5

BARE = """
import pytest

@pytest.mark.parametrize("number", range({cases}))
def test_case(number, request):
    request.node.user_properties += [("rule", str(number)), ("verdict", "pass")]
"""

PROFILE = """
profile: bookkeeping
title: Bookkeeping of a thousand cases
section: site
family: secure_transport
editions: ['2001', null]
claimable: true
roles: [tls-server]
clauses:
  - id: BOOK-1
    section: site
    editions: ['2001', null]
    level: shall
    roles: [tls-server]
    text: Something is declared.
    data: {{claim: something}}
    stimulus: {{statement.read: {{keys: [something]}}}}
    check: statement.declares
    each: {{number: {numbers}}}
"""

TARGET = """
[target]
name = "bookkeeping"
edition = "2023b"
[declared]
something = "yes"
"""


def cpu(command: list[str], folder: Path) -> float:
    """Return user and system seconds of *command*, children included."""
    before = os.times()
    subprocess.run(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    after = os.times()
    return (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )


def medians(first: list[str], second: list[str], folder: Path) -> tuple[float, float]:
    """Return the median CPU seconds of two commands run in turn."""
    pairs = [(cpu(first, folder), cpu(second, folder)) for _ in range(PAIRS)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_bare.py").write_text(BARE.format(cases=CASES))
        (folder / "test_one.py").write_text(BARE.format(cases=1))
        numbers = [f"n{number}" for number in range(CASES)]
        (folder / "site.yaml").write_text(PROFILE.format(numbers=numbers))
        (folder / "one.yaml").write_text(PROFILE.format(numbers=numbers[:1]))
        (folder / "target.toml").write_text(TARGET)
        python = sys.executable
        junit = "--junitxml=j.xml"
        bare = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", junit]
        mine = [python, "-m", "part15", "run", "target.toml", "-q", "--junitxml", "p.xml"]
        runs = iter(range(10_000))

        def ours(profile: str) -> float:
            out = f"out{next(runs)}"
            return cpu([*mine, "-p", profile, "-o", out], folder)

        pytest_many, pytest_one = medians([*bare, "test_bare.py"], [*bare, "test_one.py"], folder)
        ours_many = statistics.median(ours("site.yaml") for _ in range(PAIRS))
        ours_one = statistics.median(ours("one.yaml") for _ in range(PAIRS))
        per_pytest = (pytest_many - pytest_one) / (CASES - 1) * 1000
        per_ours = (ours_many - ours_one) / (CASES - 1) * 1000
        print(f"pytest, junit:           {per_pytest:.2f} ms CPU per item")
        print(
            f"part15, report, junit:   {per_ours:.2f} ms CPU per case, {per_ours / per_pytest:.1f} x pytest (goal: 2.5 ms)"
        )
        nothing = statistics.median(cpu([python, "-c", ""], folder) for _ in range(PAIRS))
        for words in (["--help"], ["list", "clauses"], ["explain", "B.12-no-null"]):
            spent = statistics.median(
                cpu([python, "-m", "part15", *words], folder) for _ in range(PAIRS)
            )
            print(
                f"part15 {' '.join(words):<24} {spent:.2f} s CPU, {spent / nothing:.0f} x the bare interpreter (goal: 0.25 s)"
            )


if __name__ == "__main__":
    main()
