"""The named faults of the embedded audit collector: one deviation each, with the clauses that it flips."""

from __future__ import annotations

from typing import Any

from part15.peers.faults import Fault


def _fault(name: str, text: str, changes: dict[str, Any], *flips: str) -> Fault:
    return Fault(name, text, flips, text, "audit", changes, "audit-collector")


COLLECTOR_FAULTS = (
    _fault("splits_at_8096", "messages longer than 8096 octets are stored as several records",
           {"limit": 8096, "over": "split"}, "AUD-TLS-004", "SYSLOG-5425-11"),
    _fault("cuts_at_2000", "messages longer than 2000 octets are cut", {"limit": 2000, "over": "cut"},
           "AUD-TLS-004", "SYSLOG-5424-14", "SYSLOG-5425-11", "SYSLOG-5426-02"),
    _fault("drops_above_1024", "messages longer than 1024 octets are dropped", {"limit": 1024, "over": "drop"},
           "AUD-TLS-004", "AUD-FMT-050", "SYSLOG-5424-14", "SYSLOG-5425-11", "SYSLOG-5426-02"),
    _fault("delimits_by_record", "what arrives at once is taken for one message", {"by_record": True},
           "SYSLOG-5425-10", "AUD-TLS-004"),
    _fault("dies_of_malformed_frames", "a malformed frame ends the service", {"fatal": ("malformed",)},
           "SYSLOG-5424-16", "SYSLOG-5425-10"),
    _fault("dies_of_priority_999", "a PRIVAL above 191 ends the service", {"fatal": ("pri",)}, "AUD-UDP-004",
           "SYSLOG-5424-16"),
    _fault("knows_facility_10_only", "messages of other facilities are dropped", {"pri": tuple(range(80, 88))},
           "AUD-UDP-004"),
    _fault("refuses_leap_seconds", "a leap second in EventDateTime ends the connection", {"hangs_up": ("leap",)},
           "AUD-FMT-027"),
    _fault("refuses_foreign_messages", "a syslog message that is no audit message ends the connection",
           {"hangs_up": ("foreign",)}, "AUD-TLS-013"),
    _fault("forgets_queries", "Query messages are not stored", {"forgets": ('csd-code="110112"',)}, "AUD-FMT-050"),
    _fault("drops_under_load", "more than 200 messages in a second are dropped", {"rate": 200}, "AUD-COLLECT-FLOOD"),
    _fault("stores_nothing", "everything is taken and nothing stored", {"rate": 0}, "AUD-COLLECT-FLOOD", "AUD-TLS-004",
           "AUD-TLS-013", "AUD-FMT-027", "AUD-FMT-050", "AUD-UDP-004", "SYSLOG-5424-14", "SYSLOG-5424-16",
           "SYSLOG-5425-10", "SYSLOG-5425-11", "SYSLOG-5426-02", "SYSLOG-5426-04"),
    _fault("takes_anyone", "client certificates are neither demanded nor checked",
           {"check": False, "demand": False}, "SYSLOG-5425-06"),
    _fault("takes_the_nameless", "a client without a certificate is served", {"demand": False}, "SYSLOG-5425-06"),
    _fault("collects_by_tls_1_0_only", "only TLS 1.0 is spoken", {"minimum": "1.0", "maximum": "1.0"},
           "AUD-TLS-003", "SYSLOG-5425-03", "SYSLOG-9662-01"),
    _fault("collects_by_tls_1_2_only", "TLS 1.3 is not spoken", {"maximum": "1.2"}, "SYSLOG-9662-01"),
    _fault("collects_in_clear", "the collector speaks no TLS", {"tls": False}, "SYSLOG-5425-02"),
    _fault("collects_by_chacha20_only", "neither mandatory suite is accepted", {"ciphers": "ECDHE+CHACHA20"},
           "SYSLOG-5425-04"),
    _fault("collects_by_null_suites", "suites without encryption and authentication are accepted",
           {"ciphers": "HIGH:eNULL:AES128-SHA:@SECLEVEL=0"}, "SYSLOG-5425-05"),
    _fault("hangs_up_without_a_word", "close_notify is not answered", {"answers_close": False}, "SYSLOG-5425-13"),
)  # fmt: skip
"""Faults of the collector; *changes* are fields of ``CollectorPolicy``."""
