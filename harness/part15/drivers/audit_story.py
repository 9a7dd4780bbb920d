"""Make a DICOM product act, and listen to what its audit trail says of it."""

from __future__ import annotations

import dataclasses
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from part15.bench import Bench
from part15.channel import services
from part15.channel.messages import Messages
from part15.channel.services import Instance, Query
from part15.channel.syslog_listener import SyslogListener
from part15.channel.tls import Ended
from part15.channel.trigger import ASK, act
from part15.drivers.audit import Tape, Tray, edition_of, opened, shown_by, slots, trail_of
from part15.drivers.session_lines import identity_of, made_identity, open_line
from part15.drivers.storage_lines import one
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.audit import AuditStorySeen, DeedSeen
from part15.registry import driver
from part15.wire import pdu
from part15.wire.audit_judge import examine
from part15.wire.writing import element

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ROOT = "2.25"
CAUSES = {"store": "110104", "query": "110112", "tls-fail": "110113", "login-fail": "110114"}
"""The EventID code that reports a deed."""
AWAITED = {**CAUSES, "refuse": "110113"}
"""What is waited for after a deed; a refused association need not be reported at all."""
ACTIONS = ("login-fail", "export", "stop", "start")
ACTION_CAUSES = {"login-fail": "110114", "export": "110106", "stop": "110100", "start": "110100"}


def _uid() -> str:
    return f"{ROOT}.{secrets.randbits(120)}"


@dataclasses.dataclass(frozen=True)
class _Study:
    uid: str
    patient: str
    instances: tuple[Instance, ...]


def _instance(study: str, patient: str, number: int, *, broken: bool = False) -> Instance:
    """Return a small Secondary Capture image; a *broken* one names another class inside than outside."""
    uid = _uid()
    inside = "1.2.840.10008.5.1.4.1.1.4" if broken else SECONDARY_CAPTURE
    rows: list[tuple[int, str, bytes | str]] = [
        (0x00080016, "UI", inside),
        (0x00080018, "UI", _uid() if broken else uid),
        (0x00080020, "DA", "20260101"),
        (0x00080030, "TM", "120000"),
        (0x00080060, "CS", "OT"),
        (0x00080064, "CS", "WSD"),
        (0x00100010, "PN", "Part15^Story"),
        (0x00100020, "LO", patient),
        (0x0020000D, "UI", study),
        (0x0020000E, "UI", f"{study[:60]}.1"),
        (0x00200013, "IS", str(number)),
        (0x00280002, "US", b"\x01\x00"),
        (0x00280004, "CS", "MONOCHROME2"),
        (0x00280010, "US", b"\x02\x00"),
        (0x00280011, "US", b"\x02\x00"),
        (0x00280100, "US", b"\x08\x00"),
        (0x00280101, "US", b"\x08\x00"),
        (0x00280102, "US", b"\x07\x00"),
        (0x00280103, "US", b"\x00\x00"),
        (0x7FE00010, "OW", b"\x00\x01\x02\x03"),
    ]
    data = b"".join(element(*row) for row in rows)
    return Instance(SECONDARY_CAPTURE, uid, pdu.EXPLICIT_LE, data)


def _study(count: int, *, broken: int = 0) -> _Study:
    uid, patient = _uid(), f"P15-{secrets.token_hex(4).upper()}"
    wrong = [_instance(uid, patient, 100 + n, broken=True) for n in range(broken)]
    right = [_instance(uid, patient, n + 1) for n in range(count)]
    return _Study(uid, patient, (*right, *wrong))


def dicom_point(target: Any) -> Any:
    """Return the first endpoint of *target* that speaks DICOM, or None."""
    return next((p for p in target.endpoints.values() if p.transport in ("plain", "tls")), None)


