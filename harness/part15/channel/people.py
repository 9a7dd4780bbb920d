"""A person makes the product act: what to do, how often and why, what arrived, and retry, skip or stop (contract §6).

Used where a trigger or an action is ``"ask"``. A :class:`Group` is one stimulus; its prompts stand
together, and nobody else speaks meanwhile.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass

from part15.channel.terminal import Terminal, now
from part15.errors import Trouble

PATIENCE = 300.0
"""Seconds for which an answer is waited for."""
WAIT = 120.0
"""Seconds for which the product's connection is waited for, where the listener names no wait of its own."""
EVERY = 15.0
"""Seconds between two lines of the wait on a plain terminal."""
NOBODY = (
    "there is no terminal at which a person could be asked; run at a terminal, or give a command "
    'instead of "ask"'
)


class Skipped(Trouble):
    """A person was asked and decided not to, or did not answer: nothing about the SUT."""

    def __init__(self, why: str) -> None:
        super().__init__("skipped", why)


class Stopped(KeyboardInterrupt):
    """A person wants the run to end here; its report is written."""


@dataclass(frozen=True)
class Group:
    """What a person is asked for together: *count* connections to *place*, for the reason *why*."""

    key: str
    place: str
    count: int
    why: str


@dataclass
class Desk:
    """The conversation with the person about one group; *terminal* is None where nobody can be asked."""

    terminal: Terminal | None
    group: Group | None = None
    done: int = 0
    decision: str = ""
    """What the person typed while we waited: ``retry``, ``skip``, ``stop``, or nothing."""
    arrivals: Callable[[], Sequence[str]] = tuple
    told: int = 0
    title: str = "Your help is needed"
    preface: str = ""
    """Said before the first group of a run: all that a person is going to be asked for."""
    opened: bool = False
    heard_out: bool = False
    """Whether the person was already asked what to do about a wait in vain."""

    def again(self) -> None:
        """Begin the group anew."""
        self.done, self.decision, self.opened, self.heard_out = 0, "", False, False
        self.arrivals, self.told, self.title = tuple, 0, "Once more"

    def tell_arrivals(self) -> bool:
        """Tell what arrived since the last time; returns whether anything did."""
        lines = list(self.arrivals())
        came = len(lines) > self.told
        for line in lines[self.told :]:
            self.said().tell(f"  arrived: {line}")
        self.told = len(lines)
        return came

    def said(self) -> Terminal:
        """Return the terminal. Raises Skipped where nobody can be asked, or nobody answered before."""
        if self.terminal is None:
            raise Skipped(NOBODY)
        if _AWAY.is_set():
            raise Skipped("nobody answered at the terminal before; run these cases again")
        return self.terminal


_DESK: ContextVar[Desk | None] = ContextVar("desk", default=None)
_AWAY = threading.Event()
"""Set once a question was not answered: nobody is there, and nobody is waited for again in this run."""
GO = ("go", "skip", "stop")
AFTER = ("go", "retry", "skip", "stop")
WORDS = {"": "go", "r": "retry", "s": "skip", "q": "stop", "retry": "retry", "skip": "skip",
         "quit": "stop", "stop": "stop"}  # fmt: skip


def watch(arrivals: Callable[[], Sequence[str]]) -> None:
    """Let the person at the desk, if there is one, be told of the *arrivals* of the stimulus that begins."""
    desk = _DESK.get()
    if desk is not None:
        desk.arrivals, desk.told = arrivals, 0


def gave_up() -> bool:
    """Tell whether the person at the desk said, while we waited, that nothing more is to come."""
    desk = _DESK.get()
    return desk is not None and desk.decision != ""


@contextlib.contextmanager
def attended(group: Group | None = None) -> Iterator[Desk]:
    """Have a person at hand while the block runs; with *group* nobody else speaks on the terminal meanwhile."""
    terminal = Terminal.of_this_process()
    with contextlib.ExitStack() as stack:
        if terminal is not None:
            stack.callback(terminal.close)
            if group is not None:
                stack.enter_context(terminal.alone())
        desk = Desk(terminal, group)
        token = _DESK.set(desk)
        stack.callback(_DESK.reset, token)
        yield desk


def agenda(groups: Sequence[Group], product: str) -> str:
    """Return what a person is going to be asked for, group by group."""
    total = sum(g.count for g in groups)
    plural = "s" if len(groups) != 1 else ""
    lines = [
        "",
        f"Your help is needed: make {product} connect up to {total} times, in {len(groups)} group{plural}.",
        *(
            f"  {number}. {group.count} x {group.place}: {group.why}"
            for number, group in enumerate(groups, 1)
        ),
        (
            "Each time you are told when to connect. While we wait, type r to retry the group, s to skip it, "
            "q to stop the run, then Enter."
        ),
    ]
    return "\n".join(lines)


