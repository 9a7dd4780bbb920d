"""Binding: values against annotations, observations against checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from part15 import registry
from part15.bench import Bench
from part15.load_bind import binding_faults, fits, type_name, unjudged
from part15.model import Binding, Impact, Judgement, Status, Stimulus, passes
from part15.observations import Many, NotReached


@dataclass(frozen=True)
class PortSeen:
    port: int = 0


@dataclass(frozen=True)
class OtherSeen:
    port: int = 0


def makes_port(bench: Bench, *, port: int) -> PortSeen | NotReached:
    return PortSeen(port)


def makes_many(bench: Bench) -> Many[PortSeen] | NotReached:
    return Many()


def makes_either(bench: Bench) -> PortSeen | OtherSeen:
    return PortSeen()


def likes_port(seen: PortSeen, *, ports: Sequence[int] = ()) -> Judgement:
    return passes("x")


def likes_set(seen: Many[PortSeen]) -> Judgement:
    return passes("x")


def likes_trouble(seen: PortSeen | NotReached) -> Judgement:
    return passes("x")


@pytest.mark.parametrize(
    ("make", "judge", "left"),
    [
        (makes_port, likes_port, []),
        (makes_port, likes_trouble, []),
        (makes_many, likes_port, []),
        (makes_many, likes_set, []),
        (makes_either, likes_port, ["OtherSeen"]),
        (makes_port, likes_set, []),
    ],
)
def test_a_check_must_take_what_the_driver_returns(make: Any, judge: Any, left: list[str]) -> None:
    driver = registry.Driver("x.make", make, Impact.OBSERVE, "target")
    assert unjudged(driver, registry.Check("x.judge", judge)) == left


@pytest.mark.parametrize(
    ("value", "annotation", "fit"),
    [
        ("a", str, True),
        (1, str, False),
        (1.2, str, False),
        (1, int, True),
        (True, int, False),
        (1, float, True),
        (True, float, False),
        (True, bool, True),
        ("true", bool, False),
        (["a"], Sequence[str], True),
        ("a", Sequence[str], False),
        ("table:x", Sequence[str], True),
        ([1], Sequence[str], False),
        ([1.2], Sequence[str], False),
        ("${x}", int, True),
        (["${x}"], Sequence[int], True),
        (None, str | None, True),
        (None, str, False),
        ({"a": 1}, Mapping[str, Any], True),
        ({"a": "b"}, Mapping[str, int], False),
        (["a"], tuple[str, ...], True),
        ("b", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        ("a", str | Sequence[str], True),
        (object, Any, True),
        ([], dict[str, int], False),
    ],
)
def test_values_fit_annotations(value: Any, annotation: Any, fit: bool) -> None:
    assert fits(value, annotation) is fit


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str | None, "a text or null"),
        (Sequence[int], "a list (an integer each)"),
        (Mapping[str, Any], "a table"),
        (Literal["a", "b"], "one of a, b"),
        (float, "a number"),
        (list, "list"),
    ],
)
def test_annotations_in_words(annotation: Any, words: str) -> None:
    assert type_name(annotation) == words


def test_a_mismatch_of_driver_and_check_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = registry.Driver("x.make", makes_either, Impact.OBSERVE, "target")
    check = registry.Check("x.judge", likes_port)
    monkeypatch.setattr("part15.load_bind.drivers", lambda: {"x.make": driver})
    monkeypatch.setattr("part15.load_bind.checks", lambda: {"x.judge": check})
    binding = Binding(("r",), Status.CHECKED, stimulus=Stimulus("x.make"), check="x.judge")
    assert list(binding_faults(binding)) == [
        (("check",), "x.judge does not judge the OtherSeen that x.make returns")
    ]


def test_annotations_that_cannot_be_resolved_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(bench: Bench, *, port: NoSuchType) -> PortSeen:  # type: ignore[name-defined]  # noqa: F821
        return PortSeen()

    driver = registry.Driver("x.lost", lost, Impact.OBSERVE, "target")
    monkeypatch.setattr("part15.load_bind.drivers", lambda: {"x.lost": driver})
    monkeypatch.setattr("part15.load_bind.checks", dict)
    binding = Binding(("r",), Status.CHECKED, stimulus=Stimulus("x.lost"), check="x.judge")
    assert [message for _, message in binding_faults(binding)] == [
        "the annotations of x.lost cannot be resolved: name 'NoSuchType' is not defined",
        "check 'x.judge' is not known",
    ]
