"""The deeds by which a DICOM product is given something to tell, each noted with what its audit trail said meanwhile."""

from __future__ import annotations

import dataclasses
import secrets
import ssl
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from part15.bench import Bench
from part15.channel import services
from part15.channel.messages import Messages
from part15.channel.services import Instance, Query
from part15.channel.syslog_listener import SyslogListener
from part15.channel.tls import Ended
from part15.channel.trigger import act
from part15.drivers.audit import Tray
from part15.drivers.session_lines import identity_of, made_identity, open_line
from part15.drivers.storage_lines import one
from part15.errors import Trouble
from part15.observations.audit import DeedSeen
from part15.wire import pdu, user_identity
from part15.wire.audit_judge import examine
from part15.wire.writing import element

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ROOT = "2.25"
CAUSES = {
    "store": "110104",
    "query": "110112",
    "tls-fail": "110113",
    "login-fail": "110114",
    "login": "110114",
    "delete": "110105",
}
"""The EventID code that reports a deed."""
AWAITED = {**CAUSES, "refuse": "110113", "retrieve": "110104"}
"""What is waited for after a deed; a refused association need not be reported at all."""
ACTIONS = ("login-fail", "export", "stop", "start")
ACTION_CAUSES = {"login-fail": "110114", "export": "110106", "stop": "110100", "start": "110100"}


def fresh_uid() -> str:
    """Return a UID that nobody has used."""
    return f"{ROOT}.{secrets.randbits(120)}"


@dataclasses.dataclass(frozen=True)
class Study:
    """A study of our own: its UID, its Patient ID, its instances."""

    uid: str
    patient: str
    instances: tuple[Instance, ...]


