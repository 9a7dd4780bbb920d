"""The shipped profiles: every clause of the catalogues is there, reachable and bound to something that exists."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from part15 import content, load
from part15.load_form import profile_schema
from part15.model import Claim, Level, Profile, Status
from part15.plan import clauses_of

HERE = Path(__file__).parent

CATALOGUED = {
    "authorization-rsa": 44,
    "base-rsa": 15,
    "basic-confidentiality": 73,
    "basic-digital-signatures-use": 5,
    "basic-media-security": 28,
    "basic-sr-digital-signatures-use": 4,
    "bit-preserving-digital-signatures-use": 7,
    "clean-descriptors": 2,
    "clean-graphics": 2,
    "clean-pixel-data": 4,
    "clean-recognizable-visual-features": 3,
    "clean-structured-content": 3,
    "creator-rsa": 47,
    "dicom-application-configuration-management": 44,
    "dicom-audit-message-format": 167,
    "dicom-audit-syslog-tls": 48,
    "dicom-audit-syslog-udp": 19,
    "dicom-dns-service-discovery": 12,
    "dicom-network-address-management": 31,
    "dicom-time-synchronization": 24,
    "digital-signatures-macro": 29,
    "encrypted-attributes": 8,
    "general": 16,
    "historic-audit-reliable-syslog": 1,
    "iscl": 14,
    "online-electronic-storage": 38,
    "ps3.3-sop-common": 5,
    "ps3.4-storage": 6,
    "ps3.7-user-identity": 22,
    "ps3.8-transport": 8,
    "retain-device-identity": 1,
    "retain-institution-identity": 1,
    "retain-long-full-dates": 2,
    "retain-long-modified-dates": 5,
    "retain-patient-characteristics": 2,
    "retain-safe-private": 4,
    "retain-uids": 2,
    "rfc7525": 38,
    "rfc8996": 10,
    "rfc9325": 58,
    "secure-dicom-file": 5,
    "secure-email": 9,
    "sr-rsa": 22,
    "tls-aes": 14,
    "tls-basic": 14,
    "tls-bcp195": 11,
    "tls-bcp195-extended": 18,
    "tls-bcp195-nondowngrading": 16,
    "tls-bcp195-rfc8996": 24,
    "tls-bcp195-rfc8996-modified": 40,
    "tls-common": 4,
    "user-identity-basic": 5,
    "user-identity-kerberos": 8,
    "user-identity-passcode": 8,
    "user-identity-saml": 8,
}
"""How many clauses the catalogues have per profile; a profile may grow, never shrink."""

LEVELS = {
    Level.SHALL: 754,
    Level.SHALL_NOT: 55,
    Level.SHOULD: 115,
    Level.SHOULD_NOT: 15,
    Level.MAY: 119,
}

SAMPLED = (
    "2001",
    "2008",
    "2011",
    "2017c",
    "2018a",
    "2019c",
    "2020d",
    "2021b",
    "2022d",
    "2023a",
    "2023b",
    "2024e",
)


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return load.load_profiles()


def committed() -> dict[str, str]:
    lines = (HERE / "clause-ids.txt").read_text(encoding="utf-8").splitlines()
    assert lines == sorted(lines)
    return dict(line.split(" ") for line in lines)


def test_no_clause_vanished_or_moved(profiles: dict[str, Profile]) -> None:
    present = {c.id: p.id for p in profiles.values() for c in p.clauses}
    assert {i: p for i, p in committed().items() if present.get(i) != p} == {}


def test_new_clauses_are_in_the_committed_list(profiles: dict[str, Profile]) -> None:
    present = {c.id for p in profiles.values() for c in p.clauses}
    assert present - set(committed()) == set()


def test_the_catalogues_are_whole(profiles: dict[str, Profile]) -> None:
    assert sum(CATALOGUED.values()) == 1058
    assert {n: c for n, c in CATALOGUED.items() if len(profiles[n].clauses) < c} == {}


def test_the_levels_are_those_of_the_catalogues(profiles: dict[str, Profile]) -> None:
    counted = Counter(c.level for p in profiles.values() for c in p.clauses)
    assert {level: n for level, n in LEVELS.items() if counted[level] < n} == {}


def test_texts_are_whole(profiles: dict[str, Profile]) -> None:
    clauses = {c.id: c for p in profiles.values() for c in p.clauses}
    assert all(c.text.strip() for c in clauses.values())
    assert sum(len(c.text) for c in clauses.values()) > 95_000
    assert sum(len(c.how) for c in clauses.values()) > 108_000
    assert sum(len(c.negative) for c in clauses.values()) > 43_000
    assert "must have source 2" in clauses["TLS-COMMON-abort-both-sides"].notes
    assert len(clauses["B.13-cipher-tls12-mandatory"].data["suites"]) == 14
    assert clauses["C.2-top-level"].derived
    assert not clauses["M-mac-parameters-present"].derived
    assert clauses["TLS-COMMON-plaintext-refused"].level_in["tls-basic"] == "shall"
    assert clauses["TLS-COMMON-plaintext-refused"].level_in["tls-bcp195-rfc8996"] == "should"


def test_a_prohibition_states_what_must_not_happen(profiles: dict[str, Profile]) -> None:
    words = (" not ", "no ", "never ")
    suspects = {
        c.id
        for p in profiles.values()
        for c in p.clauses
        if c.level in (Level.SHALL_NOT, Level.SHOULD_NOT)
        and any(f" {c.text.split(',')[0].lower()}".find(f" {w.strip()} ") >= 0 for w in words)
    }
    told_apart = {
        "UID-ac-only-if-positive-and-ok",
        "UID-ac-absent-if-not-requested-item",
        "GEN-6.4-media-needs-application-profile",
        "P10-no-security-profile",
        "RFC8996-no-tls10",
        "RFC8996-no-tls11",
        "B.13-dhe-not-without-length-control",
    }
    assert suspects - told_apart == set()


def test_every_clause_role_is_reachable(profiles: dict[str, Profile]) -> None:
    reachable = {role for answers in load.load_roles().values() for role in answers}
    unreachable = {r for p in profiles.values() for c in p.clauses for r in c.roles} - reachable
    assert unreachable == {"profile-author"}


def test_every_clause_of_a_claimable_profile_is_reached_by_its_own_roles(
    profiles: dict[str, Profile],
) -> None:
    roles = load.load_roles()
    for profile in profiles.values():
        if profile.claimable:
            mine = {answer for role in profile.roles for answer in roles[role]}
            left = {c.id for c in profile.clauses if not set(c.roles) & mine}
            assert left == set(), profile.id


def test_statement_roles_belong_to_every_claim() -> None:
    for answers in load.load_roles().values():
        assert {"conformance-statement", "statement-author", "implementation"} <= set(answers)


def test_general_belongs_to_every_claimable_profile(profiles: dict[str, Profile]) -> None:
    without = {
        p.id
        for p in profiles.values()
        if p.claimable and "general" not in {i.profile for i in p.include}
    }
    assert without == {p.id for p in profiles.values() if p.policy}, "a policy is no PS3.15 claim"


def test_a_policy_says_so_in_its_name_and_title(profiles: dict[str, Profile]) -> None:
    for profile in profiles.values():
        assert profile.policy is profile.id.startswith("site-")
        assert profile.policy is profile.title.startswith("Site policy, not PS3.15")


def test_rule_sets_cannot_be_claimed(profiles: dict[str, Profile]) -> None:
    for name in ("general", "tls-common", "rfc7525", "rfc8996", "rfc9325", "ps3.8-transport"):
        assert not profiles[name].claimable
    assert profiles["tls-bcp195-rfc8996"].claimable


def test_a_claimable_profile_has_clauses_of_its_own_in_each_edition(
    profiles: dict[str, Profile],
) -> None:
    for profile in profiles.values():
        first, last = profile.editions
        for edition in SAMPLED:
            if profile.claimable and first <= edition and (last is None or edition <= last):
                own = [c for c in profile.clauses if c.in_force(edition)]
                assert own, f"{profile.id} has no clause in {edition}"


@pytest.mark.parametrize(
    ("profile", "edition", "binding", "advisory"),
    [
        ("tls-bcp195", "2021b", {"rfc7525"}, {"rfc8996", "rfc9325"}),
        ("tls-bcp195-extended", "2022d", {"rfc7525"}, {"rfc8996", "rfc9325"}),
        ("tls-bcp195-rfc8996", "2023b", {"rfc7525", "rfc8996"}, {"rfc9325"}),
        ("tls-bcp195-rfc8996-modified", "2023a", {"rfc7525", "rfc8996"}, {"rfc9325"}),
        ("tls-bcp195-rfc8996", "2024e", {"rfc8996", "rfc9325"}, set()),
        ("tls-basic", "2011", set(), set()),
    ],
)
def test_rule_sets_by_edition(
    profiles: dict[str, Profile], profile: str, edition: str, binding: set[str], advisory: set[str]
) -> None:
    inside = [
        i
        for i in profiles[profile].include
        if i.editions[0] <= edition and (i.editions[1] is None or edition <= i.editions[1])
    ]
    sets = {i.profile: i.advisory for i in inside if i.profile.startswith("rfc")}
    assert {n for n, a in sets.items() if not a} == binding
    assert {n for n, a in sets.items() if a} == advisory
    assert {"general", "tls-common", "ps3.8-transport"} <= {i.profile for i in inside}


def test_transport_clauses_are_grouped_as_section_6_2_does(profiles: dict[str, Profile]) -> None:
    grouped = {"framework", "authentication", "encryption", "integrity"}
    for profile in profiles.values():
        if profile.family == "secure_transport" and profile.id != "secure-email":
            assert {c.group for c in profile.clauses} <= grouped, profile.id
    assert {c.group for c in profiles["tls-bcp195-rfc8996"].clauses} == grouped


def test_every_statement_shall_says_what_to_declare(profiles: dict[str, Profile]) -> None:
    for profile in profiles.values():
        for clause in profile.clauses:
            for binding in clause.bindings:
                if binding.status is Status.STATEMENT and clause.level is not Level.MAY:
                    assert clause.data.get("claim"), clause.id
                    assert binding.stimulus is not None, clause.id
                    assert clause.hint, clause.id
                if binding.stimulus and binding.stimulus.kind == "statement.read":
                    claim = clause.data["claim"]
                    keys = [claim] if isinstance(claim, str) else list(claim)
                    assert binding.stimulus.args["keys"] == keys, clause.id


def test_what_is_not_checked_says_why(profiles: dict[str, Profile]) -> None:
    for profile in profiles.values():
        for clause in profile.clauses:
            for binding in clause.bindings:
                if binding.stimulus is None:
                    assert binding.reason, clause.id
                    assert binding.status is not Status.CHECKED, clause.id


def test_checks_and_drivers_fit(profiles: dict[str, Profile]) -> None:
    assert [str(p) for p in load.bind_problems(profiles)] == []


def test_readings_are_a_register() -> None:
    readings = load.load_readings()
    assert Counter(name[0] for name in readings) == {"T": 34, "O": 23, "S": 30}
    assert all(r["problem"] and r["reading"] for r in readings.values())


def test_texts_name_readings_by_their_product_ids() -> None:
    root = content.folder("profiles")
    for path in [*root.glob("*/*.yaml"), root / "tables" / "readings.json"]:
        text = path.read_text(encoding="utf-8")
        assert "AMB-" not in text, path.name
        assert "see md" not in text, path.name


def test_mentioned_readings_are_listed(profiles: dict[str, Profile]) -> None:
    citing = {c.id for p in profiles.values() for c in p.clauses if "T-22" in c.readings}
    assert "B.13-cert-sig-rsa-2048" in citing


def test_the_schema_is_up_to_date() -> None:
    path = content.folder("profiles") / "profile.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == profile_schema(), (
        "write it anew: part15 schema profile > profiles/profile.schema.json"
    )


def test_udp_takes_only_the_syslog_format_from_the_tls_transport(
    profiles: dict[str, Profile],
) -> None:
    udp = Claim("dicom-audit-syslog-udp", "audit-source", "2023b")
    brought = [
        c.id for _, c, _ in clauses_of(udp, profiles) if c.profile == "dicom-audit-syslog-tls"
    ]
    assert len(brought) == 16
    assert all(name.startswith("SYSLOG-5424-") for name in brought)
