"""Exploration of SOP Instance Status: generated stories, played on the product, shrunk to the shortest that breaks a rule."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from part15.bench import Bench
from part15.channel.tls import Ended
from part15.drivers import status_copies, status_handing, status_lines
from part15.drivers.status_lines import Play, Sent, secure
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.status import PARTNER, PLAIN, STRANGER, StatusCase, StorySeen, StoryStep
from part15.registry import driver
from part15.wire.status_model import PRIMARY, RULES, broken

SECONDS = 30.0
"""The most seconds of one exploration."""
ACTIONS = 24
"""The most actions of the target in one exploration: each starts a program."""
Event = tuple[str, str, str]
Story = tuple[Event, ...]
"""As :mod:`part15.strategies` draws them: verb, who, and a status or the number of an instance."""
ENOUGH = 2
FIRST: tuple[Story, ...] = (
    (("store", PARTNER, "OR"), ("ask", PARTNER, "")),
    (("store", PARTNER, "AO"), ("ask", PARTNER, "")),
    (("store", PARTNER, "AO"), ("commit", PARTNER, "0"), ("ask", PARTNER, "")),
    (("store", PARTNER, "OR"), ("commit", PARTNER, "0"), ("ask", PARTNER, "")),
    (
        ("store", PARTNER, "AO"),
        ("store", PARTNER, "OR"),
        ("commit", PARTNER, "0"),
        ("ask", PARTNER, ""),
    ),
    (("store", PARTNER, "NS"), ("ask", PARTNER, "")),
    *((("store", who, "AO"), ("ask", PARTNER, "")) for who in (STRANGER, PLAIN)),
    (("store", PARTNER, "AO"), ("move", PARTNER, "")),
    *(
        (("store", PARTNER, "AO"), ("commit", PARTNER, "0"), ("move", who, ""))
        for who in (PARTNER, STRANGER, PLAIN)
    ),
    (
        ("store", PARTNER, "NS"),
        ("store", PARTNER, "OR"),
        ("commit", PARTNER, "1"),
        ("authorize", PARTNER, "1"),
        ("ask", PARTNER, ""),
        ("transfer", "unconfirmed", "1"),
        ("ask", PARTNER, ""),
    ),
    (
        ("store", PARTNER, "NS"),
        ("store", PARTNER, "AO"),
        ("commit", PARTNER, "1"),
        ("delete", PARTNER, "1"),
        ("ask", PARTNER, ""),
    ),
    (
        ("store", PARTNER, "NS"),
        ("store", PARTNER, "OR"),
        ("commit", PARTNER, "1"),
        ("transfer", "confirmed", "1"),
        ("ask", PARTNER, ""),
    ),
)
"""Stories that are always played; events that the target cannot be made to do are left out."""
_BY = {
    PARTNER: "over TLS from a partner",
    STRANGER: "over TLS from a stranger",
    PLAIN: "over plain TCP",
}
_FOR = {PARTNER: "a partner", STRANGER: "a stranger", PLAIN: "somebody over plain TCP"}


@dataclass(frozen=True)
class Played:
    """One story as it went: its steps in words, and by rule the step at which it was broken and how."""

    steps: tuple[str, ...]
    broken: dict[str, tuple[int, str]]


@dataclass
class Explorer:
    """Plays stories on the product, each once, until the time is over."""

    bench: Bench
    until: float
    played: dict[Story, Played] = field(default_factory=dict)
    unconfirmed: int = 0
    """Commitments that were asked for and not confirmed; after a few nobody asks again."""
    acted: int = 0
    applied: dict[str, int] = field(default_factory=dict)
    """Cases to which each rule applied."""
    delivered: int = 0

    def breaks(self, story: Story, rule: str) -> bool:
        """Tell whether *story* breaks *rule*; after the time is over only for what was played before."""
        if story not in self.played:
            if time.monotonic() >= self.until:
                return False
            self.played[story] = self.play(story)
        return rule in self.played[story].broken

    def play(self, story: Story) -> Played:
        """Play *story* with new instances; raises Ended if the product cannot be asked."""
        play = status_lines.begin(self.bench)
        steps: list[str] = []
        found: dict[str, tuple[int, str]] = {}
        for event in story:
            words, cases = self._act(play, event)
            steps.append(words)
            for rule, how in _violations(cases):
                found.setdefault(rule, (len(steps) - 1, how))
            for rule, each in RULES.items():
                count = sum(each.applies(c) for c in cases)
                if count:
                    self.applied[rule] = self.applied.get(rule, 0) + count
            self.delivered += sum(c.delivered for c in cases)
        return Played(tuple(steps), found)

    def _act(self, play: Play, event: Event) -> tuple[str, list[StatusCase]]:
        verb, who, what = event
        if verb == "store":
            return (self._store(play, who, what), []) if who in play.parties else ("", [])
        stored = [s for s in play.sent if s.stored]
        if not stored:
            return "", []
        if verb == "ask":
            if who not in play.parties:
                return "", []
            cases = status_lines.fetch(play, who, stored)
            return f"all asked for by {_FOR[who]}, who received {_received(cases)}", cases
        if verb == "move":
            cases = status_lines.moved(play, who, stored)
            words = f"all moved by C-MOVE to {_FOR[who]}, who received {_received(cases)}"
            return (words, cases) if cases else ("", [])
        sent = stored[int(what) % len(stored)]
        named = f"instance {play.sent.index(sent) + 1}"
        if verb == "commit":
            return self._commit(play, sent, named), []
        return self._told(verb, who, sent, named), []

    def _store(self, play: Play, who: str, what: str) -> str:
        status = None if what == "-" else what
        sent = status_lines.made(play, status, who)
        status_lines.store(play, [sent])
        how = "" if sent.stored else ", which was refused"
        named = "without status" if status is None else f"as {status}"
        return f"instance {len(play.sent)} stored {named} {_BY[who]}{how}"

    def _commit(self, play: Play, sent: Sent, named: str) -> str:
        if self.unconfirmed >= ENOUGH:
            return ""
        status_lines.commit_sent(play, [sent])
        self.unconfirmed += not sent.committed
        how = "confirmed" if sent.committed else "not confirmed"
        return f"commitment of {named} asked for and {how}"

    def _told(self, verb: str, who: str, sent: Sent, named: str) -> str:
        """Have the product authorize, transfer or delete *sent*, a primary instance that is committed."""
        primary = sent.came == PARTNER and sent.status in PRIMARY and sent.committed
        if not primary or sent.handed or status_copies.missing(self.bench, verb):
            return ""
        if self.acted >= ACTIONS:
            return ""
        self.acted += 1
        if verb == "transfer":
            sent.handed = status_handing.handed(self.bench, sent, confirm=who == "confirmed")
            return (
                f"{named} handed over to a partner, which was {sent.handed}" if sent.handed else ""
            )
        if verb == "authorize" and sent.status != "OR":
            return ""
        done = status_copies.do(self.bench, verb, sent)
        if verb == "delete":
            sent.deletion = True
            return f"the product told to delete {named}"
        sent.status = "AO" if done else sent.status
        return f"{named} authorized" if done else ""


def _received(cases: list[StatusCase]) -> str:
    got = [c.returned or "no status" for c in cases if c.delivered]
    return ", ".join(got) or "nothing"


def _violations(cases: list[StatusCase]) -> Iterator[tuple[str, str]]:
    for rule in RULES:
        for case in cases:
            how = broken(case, rule)
            if how:
                yield rule, how
                break


@driver(Impact.STORE)
def explore(bench: Bench, *, seed: int = 15, budget: int = 30) -> StorySeen | NotReached:
    """Play at most *budget* generated stories on the product and shrink what breaks a rule.

    A story stores instances as partner, stranger or without protection, has them committed, asks for
    them, moves them to us, and, where the target has the actions, has the product authorize, hand over
    and delete them; each is played with new instances. *seed* repeats a run.
    """
    nothing = secure(bench)
    if nothing or status_lines.elsewhere(bench):
        return nothing or StorySeen(0, seed, {}, status_lines.elsewhere(bench))
    explorer = Explorer(bench, time.monotonic() + SECONDS)
    try:
        for story in FIRST:
            explorer.breaks(_possible(bench, story), "")
        _generate(explorer, seed, budget)
        told = {}
        for rule in RULES:
            shortest = _shortest(explorer, rule)
            if shortest is not None:
                told[rule] = _told(explorer.played[shortest], rule)
    except Ended as ended:
        return NotReached("C-GET", f"the stories cannot be played: {ended}")
    return StorySeen(
        len(explorer.played), seed, told, applied=explorer.applied, delivered=explorer.delivered
    )


def _also(bench: Bench) -> tuple[tuple[str, str], ...]:
    """Return the further events that the target has listeners or actions for: verb and whom it concerns."""
    kinds = status_lines.destinations(bench)
    found = [("move", kind) for kind in kinds]
    found += [
        (verb, PARTNER)
        for verb in ("authorize", "delete")
        if not status_copies.missing(bench, verb)
    ]
    if status_lines.own_listeners(bench) and not status_copies.missing(bench, "transfer"):
        found += [("transfer", "confirmed"), ("transfer", "unconfirmed")]
    return tuple(found)


def _possible(bench: Bench, story: Story) -> Story:
    known = {"store", "commit", "ask", *(verb for verb, _ in _also(bench))}
    return tuple(event for event in story if event[0] in known)


def _generate(explorer: Explorer, seed: int, budget: int) -> None:
    """Play *budget* generated stories."""
    from part15.strategies import smallest, stories

    parties = tuple(status_lines.begin(explorer.bench).parties)

    def play(story: Story) -> bool:
        explorer.breaks(story, "")
        return False

    smallest(stories(parties, _also(explorer.bench)), play, budget, seed, shrink=False)


def _shortest(explorer: Explorer, rule: str) -> Story | None:
    """Return the shortest story that breaks *rule*: of those played, with every event left out that can be."""
    known = [s for s, played in explorer.played.items() if rule in played.broken]
    if not known:
        return None
    best = min(known, key=len)
    best = best[: explorer.played[best].broken[rule][0] + 1]
    at = len(best) - 2
    while at >= 0:
        shorter = (*best[:at], *best[at + 1 :])
        if explorer.breaks(shorter, rule):
            best = shorter
        at = min(at - 1, len(best) - 1)
    return best if explorer.breaks(best, rule) else min(known, key=len)


def _told(played: Played, rule: str) -> tuple[StoryStep, ...]:
    at, how = played.broken[rule]
    words = played.steps[: at + 1]
    return tuple(StoryStep(w, how if n == at else "") for n, w in enumerate(words))