class _Teller:
    """Performs deeds on one DICOM endpoint and notes which messages arrive meanwhile."""

    def __init__(
        self, bench: Bench, point: Any, tray: Tray, listener: SyslogListener, quiet: float
    ) -> None:
        self.bench = dataclasses.replace(bench, endpoint=point)
        self.point, self.tray, self.listener, self.quiet = point, tray, listener, quiet
        self.deeds: list[DeedSeen] = []
        self.absent: set[str] = set()
        """Event codes for which the product was waited for in vain: it is not waited for again."""

    def _came(self, kind: str, before: int) -> bool:
        edition = self.tray.edition
        return any(
            examine(m.data, m.carrier, edition, m.size).kind == kind
            for m in self.tray.messages[before:]
        )

    def open(self, syntaxes: Sequence[tuple[str, Sequence[str]]], called: str = "") -> Messages:
        """Open an association; raises Ended or Trouble."""
        line = open_line(self.bench, identity_of(self.bench))
        asked = services.proposal(
            called or self.point.ae_title, self.point.calling_ae_title, syntaxes
        )
        return services.opened(line, asked, self.bench.until())

    def finish(self, deed: DeedSeen, before: int) -> None:
        """Wait for what reports *deed* and then until the source is quiet; note what it said."""
        kind = AWAITED.get(deed.kind) or ACTION_CAUSES.get(deed.kind, "")
        if kind and deed.done and kind not in self.absent:
            known = self.listener.wait(lambda: self._came(kind, before), self.bench.deadline)
            if not known:
                self.absent.add(kind)
        self.listener.wait_quiet(self.quiet, self.bench.deadline)
        heard = tuple(m.name for m in self.tray.messages[before:])
        self.deeds.append(dataclasses.replace(deed, heard=heard))

    def _named(self, kind: str, began: float) -> DeedSeen:
        return DeedSeen(
            kind,
            began,
            time.time(),
            time.time(),
            calling=self.point.calling_ae_title,
            called=self.point.ae_title,
        )

    def store(self, studies: Sequence[_Study], *, novelty: str, pause: float = 0.0) -> None:
        """Store *studies* over one association, *pause* seconds before the last instance."""
        before, began = len(self.tray.messages), time.time()
        classes: dict[str, int] = {}
        failures, why, ours = 0, "", ""
        instances = [i for s in studies for i in s.instances]
        try:
            talk = self.open([(SECONDARY_CAPTURE, (pdu.EXPLICIT_LE,))])
            try:
                ours = str(talk.line.plain.sock.getsockname()[0])
                for n, instance in enumerate(instances):
                    if pause and n == len(instances) - 1:
                        threading.Event().wait(pause)
                    until = time.monotonic() + self.bench.deadline
                    self.bench.ledger.keep(instance.uid, one(instance).study)
                    status = services.store(talk, instance, until)
                    if status == 0 or (status is not None and status >> 12 == 0xB):
                        classes[instance.sop_class] = classes.get(instance.sop_class, 0) + 1
                    else:
                        failures += 1
            finally:
                last = time.time()
                services.close(talk, self.bench.until())
        except (Ended, ssl.SSLError) as ended:
            why, last = str(ended), time.time()
        deed = dataclasses.replace(
            self._named("store", began),
            last=last,
            done=not why and bool(classes),
            why=why,
            ours=ours,
            studies=tuple(s.uid for s in studies),
            patients=tuple(s.patient for s in studies),
            classes=classes,
            failures=failures,
            novelty=novelty,
        )
        self.finish(deed, before)

    def query(self, study: str) -> None:
        """Ask for *study* at STUDY level."""
        before, began = len(self.tray.messages), time.time()
        why, answers, ours = "", 0, ""
        try:
            talk = self.open([(services.FIND, (pdu.EXPLICIT_LE, pdu.IMPLICIT_LE))])
            try:
                ours = str(talk.line.plain.sock.getsockname()[0])
                wanted = Query(study=study, level="STUDY", wanted=((0x00100020, "LO"),))
                found, _status = services.find(talk, wanted, self.bench.until())
                answers = len(found)
            finally:
                services.close(talk, self.bench.until())
        except (Ended, ssl.SSLError) as ended:
            why = str(ended)
        deed = dataclasses.replace(
            self._named("query", began),
            done=not why,
            why=why,
            ours=ours,
            studies=(study,),
            matches=answers,
        )
        self.finish(deed, before)

    def refuse(self) -> None:
        """Ask for an association with an AE title that the product does not have."""
        before, began = len(self.tray.messages), time.time()
        why = ""
        try:
            talk = self.open([(SECONDARY_CAPTURE, (pdu.EXPLICIT_LE,))], called="P15-NOT-THERE")
            services.close(talk, self.bench.until())
        except (Ended, ssl.SSLError) as ended:
            why = str(ended)
        deed = dataclasses.replace(self._named("refuse", began), done=bool(why), why=why)
        self.finish(deed, before)

    def break_tls(self) -> None:
        """Offer a client certificate of a CA that nobody trusts."""
        wrong = made_identity(self.bench, "unknown_ca")
        if wrong is None:
            return
        before, began = len(self.tray.messages), time.time()
        line = open_line(self.bench, wrong)
        try:
            asked = pdu.verification(self.point.ae_title, self.point.calling_ae_title)
            talk = services.opened(line, asked, self.bench.until())
            services.close(talk, self.bench.until())
            why = ""
        except (Ended, ssl.SSLError) as ended:
            why = str(ended)
        self.finish(
            dataclasses.replace(self._named("tls-fail", began), done=bool(why), why=why), before
        )

    def act(self, verb: str, slot: dict[str, str]) -> None:
        """Run the action *verb* of the target."""
        before, began = len(self.tray.messages), time.time()
        why = ""
        try:
            done = act(
                self.bench.target.actions[verb],
                folder=self.bench.target.folder,
                slots=slot,
                what=verb,
                deadline=self.bench.deadline,
            )
            why = f"exit status {done.code}" if done.code else ""
        except Trouble as trouble:
            why = trouble.why
        self.finish(dataclasses.replace(self._named(verb, began), done=not why, why=why), before)


