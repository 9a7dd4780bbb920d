"""A real MIT Kerberos KDC on loopback, in the foreground, with users and services; ended with the block."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REALM = "PART15.TEST"
PROGRAMS = ("krb5kdc", "kadmin.local", "kdb5_util", "kinit", "kvno")
PASSWORD = "a password of the test realm"


def program(name: str) -> str | None:
    """Return the path of *name*; KDC programs are outside a user's PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Kdc:
    """A running KDC; *env* makes Kerberos programs use it."""

    folder: Path
    env: dict[str, str]

    def run(self, name: str, *arguments: str, said: str = "") -> str:
        """Run a Kerberos program and return what it printed."""
        found = program(name)
        assert found, name
        done = subprocess.run(
            [found, *arguments],
            env=self.env,
            input=said,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 0, (name, arguments, done.stdout, done.stderr)
        return done.stdout

    def service(self, name: str, *, types: str = "aes256-cts:normal") -> Path:
        """Make the service principal *name* and return its keytab."""
        path = self.folder / f"{name.replace('/', '-')}.keytab"
        self.run("kadmin.local", "-q", f"addprinc -randkey -e {types} {name}")
        self.run("kadmin.local", "-q", f"ktadd -norandkey -k {path} {name}")
        return path

    def login(self, user: str, *services: str, life: str = "1h") -> Path:
        """Return a credential cache of *user* with tickets for *services*."""
        path = self.folder / f"{user}-{len(list(self.folder.glob('*.ccache')))}.ccache"
        self.run("kinit", "-c", f"FILE:{path}", "-l", life, user, said=f"{PASSWORD}\n")
        for service in services:
            self.run("kvno", "-c", f"FILE:{path}", service)
        return path


@contextlib.contextmanager
def running_kdc(folder: Path) -> Iterator[Kdc]:
    """Run a KDC of realm PART15.TEST with the user ``carol`` until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "krb5.conf").write_text(
        "[libdefaults]\n"
        f" default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n"
        " dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n"
        f"[realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
    )
    (folder / "kdc.conf").write_text(
        f"[realms]\n {REALM} = {{\n"
        f"  database_name = {folder}/principal\n  key_stash_file = {folder}/stash\n"
        f"  acl_file = {folder}/acl\n"
        f"  kdc_listen = 127.0.0.1:{port}\n  kdc_tcp_listen = 127.0.0.1:{port}\n"
        "  supported_enctypes = aes256-cts:normal aes128-cts:normal aes256-sha2:normal aes128-sha2:normal\n"
        f" }}\n[logging]\n kdc = FILE:{folder}/kdc.log\n"
    )
    env = {
        **os.environ,
        "KRB5_CONFIG": str(folder / "krb5.conf"),
        "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        "KRB5CCNAME": f"FILE:{folder}/default.ccache",
        "KRB5RCACHEDIR": str(folder),
    }
    kdc = Kdc(folder, env)
    kdc.run("kdb5_util", "create", "-s", "-r", REALM, "-P", "master of the test realm")
    kdc.run("kadmin.local", "-q", f'addprinc -pw "{PASSWORD}" carol')
    found = program("krb5kdc")
    assert found
    process = subprocess.Popen(
        [found, "-n"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
        yield kdc
    finally:
        process.terminate()
        process.wait(10)
