"""Query filtering as a site declares it: nobody is shown, counts or gets more than is declared.

A rule of the site, not of PS3.15. What was seen too much is a failure whatever else went wrong; that
nothing was seen too much counts only where each user saw what they may, before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.filtering import Answered, AskerSeen, FilteringSeen
from part15.registry import check

EVERY = ("C-FIND", "C-GET", "C-MOVE")
FIND = "C-FIND"
UNKNOWN_DESTINATION = "A801H"


def _leaks(seen: FilteringSeen, asker: AskerSeen, services: Sequence[str]) -> Iterator[Finding]:
    may = set(asker.may)
    for answer in (*asker.answers, *asker.after):
        if answer.service not in services:
            continue
        studies = [name for name in answer.studies if name not in may]
        visible = {s.patient for name, s in seen.studies.items() if name in may or not s.whole}
        patients = [name for name in answer.patients if name not in visible]
        shown = [f"study {name}" for name in studies]
        shown += [f"patient {name}" for name in patients] if not studies else []
        if shown:
            done = "is shown" if answer.service == FIND else "gets"
            yield Finding(
                f"{asker.name}, {answer.service} by {answer.question}",
                Word.FAIL,
                f"{asker.name} {done} {', '.join(shown)} by {answer.service}",
                f"at most {_listed(asker.may)}",
                ", ".join(shown),
            )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _missing(asker: AskerSeen, services: Sequence[str]) -> str:
    """Return what a user does not see though they may, in words, or nothing."""
    for service in services:
        mine = [a for a in asker.answers if a.service == service]
        if mine and all(a.outcome == "not offered" for a in mine):
            continue
        if asker.answers and service != FIND and not mine:
            continue
        lost = set(asker.may) - {s for a in mine for s in a.studies}
        if lost:
            told = sorted({a.told for a in mine if set(a.about) & lost})
            how = f" ({', '.join(told)})" if told else f" (association: {asker.opened})"
            if UNKNOWN_DESTINATION in told:
                how += ": the product does not know the AE title of our listener as a destination"
            return f"{asker.name} does not see {_listed(sorted(lost))} by {service}{how}"
    lost = set(asker.may) - {s for a in asker.after for s in a.studies}
    if lost:
        return (
            f"{asker.name} does not see {_listed(sorted(lost))} any more when the others have asked"
        )
    return ""


def _unestablished(seen: FilteringSeen, services: Sequence[str]) -> str:
    """Return why nothing follows from what was not seen, or nothing."""
    users = [a for a in seen.askers if a.kind == "user"]
    for asker in users:
        missing = _missing(asker, services)
        if missing:
            return (
                f"{missing}, which the target declares; put that right in the product or the target"
            )
    found = {s for a in users for s in a.may}
    hidden = [name for name in seen.studies if name not in found]
    if not found or hidden:
        return f"nothing shows that the product has {_listed(hidden or sorted(seen.studies))}"
    return ""


def _offered(askers: Sequence[AskerSeen], service: str) -> bool:
    return any(
        a.service == service and a.outcome != "not offered"
        for asker in askers
        for a in asker.answers
    )


@check
def shows_no_more(seen: FilteringSeen, *, services: Sequence[str], kind: str) -> Judgement:
    """Askers of *kind* (``user``, ``nobody``, ``wrong``) see and get by *services* what is declared at most."""
    askers = [a for a in seen.askers if a.kind == kind]
    found = [leak for asker in askers for leak in _leaks(seen, asker, services)]
    if found:
        first = found[0]
        return fails(
            first.message, expected=first.expected, observed=first.observed, findings=found
        )
    if not askers:
        return undecided(f"no {kind} has asked")
    if "C-MOVE" in services and not seen.moves and len(services) == 1:
        return undecided(
            "there is nowhere to move to: give a listener with a fixed port and an AE title that the "
            "product knows as a destination"
        )
    wanting = _unestablished(seen, (FIND, *(s for s in services if s != FIND)))
    if wanting:
        return undecided(wanting)
    broken = [b for a in askers for b in _broken(a, services)]
    if kind == "user" and broken:
        return undecided(f"not every question was answered: {broken[0]}")
    if len(services) == 1 and not _offered(askers, services[0]):
        return passes(f"{services[0]} is offered to none of them, so that nothing is had by it")
    words = [f"{a.name}: {_summary(a, services)}" for a in askers]
    left = f"; not tried: {', '.join(seen.left)}" if seen.left and kind == "wrong" else ""
    return passes(f"nobody sees more than is declared{left}", observed="; ".join(words))


def _broken(asker: AskerSeen, services: Sequence[str]) -> Iterator[str]:
    for answer in asker.answers:
        if answer.service in services and answer.outcome.startswith("silent"):
            yield f"{asker.name}, {answer.service} by {answer.question}: {answer.outcome}"


def _summary(asker: AskerSeen, services: Sequence[str]) -> str:
    if asker.opened != "accepted" and not asker.answers:
        return f"association {asker.opened}"
    found = {s for a in asker.answers if a.service in services for s in a.studies}
    return _listed(sorted(found))


def _limit(seen: FilteringSeen, asker: AskerSeen, answer: Answered, what: str) -> int | None:
    """Return how many there may be of *what* in *answer*, None if nobody knows."""
    visible = [seen.studies[name] for name in answer.about if name in asker.may]
    if what == "studies":
        return len(visible)
    sizes = [study.instances for study in visible]
    return None if 0 in sizes else sum(sizes)


def _counted(seen: FilteringSeen, asker: AskerSeen) -> Iterator[Finding]:
    for answer in (*asker.answers, *asker.after):
        one = answer.question.startswith(("study UID", "instance UID"))
        if not (one or all(seen.studies[n].whole for n in answer.about)):
            continue
        if set(answer.about) <= set(asker.may):
            continue
        if "wildcard" in answer.question or "list" in answer.question:
            continue
        for what, number in answer.counts.items():
            most = _limit(seen, asker, answer, what)
            if most is not None and number > most:
                yield Finding(
                    f"{asker.name}, {answer.service} by {answer.question}",
                    Word.FAIL,
                    f"{asker.name} counts {number} {what} by {answer.service}, where {most} may be known",
                    str(most),
                    str(number),
                )


@check
def counts_no_more(seen: FilteringSeen) -> Judgement:
    """No number that a user or nobody is told counts what they may not see: related studies, instances, sub-operations.

    Where such studies are shown or delivered, the clauses on C-FIND, C-GET and C-MOVE say so; here is
    judged what is told beside them.
    """
    shown = {
        (asker.name, finding.subject)
        for asker in seen.askers
        for finding in _leaks(seen, asker, EVERY)
    }
    found = [f for a in seen.askers for f in _counted(seen, a) if (a.name, f.subject) not in shown]
    if found:
        first = found[0]
        return fails(
            first.message, expected=first.expected, observed=first.observed, findings=found
        )
    wanting = _unestablished(seen, EVERY)
    if wanting:
        return undecided(wanting)
    numbers = sum(len(a.counts) for asker in seen.askers for a in asker.answers)
    return passes("no number counts what may not be seen", observed=f"{numbers} numbers")


@check
def hides_existence(seen: FilteringSeen) -> Judgement:
    """A study that an asker may not see is answered for as one that nobody has.

    A status that differs tells who has come by a study UID that the product has the study. PS3.7 knows
    a status for it (0124H, Refused: Not Authorized), so that no standard forbids it.
    """
    found = []
    for asker in seen.askers:
        nothing = {a.service: a.told for a in asker.answers if not a.existing}
        for answer in asker.answers:
            hidden = answer.existing and len(answer.about) == 1 and answer.about[0] not in asker.may
            if not hidden or not answer.question.startswith("study UID") or answer.studies:
                continue
            expected = nothing.get(answer.service)
            if expected is not None and answer.told != expected:
                found.append(
                    Finding(
                        f"{asker.name}, {answer.service} by {answer.question}",
                        Word.FAIL,
                        f"{answer.service} answers {answer.told} for a study that {asker.name} may not "
                        f"see, and {expected} for one that nobody has",
                        expected,
                        answer.told,
                    )
                )
    if found:
        first = found[0]
        return fails(
            first.message, expected=first.expected, observed=first.observed, findings=found
        )
    wanting = _unestablished(seen, (FIND,))
    if wanting:
        return undecided(wanting)
    return passes("forbidden studies are answered for as those that nobody has")
