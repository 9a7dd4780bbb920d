"""Faults of cipher suites, preferences, groups, keys and signatures."""

from __future__ import annotations

import os

from part15.peers import hello as h
from part15.peers import scripted as s
from part15.peers.faults import Fault, for_each
from part15.peers.hello import Hello
from part15.peers.policy import Instead, Policy, Script

_FAMILY = "suites"

NULL = frozenset({0xC006, 0xC010})
ANONYMOUS = frozenset({0x00A6, 0x00A7})
DHE = frozenset(
    {0x009E, 0x009F, 0xCCAA, 0xC07C, 0xC07D, 0xC09E, 0xC09F, 0xC0A2, 0xC0A3, 0xC052, 0xC053}
)
INTEGRITY_ONLY = frozenset({0xC0B4, 0xC0B5})
RC4 = frozenset({0xC007, 0xC011})
EXPORT = frozenset({0x0014, 0x0015})
TRIPLE_DES = frozenset({0xC008, 0xC012})
STATIC_RSA = frozenset({0x009C, 0x009D, 0xC09C, 0xC09D})
STATIC_DH = frozenset({0x00A0, 0x00A1, 0x00A4, 0x00A5, *range(0xC02D, 0xC02F), 0xC031, 0xC032})
CBC = frozenset(
    {0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024, 0xC027, 0xC028, 0x0033, 0x0039, 0x0067, 0x006B}
)
SMALL_CURVES = frozenset({*range(1, 20), 0xFF01, 0xFF02})
TOO_SMALL = SMALL_CURVES | {20, 21}
"""Those below 224 bits, and those below 256."""


def _weaker_first(*weaker: int) -> s.Condition:
    """Return the condition that a suite of *weaker* stands before the first right one, both offered."""

    def holds(asked: Hello) -> bool:
        if asked.speaks13:
            return False
        for suite in asked.suites:
            if suite in weaker:
                return any(right in asked.suites for right in asked.served)
            if suite in asked.served:
                return False
        return False

    return holds


def _dhe_first(asked: Hello) -> bool:
    """Tell whether the client puts a DHE suite first, and offers ECDHE too."""
    served = [c for c in asked.suites if c in asked.served]
    return not asked.speaks13 and bool(served) and served[0] in DHE and not set(served) <= DHE


def _only_dhe(asked: Hello) -> bool:
    both = asked.served & set(asked.suites)
    right = asked.offers(0x009E, 0x009F) and both <= DHE
    return asked.speaks12 and not asked.speaks13 and right


_FIXED_PUBLIC = os.urandom(256)


def _reuses_dh(asked: Hello, policy: Policy) -> bytes | None:
    """Answer every DHE offer with one public value."""
    if not _only_dhe(asked):
        return None
    suite = next(c for c in asked.suites if c in (0x009E, 0x009F))
    chosen = s.server_hello(asked, suite, extensions=s.usual_extensions(asked))
    exchange = s.dhe_exchange(asked, bytes.fromhex(_prime()), _FIXED_PUBLIC)
    return s.flight12(chosen, policy.extra.get("chain", ()), exchange)


def _prime() -> str:
    from part15.peers.contexts import PRIMES

    return PRIMES["ffdhe2048"]


def _uses_curve(curves: frozenset[int], size: int) -> Script:
    """Return the script that answers offers of small curves only with the first of *curves*."""

    def answer(asked: Hello, policy: Policy) -> bytes | None:
        groups = asked.numbers(h.GROUPS)
        ecdhe = (0xC02F, 0xC030, 0xC02B, 0xC02C, 0xC013)
        suite = next((c for c in asked.suites if c in ecdhe), None)
        curve = next((g for g in groups if g in curves), None)
        if suite is None or curve is None or not asked.speaks12 or not set(groups) <= TOO_SMALL:
            return None
        chosen = s.server_hello(asked, suite, extensions=s.usual_extensions(asked))
        exchange = s.ecdhe_exchange(asked, curve, size)
        return s.flight12(chosen, policy.extra.get("chain", ()), exchange)

    return answer


OLD_HASHES = frozenset({0x0101, 0x0102, 0x0103, 0x0201, 0x0202, 0x0203})
_MODIFIED = (
    "B.13-no-other-tls12-ciphers",
    "B.13-permitted-algorithms",
    "B.13-prohibited-algorithms",
)
"""What B.13 says about any suite of old: it names those it permits, and those it prohibits."""
_NULL_FLIPS = (
    "RFC7525-no-null",
    "RFC9325-no-null",
    "B.12-no-null",
    "B.12-encrypt-and-integrity",
    "TLS-COMMON-nothing-in-clear",
    *_MODIFIED,
)

