"""rsyslog as a real audit collector and as a real source; its defaults break A.6, raised and set right they do not."""

import contextlib
import os
import pathlib
import runpy
import shutil
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.channel.syslog_listener import Shown, SyslogListener
from part15.channel.syslog_sender import send_datagrams
from part15.drivers.audit import Tray
from part15.judge import ask
from part15.load import load_profiles
from part15.model import Word
from part15.observations.audit import AuditTrailSeen
from part15.pki import make_pki
from part15.registry import checks, drivers
from part15.wire.audit_corpus import corpus
from part15.wire.syslog import write_syslog

peers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("collector_bench.py"))))
pytestmark = pytest.mark.peer("rsyslog")
REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"
MODULES = (
    "/usr/lib/x86_64-linux-gnu/rsyslog",
    "/usr/lib/rsyslog",
    "/usr/lib/aarch64-linux-gnu/rsyslog",
)
PACKAGES = {"ossl": "openssl", "gtls": "gnutls"}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


def rsyslogd(driver="ossl"):
    found = shutil.which("rsyslogd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None or not any(pathlib.Path(m, f"lmnsd_{driver}.so").exists() for m in MODULES):
        what = f"rsyslog with its {PACKAGES[driver]} driver"
        if REQUIRED:
            pytest.fail(f"{what} is not installed, but PART15_REQUIRE_PEERS=1 demands it")
        pytest.skip(f"{what} (Debian: rsyslog, rsyslog-{PACKAGES[driver]}) is not installed")
    return found


@contextlib.contextmanager
def running(pki, folder, *, size="", udp=False, driver="ossl"):
    """Run rsyslogd on a free port; yields the port and its output file."""
    program = rsyslogd(driver)
    folder.mkdir()
    port = peers.free_port(socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    store = folder / "store"
    store.write_bytes(b"")
    server = pki["server"]
    lines = [
        f'global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{pki.ca}" '
        f'defaultNetstreamDriverCertFile="{server.certificate}" defaultNetstreamDriverKeyFile="{server.key}" '
        + (f'maxMessageSize="{size}"' if size else "")
        + ")",
        'module(load="imudp")' if udp else
        f'module(load="imtcp" StreamDriver.Name="{driver}" StreamDriver.Mode="1" '
        'StreamDriver.AuthMode="x509/certvalid" MaxFrameSize="200000")',
        f'input(type="{"imudp" if udp else "imtcp"}" port="{port}" address="127.0.0.1")',
        'template(name="raw" type="string" string="%rawmsg%\\n")',
        f'action(type="omfile" file="{store}" template="raw")',
    ]  # fmt: skip
    configuration = folder / "rsyslog.conf"
    configuration.write_text("\n".join(lines) + "\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-n", "-f", str(configuration), "-i", str(folder / "pid")],
            stdout=log,
            stderr=log,
        )
        try:
            peers.wait_listening(process, port, folder, udp=udp)
            yield port, store
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


@contextlib.contextmanager
def forwarding(pki, folder, collector, template, framing):
    """Run rsyslogd as a source: what it gets by UDP it forwards to *collector*; yields its UDP port."""
    program = rsyslogd()
    folder.mkdir()
    port, client = peers.free_port(socket.SOCK_DGRAM), pki["client"]
    configuration = folder / "rsyslog.conf"
    configuration.write_text(
        f'global(workDirectory="{folder}" maxMessageSize="128k" defaultNetstreamDriverCAFile="{pki.ca}" '
        f'defaultNetstreamDriverCertFile="{client.certificate}" defaultNetstreamDriverKeyFile="{client.key}")\n'
        f'module(load="imudp")\ninput(type="imudp" port="{port}" address="127.0.0.1")\n'
        'template(name="raw" type="string" string="%rawmsg%")\n'
        f'action(type="omfwd" target="127.0.0.1" port="{collector}" protocol="tcp" TCP_Framing="{framing}" '
        f'template="{template}" StreamDriver="ossl" StreamDriverMode="1" '
        'StreamDriverAuthMode="x509/certvalid")\n'
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-n", "-f", str(configuration), "-i", str(folder / "pid")],
            stdout=log,
            stderr=log,
        )
        try:
            peers.wait_listening(process, port, folder, udp=True)
            yield port
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)


