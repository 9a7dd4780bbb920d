"""Stimulus of a correction: a signed object is stored, the product corrects one attribute, and the study is fetched."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from part15.bench import Bench
from part15.channel.services import Instance, Query
from part15.channel.tls import Ended
from part15.channel.trigger import ASK, act
from part15.drivers import storage_lines as lines
from part15.drivers.correction_objects import Correctable, correctable
from part15.drivers.storage import STORED, compare
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.correction import CorrectionSeen, InstanceSeen
from part15.registry import driver
from part15.wire.cms_trust import Trust
from part15.wire.dictionary import keyword_of, tag_text
from part15.wire.elements import MalformedDataSet, walk
from part15.wire.part10 import syntax_of
from part15.wire.signed_object import read_object
from part15.wire.trap_objects import Trap, file_of
from part15.wire.writing import uid_text, value_of

KINDS = ("image", "report")
LATEST = 60.0
"""Seconds that the action may take at most; else six times the deadline."""
PERSON = 300.0
"""Seconds that a person has for it."""
PAUSE = 0.2
PREDECESSORS, REFERENCED = 0x0040A360, 0x00081155


@driver(Impact.STORE)
def correct(bench: Bench, *, kind: str) -> CorrectionSeen | NotReached:
    """Store a signed *kind*, have the product correct one attribute of it, and fetch its study before and after.

    Of an ``image`` the Patient's Name, of a ``report`` its Observation DateTime. By ``actions.correct``;
    by C-GET.
    """
    if kind not in KINDS:
        raise Trouble("stimulus", f"kind is one of {', '.join(KINDS)}, not '{kind}'")
    if not bench.target.actions.get("correct"):
        return NotReached(
            "actions",
            "the target has no action 'correct'; give actions.correct, a command with {uid}, "
            "{keyword} and {value} (docs/correction.md)",
        )
    made = correctable(kind)
    try:
        answer = lines.send(bench, [made.instance]).get(made.instance.uid, "not sent")
    except Ended as ended:
        raise lines.unopened(bench, ended) from None
    if answer not in STORED:
        said = f"{answer:04X}H" if isinstance(answer, int) else answer
        return NotReached("C-STORE", f"a signed {kind} was not stored ({said})")
    try:
        return _corrected(bench, made)
    except Ended as ended:
        return NotReached("C-GET", f"the study cannot be asked for: {ended}")


def _corrected(bench: Bench, made: Correctable) -> CorrectionSeen | NotReached:
    found = _fetched(bench, made)
    if found is None:
        return NotReached("retrieval", "the product does not offer C-GET")
    first = next((i for i in found if i.uid == made.instance.uid), None)
    if first is None:
        return NotReached("retrieval", f"the signed {made.kind} was stored, but did not come back")
    refused = _act(bench, made)
    if refused:
        return NotReached("actions", refused)
    after = _awaited(bench, made)
    for instance in after:
        bench.ledger.keep(instance.uid, made.study)
    sent = read_object(_file(made.instance), "sent", Trust())
    covering = [set(s.signed) for s in sent.current if made.tag in s.signed]
    _keep(bench, made, first, after)
    return CorrectionSeen(
        made.kind,
        made.tag,
        made.ours,
        tuple(sorted(set().union(*covering))),
        _seen(made, first, first),
        tuple(_seen(made, i, first) for i in after),
    )


def _fetched(bench: Bench, made: Correctable) -> list[Instance] | None:
    query = Query(study=made.study, level="STUDY")
    found = lines.by_get(bench, [made.instance], query)
    return None if found is None else found.instances


def _act(bench: Bench, made: Correctable) -> str:
    """Run the action; return why there is no correction, empty if it was done. Raises Trouble."""
    bench.note(f"action correct for test object {made.instance.uid}")
    keyword = keyword_of(made.tag)
    acted = act(
        bench.target.actions["correct"],
        folder=bench.target.folder,
        slots={
            "uid": made.instance.uid,
            "study": made.study,
            "series": made.series,
            "tag": f"{made.tag:08X}",
            "keyword": keyword,
            "value": made.new,
            "kind": made.kind,
            "aet": bench.endpoint.ae_title,
        },
        what=f"set {keyword} {tag_text(made.tag)} of the instance {made.instance.uid} to {made.new}",
        deadline=min(bench.deadline * 6 + 5, LATEST),
    )
    if acted.code in (0, None):
        return ""
    return (
        f"the action 'correct' ended with code {acted.code} for the {made.kind}: nothing was corrected, "
        "so that nothing can be told of corrections; run it by hand in the folder of the target file"
    )


def _awaited(bench: Bench, made: Correctable) -> list[Instance]:
    """Fetch the study until an instance has the new value, or it has taken too long. Raises Ended."""
    person = bench.target.actions["correct"] == ASK
    until = time.monotonic() + (PERSON if person else 2 * bench.deadline)
    while True:
        found = _fetched(bench, made) or []
        if any(_value(made, i) == "new" for i in found) or time.monotonic() >= until:
            return found
        threading.Event().wait(PAUSE * (10 if person else 1))


def _value(made: Correctable, instance: Instance) -> str:
    try:
        value = value_of(instance.data, made.tag, syntax_of(instance.transfer))
    except MalformedDataSet:
        return "other"
    if value is None:
        return "absent"
    text = value.decode("latin-1").strip(" \0")
    return {made.old: "old", made.new: "new"}.get(text, "other")


def _file(instance: Instance) -> bytes:
    return file_of(
        Trap("found", instance.uid, instance.data, instance.transfer, instance.sop_class)
    )


def _seen(made: Correctable, instance: Instance, first: Instance) -> InstanceSeen:
    same = instance.uid == made.instance.uid
    change = compare(first, instance, "the object before", "C-GET") if same else None
    return InstanceSeen(
        same,
        _value(made, instance),
        change is not None and not change.differences and not change.problem,
        read_object(_file(instance), "corrected" if not same else "stored", Trust()),
        _predecessors(made, instance),
    )


def _predecessors(made: Correctable, instance: Instance) -> tuple[str, ...]:
    found, inside = [], 0
    try:
        for element in walk(instance.data, syntax=syntax_of(instance.transfer)):
            if element.depth == 0:
                inside = element.tag
            elif inside == PREDECESSORS and element.tag == REFERENCED:
                uid = uid_text(instance.data[element.value : element.end])
                found.append("ours" if uid == made.instance.uid else "another")
    except MalformedDataSet:
        return ()
    return tuple(found)


def _keep(bench: Bench, made: Correctable, first: Instance, after: Sequence[Instance]) -> None:
    """Keep the objects as evidence: all are ours."""
    bench.evidence.keep("sent.dcm", _file(made.instance), phi="synthetic")
    bench.evidence.keep("before.dcm", _file(first), phi="synthetic")
    for number, instance in enumerate(after[:10], 1):
        bench.evidence.keep(f"after-{number}.dcm", _file(instance), phi="synthetic")
