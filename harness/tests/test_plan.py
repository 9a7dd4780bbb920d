"""Claims and clauses become cases with short, unique, stable ids."""

from __future__ import annotations

import dataclasses
import tomllib
from typing import Any

import pytest

from part15 import load
from part15.bench import Bench
from part15.errors import TargetError
from part15.model import (
    Binding,
    Clause,
    Impact,
    Include,
    Level,
    Profile,
    Status,
    Stimulus,
    Word,
)
from part15.observations import NotReached
from part15.plan import build_plan, read_edition
from part15.registry import Driver
from part15.target import Target
from part15.target_file import parse_target

ROLES = {"tls-server": ["tls-server", "conformance-statement"], "tls-client": ["tls-client"]}


def look(bench: Bench) -> NotReached:
    del bench
    return NotReached("look", "nothing there")


@pytest.fixture(autouse=True)
def _drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {
        "door.look": Driver("door.look", look, Impact.OBSERVE, "endpoint"),
        "door.kick": Driver("door.kick", look, Impact.DISTURB, "endpoint"),
        "door.wait": Driver("door.wait", look, Impact.OBSERVE, "listener"),
        "door.read": Driver("door.read", look, Impact.OBSERVE, "target"),
    }
    monkeypatch.setattr("part15.plan.drivers", lambda: known)


def binding(kind: str = "door.look", **changed: Any) -> Binding:
    values: dict[str, Any] = {
        "roles": ("tls-server",),
        "status": Status.CHECKED,
        "stimulus": Stimulus(kind),
        "check": "door.closes",
    }
    return Binding(**{**values, **changed})


def clause(name: str, *bindings: Binding, **changed: Any) -> Clause:
    values: dict[str, Any] = {
        "id": name,
        "profile": "p",
        "section": "B.99",
        "level": Level.SHALL,
        "roles": ("tls-server",),
        "editions": ("2001", None),
        "text": "text",
        "bindings": bindings or (binding(),),
    }
    return Clause(**{**values, **changed})


def profile(name: str, *clauses: Clause, **changed: Any) -> Profile:
    values: dict[str, Any] = {
        "id": name,
        "title": name,
        "section": "B.99",
        "family": "secure_transport",
        "editions": ("2001", None),
        "clauses": clauses,
        "roles": ("tls-server", "tls-client"),
    }
    return Profile(**{**values, **changed})


TARGET = """
[target]
name = "t"
edition = "2023b"
[claims]
p = ["tls-server"]
[endpoints.one]
address = "127.0.0.1:1"
"""


def target(extra: str = "", base: str = TARGET) -> Target:
    return parse_target(tomllib.loads(base + extra))


def ids(*profiles: Profile, extra: str = "", **options: Any) -> list[str]:
    known = {p.id: p for p in profiles}
    return [c.id for c in build_plan(target(extra), known, ROLES, **options).cases]


def test_the_shortest_id() -> None:
    assert ids(profile("p", clause("C-1"))) == ["C-1:tls-server"]


def test_endpoints_appear_only_where_there_are_several() -> None:
    extra = '[endpoints.two]\naddress = "127.0.0.1:2"\n'
    assert ids(profile("p", clause("C-1")), extra=extra) == [
        "C-1:tls-server@one",
        "C-1:tls-server@two",
    ]


def test_a_plain_endpoint_does_not_carry_a_tls_claim() -> None:
    extra = '[endpoints.two]\naddress = "127.0.0.1:2"\ntransport = "plain"\n'
    assert ids(profile("p", clause("C-1")), extra=extra) == ["C-1:tls-server"]


def test_each_expands_the_expectation_and_not_the_stimulus() -> None:
    row = binding(each={"suite": ["A", "B"]}, expect={"suites": ["${suite}"], "fixed": "x"})
    plan = build_plan(target(), {"p": profile("p", clause("C-1", row))}, ROLES)
    assert [c.id for c in plan.cases] == ["C-1:tls-server:A", "C-1:tls-server:B"]
    assert [c.expect for c in plan.cases] == [
        {"suites": ["A"], "fixed": "x"},
        {"suites": ["B"], "fixed": "x"},
    ]
    assert len({c.stimulus.key for c in plan.cases if c.stimulus}) == 1


def test_editions_select_clauses_and_rule_sets() -> None:
    rules = profile("r", clause("R-1"), claimable=False)
    new = profile("n", clause("N-1", editions=("2024e", None)), claimable=False)
    mine = profile(
        "p",
        clause("OLD", editions=("2001", "2018a")),
        clause("NEW", editions=("2023a", None)),
        include=(
            Include("r", ("2001", None)),
            Include("n", ("2001", "2023b"), advisory=True),
            Include("n", ("2024e", None)),
        ),
    )
    plan = build_plan(target(), {p.id: p for p in (mine, rules, new)}, ROLES)
    assert [(c.id, c.advisory) for c in plan.cases] == [
        ("NEW:tls-server", False),
        ("R-1:tls-server", False),
        ("N-1:tls-server", True),
    ]
    later = build_plan(target(), {p.id: p for p in (mine, rules, new)}, ROLES, edition="2024e")
    assert [(c.id, c.advisory) for c in later.cases if c.clause == "N-1"] == [
        ("N-1:tls-server", False)
    ]


