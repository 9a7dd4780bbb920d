"""A synthetic run for the tests of the report formats, and for the committed samples."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from part15.model import (
    Binding,
    Case,
    Claim,
    Clause,
    Finding,
    Judgement,
    Level,
    Plan,
    Profile,
    Status,
    Stimulus,
    Verdict,
    Word,
)
from part15.observations.session import (
    AnswersSeen,
    AssociationSeen,
    AuthenticationSeen,
    HandshakeSeen,
    UseSeen,
)
from part15.observations.status import StorySeen, StoryStep
from part15.observations.tls import CertificateSeen, ControlSeen, HelloSeen, SuitesSeen, VersionSeen
from part15.report.build import build
from part15.report.facts import EndpointFacts, EvidenceItem, Observed, RunFacts, TargetFacts

B12 = "tls-bcp195-rfc8996"
OES = "online-electronic-storage"
EDITION = "2023b"
STARTED = "2026-11-21T09:14:03.120Z"

NULL_SUITES = (
    "TLS_RSA_WITH_NULL_SHA",
    "TLS_RSA_WITH_NULL_SHA256",
    "TLS_ECDH_anon_WITH_AES_128_CBC_SHA",
)
OK = ControlSeen("a modern offer", ok=True, answer="ServerHello")
LEAF = CertificateSeen(
    "CN=archive", "RSA", 2048, signer="RSA", signer_bits=2048, hash="SHA-256", fingerprint="ab" * 32
)


def hello(version: str, suite: int, **more: Any) -> HelloSeen:
    chain = () if version == "1.3" else (LEAF,)
    return HelloSeen(
        "one suite",
        (version,),
        (suite,),
        "hello",
        version=version,
        suite=suite,
        chain=chain,
        **more,
    )


SUITES = SuitesSeen(
    "dicom-tls",
    (
        VersionSeen("1.0", (hello("1.0", 0x002F),), None, complete=True),
        VersionSeen(
            "1.2",
            (
                hello(
                    "1.2",
                    0xC030,
                    group=23,
                    scheme=0x0804,
                    extensions=(23, 0xFF01),
                    certificate_request=True,
                ),
                hello("1.2", 0xC02F, group=23),
                hello("1.2", 0x002F),
                hello("1.2", 0x0002),
            ),
            None,
            complete=True,
        ),
        VersionSeen(
            "1.3", (hello("1.3", 0x1302, group=29), hello("1.3", 0x1301)), None, complete=True
        ),
    ),
    OK,
    OK,
    types=("RSA",),
)
ACCEPTED = AssociationSeen(
    "accepted",
    echo=0,
    handshake=HandshakeSeen("open", completed=True, version="1.3", suite="TLS_AES_256_GCM_SHA384"),
)
OBSERVED = (
    Observed("tls.enumerate-12139017", "tls.enumerate", "dicom-tls", SUITES),
    Observed(
        "session.associate-12139017",
        "session.associate",
        "dicom-tls",
        AssociationSeen(
            "accepted",
            HandshakeSeen(
                "open",
                completed=True,
                version="1.3",
                suite="TLS_AES_256_GCM_SHA384",
                requested=True,
                presented=True,
            ),
            echo=0,
        ),
    ),
    Observed(
        "tls.certificates-12139017",
        "tls.certificates",
        "dicom-tls",
        AuthenticationSeen(
            ACCEPTED,
            {
                "none": AssociationSeen("alert", HandshakeSeen("alert", alert=116)),
                "expired": ACCEPTED,
                "unknown CA": ACCEPTED,
            },
            ACCEPTED,
        ),
    ),
    Observed(
        "status.explore-12139017",
        "status.explore",
        "dicom-tls",
        StorySeen(
            40,
            1503,
            {
                "an authorized original has its date": (
                    StoryStep("stored with status OR over TLS"),
                    StoryStep("authorized"),
                    StoryStep("asked for by a partner", "status AO came without (0100,0420)"),
                )
            },
        ),
    ),
    Observed(
        "session.use-12139017",
        "session.use",
        "dicom-tls",
        UseSeen(
            "used, not enforced",
            "TLS works here, but the same AE also answers in plain on 192.0.2.10:104",
            "A-ASSOCIATE-AC",
            "A-ASSOCIATE-AC",
        ),
    ),
    Observed(
        "session.answers-12139017",
        "session.answers",
        "dicom-tls",
        AnswersSeen(
            {"wrong called AE title": (1, 1, 7)}, {"unexpected PDU": (2, 2)}, {}, ACCEPTED, ACCEPTED
        ),
    ),
)

ROWS: list[dict[str, Any]] = [
    {
        "clause": "B.12-framework",
        "group": "framework",
        "word": Word.PASS,
        "stimulus": "tls.associate",
        "text": "The framework and negotiation of the TLS protocol is used.",
        "message": "the server completed a TLS 1.3 handshake and C-ECHO worked inside it",
    },
    {
        "clause": "B.12-strict-tls",
        "group": "framework",
        "word": Word.PASS,
        "stimulus": "tls.plain",
        "text": "Where strict TLS and a dynamic upgrade are both on offer, strict TLS is preferred.",
        "message": "the server closed the connection on a plain A-ASSOCIATE-RQ; no A-ASSOCIATE-AC was seen",
    },
    {
        "clause": "B.12-tls12-mandatory",
        "group": "framework",
        "word": Word.PASS,
        "stimulus": "tls.enumerate",
        "text": "TLS 1.2 is supported.",
        "message": "server selected TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 (0xC030)",
    },
    {
        "clause": "B.12-server-prefers-tls13",
        "group": "framework",
        "word": Word.PASS,
        "stimulus": "tls.enumerate",
        "text": "TLS 1.3 is preferred if the client offers it.",
        "message": "server selected TLS 1.3 for supported_versions in either order",
    },
    {
        "clause": "8996-no-tls10",
        "group": "framework",
        "profile": "rfc8996",
        "section": "8996 2",
        "level": Level.SHALL_NOT,
        "word": Word.FAIL,
        "stimulus": "tls.enumerate",
        "text": "TLS 1.0 is negotiated.",
        "expected": "an alert or a closed connection",
        "observed": "TLS 1.0 with TLS_RSA_WITH_AES_128_CBC_SHA (0x002F)",
        "message": "server selected TLS 1.0 although RFC 8996 forbids it",
        "hint": "Set the minimum protocol version of the DICOM TLS listener to TLS 1.2.",
    },
    {
        "clause": "8996-no-tls11",
        "group": "framework",
        "profile": "rfc8996",
        "section": "8996 3",
        "level": Level.SHALL_NOT,
        "word": Word.FAIL,
        "stimulus": "tls.enumerate",
        "text": "TLS 1.1 is negotiated.",
        "expected": "an alert or a closed connection",
        "observed": "TLS 1.1 with TLS_RSA_WITH_AES_128_CBC_SHA (0x002F)",
        "message": "server selected TLS 1.1 although RFC 8996 forbids it",
        "hint": "Set the minimum protocol version of the DICOM TLS listener to TLS 1.2.",
    },
    {
        "clause": "B.12-server-mutual-auth",
        "group": "authentication",
        "word": Word.FAIL,
        "stimulus": "tls.certificates",
        "text": "Servers support bi-directional mutual authentication.",
        "expected": "no association for a client certificate of an unknown CA",
        "observed": "A-ASSOCIATE-AC after a certificate of an unknown CA",
        "message": "server accepted an association from a client whose certificate was issued by an unknown CA",
        "hint": "Verify client certificates against the configured CA file and refuse the handshake if that fails.",
        "findings": (
            Finding(
                "no certificate",
                Word.PASS,
                "handshake refused with alert certificate_required (116)",
            ),
            Finding("unknown CA", Word.FAIL, "association accepted", "a refusal", "A-ASSOCIATE-AC"),
            Finding("expired", Word.FAIL, "association accepted", "a refusal", "A-ASSOCIATE-AC"),
            Finding("trusted", Word.PASS, "association accepted"),
        ),
    },
    {
        "clause": "7525-4.3-dh-2048",
        "group": "authentication",
        "profile": "rfc7525",
        "section": "7525 4.3",
        "level": Level.SHOULD,
        "word": Word.WARN,
        "stimulus": "tls.enumerate",
        "text": "Diffie-Hellman groups have at least 2048 bits.",
        "expected": "2048 bits or more",
        "observed": "1024 bits",
        "message": "server offered a DH group of 1024 bits; 2048 are recommended",
        "hint": "Generate DH parameters of 2048 bits or more, or leave out DHE suites.",
    },
    *(
        {
            "clause": "B.12-no-null",
            "group": "encryption",
            "level": Level.SHALL_NOT,
            "parameter": suite,
            "text": "NULL or anonymous key exchange, NULL cipher or NULL signature or hash is used.",
            "word": Word.FAIL if suite == NULL_SUITES[0] else Word.PASS,
            "stimulus": "tls.enumerate",
            "expected": "an alert or a closed connection",
            "observed": f"TLS 1.2 with {suite}"
            if suite == NULL_SUITES[0]
            else "alert handshake_failure (40)",
            "message": f"server selected {suite} (0x0002), which does not encrypt"
            if suite == NULL_SUITES[0]
            else f"server refused {suite} with handshake_failure",
            "hint": "Remove eNULL and aNULL from the cipher string of the listener.",
        }
        for suite in NULL_SUITES
    ),
    {
        "clause": "B.12-encrypt-and-integrity",
        "group": "encryption",
        "word": Word.PASS,
        "stimulus": "tls.associate",
        "text": "All communications are encrypted with integrity checks enabled.",
        "message": "every completed connection used an AEAD suite",
    },
    {
        "clause": "B.12-integrity-failure",
        "group": "integrity",
        "word": Word.INCONCLUSIVE,
        "settled": "not tested by this version: record tampering needs the relay",
        "text": "After a failed integrity check the connection is dropped and both sides issue A-P-ABORT.",
        "message": "not tested by this version: record tampering needs the relay",
    },
    {
        "clause": "B.12-cs-port",
        "word": Word.PASS,
        "stimulus": "statement.declared",
        "text": "TCP ports on which TLS connections are accepted are stated.",
        "provenance": "declared",
        "message": "2762 is declared, and the server answered there",
    },
    {
        "clause": "B.12-cs-key-management",
        "word": Word.INCONCLUSIVE,
        "text": "Key management mechanisms are indicated.",
        "settled": "not declared",
        "message": f"not declared: add declared.{B12}.key_management to the target file",
    },
    {
        "clause": "B.12-cs-provider-reason",
        "word": Word.PASS,
        "attested": True,
        "text": "The A-P-ABORT provider reasons issued after an integrity failure are documented.",
        "message": "attested by J. Doe on 2026-11-02: source 2, reason 0, see manual page 41",
    },
    {
        "clause": "B.12-port-recommended",
        "level": Level.SHOULD,
        "word": Word.PASS,
        "stimulus": "tls.associate",
        "text": "The registered port 2762 is used for DICOM on TLS.",
        "message": "the endpoint is at port 2762",
    },
    {
        "clause": "B.12-tls13-optional",
        "level": Level.MAY,
        "word": Word.INFO,
        "stimulus": "tls.enumerate",
        "text": "TLS 1.3 may be supported.",
        "message": "server supports TLS 1.3",
    },
    {
        "clause": "9325-4.2.1-suites",
        "group": "encryption",
        "profile": "rfc9325",
        "section": "9325 4.2.1",
        "level": Level.SHOULD,
        "advisory": True,
        "word": Word.WARN,
        "stimulus": "tls.enumerate",
        "text": "Suites with static RSA key exchange are not negotiated.",
        "expected": "a refusal",
        "observed": "TLS_RSA_WITH_AES_128_CBC_SHA",
        "rests_on": ("T-12",),
        "message": "server selected TLS_RSA_WITH_AES_128_CBC_SHA (0x002F), which has no forward secrecy",
        "hint": "Keep only ECDHE suites in the cipher string.",
    },
    {
        "clause": "B.12-client-resumption",
        "group": "authentication",
        "level": Level.SHOULD,
        "word": Word.INCONCLUSIVE,
        "stimulus": "tls.resume",
        "text": "Session tickets are protected.",
        "message": "the server closed every second connection before its ServerHello; try limits.connections = 1",
    },
]
OES_ROWS: list[dict[str, Any]] = [
    {
        "clause": "A.1-status-create",
        "section": "A.1.2",
        "word": Word.PASS,
        "stimulus": "status.explore",
        "text": "An instance created here gets SOP Instance Status NS.",
        "message": "the stored copy came back with (0100,0410) NS",
    },
    {
        "clause": "A.1-status-authorize",
        "section": "A.1.2",
        "word": Word.WAIVED,
        "stimulus": "status.explore",
        "text": "A move to AO sets the Authorization DateTime.",
        "expected": "(0100,0420) is present",
        "observed": "(0100,0420) is absent",
        "waived": True,
        "message": "the status became AO but SOP Authorization DateTime (0100,0420) is absent",
        "hint": "Write (0100,0420) and (0100,0424) whenever the status becomes AO.",
    },
    {
        "clause": "A.1-remote-access",
        "section": "A.1.3",
        "word": Word.REVIEW,
        "level": Level.SHALL,
        "text": "Remote access is restricted.",
        "settled": "Only a person can know this",
        "message": "Only a person can know this: how remote access is restricted must be looked at",
    },
    {
        "clause": "A.1-multiple-copies",
        "section": "A.1.4",
        "level": Level.SHALL_NOT,
        "word": Word.NOT_APPLICABLE,
        "text": "Two original copies exist.",
        "settled": "not claimed",
        "message": "binds only where transfer is claimed; the claim does not list it",
    },
    {
        "clause": "A.1-commit",
        "section": "A.1.5",
        "word": Word.ERROR,
        "stimulus": "status.commit",
        "text": "Storage commitment moves the status.",
        "message": "associate: the harness could not reach 127.0.0.1:11112 for storage commitment",
    },
]


def _judgement(text: str, word: Word) -> Judgement:
    return Judgement(word, text)


def case_of(row: Mapping[str, Any], claim: Claim, endpoint: str = "dicom-tls") -> Case:
    parameter = row.get("parameter", "")
    clause = row["clause"]
    driven = "stimulus" in row and "settled" not in row
    waiver = WAIVER if row.get("waived") else None
    return Case(
        id=f"{clause}:{claim.role}" + (f":{parameter}" if parameter else ""),
        clause=clause,
        profile=row.get("profile", claim.profile),
        claim=claim.profile,
        section=row.get("section", "B.12"),
        edition=claim.edition,
        role=claim.role,
        level=row.get("level", Level.SHALL),
        family="secure_transport" if claim.profile == B12 else "secure_use",
        text=row["text"],
        group=row.get("group", ""),
        stimulus=Stimulus(row["stimulus"], {}, endpoint) if driven else None,
        check="tls.refuses" if driven else "",
        subject=parameter or (endpoint if driven else ""),
        settled=None if driven else _judgement(row.get("settled", ""), row["word"]),
        advisory=row.get("advisory", False),
        hint=row.get("hint", ""),
        attestation=ATTESTATION if row.get("attested") else None,
        waiver=waiver,
    )


def verdict_of(row: Mapping[str, Any], case: Case) -> Verdict:
    return Verdict(
        case=case,
        word=row["word"],
        message=row["message"],
        because=f"{row['clause']} asks for it",
        expected=row.get("expected", ""),
        observed=row.get("observed", ""),
        findings=row.get("findings", ()),
        evidence=(f"{case.stimulus.key}/transcript.txt",) if case.stimulus else (),
        provenance="attested" if row.get("attested") else row.get("provenance", "observed"),
        rests_on=row.get("rests_on", ()),
        duration=0.0312,
    )


WAIVER = {
    "case": "A.1-status-authorize:storage-scp",
    "reason": "the date is written from 4.3 on",
    "owner": "j.doe",
    "expires": "2027-03-31",
    "ticket": "ARC-118",
}
ATTESTATION = {
    "case": "B.12-cs-provider-reason:tls-server",
    "verdict": "pass",
    "by": "J. Doe",
    "date": "2026-11-02",
    "note": "source 2, reason 0, see manual page 41",
}
ASSUMPTION = {
    "topic": "physical-protection",
    "text": "The archive stands in a locked room of the data centre; its disks are encrypted.",
    "by": "J. Doe",
    "date": "2026-11-02",
    "how": "visit of the site, protocol 14",
}
TARGET = TargetFacts(
    name="Example Archive",
    edition=EDITION,
    version="4.2",
    vendor="Example Imaging (synthetic)",
    lines={B12: 4, OES: 5},
    aes=({"title": "ARCHIVE", "roles": ["storage-scp"]},),
    observed={"implementationClassUID": "1.2.3.4", "implementationVersionName": "EXARC_42"},
    declared={B12: {"ports": [2762]}},
    waivers=(WAIVER, {**WAIVER, "case": "B.12-gone:tls-server"}),
    attestations=(ATTESTATION,),
    assumptions=(ASSUMPTION,),
)
B12_CLAIM = Claim(B12, "tls-server", EDITION)
OES_CLAIM = Claim(OES, "storage-scp", EDITION, features=("authorization",))


def profiles_of(cases: list[Case]) -> dict[str, Profile]:
    titles = {
        B12: ("BCP 195 RFC 8996 TLS Secure Transport Connection Profile", "B.12"),
        OES: ("Online Electronic Storage Secure Use Profile", "A.1"),
        "rfc7525": ("RFC 7525 recommendations", "RFC 7525"),
        "rfc8996": ("RFC 8996 deprecations", "RFC 8996"),
        "rfc9325": ("RFC 9325 recommendations", "RFC 9325"),
    }
    profiles = {}
    for name in {c.profile for c in cases}:
        clauses = {
            c.clause: Clause(
                c.clause,
                name,
                c.section,
                c.level,
                (c.role,),
                (EDITION, None),
                c.text,
                (Binding((c.role,), Status.CHECKED if c.stimulus else Status.STATEMENT),),
                hint=c.hint,
                group=c.group,
            )
            for c in cases
            if c.profile == name
        }
        title, section = titles.get(name, (name, ""))
        profiles[name] = Profile(
            name, title, section, cases[0].family, (EDITION, None), tuple(clauses.values())
        )
    return profiles


def evidence_of(verdicts: list[Verdict]) -> tuple[EvidenceItem, ...]:
    names = sorted({e for v in verdicts for e in v.evidence})
    return tuple(
        EvidenceItem(
            n,
            f"evidence/{n}",
            hashlib.sha256(n.encode()).hexdigest(),
            900 + len(n),
            "tls-transcript",
            "text/plain",
        )
        for n in names
    )


def facts_of(verdicts: list[Verdict], **changes: Any) -> RunFacts:
    facts = RunFacts(
        id="00000000-0000-4000-8000-000000000015",
        started=STARTED,
        ended="2026-11-21T09:14:09.870Z",
        command=("part15", "run", "/home/someone/archive/target.toml", "-n", "2"),
        version="0.1.0",
        revision="synthetic",
        python="3.11.2",
        openssl="OpenSSL 3.0.19",
        platform="Linux",
        dependencies={"pytest": "9.2.0", "cryptography": "50.0.2"},
        config_digest="c" * 64,
        profiles_digest="d" * 64,
        workers=2,
        seed=1503,
        connections={"192.0.2.10:2762": 31, "192.0.2.10:104": 2},
        sent=(
            *({"endpoint": "dicom-tls", "stimulus": "tls.enumerate", "what": "ClientHello"},) * 29,
            {"endpoint": "dicom-tls", "stimulus": "tls.associate", "what": "C-ECHO-RQ"},
        ),
        evidence=evidence_of(verdicts),
        endpoints=(
            EndpointFacts(
                "dicom-tls",
                "192.0.2.10:2762",
                transport="tls",
                ae_title="ARCHIVE",
                state="used, not enforced",
                families=("IPv4",),
                why="TLS works here, but the same AE also answers in plain on 192.0.2.10:104",
                setting="archive.ini [network] allow_plain = no",
            ),
            EndpointFacts(
                "dicom",
                "192.0.2.10:104",
                transport="plain",
                ae_title="ARCHIVE",
                state="absent",
                families=("IPv4",),
                why="a plain association was accepted",
            ),
        ),
    )
    return dataclasses.replace(facts, **changes)


def make(
    rows: list[tuple[Claim, dict[str, Any]]], *, target: TargetFacts = TARGET, **changes: Any
) -> dict[str, Any]:
    """Build the document of *rows*; *changes* go to the run facts."""
    cases = [case_of(row, claim) for claim, row in rows]
    verdicts = [verdict_of(row, case) for (_, row), case in zip(rows, cases, strict=True)]
    claims = tuple(dict.fromkeys(claim for claim, _ in rows))
    plan = Plan(claims, tuple(cases), (("iscl", "not claimed by the target"),))
    return build(facts_of(verdicts, **changes), plan, verdicts, profiles_of(cases), target)


def sample() -> dict[str, Any]:
    """Build the committed sample: every verdict word, one waiver, one attestation, two claims."""
    return make(
        [*((B12_CLAIM, r) for r in ROWS), *((OES_CLAIM, r) for r in OES_ROWS)],
        observations=OBSERVED,
    )


def conforming(**changes: Any) -> dict[str, Any]:
    """Build a run in which every clause passed."""
    rows = [{**r, "word": Word.PASS} for r in ROWS if r["word"] in (Word.PASS, Word.FAIL)]
    return make(
        [(B12_CLAIM, r) for r in rows], target=dataclasses.replace(TARGET, waivers=()), **changes
    )


def large(count: int) -> dict[str, Any]:
    """Build a run of *count* cases."""
    words = (
        Word.PASS,
        Word.PASS,
        Word.PASS,
        Word.FAIL,
        Word.INCONCLUSIVE,
        Word.PASS,
        Word.WARN,
        Word.PASS,
    )
    rows = [
        {
            **ROWS[4],
            "clause": f"B.12-large-{i // 20}",
            "parameter": f"SUITE_{i}",
            "word": words[i % len(words)],
        }
        for i in range(count)
    ]
    return make([(B12_CLAIM, r) for r in rows])
