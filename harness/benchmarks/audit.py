"""Messages judged per second, as a ratio to lxml's parsing and RELAX NG validation alone; and a flood over TLS.

    python harness/benchmarks/audit.py [MESSAGES]

Prints one JSON document. MESSAGES (default 20000; the requirement names 100000) is the size of the flood.
"""

import json
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

from part15.channel.syslog_listener import Shown, SyslogListener
from part15.drivers.audit import Tray
from part15.peers.auditor import AuditSource, Credentials
from part15.pki import make_pki
from part15.wire.audit_corpus import corpus
from part15.wire.audit_judge import examine
from part15.wire.audit_schema import accepts
from part15.wire.audit_xml import read_xml
from part15.wire.syslog import write_syslog

ROUNDS = 400


def rate(work, count):
    began = time.perf_counter()
    for _ in range(ROUNDS):
        work()
    return count * ROUNDS / (time.perf_counter() - began)


def judging():
    from lxml import etree

    from part15.wire.audit_schema import relax_ng

    xmls = list(corpus().values())
    messages = [write_syslog(xml, timestamp="2026-11-21T10:00:00.5Z") for xml in xmls]
    schema = etree.RelaxNG(etree.fromstring(relax_ng("2017c")))

    def lxml_alone():
        for xml in xmls:
            schema.validate(etree.fromstring(xml))

    def ours_schema():
        for xml in xmls:
            accepts(read_xml(xml).root, "2023b")

    def ours():
        for message in messages:
            examine.__wrapped__(message, "octet-counting")

    for work in (lxml_alone, ours_schema, ours):
        work()
    alone, safe, full = (
        max(rate(w, len(xmls)) for _ in range(3)) for w in (lxml_alone, ours_schema, ours)
    )
    return {
        "lxml_relax_ng_per_second": round(alone),
        "safe_parse_and_schema_per_second": round(safe),
        "judged_per_second": round(full),
        "ratio_to_lxml_alone": round(full / alone, 3),
    }


def flood(count):
    with tempfile.TemporaryDirectory() as folder:
        pki = make_pki(Path(folder))
        server, client = pki["server"], pki["client"]
        tray = Tray()
        xmls = list(corpus().values())
        made = [write_syslog(x, timestamp="2026-11-21T10:00:00.5Z") for x in xmls]
        source = AuditSource(Credentials(str(pki.ca), str(client.certificate), str(client.key)))
        shown = Shown(str(server.certificate), str(server.key), str(pki.ca))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with SyslogListener(tray, shown=shown, idle=600.0) as listener:
            batch = [made[n % len(made)] for n in range(5000)]

            def send():
                for _ in range(count // len(batch)):
                    source.deliver("127.0.0.1", listener.port, batch)

            began = time.perf_counter()
            thread = threading.Thread(target=send)
            thread.start()
            whole = count // len(batch) * len(batch)
            complete = listener.wait(lambda: len(tray.messages) + tray.more >= whole, 900.0)
            seconds = time.perf_counter() - began
            thread.join(5)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "sent": whole,
        "received": len(tray.messages) + tray.more,
        "complete": complete,
        "broken": tray.broken,
        "seconds": round(seconds, 1),
        "per_second": round(whole / seconds),
        "memory_grown_mb": round(grown / 1024),
    }


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print(json.dumps({"judging": judging(), "flood": flood(size)}, indent=1))
