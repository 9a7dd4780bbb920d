"""Every clause against the registries: does the check exist, does the expectation fit, does the driver deliver."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from part15.load_yaml import Place
from part15.model import Binding, Profile
from part15.observations import Many, Member, NotReached
from part15.registry import Check, Driver, checks, did_you_mean, drivers

Fault = tuple[Place, str]


def type_name(annotation: Any) -> str:
    """Return *annotation* in words for a person who writes YAML."""
    names = {
        str: "a text",
        int: "an integer",
        float: "a number",
        bool: "true or false",
        type(None): "null",
    }
    if annotation in names:
        return names[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_name(a) for a in arguments)
    if origin is typing.Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is not None and issubclass(origin, Mapping):
        return "a table"
    if origin is not None and issubclass(origin, Iterable):
        return f"a list ({type_name(arguments[0])} each)" if arguments else "a list"
    return getattr(annotation, "__name__", str(annotation))


def _is_slot(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("${") and value.endswith("}")


def fits(value: Any, annotation: Any) -> bool:
    """Tell whether the YAML *value* is of the *annotation* of a parameter.

    ``table:NAME`` stands for a list, ``${name}`` for whatever the row of ``each`` has.
    """
    if annotation in (Any, inspect.Parameter.empty) or _is_slot(value):
        return True
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, a) for a in arguments)
    if origin is typing.Literal:
        return value in arguments
    if annotation in (None, type(None)):
        return value is None
    kind = origin or annotation
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind in (str, bool):
        return isinstance(value, kind)
    if isinstance(kind, type) and issubclass(kind, Mapping):
        return isinstance(value, Mapping) and all(
            fits(v, arguments[1] if arguments else Any) for v in value.values()
        )
    if isinstance(kind, type) and issubclass(kind, (Sequence, Iterable)):
        if isinstance(value, str):
            return value.startswith("table:")
        return isinstance(value, (list, tuple)) and all(
            fits(v, arguments[0] if arguments else Any) for v in value
        )
    return False


def _misfit(value: Any, annotation: Any) -> tuple[Place, Any]:
    """Return where inside *value* it does not fit *annotation*, and what stands there."""
    arguments = typing.get_args(annotation)
    if isinstance(value, list) and arguments and fits([], annotation):
        for n, item in enumerate(value):
            if not fits([item], annotation):
                return (n,), item
    return (), value


def _arguments(
    given: Mapping[str, Any], function: Check | Driver, path: Place, what: str
) -> Iterator[Fault]:
    try:
        hints = typing.get_type_hints(function.function)
    except NameError as error:
        yield path, f"the annotations of {function.name} cannot be resolved: {error}"
        return
    parameters = function.parameters
    for name, value in given.items():
        if name not in parameters:
            hint = did_you_mean(name, parameters)
            yield (*path, name), f"{function.name} has no {what} '{name}'{hint}"
        elif not fits(value, hints.get(name, Any)):
            place, wrong = _misfit(value, hints[name])
            shown = f"'{wrong}'" if isinstance(wrong, str) else str(wrong)
            quote = f"; quote it: '{wrong}'" if type(wrong) in (int, float) else ""
            yield (
                (*path, name, *place),
                f"'{name}' of {function.name} is {type_name(hints[name])}, not {shown}{quote}",
            )
    for name, parameter in parameters.items():
        if parameter.default is inspect.Parameter.empty and name not in given:
            yield path, f"{function.name} needs the {what} '{name}'"


def unjudged(driver: Driver, check: Check) -> list[str]:
    """Return the names of the observations of *driver* that *check* does not take; ``Many[X]`` counts as X."""
    delivered = [kind for kind in driver.returns if kind not in (NotReached, Member)]
    if Many in delivered and check.takes(Many):
        delivered = [kind for kind in delivered if kind is not Many]
    return [kind.__name__ for kind in delivered if kind is not Many and not check.takes(kind)]


def binding_faults(binding: Binding) -> Iterator[Fault]:
    """Yield why *binding* cannot work, by path inside it."""
    if binding.stimulus is None:
        return
    kind = binding.stimulus.kind
    driver, check = drivers().get(kind), checks().get(binding.check)
    if driver is None:
        yield ("stimulus", kind), f"driver '{kind}' is not known{did_you_mean(kind, drivers())}"
    else:
        yield from _arguments(binding.stimulus.args, driver, ("stimulus", kind), "argument")
    if check is None:
        yield (
            ("check",),
            f"check '{binding.check}' is not known{did_you_mean(binding.check, checks())}",
        )
    elif check is not None:
        yield from _arguments(binding.expect, check, ("expect",), "expectation")
    if driver is not None and check is not None:
        left = unjudged(driver, check)
        if left:
            yield (
                ("check",),
                f"{check.name} does not judge the {' or '.join(left)} that {driver.name} returns",
            )


def profile_faults(profile: Profile) -> Iterator[Fault]:
    """Yield what in *profile* does not fit the registries, by path inside its file."""
    for n, clause in enumerate(profile.clauses):
        for m, binding in enumerate(clause.bindings):
            for path, message in binding_faults(binding):
                yield ("clauses", n, "bind", m, *path), message
