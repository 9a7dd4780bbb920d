"""The pytest plugin: cases as ordinary parametrised items; inert without ``--part15-target``.

Options, fixtures and marks are prefixed or carry keywords; see README, "In your own repository".
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from part15.model import Case, Stimulus, Verdict, Word

if TYPE_CHECKING:
    from part15.run import Run
    from part15.session import Session
    from part15.target import Target

_RUN: pytest.StashKey[Run] = pytest.StashKey()
_VERDICT: pytest.StashKey[Verdict] = pytest.StashKey()
_PROPERTY = "part15"

_MARKERS = (
    "covers(family): the clause family of a suite module",
    "profile(id): the profile a case stands in",
    "role(name): the claimed role of a case",
    "section(id): the section of the standard",
    "shall: a case of a mandatory clause",
    "shall_not: a case of a prohibition",
    "should: a case of a recommendation",
    "should_not: a case of an advice against",
    "may: a case of a permission",
    "site_policy: a case of a site policy, which is no part of PS3.15",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ``--part15-*`` options."""
    group = parser.getgroup("part15", "DICOM PS3.15 conformance")
    group.addoption(
        "--part15-target", metavar="FILE", help="target file (TOML) of the system under test"
    )
    group.addoption(
        "--part15-profile",
        action="append",
        default=[],
        metavar="PROFILE",
        help="judge only this claimed profile, or a profile file of your own (repeatable)",
    )
    group.addoption(
        "--part15-edition", metavar="E", help="judge every claim by this edition, e.g. 2023b"
    )
    group.addoption(
        "--part15-out", metavar="DIR", help="run folder (default: ./conformance/<time>-<target>)"
    )
    group.addoption(
        "--part15-safe", action="store_true", help="send nothing stronger than 'observe'"
    )
    group.addoption("--part15-resume", action="store_true", help="go on with the run folder given")
    group.addoption(
        "--part15-gate",
        choices=("fail", "decided", "should"),
        default="decided",
        help="what moves the exit code",
    )

    group.addoption(
        "--part15-stimulus",
        action="append",
        default=[],
        metavar="KEY",
        help="only the cases of this stimulus, as the report names it (repeatable)",
    )
    group.addoption(
        "--part15-undecided", metavar="RUN", help="only the cases that the older RUN left undecided"
    )
    group.addoption(
        "--part15-baseline",
        metavar="RUN",
        help="what the older RUN found violated does not move the exit code",
    )
    group.addoption(
        "--part15-budget",
        type=float,
        metavar="SECONDS",
        help="drive no further stimulus after so long",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks; with a target, load it and make the plan."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)
    target = config.getoption("--part15-target")
    if not target:
        return
    from part15.errors import InputError
    from part15.run import Run

    worker = getattr(config, "workerinput", None)
    try:
        run = Run.prepare(
            Path(target),
            profiles=config.getoption("--part15-profile"),
            edition=config.getoption("--part15-edition"),
            out=worker[_PROPERTY] if worker else config.getoption("--part15-out"),
            safe=config.getoption("--part15-safe"),
            resume=config.getoption("--part15-resume"),
            worker=worker["workerid"] if worker else "",
            workers=int(worker["workercount"]) if worker else _workers(config),
            stimuli=config.getoption("--part15-stimulus"),
            undecided=_path(config.getoption("--part15-undecided")),
            baseline=_path(config.getoption("--part15-baseline")),
            budget=config.getoption("--part15-budget"),
        )
    except InputError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_RUN] = run
    if worker is None:
        config.pluginmanager.register(_Controller(run), "part15-controller")


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def _workers(config: pytest.Config) -> int:
    return int(getattr(config.option, "numprocesses", None) or 0)


def run_of(config: pytest.Config) -> Run:
    """Return the run of this pytest session.

    Raises KeyError without ``--part15-target``.
    """
    return config.stash[_RUN]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise ``part15_case`` with the cases of the module's family, or with all."""
    if "part15_case" not in metafunc.fixturenames:
        return
    run = metafunc.config.stash.get(_RUN, None)
    covers = next(metafunc.definition.iter_markers("covers"), None)
    family = covers.kwargs["family"] if covers else None
    cases = [] if run is None else [c for c in run.plan.cases if family in (None, c.family)]
    metafunc.parametrize("part15_case", [_parameter(case) for case in cases])


def _parameter(case: Case) -> Any:
    marks = [
        getattr(pytest.mark, str(case.level).replace("-", "_")),
        pytest.mark.profile(id=str(case.profile)),
        pytest.mark.role(name=str(case.role)),
        pytest.mark.section(id=str(case.section)),
    ]
    if case.policy:
        marks.append(pytest.mark.site_policy)
    if case.settled is not None and case.settled.word is Word.NOT_APPLICABLE:
        marks.append(pytest.mark.skip(reason=f"not-applicable: {case.settled.message}"))
    return pytest.param(case, id=case.id, marks=marks)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give cases that are skipped at collection their verdict; drop the empty placeholders."""
    run = config.stash.get(_RUN, None)
    if run is None:
        return
    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and "part15_case" in callspec.params:
            case = callspec.params["part15_case"]
            if not isinstance(case, Case):
                continue
            if not run.selection.takes(case):
                left_out.append(item)
                continue
            if case.settled is not None and case.settled.word is Word.NOT_APPLICABLE:
                _carry(item, run.verdict(case, None, 0.0))
        kept.append(item)
    items[:] = kept
    if left_out:
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the run which cases are left to be judged; refuse where a person is needed and cannot be asked."""
    run = session.config.stash.get(_RUN, None)
    if run is None:
        return
    from part15.errors import InputError

    found = [getattr(item, "callspec", None) for item in session.items]
    cases = [c.params["part15_case"] for c in found if c and "part15_case" in c.params]
    try:
        run.collected([case for case in cases if isinstance(case, Case)])
    except InputError as error:
        raise pytest.UsageError(str(error)) from None


