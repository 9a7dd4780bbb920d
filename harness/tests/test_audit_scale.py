"""A flood of audit messages over TLS is received without loss and judged in bounded memory."""

import os
import resource
import threading

import pytest

from part15.channel.syslog_listener import Shown, SyslogListener
from part15.drivers.audit import KEPT, Tray
from part15.peers.auditor import AuditSource, Credentials
from part15.pki import make_pki
from part15.wire.audit_corpus import corpus
from part15.wire.syslog import write_syslog

MESSAGES = 100_000 if os.environ.get("PART15_SCALE") == "full" else 1_000
ROOM = 150_000
"""KiB that the flood may add to this process, sender included."""


@pytest.mark.scale
@pytest.mark.timeout(900)
def test_a_flood_is_received_without_loss_and_every_message_is_judged(tmp_path):
    pki = make_pki(tmp_path)
    server, client = pki["server"], pki["client"]
    source = AuditSource(Credentials(str(pki.ca), str(client.certificate), str(client.key)))
    right = [write_syslog(x, timestamp="2026-11-21T10:00:00.5Z") for x in corpus().values()]
    wrong = write_syslog(corpus()["110108"], timestamp="2026-11-21T10:00:00.5Z", pri=13)
    batch = [wrong if n % 100 == 99 else right[n % len(right)] for n in range(1_000)]
    tray = Tray()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    shown = Shown(str(server.certificate), str(server.key), str(pki.ca))
    with SyslogListener(tray, shown=shown, idle=600.0) as listener:

        def send():
            for _ in range(MESSAGES // len(batch)):
                assert source.deliver("127.0.0.1", listener.port, batch)

        thread = threading.Thread(target=send)
        thread.start()
        assert listener.wait(lambda: len(tray.messages) + tray.more >= MESSAGES, 800.0)
        thread.join(5)
    assert len(tray.messages) + tray.more == MESSAGES
    assert tray.broken.get("facility", 0) == max(0, MESSAGES - KEPT) // 100
    assert not {c.framing for c in listener.connections} - {()}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < ROOM
