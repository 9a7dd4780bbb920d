"""The programs of this Python come last on PATH, and what CI demands of real peers is counted.

pynetdicom's storescp and echoscu are not DCMTK's.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from part15.peers.known import search_path

os.environ["PATH"] = search_path()
REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"
_STARTED: Counter[str] = Counter()
_SKIPPED: list[str] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each test that needs a real peer say which, so that the reports of all workers do."""
    for item in items:
        mark = item.get_closest_marker("peer")
        if mark is not None:
            name = mark.kwargs.get("name") or next(iter(mark.args), "a peer")
            item.user_properties.append(("peer", str(name)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the tests in which a peer was really started."""
    names = [str(value) for key, value in report.user_properties if key == "peer"]
    if names and report.outcome == "skipped":
        _SKIPPED.append(report.nodeid)
    elif names and report.when == "call":
        _STARTED.update(names)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where CI demands peers, a test of one that did not run is a failure of the whole."""
    if REQUIRED and _SKIPPED and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell how many tests met a real peer."""
    if _STARTED:
        counted = ", ".join(f"{name} {count}" for name, count in sorted(_STARTED.items()))
        terminalreporter.write_line(f"tests that met a real peer: {counted}")
    if REQUIRED:
        for name in _SKIPPED:
            terminalreporter.write_line(f"PART15_REQUIRE_PEERS=1, but not run: {name}")