def _carry(item: pytest.Item, verdict: Verdict) -> None:
    from part15.rows import verdict_row

    item.stash[_VERDICT] = verdict
    item.user_properties = [p for p in item.user_properties if p[0] not in verdict_row(verdict)]
    item.user_properties += list(verdict_row(verdict).items())


@pytest.fixture(scope="session")
def part15_target(pytestconfig: pytest.Config) -> Target:
    """The system under test; override it to start yours and to fill in addresses (``with_endpoints``)."""
    if _RUN not in pytestconfig.stash:
        pytest.skip("no --part15-target was given")
    return run_of(pytestconfig).target


@pytest.fixture(scope="session")
def part15_session(pytestconfig: pytest.Config, part15_target: Target) -> Iterator[Session]:
    """Drives stimuli on the target, each at most once."""
    run = run_of(pytestconfig)
    session = run.session(part15_target)
    yield session
    run.observe_use(session)
    session.clean()
    output = getattr(pytestconfig, "workeroutput", None)
    if output is not None:
        output[_PROPERTY] = {"sent": session.ledger.sent, "connections": session.ledger.connections}


@pytest.fixture
def part15_verdict(
    request: pytest.FixtureRequest, part15_case: Case, part15_session: Session
) -> Verdict:
    """Drive the stimulus of the case (once per session) and judge; an *error* is raised here."""
    run = run_of(request.config)
    begun = time.perf_counter()
    verdict = run.stored(part15_case)
    if verdict is None:
        seen = None
        if part15_case.settled is None and part15_case.stimulus is not None:
            seen = _observed(request, part15_session, part15_case.stimulus)
        verdict = run.verdict(part15_case, seen, time.perf_counter() - begun)
    _carry(request.node, verdict)
    if verdict.word is Word.ERROR:
        pytest.fail(f"error: {verdict.message}", pytrace=False)
    return verdict


def _observed(request: pytest.FixtureRequest, session: Session, stimulus: Stimulus) -> Any:
    """Drive *stimulus*; a person who stops the run ends a worker in order, as Ctrl-C ends a run without workers."""
    from part15.channel.people import Stopped
    from part15.observations import NotReached

    try:
        return session.observe(stimulus)
    except Stopped:
        if not hasattr(request.config, "workerinput"):
            raise
        request.session.shouldstop = "a person stopped the run"
        return NotReached(
            "skipped", "a person stopped the run at the terminal; run these cases again"
        )


def settle(verdict: Verdict) -> None:
    """Turn *verdict* into the outcome of the running item (contract §4; architecture §8)."""
    if verdict.word is Word.FAIL:
        pytest.fail(one_line(verdict), pytrace=False)
    if verdict.word in (Word.INCONCLUSIVE, Word.REVIEW, Word.NOT_APPLICABLE):
        pytest.skip(f"{verdict.word}: {verdict.message}")
    if verdict.word is Word.WAIVED:
        pytest.xfail(verdict.because)


def one_line(verdict: Verdict) -> str:
    """Return ``[B.12 shall] message; expected …; observed …``."""
    site = "site policy, " if verdict.case.policy else ""
    parts = [f"[{verdict.case.section} {site}{verdict.case.level}] {verdict.message}"]
    if verdict.expected:
        parts.append(f"expected {verdict.expected}")
    if verdict.observed:
        parts.append(f"observed {verdict.observed}")
    return "; ".join(parts)


def test_clause(part15_verdict: Verdict) -> None:
    """Settle one case; ``from part15.pytest_plugin import test_clause`` collects all in a module of yours."""
    settle(part15_verdict)


test_clause.__test__ = True  # type: ignore[attr-defined]


class _Controller:
    """Collects verdicts as they come, journals them, and writes the report once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._begun = dt.datetime.now(dt.UTC)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        self._run.open()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "teardown" and report.outcome != "failed":
            return
        row = {str(k): str(v) for k, v in report.user_properties}
        name = row.get("case") or report.nodeid.partition("[")[2].removesuffix("]")
        case = self._run.case(name)
        if case is None or self._run.journaled(name):
            return
        if "verdict" in row:
            self._run.journal(row)
        elif report.outcome == "failed":
            self._run.journal_error(
                case, str(report.longrepr).strip().splitlines()[-1:] or ["no verdict arrived"]
            )

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[_PROPERTY] = str(self._run.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", None) or {}
        if _PROPERTY in output:
            self._run.add_ledger(json.loads(json.dumps(output[_PROPERTY])))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self._run.close(interrupted=int(exitstatus) == int(pytest.ExitCode.INTERRUPTED))