def _instance(study: str, patient: str, number: int, *, broken: bool = False) -> Instance:
    """Return a small Secondary Capture image; a *broken* one names another class inside than outside."""
    uid = fresh_uid()
    inside = "1.2.840.10008.5.1.4.1.1.4" if broken else SECONDARY_CAPTURE
    rows: list[tuple[int, str, bytes | str]] = [
        (0x00080016, "UI", inside),
        (0x00080018, "UI", fresh_uid() if broken else uid),
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


def make_study(count: int, *, broken: int = 0) -> Study:
    """Return a fresh study of *count* right instances and *broken* ones that contradict themselves."""
    uid, patient = fresh_uid(), f"P15-{secrets.token_hex(4).upper()}"
    wrong = [_instance(uid, patient, 100 + n, broken=True) for n in range(broken)]
    right = [_instance(uid, patient, n + 1) for n in range(count)]
    return Study(uid, patient, (*right, *wrong))


def dicom_point(target: Any) -> Any:
    """Return the first endpoint of *target* that speaks DICOM, or None."""
    return next((p for p in target.endpoints.values() if p.transport in ("plain", "tls")), None)


def certificate_names(bench: Bench) -> tuple[str, ...]:
    """Return the names in the certificate that we show as a client: subject, common name, alternative names."""
    from cryptography import x509

    try:
        path = identity_of(bench).certificate
        leaf = x509.load_pem_x509_certificates(Path(path).read_bytes())[0] if path else None
    except (OSError, ValueError, IndexError):
        leaf = None
    if leaf is None:
        return ()
    names = [leaf.subject.rfc4514_string()]
    names += [str(a.value) for a in leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    for extension in leaf.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names += [str(n.value) for n in extension.value if isinstance(n.value, str)]
    return tuple(dict.fromkeys(n for n in names if n))


class Teller:
    """Performs deeds on one DICOM endpoint and notes which messages arrive meanwhile."""

    def __init__(
        self, bench: Bench, point: Any, tray: Tray, listener: SyslogListener, quiet: float
    ) -> None:
        self.bench = dataclasses.replace(bench, endpoint=point)
        self.point, self.tray, self.listener, self.quiet = point, tray, listener, quiet
        self.deeds: list[DeedSeen] = []
        self.names = certificate_names(self.bench) if point.transport == "tls" else ()
        self.absent: set[str] = set()
        """Event codes for which the product was waited for in vain: it is not waited for again."""

    def _came(self, kind: str, before: int) -> bool:
        edition = self.tray.edition
        return any(
            examine(m.data, m.carrier, edition, m.size).kind == kind
            for m in self.tray.messages[before:]
        )

    def open(
        self,
        syntaxes: Sequence[tuple[str, Sequence[str]]],
        called: str = "",
        *,
        as_scp: Sequence[str] = (),
        user: bytes = b"",
    ) -> Messages:
        """Open an association, with the user identity sub-item *user* if given; raises Ended or Trouble."""
        line = open_line(self.bench, identity_of(self.bench))
        asked = services.proposal(
            called or self.point.ae_title, self.point.calling_ae_title, syntaxes, as_scp=as_scp
        )
        raw = user_identity.with_items(pdu.encode_request(asked), user) if user else b""
        return services.opened(line, asked, self.bench.until(), raw)

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
            names=self.names,
        )

    def store(self, studies: Sequence[Study], *, novelty: str, pause: float = 0.0) -> None:
        """Store *studies* over one association, *pause* seconds before the last instance."""
        before, began = len(self.tray.messages), time.time()
        classes: dict[str, int] = {}
        failures, why, ours, kept = 0, "", "", []
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
                        kept.append(instance.uid)
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
            instances=tuple(kept),
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

    def retrieve(self, study: Study) -> None:
        """Get *study* back by C-GET, if the product offers that."""
        before, began = len(self.tray.messages), time.time()
        why, ours, found = "", "", services.Retrieved()
        wanted = [
            (services.GET, (pdu.EXPLICIT_LE, pdu.IMPLICIT_LE)),
            (SECONDARY_CAPTURE, (pdu.EXPLICIT_LE,)),
        ]
        try:
            talk = self.open(wanted, as_scp=(SECONDARY_CAPTURE,))
            try:
                ours = str(talk.line.plain.sock.getsockname()[0])
                query = Query(study=study.uid, level="STUDY")
                found = services.get(talk, query, self.bench.until())
            finally:
                last = time.time()
                services.close(talk, self.bench.until())
        except (Ended, ssl.SSLError) as ended:
            why, last = str(ended), time.time()
        classes = Counter(i.sop_class for i in found.instances)
        why = why or found.ended or ("" if found.status == 0 else f"status {found.status}")
        deed = dataclasses.replace(
            self._named("retrieve", began),
            last=last,
            done=not why and bool(found.instances),
            why=why or ("" if found.instances else "nothing came back"),
            ours=ours,
            studies=(study.uid,),
            patients=(study.patient,),
            classes=dict(classes),
            novelty="sent",
            instances=tuple(i.uid for i in found.instances),
        )
        self.finish(deed, before)

    def delete(self, study: Study) -> None:
        """Have the product delete every instance of *study* by the action of the target."""
        command = self.bench.target.actions["delete"]
        text = command if isinstance(command, str) else " ".join(command)
        uids = [i.uid for i in study.instances] if "{uid}" in text else [study.instances[0].uid]
        before, began, why = len(self.tray.messages), time.time(), ""
        for uid in uids:
            why = why or self._run("delete", {"study": study.uid, "uid": uid, **self._where()})
        if not why:
            for instance in study.instances:
                self.bench.ledger.stored.pop(instance.uid, None)
        deed = dataclasses.replace(
            self._named("delete", began),
            done=not why,
            why=why,
            studies=(study.uid,),
            patients=(study.patient,),
        )
        self.finish(deed, before)

    def log_in(self, user: str, passcode: str, *, kind: int = user_identity.PASSCODE) -> bool:
        """Show *user* and *passcode*; tell whether the association was accepted."""
        shown = user_identity.UserIdentity(kind, user.encode(), passcode.encode())
        before, began, why = len(self.tray.messages), time.time(), ""
        try:
            context = [("1.2.840.10008.1.1", (pdu.IMPLICIT_LE,))]
            talk = self.open(context, user=user_identity.encode(shown))
            services.close(talk, self.bench.until())
        except (Ended, ssl.SSLError) as ended:
            why = str(ended)
        deed = dataclasses.replace(
            self._named("login-fail" if why else "login", began),
            why=why,
            done=not why or why.startswith("rejected"),
            secret=passcode,
            user=user,
        )
        self.finish(deed, before)
        return not why

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

    def _where(self) -> dict[str, str]:
        return {"host": self.point.host, "port": str(self.point.port), "aet": self.point.ae_title}

    def _run(self, verb: str, slot: dict[str, str]) -> str:
        """Run the action *verb*; return why it was not done, or nothing."""
        try:
            done = act(
                self.bench.target.actions[verb],
                folder=self.bench.target.folder,
                slots=slot,
                what=verb,
                deadline=self.bench.deadline,
            )
        except Trouble as trouble:
            return trouble.why
        return f"exit status {done.code}" if done.code else ""

    def act(self, verb: str, slot: dict[str, str]) -> None:
        """Run the action *verb* of the target."""
        before, began = len(self.tray.messages), time.time()
        why = self._run(verb, slot)
        self.finish(dataclasses.replace(self._named(verb, began), done=not why, why=why), before)
