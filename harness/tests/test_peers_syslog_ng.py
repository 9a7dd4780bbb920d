"""syslog-ng as a second real audit collector, run from unpacked packages since Debian installs it only without rsyslog."""

import contextlib
import os
import runpy
import shutil
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.model import Word
from part15.pki import make_pki

peers = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("collector_bench.py"))))
pytestmark = pytest.mark.peer("syslog-ng")
REQUIRED = os.environ.get("PART15_REQUIRE_PEERS") == "1"
ROOT = Path(__file__).parents[2]
UNPACKED = ROOT / ".peers" / "syslog-ng"
SIZES = ("AUD-TLS-004", "SYSLOG-5425-11", "SYSLOG-5424-14")


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return make_pki(tmp_path_factory.mktemp("pki"))


def program():
    """Return how to start syslog-ng, and the environment that it needs."""
    unpack = ROOT / ".ci" / "syslog-ng"
    if REQUIRED and not UNPACKED.exists() and unpack.exists():
        subprocess.run([str(unpack)], check=True, timeout=120)
    here = UNPACKED / "usr" / "sbin" / "syslog-ng"
    if here.exists():
        modules = next((UNPACKED / "usr" / "lib" / "syslog-ng").glob("*/libsyslogformat.so")).parent
        system = next((UNPACKED / "usr" / "lib").glob("*-linux-gnu"))
        libraries = f"{modules}:{modules.parent}:{system}"
        return [str(here), f"--module-path={modules}"], {**os.environ, "LD_LIBRARY_PATH": libraries}
    found = shutil.which("syslog-ng", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        if REQUIRED:
            pytest.fail(
                "syslog-ng is not there, but PART15_REQUIRE_PEERS=1 demands it; run .ci/syslog-ng"
            )
        pytest.skip("syslog-ng is not there; .ci/syslog-ng unpacks it")
    return [found], dict(os.environ)


@contextlib.contextmanager
def running(pki, folder, *, size=None, udp=False):
    """Run syslog-ng on a free port with its own limits, or *size* octets; yields the port and its store."""
    command, environment = program()
    folder.mkdir()
    port = peers.free_port(socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    store, server = folder / "store", pki["server"]
    store.write_bytes(b"")
    tls = (
        f'transport("tls") tls(key-file("{server.key}") cert-file("{server.certificate}") '
        f'ca-file("{pki.ca}") peer-verify(required-trusted) cipher-suite("DEFAULT:AES128-SHA"))'
    )
    way = 'transport("udp")' if udp else tls
    limit = f"log-msg-size({size});" if size else ""
    (folder / "syslog-ng.conf").write_text(
        "@version: 3.38\n"
        f"options {{ use-dns(no); dns-cache(no); keep-hostname(yes); {limit} }};\n"
        f'source s {{ syslog(ip("127.0.0.1") port({port}) flags(store-raw-message) {way}); }};\n'
        f'destination d {{ file("{store}" template("${{RAWMSG}}\\n") flush-lines(1)); }};\n'
        "log { source(s); destination(d); };\n"
    )
    files = [
        f"--{name}={folder / name}" for name in ("cfgfile", "persist-file", "pidfile", "control")
    ]
    files[0] = f"--cfgfile={folder / 'syslog-ng.conf'}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--foreground", "--no-caps", "--stderr", *files],
            stdout=log, stderr=log, env=environment, cwd=folder,
        )  # fmt: skip
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


def judged(pki, folder, transport="syslog-tls", only=(), **options):
    with running(pki, folder, udp=transport == "syslog-udp", **options) as (port, store):
        bench = peers.bench_of(pki, folder, port, store, transport)
        return peers.verdicts(bench, transport, only)


def below(found):
    return {k: (str(v.word), v.message) for k, v in found.items() if v.word is not Word.PASS}


def test_default_limits_pass_every_clause(pki, tmp_path):
    """The default of 65536 octets is more than the 32768 of A.6."""
    assert below(judged(pki, tmp_path / "syslog-ng")) == {}


def test_a_lowered_limit_is_a_failure_and_the_raised_one_passes(pki, tmp_path):
    low = judged(pki, tmp_path / "low", only=SIZES, size=8096)
    assert low["AUD-TLS-004"].word is Word.FAIL
    assert low["SYSLOG-5424-14"].word is Word.PASS
    assert below(judged(pki, tmp_path / "high", only=SIZES, size=262144)) == {}


def test_datagrams_are_stored(pki, tmp_path):
    found = judged(pki, tmp_path / "syslog-ng", "syslog-udp")
    assert set(below(found)) == {"SYSLOG-5426-04"}, "it listens on a free port here, not on 514"
    assert {"AUD-UDP-004", "SYSLOG-5426-02"} <= set(found)
