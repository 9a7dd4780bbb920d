"""The audit family in the kill matrix: embedded source, collector and audited node, and their faults (PS3.15 A.5 to A.7)."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from part15 import load
from part15.bench import Bench, Ledger, Shelf
from part15.channel.syslog_listener import may_listen
from part15.channel.udp_checksums import may_watch
from part15.judge import ask
from part15.model import Word
from part15.observations import NotReached
from part15.peers.audit_collector import AuditCollector, CollectorPolicy
from part15.peers.audit_door import ActionDoor, AuditDoor
from part15.peers.audit_faults import FAULTS
from part15.peers.audit_story_faults import STORY_FAULTS
from part15.peers.audited_node import (
    TITLE,
    USERS,
    AuditedNode,
    StoryPolicy,
    free_port,
    server_context,
)
from part15.peers.auditor import AuditPolicy, AuditSource, Credentials
from part15.peers.faults import Fault
from part15.pki import Pki, make_pki
from part15.registry import checks, drivers
from part15.selftest import Judged
from part15.target_file import parse_target
from part15.wire.audit_tables import rows

EDITION = "2023b"
FORMAT, TLS, UDP = "dicom-audit-message-format", "dicom-audit-syslog-tls", "dicom-audit-syslog-udp"
WRONG = ("expired", "untrusted", "self-signed", "wrong-name")
ROOMY = ("SYSLOG-5426-03",)
"""A recommendation that whole audit messages rarely keep: it is left out over UDP."""
SUMS = "SYSLOG-5426-05"
"""Judged where this process may open a raw socket (as root)."""
WELL_KNOWN = "SYSLOG-5426-04"
"""Judged of a source where this process may listen at port 514 (as root)."""
STORIES = ("audit_story.tell", "audit_story.identify")
HASTE: dict[str, dict[str, Any]] = {"audit_story.tell": {"pause": 2.5, "quiet": 0.15}, "audit_story.identify": {"quiet": 0.15}, "audit_offers.present": {"quiet": 0.05},
         "audit_send.flood": {"messages": 600}, "audit_offers.survey": {"quiet": 0.05}, "audit.collect": {"quiet": 0.3},
         "audit_offers.reach": {"quiet": 0.2}, "audit_offers.interrupt": {"seconds": 0.3, "quiet": 0.2}}  # fmt: skip
"""Shorter waits than a real product is given."""


def _own_host() -> str:
    """Return a loopback address of this process alone: several judge port 514 at once."""
    pid = os.getpid()
    return f"127.{pid >> 14 & 255}.{pid >> 7 & 127}.{pid & 127 | 128}"


class _Nowhere:
    """Evidence of a selftest is not kept."""

    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        """Drop *data*."""


@functools.cache
def _pki() -> Pki:
    return make_pki(Path(tempfile.mkdtemp(prefix="part15-audit-")))


def _credentials(name: str) -> Credentials:
    pki = _pki()
    return Credentials(str(pki.ca), str(pki[name].certificate), str(pki[name].key))


def _identity(name: str) -> dict[str, str]:
    return {"certificate": str(_pki()[name].certificate), "key": str(_pki()[name].key)}


def _listener(transport: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"transport": transport, "wait": 8.0, **more}
    if transport == "syslog-tls":
        found |= {
            "trust": str(_pki().ca),
            "identity": _identity("server"),
            "identities": {n: _identity(n) for n in WRONG},
        }
    return found


def _declared(size: int, port: int = 514) -> dict[str, Any]:
    said = {"structured_data": [], "extensions": [], "maximum_message_size": size}
    return {
        "audit": {"events": list(rows()), "extensions": []},
        TLS: said,
        UDP: {**said, "default_port": port},
    }


@dataclass(frozen=True)
class AuditArena:
    """Clauses of *profiles* that the drivers *kinds* decide for *role*, and the faults that show there."""

    name: str
    kinds: tuple[str, ...]
    role: str
    transport: str
    profiles: tuple[str, ...]

    def bound(self) -> Iterator[tuple[str, str, str, Mapping[str, Any], Mapping[str, Any]]]:
        """Yield clause, driver, check, arguments and expectation."""
        for profile in self.profiles:
            for clause in load.load_profiles()[profile].clauses:
                if self.transport == "syslog-udp" and clause.id in ROOMY:
                    continue
                if clause.id == SUMS and not may_watch():
                    continue
                if clause.id == WELL_KNOWN and self.role == SOURCE and not may_listen(514):
                    continue
                for b in clause.bindings:
                    if b.stimulus and b.stimulus.kind in self.kinds and self.role in b.roles:
                        expect = {
                            k: EDITION if v == "${edition}" else v for k, v in b.expect.items()
                        }
                        yield clause.id, b.stimulus.kind, b.check, b.stimulus.args, expect

    def faults(self) -> Sequence[Fault]:
        """Return the faults that act on a clause of this arena."""
        here = {clause for clause, *_ in self.bound()}
        story = any(kind in self.kinds for kind in STORIES)
        return [
            f
            for f in FAULTS
            if f.role == self.role
            and set(f.flips) & here
            and (f in STORY_FAULTS) == story
            and self._acts(f)
        ]

    def _acts(self, fault: Fault) -> bool:
        if self.transport == "syslog-udp" and self.role == "audit-source":
            return not {"cut", "framing"} & set(fault.changes)
        return not (self.role == "audit-collector" and {"fatal", "tls"} & set(fault.changes))

    def right(self) -> Judged:
        """Judge the right system."""
        return Judged.of(self._judged({}))

    def wrong(self, fault: Fault) -> Judged:
        """Judge the system with *fault*."""
        return Judged.of(self._judged(fault.changes))

    def _judged(self, changes: Mapping[str, Any]) -> dict[str, Word]:
        words: dict[str, Word] = {}
        seen: dict[str, Any] = {}
        with (
            tempfile.TemporaryDirectory(prefix="part15-audit-") as folder,
            self._system(changes, Path(folder)) as bench,
        ):
            for clause, kind, check, args, expected in self.bound():
                expect: dict[str, Any] = dict(expected)
                if kind not in seen:
                    seen[kind] = drivers()[kind].function(
                        bench, **(dict(args) | HASTE.get(kind, {}))
                    )
                if "port" in expect:
                    expect["port"] = bench.endpoint.port
                words[clause] = ask(checks()[check], seen[kind], expect).word
        missing = [s for s in seen.values() if isinstance(s, NotReached)]
        if missing and not changes:
            raise RuntimeError(f"{missing[0].step}: {missing[0].why}")
        return words

    @contextlib.contextmanager
    def _system(self, changes: Mapping[str, Any], folder: Path) -> Iterator[Bench]:
        if self.role == "audit-collector":
            yield from self._collector(changes, folder)
        elif any(kind in self.kinds for kind in STORIES):
            yield from self._node(changes, folder)
        else:
            yield from self._source(changes, folder)

    def _bench(self, document: dict[str, Any], point: str, folder: Path, deadline: float) -> Bench:
        target = parse_target({"target": {"name": self.name}, **document}, folder=folder)
        return Bench(
            target,
            target.endpoint(point),
            _Nowhere(),
            Ledger(),
            Shelf(),
            folder,
            deadline,
            self.name,
        )

    def _source(self, changes: Mapping[str, Any], folder: Path) -> Iterator[Bench]:
        udp = self.transport == "syslog-udp"
        base: dict[str, Any] = {"big": 1} if udp else {}
        if "audit_offers.interrupt" in self.kinds:
            base = {"big": 1, "buffers": "first"}
        if udp and int(changes.get("big", 0)) > 1:
            changes = {**changes, "big": 300}
        policy = AuditPolicy(**{**base, **changes})
        source = AuditSource(None if udp else _credentials("client"), policy)
        with AuditDoor(source, udp=udp) as door:
            document = {
                "claims": {(UDP if udp else TLS): ["audit-source"]},
                "declared": _declared(8192 if udp else 200_000, policy.declared_port),
                "listeners": {
                    "syslog": _listener(
                        self.transport,
                        trigger=door.trigger,
                        host=_own_host() if udp else "127.0.0.1",
                    )
                },
            }
            yield self._bench(document, "syslog", folder, 5.0)

    def _collector(self, changes: Mapping[str, Any], folder: Path) -> Iterator[Bench]:
        udp = self.transport == "syslog-udp"
        credentials = None if udp else _credentials("server")
        policy = CollectorPolicy(**changes)
        with AuditCollector(folder / "store", credentials, policy, udp=udp) as collector:
            document = {
                "claims": {(UDP if udp else TLS): ["audit-collector"]},
                "endpoints": {
                    "syslog": {
                        "address": f"127.0.0.1:{collector.port}",
                        "transport": self.transport,
                        "identity": _identity("client"),
                        "identities": {n: _identity(n) for n in WRONG},
                    }
                },
                "actions": {"export": ["cp", str(collector.store), "{file}"]},
            }
            yield self._bench(document, "syslog", folder, 1.0)

    def _node(self, changes: Mapping[str, Any], folder: Path) -> Iterator[Bench]:
        port = free_port()
        source = AuditSource(_credentials("client"))
        secret = folder / "passcode"
        secret.write_text(USERS["tester"])
        tls = "audit_story.identify" in self.kinds
        context = server_context(_credentials("server")) if tls else None
        policy = StoryPolicy(**changes)
        with (
            AuditedNode(source, ("127.0.0.1", port), policy, context=context) as node,
            ActionDoor(lambda _, study: node.delete(study)) as door,
        ):
            dicom: dict[str, Any] = {
                "address": f"127.0.0.1:{node.port}",
                "transport": "tls" if tls else "plain",
                "ae_title": TITLE,
            }
            declared = _declared(200_000)
            declared["audit"] |= {"detail": {"110104": "instance"}, "certificate_identity": True}
            document = {
                "claims": {FORMAT: ["audit-source"]},
                "declared": declared,
                "endpoints": {
                    "dicom": {**dicom, "identity": _identity("client")} if tls else dicom
                },
                "listeners": {"syslog": _listener("syslog-tls", port=port)},
                "actions": {"delete": door.command("delete", "{study}")},
                "users": {"tester": {"type": 2, "name": "tester", "passcode": f"file:{secret}"}},
            }
            yield self._bench(document, "syslog", folder, 3.0)


SENDING = ("sizes", "leap", "foreign", "priorities", "records", "malformed", "farewell", "every_type", "identify",
           "survey", "flood")  # fmt: skip
_SEND = tuple(f"audit_send.{name}" for name in SENDING)
SOURCE, COLLECTOR = "audit-source", "audit-collector"

ARENAS = [
    AuditArena("audit source", ("audit.collect",), SOURCE, "syslog-tls", (FORMAT, TLS)),
    AuditArena(
        "audit source, offers",
        ("audit_offers.present", "audit_offers.survey"),
        SOURCE,
        "syslog-tls",
        (TLS, FORMAT),
    ),
    AuditArena(
        "audit source, outage", ("audit_offers.interrupt",), SOURCE, "syslog-tls", (TLS, FORMAT)
    ),
    AuditArena(
        "audit source over UDP",
        ("audit.collect", "audit_offers.reach"),
        SOURCE,
        "syslog-udp",
        (UDP,),
    ),
    AuditArena("audit collector", _SEND, COLLECTOR, "syslog-tls", (TLS, FORMAT)),
    AuditArena("audit collector over UDP", _SEND, COLLECTOR, "syslog-udp", (UDP,)),
    AuditArena("audited node", ("audit_story.tell",), SOURCE, "syslog-tls", (FORMAT, TLS)),
    AuditArena(
        "audited node, identities", ("audit_story.identify",), SOURCE, "syslog-tls", (FORMAT, TLS)
    ),
]