def _tell(teller: _Teller, pause: float, slot: dict[str, str]) -> None:
    """Perform every deed."""
    first, slow, mixed = _study(3), _study(2), _study(2, broken=1)
    teller.store([first], novelty="new")
    teller.store([first], novelty="same")
    teller.store([slow], novelty="new", pause=pause)
    teller.store([_study(1), _study(1)], novelty="new")
    teller.store([mixed], novelty="new")
    teller.query(first.uid)
    teller.query(_uid())
    teller.refuse()
    if teller.point.transport == "tls":
        teller.break_tls()
    for verb in ACTIONS:
        if teller.bench.target.actions.get(verb) not in (None, ASK):
            teller.act(verb, slot)


def _caused(deeds: Sequence[DeedSeen]) -> Iterator[str]:
    for deed in deeds:
        code = CAUSES.get(deed.kind) or ACTION_CAUSES.get(deed.kind)
        if deed.done and code:
            yield code


@driver(Impact.STORE, at="listener")
def tell(bench: Bench, *, pause: float = 3.0, quiet: float = 0.7) -> AuditStorySeen | NotReached:
    """Store, store again, query, and be refused at the product's DICOM endpoint while listening to its audit trail.

    The listener needs a fixed port that the product reports to. *pause* is the length of a slow
    transfer, *quiet* how long nothing may come before the next deed begins; seconds.
    """
    point = dicom_point(bench.target)
    if point is None:
        return NotReached("endpoint", "the target has no DICOM endpoint (plain or tls) to act on")
    if bench.endpoint.port == 0:
        return NotReached(
            "listener",
            f"give listeners.{bench.endpoint.id} a fixed port, and have the product report to it",
        )
    tray, tape = Tray(edition_of(bench.target)), Tape()
    with opened(bench, tray, shown_by(bench.endpoint), tape) as listener:
        teller = _Teller(bench, point, tray, listener, quiet)
        bench.note(f"stores, queries and a refused association at {point.address}")
        _tell(teller, pause, slots(listener, bench.endpoint))
        trail = trail_of(tray, listener, bench, tuple(sorted(set(_caused(teller.deeds)))))
    tape.keep(bench)
    if not any(d.done for d in teller.deeds):
        first = next((d.why for d in teller.deeds if d.why), "nothing was done")
        return NotReached("association", f"no deed could be done at {point.address}: {first}")
    if not trail.messages:
        return NotReached(
            "audit trail",
            f"the product sent no audit message to {bench.endpoint.host}:{listener.port}",
        )
    return AuditStorySeen(tuple(teller.deeds), trail)