def test_one_clause_under_two_claims_is_told_apart() -> None:
    rules = profile("r", clause("R-1"), claimable=False)
    include = (Include("r", ("2001", None)),)
    both = [profile("p", include=include), profile("q", include=include), rules]
    base = TARGET.replace('p = ["tls-server"]', 'p = ["tls-server"]\nq = ["tls-server"]')
    plan = build_plan(target(base=base), {p.id: p for p in both}, ROLES)
    assert [c.id for c in plan.cases] == ["R-1:tls-server%p-2023b", "R-1:tls-server%q-2023b"]


def word_of(bound: Binding, extra: str = "", **changed: Any) -> tuple[Word | None, str]:
    plan = build_plan(target(extra), {"p": profile("p", clause("C-1", bound, **changed))}, ROLES)
    (case,) = plan.cases
    return (case.settled.word, case.settled.message) if case.settled else (None, "")


def unbound(status: Status) -> Binding:
    return Binding(roles=("tls-server",), status=status, reason="because")


def test_what_is_not_driven_says_why() -> None:
    assert word_of(unbound(Status.PLANNED)) == (
        Word.INCONCLUSIVE,
        "not tested by this version: because",
    )
    assert word_of(unbound(Status.STATEMENT))[0] is Word.INCONCLUSIVE
    assert word_of(unbound(Status.ATTESTED))[0] is Word.REVIEW
    assert word_of(unbound(Status.PLANNED), level=Level.MAY)[0] is Word.INFO
    kicked = word_of(binding("door.kick"))
    assert kicked[0] is Word.INCONCLUSIVE
    assert "not permitted by limits" in kicked[1]
    assert word_of(binding("door.kick"), extra='[limits]\nimpact = "disturb"\n') == (None, "")
    assert "[listeners" in word_of(binding("door.wait"))[1]
    assert word_of(binding("door.read")) == (None, "")


def test_features_bind_only_where_claimed() -> None:
    bound = binding(features=("privacy",))
    assert word_of(bound)[0] is Word.NOT_APPLICABLE
    base = TARGET.replace('["tls-server"]', '{ roles = ["tls-server"], features = ["privacy"] }')
    plan = build_plan(target(base=base), {"p": profile("p", clause("C-1", bound))}, ROLES)
    assert plan.cases[0].settled is None


def test_permissions_and_definitions_are_no_cases() -> None:
    assert ids(profile("p", clause("C-1", unbound(Status.UNTESTABLE)), clause("C-2"))) == [
        "C-2:tls-server"
    ]


def test_other_roles_are_left_alone() -> None:
    bound = dataclasses.replace(binding(), roles=("tls-client",))
    assert ids(profile("p", clause("C-1", bound), clause("C-2"))) == ["C-2:tls-server"]


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ('pp = ["tls-server"]', "did you mean 'p'"),
        ('p = ["tls-servr"]', "its roles are tls-server, tls-client"),
        ('p = { roles = ["tls-server"], edition = "2000" }', "the edition 2000 does not have it"),
    ],
)
def test_claims_that_cannot_be(claims: str, said: str) -> None:
    base = TARGET.replace('p = ["tls-server"]', claims)
    with pytest.raises(TargetError, match=said):
        build_plan(target(base=base), {"p": profile("p", clause("C-1"))}, ROLES)


def test_waivers_and_attestations_must_name_a_case() -> None:
    waiver = '[[waivers]]\ncase = "{}"\nreason = "r"\nowner = "o"\nexpires = 2027-01-01\n'
    plan = build_plan(
        target(waiver.format("C-1:tls-server")), {"p": profile("p", clause("C-1"))}, ROLES
    )
    assert plan.cases[0].waiver is not None
    with pytest.raises(TargetError, match="did you mean 'C-1:tls-server'"):
        ids(profile("p", clause("C-1")), extra=waiver.format("C-1:tls-serve"))


def test_a_limit_of_observe() -> None:
    assert ids(profile("p", clause("C-1", binding("door.kick"))), safe=True) == ["C-1:tls-server"]


def test_only_some_profiles() -> None:
    with pytest.raises(TargetError, match="does not claim q"):
        ids(profile("p", clause("C-1")), only=["q"])


@pytest.mark.parametrize(
    ("edition", "read"),
    [
        ("2023b", "2023b"),
        ("2024a", "2023b"),
        ("2025b", "2024e"),
        ("2009", "2008"),
        ("2018b", "2018a"),
    ],
)
def test_an_edition_between_is_judged_by_the_one_before(edition: str, read: str) -> None:
    assert read_edition(edition, load.load_profiles()) == read


def test_an_option_that_is_a_profile_brings_its_clauses() -> None:
    option = profile("o", clause("O-1"))
    base = TARGET.replace('["tls-server"]', '{ roles = ["tls-server"], options = ["o"] }')
    plan = build_plan(target(base=base), {"p": profile("p", clause("C-1")), "o": option}, ROLES)
    assert [c.id for c in plan.cases] == ["C-1:tls-server", "O-1:tls-server"]