FAULTS = (
    Fault(
        "drops_a_suite",
        "selects a suite and says nothing after the handshake",
        ("TLS-COMMON-completes-selected",),
        "what is selected must be usable",
        _FAMILY,
        {"mute": ("DHE-RSA-AES256-GCM-SHA384",)},
    ),
    Fault(
        "accepts_null_suite",
        "serves NULL encryption to clients that offer nothing better",
        _NULL_FLIPS,
        "data would go in clear",
        _FAMILY,
        {
            "instead": (
                Instead(
                    s.only_these(NULL),
                    {"ciphers": "ECDHE+eNULL", "level": 0, "maximum": "1.2"},
                ),
            )
        },
    ),
    Fault(
        "accepts_anonymous_suite",
        "serves anonymous key exchange to clients that offer nothing better",
        ("B.12-no-null", "B.13-permitted-algorithms", "B.13-no-other-tls12-ciphers"),
        "nobody is authenticated",
        _FAMILY,
        {
            "instead": (
                Instead(
                    s.only_these(ANONYMOUS),
                    {"ciphers": "ADH+AESGCM", "level": 0, "maximum": "1.2", "client": "ignored"},
                ),
            )
        },
    ),
    Fault(
        "accepts_integrity_only_suite",
        "serves the integrity-only suites of RFC 9150 in TLS 1.3",
        (
            "B.12-no-null",
            "B.12-encrypt-and-integrity",
            "RFC7525-no-null",
            "RFC9325-no-null",
            "TLS-COMMON-completes-selected",
        ),
        "data would go in clear",
        _FAMILY,
        {"scripts": (s.selects13(INTEGRITY_ONLY),)},
    ),
    Fault(
        "accepts_rc4",
        "serves RC4 to clients that offer nothing better",
        ("RFC7525-no-rc4", "RFC9325-no-rc4", *_MODIFIED),
        "RC4 is negotiated",
        _FAMILY,
        {"scripts": (s.selects(RC4, exchange="ecdhe"),)},
    ),
    Fault(
        "accepts_export_suite",
        "serves export and single DES suites to clients that offer nothing better",
        (
            "RFC7525-no-lt-112",
            "RFC9325-no-lt-112",
            "RFC7525-no-lt-128",
            "RFC9325-no-lt-128",
            "RFC9325-cbc-needs-etm",
            *_MODIFIED,
        ),
        "less than 112 bits of security, and CBC",
        _FAMILY,
        {"scripts": (s.selects(EXPORT, exchange="dhe"),)},
    ),
    Fault(
        "accepts_triple_des",
        "serves Triple DES to clients that offer nothing better",
        (
            "RFC7525-no-lt-128",
            "RFC9325-no-lt-128",
            "RFC9325-cbc-needs-etm",
            *_MODIFIED,
        ),
        "less than 128 bits of security, and CBC",
        _FAMILY,
        {"scripts": (s.selects(TRIPLE_DES, exchange="ecdhe"),)},
    ),
    Fault(
        "accepts_static_rsa",
        "serves RSA key transport to clients that offer nothing better",
        (
            "RFC7525-no-static-rsa",
            "RFC9325-no-static-rsa",
            "TLS-COMMON-completes-selected",
            *_MODIFIED,
        ),
        "no forward secrecy",
        _FAMILY,
        {
            "instead": (
                Instead(
                    s.only_these(STATIC_RSA),
                    {"ciphers": "kRSA+AESGCM:kRSA+AESCCM", "maximum": "1.2"},
                ),
            )
        },
    ),
    Fault(
        "accepts_static_dh",
        "serves static Diffie-Hellman to clients that offer nothing better",
        ("RFC9325-no-static-dh", *_MODIFIED),
        "no forward secrecy",
        _FAMILY,
        {"scripts": (s.selects(STATIC_DH),)},
    ),
    Fault(
        "accepts_mandatory_suite_of_old",
        "serves TLS_RSA_WITH_AES_128_CBC_SHA to clients that offer nothing better",
        (
            "RFC9325-no-aes128-cbc-mti",
            "RFC7525-no-static-rsa",
            "RFC9325-no-static-rsa",
            "RFC9325-cbc-needs-etm",
        ),
        "the suite that RFC 5246 made mandatory: static RSA and CBC",
        _FAMILY,
        {
            "instead": (
                Instead(
                    s.only_these(frozenset({0x002F})), {"ciphers": "AES128-SHA", "maximum": "1.2"}
                ),
            )
        },
    ),
    Fault(
        "accepts_cbc_without_etm",
        "serves CBC suites to clients that offer nothing better, with and without encrypt_then_mac",
        ("RFC9325-cbc-needs-etm", *_MODIFIED),
        "MAC then encrypt",
        _FAMILY,
        {
            "instead": (
                Instead(
                    s.only_these(CBC),
                    {
                        "ciphers": "ECDHE+AES+SHA1:ECDHE+AES+SHA256:ECDHE+AES+SHA384:!AESGCM:!AESCCM",
                        "maximum": "1.2",
                        "level": 0,
                    },
                ),
            )
        },
    ),
    Fault(
        "prefers_static_rsa",
        "selects a weaker suite that stands before a right one",
        (
            "RFC7525-forward-secrecy",
            "RFC9325-forward-secrecy",
            "RFC7525-server-prefers-c02f",
            "RFC9325-server-prefers-c02f",
            "RFC7525-no-static-rsa",
            "RFC9325-no-static-rsa",
            "TLS-COMMON-completes-selected",
        ),
        "the order of the client decides, and the weaker suite wins",
        _FAMILY,
        {"scripts": (s.selects(frozenset({0x009C, 0x009D}), when=_weaker_first(0x009C, 0x009D)),)},
    ),
    Fault(
        "prefers_aes_128",
        "selects AES-128 although AES-256 is offered",
        ("RFC7525-server-prefers-stronger", "RFC9325-server-prefers-stronger"),
        "the stronger suite should win",
        _FAMILY,
        {"ciphers": "ECDHE+AES128+AESGCM:ECDHE+AES256+AESGCM:ECDHE+CHACHA20:kDHE+aRSA+AESGCM"},
    ),
    Fault(
        "prefers_dhe",
        "selects a DHE suite that stands before an ECDHE suite",
        ("B.13-cipher-tls12-preferred",),
        "the fourteen ECDHE suites should win over the fallback list",
        _FAMILY,
        {"scripts": (s.selects(frozenset({0x009E, 0x009F}), exchange="dhe", when=_dhe_first),)},
    ),
    Fault(
        "lacks_dhe_suites",
        "does not serve the DHE suites",
        (
            "RFC7525-recommended-suites",
            *for_each("{}-cipher-mandatory", "B.10", "B.11"),
        ),
        "two of the four suites are missing",
        _FAMILY,
        {"without": "!kDHE"},
    ),
    Fault(
        "lacks_an_ecdhe_suite",
        "does not serve TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        (
            "RFC7525-recommended-suites",
            "RFC9325-recommended-suites",
            "RFC7525-server-prefers-stronger",
            "RFC9325-server-prefers-stronger",
            *for_each("{}-cipher-mandatory", "B.10", "B.11"),
        ),
        "one of the four suites is missing, the stronger one",
        _FAMILY,
        {"without": "!ECDHE-RSA-AES256-GCM-SHA384"},
    ),
    Fault(
        "dh_1024",
        "uses a Diffie-Hellman group of 1024 bits",
        ("RFC7525-dh-2048", "RFC9325-dh-2048", *for_each("{}-dhe-2048", "B.11", "B.13")),
        "the group must have 2048 bits",
        _FAMILY,
        {"instead": (Instead(_only_dhe, {"dh": "oakley1024", "level": 0}),)},
    ),
    Fault(
        "reuses_dh",
        "uses one Diffie-Hellman value for every connection",
        ("RFC9325-dh-reuse",),
        "ephemeral keys are not",
        _FAMILY,
        {"scripts": (_reuses_dh,)},
    ),
    Fault(
        "uses_small_curves",
        "uses a curve below 224 bits where nothing better is offered",
        ("RFC7525-ecdh-min", "RFC9325-ecdh-min"),
        "the curve is too small",
        _FAMILY,
        {"scripts": (_uses_curve(SMALL_CURVES - {19}, 41),)},
    ),
    Fault(
        "uses_224_bit_curve",
        "uses a curve of 224 bits where nothing better is offered",
        for_each("{}-ecdhe-256", "B.11", "B.13"),
        "256 bits are asked for",
        _FAMILY,
        {"scripts": (_uses_curve(frozenset({20, 21}), 57),)},
    ),
    Fault(
        "lacks_p256",
        "knows X25519 only",
        ("RFC7525-supported-groups", "RFC9325-supported-groups"),
        "P-256 is missing",
        _FAMILY,
        {"group": "X25519"},
    ),
    Fault(
        "lacks_x25519",
        "knows P-256 only",
        ("RFC9325-supported-groups",),
        "X25519 is missing",
        _FAMILY,
        {"group": "prime256v1"},
    ),
    Fault(
        "signs_with_sha1",
        "signs its key exchange with SHA-1 where nothing better is offered",
        ("RFC9325-no-sha1-md5", "B.13-prohibited-algorithms"),
        "SHA-1 is used in the handshake",
        _FAMILY,
        {"instead": (Instead(s.lists_only(h.SIGNATURES, OLD_HASHES), {"level": 0}),)},
    ),
)