def forwarded(pki, folder, template, framing):
    """Return what our collector hears from rsyslog as a source of all fifteen messages."""
    tray = Tray("2023b")
    server = pki["server"]
    shown = Shown(str(server.certificate), str(server.key), str(pki.ca))
    made = [
        write_syslog(x, timestamp="2026-11-21T10:00:00.5Z", hostname="h") for x in corpus().values()
    ]
    with SyslogListener(tray, shown=shown) as listener:
        with forwarding(pki, folder, listener.port, template, framing) as port:
            send_datagrams("127.0.0.1", port, made)
            assert listener.wait(lambda: len(tray.messages) >= len(made), 10)
        listener.wait(lambda: listener.connections[0].ended != "open", 5)
        return AuditTrailSeen(tuple(tray.messages), listener.connections, transport="syslog-tls")


def source_verdicts(trail):
    found = {}
    for profile in ("dicom-audit-syslog-tls", "dicom-audit-message-format"):
        for clause in load_profiles()[profile].clauses:
            for b in clause.bindings:
                if (
                    b.stimulus
                    and b.stimulus.kind == "audit.collect"
                    and not b.check.startswith("audit_declared")
                ):
                    expect = {k: "2023b" if v == "${edition}" else v for k, v in b.expect.items()}
                    found[clause.id] = ask(checks()[b.check], trail, expect).word
    return found


def test_as_a_source_that_forwards_unchanged_it_passes(pki, tmp_path):
    found = source_verdicts(forwarded(pki, tmp_path / "rsyslog", "raw", "octet-counted"))
    below = {k: str(v) for k, v in found.items() if v not in (Word.PASS, Word.INFO)}
    assert below == {"AUD-TLS-005": "inconclusive"}


def test_as_a_source_with_its_default_format_and_framing_it_fails(pki, tmp_path):
    trail = forwarded(pki, tmp_path / "rsyslog", "RSYSLOG_TraditionalForwardFormat", "traditional")
    found = source_verdicts(trail)
    failed = {k for k, v in found.items() if v is Word.FAIL}
    assert {
        "AUD-TLS-002",
        "AUD-TLS-006",
        "SYSLOG-5424-01",
        "SYSLOG-5424-03",
        "SYSLOG-5425-09",
    } <= failed
    assert found["AUD-FMT-024"] is Word.PASS
    assert found["AUD-TLS-009"] is Word.INCONCLUSIVE


def test_default_size_is_a_failure(pki, tmp_path):
    with running(pki, tmp_path / "rsyslog") as (port, store):
        bench = peers.bench_of(pki, tmp_path / "rsyslog", port, store, "syslog-tls")
        found = peers.verdicts(
            bench, "syslog-tls", ("AUD-TLS-004", "SYSLOG-5425-11", "SYSLOG-5424-14")
        )
    assert found["AUD-TLS-004"].word is Word.FAIL
    assert "cut" in found["AUD-TLS-004"].message
    assert found["SYSLOG-5424-14"].word is Word.PASS


def test_raised_size_passes_with_every_other_clause(pki, tmp_path):
    with running(pki, tmp_path / "rsyslog", size="128k") as (port, store):
        bench = peers.bench_of(pki, tmp_path / "rsyslog", port, store, "syslog-tls")
        found = peers.verdicts(bench, "syslog-tls")
    others = {k: (str(v.word), v.message) for k, v in found.items() if v.word is not Word.PASS}
    assert others == {}
    assert found["AUD-TLS-004"].word is Word.PASS


def test_the_gnutls_driver_takes_old_versions_with_cbc(pki, tmp_path):
    """F21: TLS 1.0 and 1.1 are negotiated, with CBC suites; A.6 recommends 1.2 or later."""
    with running(pki, tmp_path / "rsyslog", size="128k", driver="gtls") as (port, store):
        bench = peers.bench_of(pki, tmp_path / "rsyslog", port, store, "syslog-tls")
        seen = drivers()["audit_send.survey"].function(bench)
    assert (seen.versions["1.0"], seen.versions["1.1"]) == ("accepted", "accepted")
    answer = ask(checks()["audit_tls.takes_no_old_version"], seen, {})
    assert answer.word is Word.FAIL, "a should: the run says warn"
    assert seen.suites["0x002F"] == "accepted", seen.suites


def test_datagrams_are_stored(pki, tmp_path):
    with running(pki, tmp_path / "rsyslog", udp=True) as (port, store):
        bench = peers.bench_of(pki, tmp_path / "rsyslog", port, store, "syslog-udp")
        found = peers.verdicts(bench, "syslog-udp")
    assert {k: str(v.word) for k, v in found.items()} == {
        "AUD-UDP-004": "pass",
        "SYSLOG-5426-02": "pass",
        "SYSLOG-5426-04": "inconclusive",  # it listens on a free port here, not on 514
    }
