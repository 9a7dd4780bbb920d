"""The embedded collector is judged over TLS and UDP; each fault flips the clauses it names and no other."""

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.drivers import audit_send
from part15.judge import ask
from part15.load import load_profiles
from part15.model import Level, Word
from part15.peers.audit_collector import AuditCollector, CollectorPolicy
from part15.peers.audit_collector_faults import COLLECTOR_FAULTS
from part15.peers.auditor import Credentials
from part15.pki import make_pki
from part15.registry import checks, drivers
from part15.target_file import parse_target

PROFILES = {
    "syslog-tls": ("dicom-audit-syslog-tls", "dicom-audit-message-format"),
    "syslog-udp": ("dicom-audit-syslog-udp",),
}


class Sink:
    def keep(self, name, data, *, phi="none"):
        pass


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


def identity(pki, name):
    return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}


def bench_of(pki, tmp_path, collector, transport, *, export=True, deadline=1.0):
    document = {
        "target": {"name": "collector"},
        "claims": {PROFILES[transport][0]: ["audit-collector"]},
        "endpoints": {
            "syslog": {
                "address": f"127.0.0.1:{collector.port}",
                "transport": transport,
                "identity": identity(pki, "client"),
                "identities": {
                    n: identity(pki, n) for n in ("expired", "untrusted", "self-signed")
                },
            }
        },
        "actions": {"export": ["cp", str(collector.store), "{file}"]} if export else {},
    }
    target = parse_target(document, folder=tmp_path)
    return Bench(
        target, target.endpoints["syslog"], Sink(), Ledger(), Shelf(), tmp_path, deadline, "s"
    )


def bound(transport):
    for profile in PROFILES[transport]:
        for clause in load_profiles()[profile].clauses:
            for b in clause.bindings:
                if (
                    b.stimulus
                    and b.stimulus.kind.startswith("audit_send")
                    and "audit-collector" in b.roles
                ):
                    yield clause, b


def verdicts(bench, transport, only=None):
    seen = {}
    found = {}
    for clause, b in bound(transport):
        if only is not None and clause.id not in only:
            continue
        kind = b.stimulus.kind
        if kind not in seen:
            seen[kind] = drivers()[kind].function(bench, **b.stimulus.args)
        expect = {k: "2023b" if v == "${edition}" else v for k, v in b.expect.items()}
        if "port" in expect:
            expect["port"] = bench.endpoint.port
        found[clause.id] = ask(checks()[b.check], seen[kind], expect)
    return found


def served(pki, tmp_path, transport, policy=None):
    server = pki["server"]
    credentials = Credentials(str(pki.ca), str(server.certificate), str(server.key))
    udp = transport == "syslog-udp"
    return AuditCollector(tmp_path / "store", None if udp else credentials, policy, udp=udp)


@pytest.mark.parametrize("transport", list(PROFILES))
def test_right_collector_is_clean(transport, pki, tmp_path):
    with served(pki, tmp_path, transport) as collector:
        found = verdicts(bench_of(pki, tmp_path, collector, transport), transport)
    wrong = {k: v.message for k, v in found.items() if v.word is not Word.PASS}
    assert wrong == {}
    assert len(found) == (17 if transport == "syslog-tls" else 3)


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(audit_send, "GRACE", 0.1)


def shown():
    """Every fault with the transports over which it shows."""
    for transport in PROFILES:
        here = {clause.id for clause, _ in bound(transport)}
        for fault in COLLECTOR_FAULTS:
            if set(fault.flips) & here:
                yield pytest.param(fault, transport, id=f"{fault.name}-{transport}")


@pytest.mark.parametrize(("fault", "transport"), list(shown()))
def test_fault_flips_what_it_names(fault, transport, pki, tmp_path):
    named = set(fault.flips) & {clause.id for clause, _ in bound(transport)}
    # A service that is dead fails every later clause: each named one meets a service of its own.
    # Otherwise every clause that shares an observation with a named one is judged.
    kinds = {b.stimulus.kind for clause, b in bound(transport) if clause.id in named}
    near = {clause.id for clause, b in bound(transport) if b.stimulus.kind in kinds}
    groups = [{clause} for clause in named] if {"fatal", "tls"} & set(fault.changes) else [near]
    found = {}
    for only in groups:
        with served(pki, tmp_path, transport, CollectorPolicy(**fault.changes)) as collector:
            bench = bench_of(pki, tmp_path, collector, transport, deadline=0.4)
            found |= verdicts(bench, transport, only)
    assert {k for k, v in found.items() if v.word in (Word.FAIL, Word.WARN)} == named


def test_without_export_storage_stays_open(pki, tmp_path):
    with served(pki, tmp_path, "syslog-tls") as collector:
        bench = bench_of(pki, tmp_path, collector, "syslog-tls", export=False)
        found = verdicts(bench, "syslog-tls", {"AUD-TLS-004", "SYSLOG-5424-16"})
    assert found["AUD-TLS-004"].word is Word.INCONCLUSIVE
    assert "export" in found["AUD-TLS-004"].message
    assert found["SYSLOG-5424-16"].word is Word.INCONCLUSIVE, "taken is not stored"


def test_every_checked_shall_of_the_collector_has_a_killer():
    killed = {clause for fault in COLLECTOR_FAULTS for clause in fault.flips}
    needed = {
        clause.id
        for transport in PROFILES
        for clause, _ in bound(transport)
        if clause.level in (Level.SHALL, Level.SHALL_NOT)
    }
    assert sorted(needed - killed) == []
