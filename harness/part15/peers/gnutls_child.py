"""The GnuTLS front as a child of the embedded peer, and the policies that need it (B.1, B.3, B.13)."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from part15.channel.gnutls_library import available
from part15.channel.tls import Ended, Plain, dial
from part15.peers.contexts import NO_CHECK_TIME
from part15.peers.gnutls_front import Settings
from part15.peers.policy import Policy

if TYPE_CHECKING:
    from part15.pki import Pki

VERSIONS = ("1.0", "1.1", "1.2", "1.3")
DISABLE_TIME_CHECKS, ALLOW_OLD_HASHES = 1 << 6, 1 << 5 | 1 << 15
MESSAGES = 5
"""More records of data than a handshake has: an association is under way."""
TYPES = "+COMP-NULL:+CTYPE-X509"
SIGNATURES = (
    "+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-ECDSA-SECP256R1-SHA256:"
    "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-RSA-SHA256:+SIGN-RSA-SHA384"
)
GROUPS = "+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-FFDHE2048:+GROUP-FFDHE3072"
AEAD = (
    "+AES-256-GCM:+CHACHA20-POLY1305:+CAMELLIA-256-GCM:+AES-256-CCM:+AES-256-CCM-8:+AES-128-GCM:"
    "+CAMELLIA-128-GCM:+AES-128-CCM:+AES-128-CCM-8:+AEAD"
)
OLD = "+SHA1:+RSA:+SIGN-ALL:+GROUP-ALL"

MODIFIED = Policy(
    gnutls=f"{AEAD}:+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA:{SIGNATURES}:{GROUPS}:{TYPES}",
    served=(
        *(0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0xCCAA, 0x009E, 0x009F),
        *(0xC086, 0xC087, 0xC08A, 0xC08B, 0xC07C, 0xC07D),
        *(0xC0AC, 0xC0AD, 0xC0AE, 0xC0AF, 0xC09E, 0xC09F, 0xC0A2, 0xC0A3),
    ),
)
"""B.13: every suite of its two lists, in TLS 1.2 and 1.3."""
BASIC = Policy(
    minimum="1.0",
    maximum="1.2",
    certificates=("server",),
    gnutls=f"+3DES-CBC:+AES-128-CBC:{OLD}:{TYPES}",
    served=(0x000A, 0x002F),
    alpn=(),
    old_version_alert=70,
)
"""B.1: TLS 1.0 with RSA and Triple DES; AES beside it, as other mechanisms may be."""
AES = Policy(
    minimum="1.0",
    maximum="1.2",
    certificates=("server",),
    gnutls=f"+AES-128-CBC:+3DES-CBC:{OLD}:{TYPES}",
    served=(0x002F, 0x000A),
    alpn=(),
)
"""B.3: AES before Triple DES."""


def priority(policy: Policy) -> str:
    """Return GnuTLS's priority string for *policy*."""
    first, last = VERSIONS.index(policy.minimum), VERSIONS.index(policy.maximum)
    versions = [f"+VERS-TLS{v}" for v in reversed(VERSIONS[first : last + 1])]
    old = "%PROFILE_VERY_WEAK:%VERIFY_ALLOW_SIGN_WITH_SHA1:%VERIFY_ALLOW_BROKEN"
    profile = old if policy.weak_peers else "%PROFILE_MEDIUM"
    without = [policy.gnutls_without] if policy.gnutls_without else []
    without += ["+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1"] if policy.weak_peers else []
    order = ["%SERVER_PRECEDENCE"] if policy.server_preference else []
    return ":".join(["NONE", *versions, policy.gnutls, *without, *order, profile])


class GnutlsChild:
    """The front of *policy*, which hands what is inside to the plain port *inner* of loopback.

    Raises OSError if GnuTLS is missing or does not take the settings.
    """

    def __init__(self, policy: Policy, pki: Pki, inner: int) -> None:
        if not available():
            raise FileNotFoundError("GnuTLS (libgnutls) is not installed")
        trusts = [pki.other_ca if t == "other-ca" else pki[t].certificate for t in policy.trusts]
        identities = [pki[name] for name in policy.certificates]
        settings = Settings(
            priority=priority(policy),
            certificates=[(str(i.certificate), str(i.key)) for i in identities],
            trust=[str(path) for path in (pki.ca, *trusts)],
            crl=str(pki.crl) if policy.crl else "",
            client=policy.client,
            flags=(DISABLE_TIME_CHECKS if policy.verify & NO_CHECK_TIME else 0)
            | (ALLOW_OLD_HASHES if policy.weak_peers else 0),
            lenient=policy.weak_peers,
            alpn=policy.alpn,
            forward=("127.0.0.1", inner),
            patience=policy.artim or 60.0,
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "part15.peers.gnutls_front", settings.text()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().strip()
        if not said.isdigit():
            _, words = self.process.communicate()
            raise OSError(f"the GnuTLS front did not start: {words.decode().strip()[-200:]}")
        self.address = f"127.0.0.1:{int(said)}"

    def carry(self, client: Plain, early: bytes, idle: float, *, hold: bool) -> None:
        """Carry octets between *client* and the front until both ways end.

        With *hold* the client is not told that the front has ended.
        """
        front = Plain(dial(self.address, time.monotonic() + idle))
        try:
            front.send(early, time.monotonic() + idle)
            taken: list[int] = []

            def last() -> None:
                if not hold or sum(taken) < MESSAGES:
                    client.end()

            back = threading.Thread(target=_pump, args=(front, client, idle, last), daemon=True)
            back.start()
            _pump(client, front, 30.0 if hold else idle, front.end, taken)
            back.join(idle)
        finally:
            front.close()

    def close(self) -> None:
        """End the front."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()


def _pump(
    source: Plain,
    sink: Plain,
    idle: float,
    last: Callable[[], None],
    taken: list[int] | None = None,
) -> None:
    """Carry one way until it ends in whatever way, then do *last*; *taken* gets the records of data."""
    with contextlib.suppress(Ended):
        while octets := source.receive(time.monotonic() + idle):
            if taken is not None:
                taken.append(octets.count(b"\x17\x03\x03"))
            with contextlib.suppress(Ended):
                sink.send(octets, time.monotonic() + idle)
    last()
