"""Stimuli that need a person at the product: in groups, with retry, skip and stop (contract §6, ``"ask"``)."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from part15.address import join_address
from part15.channel import people
from part15.channel.people import Desk, Group, Stopped
from part15.channel.terminal import Terminal
from part15.channel.trigger import ASK
from part15.model import Stimulus
from part15.observations import NotReached
from part15.registry import Driver, drivers
from part15.target import Listener, Target

MOST = 30
"""Connections for which a person can be asked at once."""


@dataclass
class Agenda:
    """What a person is going to be asked for in a run, in its order; told once, before the first group."""

    groups: tuple[Group, ...] = ()
    told: bool = False
    _began: dict[str, int] = field(default_factory=dict)

    def number(self, key: str) -> int:
        """Return the place of the group *key*, 0 if it is none of the run (a stimulus driven alone)."""
        return next((n for n, g in enumerate(self.groups, 1) if g.key == key), 0)


def agenda_of(target: Target, stimuli: Iterable[Stimulus]) -> Agenda:
    """Return the agenda of the *stimuli* of a run on *target*, each once."""
    groups = []
    for stimulus in {s.key: s for s in stimuli}.values():
        listener = _attended(target, stimulus, drivers()[stimulus.kind])
        if listener is not None:
            groups.append(_group(stimulus, drivers()[stimulus.kind], listener))
    return Agenda(tuple(g for g in groups if g.count <= MOST))


def at_a_terminal() -> bool:
    """Tell whether a person could be asked."""
    terminal = Terminal.of_this_process()
    if terminal is None:
        return False
    terminal.close()
    return True


def attend(
    target: Target, stimulus: Stimulus, driver: Driver, agenda: Agenda, drive: Callable[[], Any]
) -> Any:
    """Return what *drive* saw, with a person at hand where *stimulus* or an action needs one.

    A person who skips, or does not answer, leaves a NotReached; Stopped ends the run.
    """
    listener = _attended(target, stimulus, driver)
    if listener is None:
        if ASK not in target.actions.values():
            return drive()
        with people.attended():
            return drive()
    group = _group(stimulus, driver, listener)
    if group.count > MOST:
        return NotReached(
            "trigger",
            f"this needs about {group.count} connections, more than a person can be asked for; "
            "give the listener a trigger that is a command",
        )
    with people.attended(group) as desk:
        number = agenda.number(group.key)
        desk.title = f"Group {number} of {len(agenda.groups)}" if number else desk.title
        if agenda.groups and not agenda.told:
            desk.preface = people.agenda(agenda.groups, f"'{target.name}'")
        seen = _conversation(desk, drive)
        agenda.told = agenda.told or desk.opened
        return seen


def _conversation(desk: Desk, drive: Callable[[], Any]) -> Any:
    while True:
        seen = drive()
        answer = people.after(desk, _missing(seen))
        if answer == "go":
            return seen
        if answer == "stop":
            raise Stopped
        if answer == "skip":
            when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            return NotReached(
                "skipped", f"a person skipped this at the terminal, {when}; run these cases again"
            )
        desk.again()


def _missing(seen: Any) -> str:
    """Return why *seen* is not whole, in the words of the observation; empty if it is, or a person skipped it."""
    if not isinstance(seen, NotReached) or seen.step == "skipped":
        return ""
    return f"{seen.step}: {seen.why}"


def _attended(target: Target, stimulus: Stimulus, driver: Driver) -> Listener | None:
    point = target.listeners.get(stimulus.endpoint) if driver.at == "listener" else None
    return point if point is not None and point.trigger == ASK else None


def _group(stimulus: Stimulus, driver: Driver, listener: Listener) -> Group:
    port = str(listener.port) if listener.port else "a port that is told then"
    place = (
        join_address(listener.host, listener.port) if listener.port else f"{listener.host}, {port}"
    )
    first = (inspect.getdoc(driver.function) or "").partition("\n\n")[0].replace("\n", " ")
    return Group(
        stimulus.key,
        f"{listener.id} ({listener.transport}, {place}, AE title {listener.ae_title})",
        driver.acts(stimulus.args),
        driver.why or first.replace("*", ""),
    )
