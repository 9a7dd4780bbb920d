"""What the tests of real audit collectors share: a bench for one, and the verdicts of every sending clause."""

import pathlib
import socket
import time

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.judge import ask
from part15.load import load_profiles
from part15.registry import checks, drivers
from part15.target_file import parse_target


class Sink:
    def keep(self, name, data, *, phi="none"):
        pass


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_listening(process, port, folder, *, udp):
    until = time.monotonic() + 10
    table = "/proc/net/udp" if udp else "/proc/net/tcp"
    wanted = f"0100007F:{port:04X}"
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "log").read_text()
        with pathlib.Path(table).open() as found:
            if wanted in found.read():
                return
        time.sleep(0.02)
    pytest.fail("rsyslogd does not listen: " + (folder / "log").read_text())


def bench_of(pki, folder, port, store, transport):
    def identity(name):
        return {"certificate": str(pki[name].certificate), "key": str(pki[name].key)}

    document = {
        "target": {"name": "rsyslog"},
        "claims": {f"dicom-audit-{transport}": ["audit-collector"]},
        "endpoints": {
            "syslog": {
                "address": f"127.0.0.1:{port}",
                "transport": transport,
                "identity": identity("client"),
                "identities": {n: identity(n) for n in ("expired", "untrusted", "self-signed")},
            }
        },
        "actions": {"export": ["cp", str(store), "{file}"]},
    }
    target = parse_target(document, folder=folder)
    return Bench(target, target.endpoints["syslog"], Sink(), Ledger(), Shelf(), folder, 3.0, "s")


def verdicts(bench, transport, only=()):
    seen, found = {}, {}
    profiles = [f"dicom-audit-{transport}"]
    if transport == "syslog-tls":
        profiles.append("dicom-audit-message-format")
    for clause in (c for p in profiles for c in load_profiles()[p].clauses):
        for b in clause.bindings:
            if not b.stimulus or not b.stimulus.kind.startswith("audit_send"):
                continue
            if only and clause.id not in only:
                continue
            if b.stimulus.kind not in seen:
                seen[b.stimulus.kind] = drivers()[b.stimulus.kind].function(
                    bench, **b.stimulus.args
                )
            expect = {k: "2023b" if v == "${edition}" else v for k, v in b.expect.items()}
            found[clause.id] = ask(checks()[b.check], seen[b.stimulus.kind], expect)
    return found