def _open(desk: Desk) -> None:
    """Open the group before its first connection. Raises Skipped or Stopped, as the person answers."""
    group = desk.group
    assert group is not None
    desk.opened = True
    if desk.preface:
        desk.said().tell(desk.preface)
        desk.preface = ""
    times = "one connection" if group.count == 1 else f"{group.count} connections"
    desk.said().tell(f"\n{desk.title}: {group.place}, {times}. {group.why}")
    word = _asked(desk, "Enter = ready, s = skip this group, q = stop the run: ", GO)
    _heed(word, group.place)


def _heed(word: str, what: str) -> None:
    """Do as the person said: Raises Stopped for ``stop``, Skipped for ``skip`` and ``retry``."""
    if word == "stop":
        raise Stopped
    if word in ("skip", "retry"):
        raise Skipped(f"a person chose to {word} at {now()}: {what}; run these cases again")


def after(desk: Desk, missing: str) -> str:
    """Tell what arrived and, where something is *missing*, ask what now: ``go``, ``retry``, ``skip``, ``stop``."""
    if desk.terminal is None or not desk.opened:
        return "go"
    if desk.decision:
        return desk.decision
    desk.tell_arrivals()
    if not missing or desk.heard_out:
        return "go"
    desk.terminal.tell(f"  {missing}")
    try:
        return _asked(desk, "Enter = retry, s = skip, q = stop: ", ("retry", "skip", "stop"))
    except Skipped:
        return "skip"


def _asked(desk: Desk, question: str, allowed: Sequence[str]) -> str:
    """Return the answer of the person; Enter is the first of *allowed*. Raises Skipped after PATIENCE."""
    terminal = desk.said()
    terminal.forget_typed()
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        terminal.show(question)
        typed = terminal.line(until - time.monotonic())
        if typed is None:
            break
        terminal.tell("")
        word = allowed[0] if not typed else WORDS.get(typed.lower(), "")
        if word in allowed:
            return word
        terminal.tell(f"  '{typed[:20]}' is none of these.")
    terminal.tell(f"\nNobody answered within {PATIENCE:g} s; going on without.")
    _AWAY.set()
    raise Skipped(f"nobody answered at the terminal within {PATIENCE:g} s; run these cases again")


@contextlib.contextmanager
def waiting(what: str, place: str, seconds: float) -> Iterator[None]:
    """Show what the product is to do and how long we still wait, while the block waits for it.

    What is typed meanwhile is kept as the decision of the desk. Raises Skipped where nobody can be
    asked, or a person does not want to, and Stopped.
    """
    desk = _DESK.get() or Desk(None)
    terminal = desk.said()
    if desk.group is not None and not desk.opened:
        _open(desk)
    _heed(desk.decision, what)
    desk.done += 1
    of = f" {desk.done} of {desk.group.count}" if desk.group and desk.group.count > 1 else ""
    terminal.tell(f"{now()} Now{of}: make the product {what} ({place}); we wait {seconds:g} s.")
    over = threading.Event()
    thread = threading.Thread(target=_count_down, args=(desk, terminal, seconds, over), daemon=True)
    thread.start()
    begun = time.monotonic()
    try:
        yield
    finally:
        over.set()
        thread.join(2)
        took = time.monotonic() - begun
    came = desk.tell_arrivals()
    if desk.decision:
        terminal.tell(f"  {desk.decision}, after {took:.0f} s")
    elif came or took < seconds:
        terminal.tell(f"  done, after {took:.0f} s")
    else:
        _over(desk, terminal, seconds)


def _over(desk: Desk, terminal: Terminal, seconds: float) -> None:
    """Ask what now, after a wait that was in vain; who does not answer goes on."""
    terminal.tell(f"  the wait of {seconds:g} s is over")
    if desk.group is None:
        return
    desk.heard_out = True
    with contextlib.suppress(Skipped):
        word = _asked(desk, "Enter = go on, r = retry this group, s = skip it, q = stop: ", AFTER)
        desk.decision = "" if word == "go" else word


def _count_down(desk: Desk, terminal: Terminal, seconds: float, over: threading.Event) -> None:
    until = time.monotonic() + seconds
    spoken = time.monotonic()
    while not over.is_set() and (left := until - time.monotonic()) > 0:
        if not terminal.plain:
            terminal.show(f"  waiting, {left:3.0f} s left (r, s or q and Enter): ")
        elif time.monotonic() - spoken > EVERY:
            spoken = time.monotonic()
            terminal.tell(f"  still waiting, {left:.0f} s left")
        typed = terminal.line(0.25)
        word = WORDS.get(typed.lower(), "") if typed else ""
        if word not in ("", "go"):
            desk.decision = word
            break


def perform(what: str, place: str) -> None:
    """Ask a person to *what* and wait until it is done. Raises Skipped or Stopped."""
    desk = _DESK.get() or Desk(None)
    terminal = desk.said()
    with contextlib.nullcontext() if desk.group else terminal.alone():
        terminal.tell(f"\n{now()} Please make the product {what}{f' ({place})' if place else ''}.")
        word = _asked(desk, "Enter = done, s = skip, q = stop the run: ", GO)
    _heed(word, what)
