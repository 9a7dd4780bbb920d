"""An audit source meets wrong certificates, single versions and suites, and no collector at all."""

import contextlib
import dataclasses
import threading
import types

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.drivers import audit, audit_offers
from part15.load import load_profiles
from part15.model import Word
from part15.observations import from_json, to_json
from part15.peers.audit_faults import FAULTS
from part15.peers.auditor import AuditPolicy, AuditSource, Credentials
from part15.pki import make_pki
from part15.registry import checks, drivers
from part15.target_file import parse_target

KINDS = ("audit_offers.present", "audit_offers.survey")


class Sink:
    def keep(self, name, data, *, phi="none"):
        pass


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


def identity(pki, name):
    return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}


def bench_of(pki, tmp_path, **listener):
    document = {
        "target": {"name": "source"},
        "claims": {"dicom-audit-syslog-tls": ["audit-source"]},
        "listeners": {
            "syslog": {
                "transport": "syslog-tls",
                "trigger": "in-process",
                "trust": str(pki.ca),
                "identity": identity(pki, "server"),
                "identities": {
                    n: identity(pki, n)
                    for n in ("expired", "untrusted", "self-signed", "wrong-name")
                },
                "wait": 5.0,
                **listener,
            }
        },
    }
    target = parse_target(document, folder=tmp_path)
    return Bench(target, target.listeners["syslog"], Sink(), Ledger(), Shelf(), tmp_path, 5.0, "s")


@pytest.fixture
def sends(monkeypatch, pki):
    """Let the trigger be a thread of this process that sends with a policy."""

    def use(policy):
        client = pki["client"]
        source = AuditSource(
            Credentials(str(pki.ca), str(client.certificate), str(client.key)), policy
        )

        @contextlib.contextmanager
        def acting(command, *, slots, **_):
            thread = threading.Thread(target=source.send, args=(slots["host"], int(slots["port"])))
            thread.start()

            def wait(timeout):
                thread.join(timeout)

            yield types.SimpleNamespace(poll=lambda: None if thread.is_alive() else 0, wait=wait)
            thread.join(5)

        for module in (audit, audit_offers):
            monkeypatch.setattr(module, "acting", acting)

    return use


def clauses():
    for clause in load_profiles()["dicom-audit-syslog-tls"].clauses:
        for binding in clause.bindings:
            if binding.stimulus and binding.stimulus.kind in KINDS:
                yield clause.id, binding


def verdicts(bench):
    seen = {
        "audit_offers.present": drivers()["audit_offers.present"].function(
            bench, names=["expired", "untrusted", "self-signed", "wrong-name"], quiet=0.02
        ),
        "audit_offers.survey": drivers()["audit_offers.survey"].function(bench, quiet=0.02),
    }
    return {
        clause: checks()[b.check].function(
            seen[b.stimulus.kind],
            **{k: "2023b" if v == "${edition}" else v for k, v in b.expect.items()},
        )
        for clause, b in clauses()
    }


def test_right_source_is_clean(pki, tmp_path, sends):
    sends(AuditPolicy(big=2))
    found = verdicts(bench_of(pki, tmp_path))
    assert {k: v.message for k, v in found.items() if v.word is not Word.PASS} == {}


NAMES = (
    "trusts_everyone", "ignores_the_name", "no_client_certificate", "only_tls_1_1", "only_tls_1_2",
    "only_tls_1_3", "only_chacha20", "takes_null_suites", "sends_in_clear",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_fault_flips_what_it_names(name, pki, tmp_path, sends):
    fault = next(f for f in FAULTS if f.name == name)
    sends(AuditPolicy(big=2, **fault.changes))
    found = verdicts(bench_of(pki, tmp_path))
    here = {clause for clause, _ in clauses()}
    assert {k for k, v in found.items() if v.word is Word.FAIL} == set(fault.flips) & here


def test_missing_identities_leave_it_open(pki, tmp_path, sends):
    sends(AuditPolicy(big=2))
    bench = bench_of(pki, tmp_path, identities={})
    seen = audit_offers.present(bench, names=["expired"], quiet=0.02)
    answer = checks()["audit_transport.refuses_collectors"].function(seen, names=["expired"])
    assert answer.word is Word.INCONCLUSIVE
    assert "part15 pki make" in answer.message


def test_source_that_never_comes_is_undecided(pki, tmp_path, monkeypatch):
    @contextlib.contextmanager
    def acting(command, **_):
        yield types.SimpleNamespace(poll=lambda: 0, wait=lambda timeout: 0)

    monkeypatch.setattr(audit, "acting", acting)
    bench = dataclasses.replace(bench_of(pki, tmp_path, wait=0.2))
    seen = audit_offers.present(bench, names=["expired"], quiet=0.02)
    answer = checks()["audit_transport.refuses_collectors"].function(
        seen, names=["expired"], presents=True
    )
    assert answer.word is Word.INCONCLUSIVE


def outage(pki, tmp_path, sends, **policy):
    sends(AuditPolicy(big=2, **policy))
    seen = audit_offers.interrupt(bench_of(pki, tmp_path), seconds=0.3, quiet=0.05)
    back = checks()["audit_transport.returns_after_outage"].function(seen)
    first = checks()["audit_transport.tells_detach_first"].function(seen, edition="2023b")
    assert from_json(to_json(seen)) == seen
    return seen, back, first


def test_a_source_that_buffers_nothing_returns_and_its_loss_is_told(pki, tmp_path, sends):
    seen, back, first = outage(pki, tmp_path, sends)
    assert (len(seen.late), seen.after, back.word) == (0, 18, Word.PASS)
    assert "about 18 were lost" in back.message
    assert first.word is Word.INCONCLUSIVE


def test_what_a_source_buffered_is_late_and_detach_comes_first(pki, tmp_path, sends):
    seen, back, first = outage(pki, tmp_path, sends, buffers="first")
    assert (len(seen.late), seen.after, seen.again) == (19, 18, 0)
    assert (back.word, first.word) == (Word.PASS, Word.PASS)


def test_detach_behind_other_messages_is_told(pki, tmp_path, sends):
    _, back, first = outage(pki, tmp_path, sends, buffers="last")
    assert (back.word, first.word) == (Word.PASS, Word.FAIL)


def test_a_source_that_stays_away_fails(pki, tmp_path, sends):
    seen, back, first = outage(pki, tmp_path, sends, gives_up=True)
    assert (seen.late, seen.after) == ((), 0)
    assert (back.word, first.word) == (Word.FAIL, Word.INCONCLUSIVE)
