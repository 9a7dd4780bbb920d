"""The two registries, checks and drivers; a name is ``module.function``, as profiles write it."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from part15.errors import ContentError
from part15.model import Impact, Judgement

CheckFunction = TypeVar("CheckFunction", bound=Callable[..., Judgement])
DriverFunction = TypeVar("DriverFunction", bound=Callable[..., Any])


@dataclass(frozen=True)
class Check:
    """A pure function from an observation and an expectation to a judgement."""

    name: str
    function: Callable[..., Judgement]

    @functools.cached_property
    def accepts(self) -> tuple[type, ...]:
        """The observation types of its first parameter."""
        first = next(iter(inspect.signature(self.function).parameters))
        return classes_in(typing.get_type_hints(self.function)[first])

    @functools.cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Its keyword-only parameters: what a clause may ``expect``."""
        every = inspect.signature(self.function).parameters
        return {n: p for n, p in every.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}

    def takes(self, kind: type) -> bool:
        """Tell whether it judges a *kind* itself (a Many or a NotReached included)."""
        return any(issubclass(kind, accepted) for accepted in self.accepts)


@dataclass(frozen=True)
class Driver:
    """A function that performs one kind of stimulus and returns an observation."""

    name: str
    function: Callable[..., Any]
    impact: Impact
    at: str
    """``endpoint``, ``listener`` (the SUT must act: a trigger or a person) or ``target`` (files, declarations)."""
    late: bool = False
    """True if it may keep a product busy that serves one connection at a time: driven after all others."""
    adapter: bool = False
    """True if it runs the target's adapter where there is one, which may do anything to the product."""

    why: str = ""
    """What a person who makes the SUT act is told about it."""
    turns: Callable[..., int] | None = None
    """From its arguments to how often the SUT must act; None is once."""

    def acts(self, arguments: Mapping[str, Any]) -> int:
        """Return how often the SUT must act for a stimulus with *arguments*: how many connections a person makes."""
        if self.turns is None:
            return 1
        given = {n: p.default for n, p in self.parameters.items()} | dict(arguments)
        return self.turns(**{n: given[n] for n in inspect.signature(self.turns).parameters})

    def impact_on(self, *, adapter: bool) -> Impact:
        """Return the strongest thing it does to a target that has an *adapter* or none."""
        if adapter and self.adapter and self.impact.within(Impact.STORE):
            return Impact.STORE
        return self.impact

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """Its keyword-only parameters: the arguments a stimulus may carry."""
        every = inspect.signature(self.function).parameters
        return {n: p for n, p in every.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}

    @property
    def returns(self) -> tuple[type, ...]:
        """The observation types it may return."""
        return classes_in(typing.get_type_hints(self.function)["return"])


_checks: dict[str, Check] = {}
_drivers: dict[str, Driver] = {}
_walked: set[str] = set()


def classes_in(annotation: Any) -> tuple[type, ...]:
    """Return the classes of a union annotation; ``Many[X]`` counts as Many and as X."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return tuple(c for part in typing.get_args(annotation) for c in classes_in(part))
    if isinstance(origin, type):
        return (origin, *(c for part in typing.get_args(annotation) for c in classes_in(part)))
    return (annotation,) if isinstance(annotation, type) else ()


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"


def _claim(name: str, function: Callable[..., Any], names: Iterable[str]) -> None:
    if name in names:
        raise ContentError(f"{name} is registered twice; the second is in {function.__module__}")


def check(function: CheckFunction) -> CheckFunction:
    """Register a check: ``def verb(seen: Seen, *, expectation...) -> Judgement``."""
    name = _name(function)
    _claim(name, function, _checks)
    _checks[name] = Check(name, function)
    return function


def driver(
    impact: Impact = Impact.OBSERVE,
    *,
    at: str = "endpoint",
    late: bool = False,
    adapter: bool = False,
    turns: Callable[..., int] | None = None,
    why: str = "",
) -> Callable[[DriverFunction], DriverFunction]:
    """Register a driver: ``def imperative(bench: Bench, *, argument...) -> Seen | NotReached``.

    *impact* is the strongest thing it does to the SUT; *at* says where it is used: at each
    ``endpoint`` of a claim, at each ``listener`` (the SUT must act: a trigger or a person), or once
    per ``target`` (files, declarations). *late* ones are driven after all others. *adapter* ones run
    the target's adapter where there is one, and are of impact ``store`` then. *turns* tells how often the SUT must act,
    *why* what a person is told who makes it act.
    """

    def register(function: DriverFunction) -> DriverFunction:
        name = _name(function)
        _claim(name, function, _drivers)
        _drivers[name] = Driver(name, function, impact, at, late, adapter, why, turns)
        return function

    return register


def _walk(package: str) -> None:
    if package in _walked:
        return
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{found.name}")
    _walked.add(package)


def checks() -> dict[str, Check]:
    """Return every check by name; imports ``part15.checks`` on first use."""
    _walk("part15.checks")
    return _checks


def drivers() -> dict[str, Driver]:
    """Return every driver by name; imports ``part15.drivers`` on first use."""
    _walk("part15.drivers")
    return _drivers


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?`` for the nearest of *names*, or nothing."""
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""
