"""Stimuli of a query-filtering policy: everybody asks the same, as users, as nobody, with wrong credentials."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from part15.bench import Bench
from part15.channel.messages import Messages
from part15.channel.tls import Ended
from part15.drivers import filtering_lines as lines
from part15.drivers import storage_lines
from part15.drivers.filtering_lines import Asker
from part15.drivers.filtering_plant import Garden, garden
from part15.drivers.filtering_questions import Question, about_allowed, put, questions, straggling
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.filtering import Answered, AskerSeen, FilteringSeen, StudySeen
from part15.registry import driver
from part15.wire.trap_objects import SECONDARY_CAPTURE

SILENCES = 3
"""Questions that may stay without an answer before an asker gives up."""
PAUSE = 0.2


@dataclass
class _Round:
    """Everything that one round of questions needs; *listener* is where C-MOVE goes, None without one."""

    bench: Bench
    garden: Garden
    listener: Any
    inbox: storage_lines.Inbox = field(default_factory=storage_lines.Inbox)

    @property
    def titles(self) -> tuple[str, ...]:
        """The AE titles that have a study of the policy."""
        return tuple(dict.fromkeys(s.title for s in self.garden.studies))

    def everything(self, title: str) -> tuple[Question, ...]:
        """Return all questions to *title*."""
        return questions(self.garden, title, moves=self.listener is not None)

    def may(self, name: str) -> tuple[str, ...]:
        """Return the studies that the user *name* may see, or those that are public."""
        user = self.bench.target.users.get(name)
        sees = (user.sees or ()) if user is not None else ()
        studies = self.bench.target.studies
        return tuple(n for n, study in studies.items() if study.public or n in sees)

    def asked(self, asker: Asker) -> AskerSeen:
        """Put every question as *asker*."""
        seen = AskerSeen(
            asker.name, asker.kind, self.may(asker.name if asker.kind == "user" else ""), "accepted"
        )
        for title in self.titles:
            opened, answers = self._put(asker, title, self.everything(title))
            if opened != "accepted" and seen.opened == "accepted":
                seen = dataclasses.replace(seen, opened=opened)
            seen = dataclasses.replace(seen, answers=(*seen.answers, *answers))
        return seen

    def allowed(self, asker: Asker) -> tuple[Answered, ...]:
        """Ask for what *asker* may see, by C-FIND."""
        found: list[Answered] = []
        for title in self.titles:
            wanted = about_allowed(self.everything(title), self.may(asker.name))
            if wanted:
                found += self._put(asker, title, wanted)[1]
        return tuple(found)

    def wait(self) -> bool:
        """Wait until each user sees what they may, if the product takes a while to know what it has stored."""
        until = time.monotonic() + 2 * self.bench.deadline
        users = list(lines.users(self.bench))
        while users and time.monotonic() < until:
            seen = {s for a in self.allowed(users[0]) for s in a.studies}
            if set(self.may(users[0].name)) <= seen:
                users.pop(0)
            else:
                threading.Event().wait(PAUSE)
        return not users

    def _put(
        self, asker: Asker, title: str, every: Sequence[Question]
    ) -> tuple[str, list[Answered]]:
        """Put *every* question to *title*; an association that ends is opened anew, but no wrong one."""
        left, answers = list(every), list[Answered]()
        self.bench.note(f"association of {asker.name}")
        while left:
            silent = sum(a.outcome.startswith("silent") for a in answers)
            if silent >= SILENCES:
                return f"no answer to {silent} questions, {len(left)} not asked", answers
            try:
                with lines.association(
                    self.bench, asker, title, as_scp=(SECONDARY_CAPTURE,)
                ) as talk:
                    answers += self._until_ended(talk, left)
            except Ended as ended:
                return str(ended), answers
            if left and asker.kind == "wrong":
                return f"ended after {len(answers)} questions", answers
        return "accepted", answers

    def _until_ended(self, talk: Messages, left: list[Question]) -> list[Answered]:
        answers = []
        destination = self.listener.ae_title if self.listener is not None else ""
        while left:
            answer = put(self.bench, talk, left.pop(0), self.garden, self.inbox, destination)
            answers.append(answer)
            if answer.outcome not in ("answered", "not offered"):
                break
        if answers and answers[-1].service == "C-MOVE":
            late = straggling(self.bench, self.garden, self.inbox)
            answers += [late] if late is not None else []
        return answers

    def seen(self, askers: Iterable[AskerSeen], left: Sequence[str] = ()) -> FilteringSeen:
        """Return the observation."""
        studies = {s.name: StudySeen(s.patient, s.instances, s.whole) for s in self.garden.studies}
        return FilteringSeen(studies, tuple(askers), self.listener is not None, tuple(left))


def _begin(bench: Bench) -> _Round | NotReached:
    if not bench.target.studies or not any(u.sees for u in bench.target.users.values()):
        return NotReached(
            "studies",
            "the target declares no studies and who may see them; give [studies.NAME], and "
            "sees = [...] in [users.NAME] (docs/filtering.md)",
        )
    spent = lines.single_use(bench)
    if spent:
        return NotReached(
            "users",
            f"the ticket of users.{spent} is good for one association, and a user asks on several; give "
            "cache and service, or a command that prints a fresh one",
        )
    made = garden(bench)
    if isinstance(made, NotReached):
        return made
    if not made.ours:
        bench = dataclasses.replace(bench, recorder=None)
    elif bench.recorder is not None:
        bench.recorder.sensitive = True
    round_ = _Round(bench, made, _destination(bench))
    bench.shelf.once(("filtering, indexed", bench.endpoint.id), round_.wait)
    return round_


def _destination(bench: Bench) -> Any:
    """Return the listener that C-MOVE goes to: a known one with a fixed port, of the same transport if there is one."""
    usable = [
        x
        for x in bench.target.listeners.values()
        if x.port and x.transport in ("plain", "tls") and not x.stranger
    ]
    usable.sort(key=lambda x: x.transport != bench.endpoint.transport)
    return usable[0] if usable else None


def _listening(round_: _Round) -> contextlib.AbstractContextManager[object]:
    if round_.listener is None:
        return contextlib.nullcontext()
    return storage_lines.acceptor(round_.bench, round_.listener, round_.inbox)


@driver(Impact.STORE)
def ask(bench: Bench) -> FilteringSeen | NotReached:
    """Put the same C-FIND, C-GET and C-MOVE requests as each user of the policy and as nobody.

    They ask by study, series, instance and patient, by wildcards and lists, and for a study that
    nobody has; the studies are stored by us before, or stand in the target. At the end each user asks
    again for what they may see.
    """
    began = _begin(bench)
    if isinstance(began, NotReached):
        return began
    with _listening(began):
        users = list(lines.users(bench))
        answers = [began.asked(u) for u in users]
        others = [began.asked(n) for n in lines.nobodies(bench)]
        after = [
            dataclasses.replace(seen, after=began.allowed(user))
            for user, seen in zip(users, answers, strict=True)
        ]
    return began.seen([*after, *others])


@driver(Impact.CREDENTIAL)
def ask_wrongly(bench: Bench) -> FilteringSeen | NotReached:
    """Put the same requests with one wrong credential of each user of the policy, between the right ones.

    At most ``limits.wrong_credentials`` in a run are shown, those of other stimuli included.
    """
    began = _begin(bench)
    if isinstance(began, NotReached):
        return began
    used: dict[str, int] = bench.shelf.once("wrong credentials", lambda: {"used": 0})
    limit = bench.target.limits.wrong_credentials
    wrong, left = list[AskerSeen](), list[str]()
    with _listening(began):
        users = list(lines.users(bench))
        before = {u.name: began.allowed(u) for u in users}
        for user in users:
            other = lines.spoilt(bench, user)
            if used["used"] + len(began.titles) > limit:
                left.append(other.name)
                continue
            used["used"] += len(began.titles)
            wrong.append(began.asked(other))
        if not wrong:
            return NotReached(
                "limits.wrong_credentials",
                f"of the {limit} wrong credentials that the target allows too few are left",
            )
        controls = [
            AskerSeen(
                u.name, "user", began.may(u.name), "accepted", before[u.name], began.allowed(u)
            )
            for u in users
        ]
    return began.seen([*controls, *wrong], left)
