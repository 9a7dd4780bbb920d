"""The named faults of the embedded audit source: one deviation each, with the clauses that it flips.

A message fault replaces text of the messages that the source writes; a transport fault changes how
it sends them. The umbrella clauses (AUD-FMT-002, AUD-FMT-003, AUD-TLS-011, AUD-UDP-007, AUD-UDP-008)
flip with the rules they gather and are not repeated in every row.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from part15.peers.audit_collector_faults import COLLECTOR_FAULTS
from part15.peers.audit_message_faults import MESSAGE_FAULTS
from part15.peers.audit_story_faults import STORY_FAULTS
from part15.peers.faults import Fault

GATHERING = (
    "AUD-FMT-002",
    "AUD-FMT-003",
    "AUD-TLS-006",
    "AUD-TLS-011",
    "AUD-UDP-007",
    "AUD-UDP-008",
)
"""Clauses that gather the rules of others."""


def _transport(name: str, text: str, changes: dict[str, Any], *flips: str, why: str = "") -> Fault:
    return Fault(name, text, flips, why or text, "audit", changes, "audit-source")


SYSLOG_FAULTS = (
    _transport("bsd_header", "the header is that of RFC 3164", {"head": {"version": "Nov"}},
               "SYSLOG-5424-01", "SYSLOG-5424-03"),
    _transport("double_space", "two spaces stand after the version", {"head": {"version": "1 "}}, "SYSLOG-5424-01"),
    _transport("zero_padded_priority", "PRIVAL is 085", {"head": {"pri": "085"}}, "SYSLOG-5424-02"),
    _transport("version_2", "VERSION is 2", {"head": {"version": "2"}}, "SYSLOG-5424-03"),
    _transport("lower_case_t", "TIMESTAMP has a small t", {"head": {"timestamp": "2026-11-21t10:00:00.1Z"}},
               "SYSLOG-5424-04"),
    _transport("seven_digits", "TIMESTAMP has seven fraction digits",
               {"head": {"timestamp": "2026-11-21T10:00:00.1234567Z"}}, "SYSLOG-5424-04"),
    _transport("leap_second_in_header", "TIMESTAMP has second 60", {"head": {"timestamp": "2016-12-31T23:59:60.0Z"}},
               "SYSLOG-5424-05"),
    _transport("no_timestamp", "TIMESTAMP is NILVALUE", {"head": {"timestamp": "-"}}, "SYSLOG-5424-06"),
    _transport("long_hostname", "HOSTNAME has 256 characters", {"head": {"hostname": "h" * 256}}, "SYSLOG-5424-07"),
    _transport("long_app_name", "APP-NAME has 49 characters", {"head": {"app_name": "a" * 49}}, "SYSLOG-5424-08"),
    _transport("long_procid", "PROCID has 129 characters", {"head": {"procid": "1" * 129}}, "SYSLOG-5424-09"),
    _transport("long_msgid", "MSGID has 33 characters", {"head": {"msgid": "m" * 33}}, "SYSLOG-5424-10",
               "AUD-TLS-010", "AUD-UDP-006"),
    _transport("doubled_sd_id", "one SD-ID stands twice", {"head": {"structured": '[a@1 b="c"][a@1 b="c"]'}},
               "SYSLOG-5424-11", "AUD-TLS-015", "AUD-UDP-011"),
    _transport("unescaped_bracket", "a bracket in a PARAM-VALUE is not escaped",
               {"head": {"structured": '[a@1 b="]"]'}}, "SYSLOG-5424-01", "SYSLOG-5424-11"),
    _transport("undeclared_structured_data", "STRUCTURED-DATA is sent that is not declared",
               {"head": {"structured": '[acme@32473 unit="7"]'}}, "AUD-TLS-015", "AUD-UDP-011"),
    _transport("no_bom", "UTF-8 text with umlauts has no byte order mark",
               {"head": {"bom": False}, "edits": (("*", "Test^Patient", "Tést^Pätient"),)}, "SYSLOG-5424-12"),
    _transport("latin_1", "the message is Latin-1, not UTF-8",
               {"encoding": "latin-1",
                "edits": (("*", "Test^Patient", "Tést^Pätient"), ("*", "UTF-8", "ISO-8859-1"))},
               "SYSLOG-5424-12", "AUD-TLS-012"),
    _transport("utf_16", "the message is UTF-16",
               {"encoding": "utf-16", "head": {"bom": False}, "edits": (("*", "UTF-8", "UTF-16"),)},
               "SYSLOG-5424-12", "SYSLOG-5424-13", "AUD-TLS-012"),
    _transport("pretty_printed", "the XML has line ends", {"edits": (("*", "><", ">\n<"),)}, "SYSLOG-5424-13"),
    _transport("wrong_facility", "PRI uses facility 1", {"head": {"pri": 13}}, "AUD-TLS-007", "AUD-UDP-002"),
    _transport("severity_debug", "successes are reported with severity 7", {"head": {"pri": 87}}, "AUD-TLS-008", "AUD-UDP-003"),
    _transport("no_msgid", "MSGID is NILVALUE", {"head": {"msgid": "-"}}, "AUD-TLS-009", "AUD-UDP-005"),
    _transport("own_msgid", "MSGID is a word of the vendor", {"head": {"msgid": "AUDIT"}}, "AUD-TLS-010", "AUD-UDP-006"),
    _transport("lf_framing", "messages end with LF instead of being counted", {"framing": "lf"}, "SYSLOG-5425-09",
               "AUD-TLS-002"),
    _transport("leading_zero", "MSG-LEN has a leading zero", {"framing": "zero"}, "SYSLOG-5425-09"),
    _transport("trailing_lf", "an LF follows each counted message", {"framing": "trailer"}, "SYSLOG-5425-09"),
    _transport("counts_characters", "MSG-LEN counts characters, not octets",
               {"framing": "characters", "edits": (("*", "Test^Patient", "Tést^Pätient"),)}, "SYSLOG-5425-09",
               "AUD-FMT-001", "AUD-TLS-005", "AUD-TLS-006"),
    _transport("truncates_at_8096", "SYSLOG-MSG is cut at 8096 octets", {"cut": 8096}, "AUD-TLS-005", "AUD-TLS-006", "AUD-FMT-001"),
    _transport("sends_in_clear", "audit messages are sent without TLS", {"tls": False}, "AUD-TLS-002",
               "AUD-TLS-003", "SYSLOG-5425-02", "SYSLOG-5425-06", "SYSLOG-5425-08", "SYSLOG-5425-12"),
    _transport("says_no_goodbye", "the connection ends without close_notify", {"goodbye": False}, "SYSLOG-5425-12"),
    _transport("no_client_certificate", "no client certificate is presented", {"certificate": False},
               "SYSLOG-5425-06"),
    _transport("trusts_everyone", "the collector's certificate is not verified", {"verify": False},
               "SYSLOG-5425-06", "SYSLOG-5425-08"),
    _transport("ignores_the_name", "the name in the collector's certificate is not checked", {"check_name": False},
               "SYSLOG-5425-08"),
    _transport("only_tls_1_1", "only TLS 1.1 is spoken",
               {"minimum": "1.1", "maximum": "1.1", "ciphers": "DEFAULT:@SECLEVEL=0"}, "AUD-TLS-003",
               "SYSLOG-5425-03", "SYSLOG-9662-01"),
    _transport("only_tls_1_2", "TLS 1.3 is not spoken", {"maximum": "1.2"}, "SYSLOG-9662-01"),
    _transport("only_tls_1_3", "TLS 1.2 is not spoken", {"minimum": "1.3"}, "SYSLOG-5425-03", "SYSLOG-5425-04"),
    _transport("only_chacha20", "neither mandatory suite is offered", {"ciphers": "ECDHE+CHACHA20"}, "SYSLOG-5425-04"),
    _transport("takes_null_suites", "suites without encryption and authentication are offered",
               {"ciphers": "ALL:NULL:aNULL:@SECLEVEL=0", "verify": False}, "SYSLOG-5425-05", "SYSLOG-5425-06",
               "SYSLOG-5425-08"),
    _transport("larger_than_declared", "a message is larger than the declared maximum", {"big": 4000},
               "AUD-TLS-017", "AUD-UDP-013"),
    _transport("declares_another_port", "the statement calls port 601 the default", {"declared_port": 601},
               "AUD-UDP-001"),
    _transport("detach_told_last", "the Detach message is sent after what else was buffered", {"buffers": "last"},
               "AUD-MSG-09-BUFFER"),
    _transport("never_comes_back", "nothing is sent any more once the collector was away", {"gives_up": True, "buffers": ""},
               "SYSLOG-5425-14"),
    _transport("shuns_port_514", "nothing is sent to the well-known port 514", {"shuns": (514,)}, "SYSLOG-5426-04"),
    _transport("no_udp_checksum", "UDP checksums are switched off", {"checksums": False}, "SYSLOG-5426-05"),
    _transport("prefixed_datagrams", "datagrams begin with an octet count", {"prefix": True}, "SYSLOG-5426-01"),
)  # fmt: skip

SHALL_FIELDS = tuple(
    f"AUD-FMT-{n:03}"
    for n in (9, 10, 12, 13, 20, 21, 22, 24, 28, 33, 36, 37, 41, 42, 43, 44, 46, 47, 49)
)
"""The field rules that AUD-FMT-002 gathers."""
NOT_GATHERED = (
    "AUD-MSG-01-NOPO", "AUD-MSG-03-AP-OTHER", "AUD-MSG-07-AP-OTHER", "AUD-MSG-10-AP-OTHER",
    "AUD-MSG-11-AP-PERFORMER", "AUD-MSG-15-ACTION",
)  # fmt: skip
"""Permissions and recommendations of A.5.3, which AUD-FMT-003 leaves out; it leaves out who is known, too."""
HEADER = tuple(f"SYSLOG-5424-{n:02}" for n in (1, 2, 3, 4, 5, 10, 11, 12))


def _gathered(fault: Fault) -> Fault:
    """Return *fault* with the clauses that gather the rules it breaks."""
    flips = list(fault.flips)
    tables = [c for c in flips if c.startswith("AUD-MSG-") and not c.endswith("BOTH-KNOWN")]
    changed = bool({"edits", "cut", "framing", "encoding"} & set(fault.changes))
    for clause, due in (
        ("AUD-FMT-002", bool(set(flips) & set(SHALL_FIELDS)) and "alternate" not in fault.changes),
        ("AUD-FMT-003", changed and bool(set(tables) - set(NOT_GATHERED))),
        ("AUD-TLS-011", "AUD-FMT-001" in flips),
        ("AUD-UDP-007", "AUD-FMT-001" in flips),
        ("AUD-UDP-008", bool(set(flips) & set(HEADER))),
        ("AUD-TLS-006", "SYSLOG-5424-01" in flips),
    ):
        if due and clause not in flips:
            flips.append(clause)
    return dataclasses.replace(fault, flips=tuple(flips))


_SENT = tuple(_gathered(fault) for fault in (*MESSAGE_FAULTS, *SYSLOG_FAULTS))
FAULTS: tuple[Fault, ...] = (*_SENT, *COLLECTOR_FAULTS, *STORY_FAULTS)
"""Every fault of the audit source, the audit collector and the audited node."""


@functools.cache
def faults() -> dict[str, Fault]:
    """Return every fault of the audit peers by name, in the order in which they are listed."""
    found = {fault.name: fault for fault in FAULTS}
    if len(found) < len(FAULTS):
        raise ValueError("an audit fault is listed twice")
    return found
