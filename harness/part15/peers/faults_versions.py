"""Faults of versions, and of the extensions of the hello messages."""

from __future__ import annotations

from part15.peers import hello as h
from part15.peers import scripted as s
from part15.peers.contexts import (
    ALLOW_CLIENT_RENEGOTIATION,
    ALLOW_UNSAFE_RENEGOTIATION,
    NO_EXTENDED_MASTER_SECRET,
)
from part15.peers.faults import Fault, for_each
from part15.peers.hello import Hello
from part15.peers.policy import Instead

OLD = {"minimum": "1.0", "maximum": "1.1", "level": 0, "ciphers": "ECDHE+AES+SHA1"}
_FAMILY = "versions"
_OLD_FLIPS = (
    *for_each("{}-no-tls10-tls11", "B.10", "B.11"),
    "B.10-cipher-additional",
    "B.11-no-other-ciphers",
)
"""An old version is negotiated with a suite of its own, which these profiles forbid or warn of."""
CBC = (0xC027, 0xC023, 0xC013, 0xC009, 0x002F)
"""Suites for which truncated_hmac has a meaning, as it has not for AEAD."""


def _both(asked: Hello) -> bool:
    return asked.speaks13 and asked.speaks12


def _only12(asked: Hello) -> bool:
    return asked.speaks12 and not asked.speaks13


def _without(*extensions: int) -> s.Condition:
    return lambda asked: not set(extensions) & set(asked.extensions)


def _with(*extensions: int) -> s.Condition:
    return lambda asked: bool(set(extensions) & set(asked.extensions))


def _no_renegotiation_info(asked: Hello) -> dict[int, bytes]:
    found = s.usual_extensions(asked)
    found.pop(h.RENEGOTIATION, None)
    return found


def _truncated(asked: Hello) -> dict[int, bytes]:
    return {**s.usual_extensions(asked), h.TRUNCATED_HMAC: b""}


def _foreign_protocol(asked: Hello) -> dict[int, bytes]:
    return {**s.usual_extensions(asked), h.ALPN: b"\0\x05\x04dcm0"}


