"""A small DICOM node that tells the audit repository what it does: right by default, lying where told to.

The DICOM side is pynetdicom, the audit side the embedded source: Storage, Study Root C-FIND and C-GET,
user identity negotiation, and the deletion of a study. With a context it speaks TLS.
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from dataclasses import dataclass, field, replace
from typing import Any, Self

from part15.peers.auditor import AuditSource, Credentials
from part15.wire import audit_corpus
from part15.wire.audit_corpus import Facts
from part15.wire.syslog import write_syslog

TITLE = "AUDITED"


@dataclass(frozen=True)
class StoryPolicy:
    """How the node tells its story; every default is the truth.

    *shift* moves EventDateTime by seconds; *at_start* tells a transfer at its start; *action* is always
    used instead of C or R; *silent* are EventID codes that are not sent. *forget* is how many instances
    a message leaves out of its list; *passcode* where a passcode is told: ``text`` or ``detail``, or
    ``named`` for a detail that is called so; *logins* is the outcome of every login; *nobody* replaces the
    name of who logged in, *enterprise* the enterprise identity, *holder* that of a certificate.
    """

    shift: float = 0.0
    at_start: bool = False
    action: str = ""
    count_off: int = 0
    study: str = ""
    patient: str = ""
    title: str = ""
    address: str = ""
    wandering: bool = False
    outcome: str = ""
    alert_outcome: str = "8"
    one_message_for_both: bool = False
    answers_in_query: bool = False
    silent: tuple[str, ...] = ()
    forget: int = 0
    delete_as_access: bool = False
    passcode: str = ""
    logins: str = ""
    nobody: bool = False
    enterprise: str = ""
    holder: str = ""
    wrong_sender: bool = False


USERS = {"tester": "a-passcode-of-tests"}
"""Who may log in."""


def free_port() -> int:
    """Return a TCP port on which nothing listens at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def server_context(credentials: Credentials) -> ssl.SSLContext:
    """Return a TLS context that demands a certificate of the CA of *credentials*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.certificate, credentials.key)
    context.load_verify_locations(credentials.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@dataclass
class _Transfer:
    """What came over one association."""

    began: dt.datetime
    kept: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    failed: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    new: bool = True


class AuditedNode:
    """The node as a context manager; reports to the syslog collector at *collector* (host, port)."""

    def __init__(
        self,
        source: AuditSource,
        collector: tuple[str, int],
        policy: StoryPolicy | None = None,
        *,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.source, self.collector, self.policy = source, collector, policy or StoryPolicy()
        self._context = context
        self._held: dict[str, tuple[str, str]] = {}
        self._kept: dict[str, Any] = {}
        self._open: dict[int, _Transfer] = {}
        self._lock = threading.Lock()
        self._told = 0
        self._server = self._serve()
        self.port = int(self._server.socket.getsockname()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.ae.shutdown()

    def _serve(self) -> Any:
        from pynetdicom import AE, evt
        from pynetdicom.sop_class import (
            SecondaryCaptureImageStorage,
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelGet,
            Verification,
        )

        ae = AE(ae_title=TITLE)
        ae.require_called_aet = True
        ae.add_supported_context(SecondaryCaptureImageStorage, scu_role=True, scp_role=True)
        for context in (
            StudyRootQueryRetrieveInformationModelFind,
            StudyRootQueryRetrieveInformationModelGet,
            Verification,
        ):
            ae.add_supported_context(context)
        handlers = [
            (evt.EVT_ACCEPTED, self._accepted),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_FIND, self._find),
            (evt.EVT_C_GET, self._get),
            (evt.EVT_USER_ID, self._log_in),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_ABORTED, self._released),
        ]
        return ae.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=self._context
        )

    def _facts(self, event: Any, when: dt.datetime | None = None) -> Facts:
        p = self.policy
        with self._lock:
            self._told += 1
            odd = self._told % 2 == 1
        address = p.address or "127.0.0.1"
        own = "127.0.0.2" if p.wandering and odd else "127.0.0.1"
        return Facts(
            when=(when or dt.datetime.now(dt.UTC)) + dt.timedelta(seconds=p.shift),
            local_title=TITLE,
            remote_title=p.title or str(event.assoc.requestor.ae_title).strip(),
            local_address=own,
            remote_address=address,
            outcome=p.outcome or "0",
            remote_name=p.holder or self._holder(event),
        )

    def _holder(self, event: Any) -> str:
        """Return the common name in the certificate of the peer, or nothing."""
        transport = event.assoc.dul.socket
        sock = getattr(transport, "socket", None)
        if not isinstance(sock, ssl.SSLSocket):
            return ""
        subject: Any = (sock.getpeercert() or {}).get("subject", ())
        return next((str(v) for row in subject for k, v in row if k == "commonName"), "")

    def _tell(self, kind: str, xml: bytes) -> None:
        if kind in self.policy.silent:
            return
        now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
        self.source.deliver(
            *self.collector, [write_syslog(xml, timestamp=now, hostname="node.example")]
        )

    def _accepted(self, event: Any) -> None:
        self._open[id(event.assoc)] = _Transfer(dt.datetime.now(dt.UTC))

    def _rejected(self, event: Any) -> None:
        xml = audit_corpus.security_alert(self._facts(event), outcome=self.policy.alert_outcome)
        self._tell("110113", xml)

    def _store(self, event: Any) -> int:
        data = event.dataset
        transfer = self._open[id(event.assoc)]
        key = (str(data.StudyInstanceUID), str(data.PatientID))
        uid, sop_class = (
            str(event.request.AffectedSOPInstanceUID),
            str(event.request.AffectedSOPClassUID),
        )
        if str(data.SOPInstanceUID) != uid or str(data.SOPClassUID) != sop_class:
            transfer.failed.setdefault(key, []).append((sop_class, uid))
            return 0xA900
        transfer.new = transfer.new and uid not in self._held
        data.file_meta = event.file_meta
        self._kept[uid] = data
        self._held[uid] = key
        transfer.kept.setdefault(key, []).append((sop_class, uid))
        return 0x0000

    def _find(self, event: Any) -> Any:
        asked = event.identifier
        study = str(asked.get("StudyInstanceUID", ""))
        answers = {key for key in self._held.values() if key[0] == study}
        xml = audit_corpus.query(self._facts(event))
        if self.policy.answers_in_query:
            found = "".join(
                audit_corpus.patient(Facts(patient=patient_id, patient_name="x"))
                for _, patient_id in answers
            )
            xml = xml.replace(b"</AuditMessage>", found.encode() + b"</AuditMessage>")
        self._tell("110112", xml)
        for study_uid, patient_id in answers:
            answer = type(asked)()
            answer.QueryRetrieveLevel = "STUDY"
            answer.StudyInstanceUID, answer.PatientID = study_uid, patient_id
            yield 0xFF00, answer
        yield 0x0000, None

    def _get(self, event: Any) -> Any:
        study = str(event.identifier.get("StudyInstanceUID", ""))
        found = {uid: key for uid, key in self._held.items() if key[0] == study}
        yield len(found)
        for uid in found:
            yield 0xFF00, self._kept[uid]
        if not found:
            return
        facts = self._facts(event)
        local, remote = facts.local_title, facts.remote_title
        if not self.policy.wrong_sender:
            local, remote = remote, local
        facts = replace(
            facts,
            local_title=local,
            remote_title=remote,
            local_address=facts.remote_address,
            remote_address=facts.local_address,
            study=self.policy.study or study,
            patient=self.policy.patient or next(iter(found.values()))[1],
            instances=tuple(found)[self.policy.forget :],
            sop_class=str(self._kept[next(iter(found))].SOPClassUID),
            action=self.policy.action or "R",
        )
        self._tell_transfer(facts, len(found))

    def _log_in(self, event: Any) -> tuple[bool, None]:
        """Answer a user identity, and tell who it was."""
        p = self.policy
        name, passcode = event.primary_field.decode(), event.secondary_field.decode()
        known = USERS.get(name) == passcode
        facts = replace(
            self._facts(event),
            user="nobody@hospital.example" if p.nobody else f"{name}@hospital.example",
            enterprise=p.enterprise or ("" if p.nobody else f"{name}@REALM.EXAMPLE"),
            outcome=p.outcome or p.logins or ("0" if known else "4"),
        )
        xml = audit_corpus.authentication(facts)
        if p.passcode == "text":
            told = f"<EventOutcomeDescription>{passcode}</EventOutcomeDescription></EventIdentification>"
            xml = xml.replace(b"</EventIdentification>", told.encode())
        elif p.passcode:
            kind, value = (
                ("Passcode", b"?") if p.passcode == "named" else ("Remark", passcode.encode())
            )
            xml = xml.replace(
                b"</AuditMessage>",
                audit_corpus.item(
                    name, "1", "6",
                    audit_corpus.code("ParticipantObjectIDTypeCode", "11", "User Identifier", "RFC-3881"),
                    audit_corpus.detail(kind, value), name=name,
                ).encode() + b"</AuditMessage>",
            )  # fmt: skip
        self._tell("110114", xml)
        return known, None

    def delete(self, study: str) -> None:
        """Delete every instance of *study*, and tell it."""
        gone = [uid for uid, key in self._held.items() if key[0] == study]
        patients = [self._held.pop(uid)[1] for uid in gone]
        if not gone:
            return
        facts = Facts(
            when=dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.policy.shift),
            local_title=TITLE, study=study, patient=patients[0], instances=tuple(gone),
            outcome=self.policy.outcome or "0",
        )  # fmt: skip
        if self.policy.delete_as_access:
            xml = audit_corpus.accessed(facts).replace(
                b'EventActionCode="R"', b'EventActionCode="D"'
            )
            self._tell("110103", xml)
        else:
            self._tell("110105", audit_corpus.study_deleted(facts))

    def _released(self, event: Any) -> None:
        transfer = self._open.pop(id(event.assoc), None)
        if transfer is None:
            return
        p = self.policy
        when = transfer.began if p.at_start else None
        action = p.action or ("C" if transfer.new else "R")
        results = [(transfer.kept, "0"), (transfer.failed, "4")]
        if p.one_message_for_both and transfer.failed:
            results = [(transfer.kept, "4")]
        for groups, outcome in results:
            for (study, patient_id), instances in groups.items():
                facts = replace(
                    self._facts(event, when),
                    study=p.study or study,
                    patient=p.patient or patient_id,
                    instances=tuple(uid for _, uid in instances)[p.forget :],
                    sop_class=instances[0][0],
                    action=action,
                    outcome=p.outcome or outcome,
                )
                self._tell_transfer(facts, len(instances))

    def _tell_transfer(self, facts: Facts, really: int) -> None:
        xml = audit_corpus.transfer(facts)
        old = f'NumberOfInstances="{len(facts.instances)}"'
        new = f'NumberOfInstances="{really + self.policy.count_off}"'
        self._tell("110104", xml.replace(old.encode(), new.encode()))