FAULTS = (
    Fault(
        "keeps_sslv2",
        "answers an SSL 2.0 CLIENT-HELLO with a SERVER-HELLO",
        ("RFC7525-no-sslv2", "RFC9325-no-sslv2"),
        "SSL 2.0 is negotiated",
        _FAMILY,
        {"sslv2": True},
    ),
    Fault(
        "keeps_sslv3",
        "negotiates SSL 3.0 with clients that offer nothing higher",
        ("RFC7525-no-sslv3", "RFC9325-no-sslv3", "RFC9325-no-sha1-md5", *_OLD_FLIPS),
        "SSL 3.0 is negotiated, which signs with SHA-1 and MD5",
        _FAMILY,
        {
            "scripts": (
                s.selects(
                    frozenset({0x0033, 0x0039}),
                    exchange="dhe",
                    version=0x0300,
                    when=s.at_most(0x0300),
                ),
            )
        },
    ),
    Fault(
        "keeps_tls10",
        "negotiates TLS 1.0 with clients that offer nothing higher",
        (
            "RFC8996-no-tls10",
            "RFC8996-server-hello-0x0301",
            "RFC8996-alert-0x0301",
            "RFC9325-no-tls10",
            "RFC9325-no-sha1-md5",
            *_OLD_FLIPS,
        ),
        "TLS 1.0 is negotiated, and not refused with an alert; it signs with SHA-1 and MD5",
        _FAMILY,
        {"instead": (Instead(s.at_most(0x0301), OLD),)},
    ),
    Fault(
        "keeps_tls11",
        "negotiates TLS 1.1 with clients that offer nothing higher",
        (
            "RFC8996-no-tls11",
            "RFC8996-server-hello-0x0302",
            "RFC8996-alert-0x0302",
            "RFC9325-no-tls11",
            "RFC9325-no-sha1-md5",
            *_OLD_FLIPS,
        ),
        "TLS 1.1 is negotiated, and not refused with an alert; it signs with SHA-1 and MD5",
        _FAMILY,
        {"instead": (Instead(s.at_most(0x0302), OLD),)},
    ),
    Fault(
        "downgrades_to_tls11",
        "answers TLS 1.2 offers that have only CBC suites with TLS 1.1",
        ("RFC7525-no-tls11", "RFC9325-cbc-needs-etm"),
        "a lower version is negotiated although a higher one was offered, with CBC",
        _FAMILY,
        {"instead": (Instead(lambda a: a.speaks12 and s.unserved(a), {**OLD, "minimum": "1.1"}),)},
    ),
    Fault(
        "downgrades_to_tls10",
        "answers TLS 1.2 offers that have only CBC suites with TLS 1.0",
        ("RFC7525-no-tls10", "RFC9325-cbc-needs-etm"),
        "a lower version is negotiated although a higher one was offered, with CBC",
        _FAMILY,
        {"instead": (Instead(lambda a: a.speaks12 and s.unserved(a), {**OLD, "maximum": "1.0"}),)},
    ),
    Fault(
        "wrong_alert_for_old_versions",
        "refuses TLS 1.0 and 1.1 with handshake_failure instead of protocol_version",
        ("RFC8996-alert-0x0301", "RFC8996-alert-0x0302"),
        "the alert must be protocol_version (70)",
        _FAMILY,
        {"old_version_alert": 40},
    ),
    Fault(
        "closes_on_old_versions",
        "closes without an alert when TLS 1.0 or 1.1 is offered",
        ("RFC8996-alert-0x0301", "RFC8996-alert-0x0302"),
        "no alert is sent",
        _FAMILY,
        {"old_version_alert": None},
    ),
    Fault(
        "minds_the_record_version",
        "refuses ClientHellos whose record layer version is not 03 01 or 03 03",
        ("RFC8996-any-record-version",),
        "every record version 03 XX must be accepted on a ClientHello",
        _FAMILY,
        {"scripts": (s.refuses(lambda a: a.record_version not in (0x0301, 0x0303), 70),)},
    ),
    Fault(
        "no_tls12",
        "serves TLS 1.3 only",
        (
            *for_each("{}-tls12-mandatory", "B.12"),
            "B.13-server-both-versions",
            "RFC7525-tls12-support",
            "RFC9325-tls12-support",
            "RFC7525-recommended-suites",
            "RFC9325-recommended-suites",
            "B.13-cipher-tls12-mandatory",
        ),
        "TLS 1.2 is not there, with all that belongs to it",
        _FAMILY,
        {"minimum": "1.3"},
    ),
    Fault(
        "no_tls13",
        "serves TLS 1.2 only",
        (
            "RFC9325-tls13-support",
            "B.13-server-both-versions",
            "B.13-cipher-tls13-mandatory-server",
            "B.12-tls13-optional",
            "RFC9325-fallback-scsv",
        ),
        "TLS 1.3 is not there, so TLS 1.2 is no fallback",
        _FAMILY,
        {"maximum": "1.2"},
    ),
    Fault(
        "prefers_tls12",
        "negotiates TLS 1.2 with clients that offer 1.3 too",
        (*for_each("{}-server-prefers-tls13", "B.12", "B.13"), "RFC9325-tls13-prefer"),
        "TLS 1.3 is supported, but not preferred",
        _FAMILY,
        {"instead": (Instead(_both, {"maximum": "1.2"}),)},
    ),
    Fault(
        "no_downgrade_sentinel",
        "answers TLS 1.2 without the sentinel although it speaks 1.3",
        ("B.13-fallback-tls12",),
        "RFC 8446 section 4.1.3 asks for the sentinel in the random",
        _FAMILY,
        {"instead": (Instead(_only12, {"maximum": "1.2"}),)},
    ),
    Fault(
        "compresses",
        "selects DEFLATE compression",
        ("RFC7525-no-compression", "RFC9325-no-compression"),
        "TLS compression is negotiated",
        _FAMILY,
        {"scripts": (s.shapes(lambda a: 1 in a.compressions, compression=1),)},
    ),
    Fault(
        "no_renegotiation_info",
        "does not acknowledge secure renegotiation in TLS 1.2",
        ("RFC9325-renegotiation-info",),
        "renegotiation_info is missing in the ServerHello",
        _FAMILY,
        {
            "scripts": (
                s.shapes(
                    lambda a: a.offers(0x00FF) or h.RENEGOTIATION in a.extensions,
                    extensions=_no_renegotiation_info,
                ),
            )
        },
    ),
    Fault(
        "no_extended_master_secret",
        "does not acknowledge extended_master_secret",
        ("RFC9325-triple-handshake",),
        "RFC 7627 is not implemented",
        _FAMILY,
        {"options": NO_EXTENDED_MASTER_SECRET},
    ),
    Fault(
        "truncates_hmac",
        "acknowledges truncated_hmac",
        ("RFC7525-no-truncated-hmac", "RFC9325-no-truncated-hmac"),
        "truncated_hmac is negotiated",
        _FAMILY,
        {"scripts": (s.shapes(_with(h.TRUNCATED_HMAC), extensions=_truncated, suites=CBC),)},
    ),
    Fault(
        "needs_a_server_name",
        "refuses ClientHellos without a server name",
        ("RFC7525-sni-support", "RFC9325-sni-support"),
        "DICOM clients need not send a name",
        _FAMILY,
        {"scripts": (s.refuses(_without(h.SNI), 112),)},
    ),
    Fault(
        "takes_any_server_name",
        "goes on when it does not know the name",
        ("RFC9325-sni-unknown-name",),
        "unrecognized_name (112) is expected",
        _FAMILY,
        {"unknown_name": "take"},
    ),
    Fault(
        "ignores_alpn",
        "does not know ALPN",
        ("RFC9325-alpn-support", "RFC9325-alpn-no-overlap"),
        "nothing is selected, and nothing refused",
        _FAMILY,
        {"alpn": ()},
    ),
    Fault(
        "ignores_foreign_alpn",
        "goes on when no offered protocol is known",
        ("RFC9325-alpn-no-overlap",),
        "no_application_protocol (120) is expected",
        _FAMILY,
        {"foreign_alpn": "take"},
    ),
    Fault(
        "selects_unoffered_alpn",
        "selects a protocol that was not offered",
        ("RFC9325-alpn-support",),
        "a wrong answer is a violation (T-28)",
        _FAMILY,
        {"scripts": (s.shapes(_with(h.ALPN), extensions=_foreign_protocol),)},
    ),
    Fault(
        "resumes_without_key_exchange",
        "resumes TLS 1.3 sessions without a key share where the client allows it",
        ("RFC9325-psk-dhe-ke",),
        "resumption without a key exchange has no forward secrecy",
        "resumption",
        {"scripts": (s.resumes_without_share,)},
    ),
    Fault(
        "accepts_changed_tickets",
        "resumes sessions from tickets in which an octet was changed",
        ("RFC7525-ticket-protected", "RFC9325-ticket-protected"),
        "what authenticates a ticket is not looked at",
        "resumption",
        {"repairs_tickets": True},
    ),
    Fault(
        "allows_early_data",
        "gives TLS 1.3 tickets that allow early data (a foreign tool: openssl s_server)",
        ("RFC9325-no-0rtt",),
        "no specification defines early data for DICOM",
        "resumption",
        {
            "instead": (
                Instead(
                    lambda a: a.speaks13 and 0 in a.extensions.get(h.MODES, b"")[1:],
                    {"program": ("-tls1_3", "-early_data", "-max_early_data", "16384")},
                ),
            )
        },
    ),
    Fault(
        "tickets_for_a_month",
        "gives TLS 1.2 tickets that say they live for thirty days",
        ("RFC7525-ticket-validity", "RFC9325-ticket-validity"),
        "a stolen ticket key opens a month of sessions",
        "resumption",
        {"instead": (Instead(_only12, {"ticket_lifetime": 30 * 86400}),)},
    ),
    Fault(
        "renegotiates_insecurely",
        "renegotiates without the indication of RFC 5746",
        ("RFC7525-renegotiation-info", "RFC7525-triple-handshake"),
        "an attacker can splice his own beginning to the connection, with any certificate",
        "renegotiation",
        {
            "renegotiates": True,
            "options": ALLOW_CLIENT_RENEGOTIATION | ALLOW_UNSAFE_RENEGOTIATION,
        },
    ),
    Fault(
        "renegotiates_with_another_certificate",
        "lets the client change its certificate in a renegotiation",
        ("RFC7525-triple-handshake",),
        "the triple handshake attack needs just that",
        "renegotiation",
        {"renegotiates": True, "options": ALLOW_CLIENT_RENEGOTIATION},
    ),
)
