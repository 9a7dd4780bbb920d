"""Loading profiles: every problem at its place, the index, site profiles, and how they are bound."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from part15 import content, load, load_index
from part15.errors import ContentError
from part15.load_yaml import parse
from part15.model import Level, Status

GOOD = """\
profile: site-policy
title: Site policy
section: Site
editions: ['2023b', null]
roles: [tls-server]
include:
  - {profile: tls-bcp195-rfc8996, editions: ['2023b', null]}
clauses:
  - id: SITE-ports
    section: Site 1
    level: shall
    roles: [tls-server, conformance-statement]
    text: The port is declared.
    bind:
      - roles: [conformance-statement]
        stimulus: {statement.read: {keys: [site.port]}}
        check: statement.declares
        expect: {none_will_do: true}
      - roles: [tls-server]
        status: planned
        reason: not tested by this version
"""


def written(folder: Path, text: str, name: str = "site.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def messages(path: Path) -> list[str]:
    return [str(p).removeprefix(f"{path}:") for p in load.lint(path)]


def test_a_site_profile_works_as_a_built_in_one(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    profile = load.load_profiles([path])["site-policy"]
    assert profile.family == "secure_transport"
    assert profile.source == str(path)
    clause = profile.clauses[0]
    assert clause.line == 9
    assert clause.editions == ("2023b", None)
    assert [b.status for b in clause.bindings] == [Status.CHECKED, Status.PLANNED]
    assert clause.bindings[0].stimulus is not None
    assert clause.bindings[0].stimulus.args == {"keys": ["site.port"]}
    assert load.load_profile(path) == profile
    assert "site-policy" not in load.load_profiles()
    assert load.lint(path) == ()


def test_every_problem_of_a_file_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("title: Site policy", "titel: Site policy")
    text = text.replace("section: Site 1", "section: 1.2")
    text = text.replace("level: shall", "level: shal")
    text = text.replace("roles: [tls-server]\ninclude", "roles: [tls-servr]\ninclude")
    text = text.replace("tls-bcp195-rfc8996,", "tls-bcp195-rfc8969,")
    text = text.replace("check: statement.declares", "check: statement.declare")
    text = text.replace("{statement.read: {keys", "{statement.read: {key")
    text = text.replace("        reason: not", "        reason: a\n        reason: not")
    assert messages(written(tmp_path, text)) == [
        "1:1: a profile needs 'title'",
        f"1:10: add 'family:', one of {', '.join(load_index.FAMILIES)}",
        "2:1: 'titel' is not a key of a profile; did you mean 'title'?",
        "5:9: 'tls-servr' is no role that a target may claim; did you mean 'tls-server'?",
        "7:15: there is no profile 'tls-bcp195-rfc8969'; did you mean 'tls-bcp195-rfc8996'?",
        "10:14: 1.2 is read as a number; quote it: '1.2'",
        f"11:12: 'shal' is no level; it is one of {', '.join(Level)}; did you mean 'shall'?",
        "16:36: statement.read needs the argument 'keys'",
        "16:42: statement.read has no argument 'key'; did you mean 'keys'?",
        "17:16: check 'statement.declare' is not known; did you mean 'statement.declares'?",
        "22:9: the key 'reason' is given twice",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "editions: ['2023b', null]\nroles",
            "editions: [2001, null]\nroles",
            "4:12: 2001 is read as a number; quote it: '2001'",
        ),
        (
            "editions: ['2023b', null]\nroles",
            "editions: ['2023', '2011']\nroles",
            "4:11: the last edition 2011 is before the first 2023",
        ),
        (
            "editions: ['2023b', null]\nroles",
            "editions: ['2023b']\nroles",
            "4:11: editions are a pair: [first, last], null as last if still in force",
        ),
        (
            "editions: ['2023b', null]\nroles",
            "editions: ['soon', null]\nroles",
            "4:12: 'soon' is no edition; write '2008' or '2023b'",
        ),
        (
            "id: SITE-ports",
            "id: B.12-no-null",
            "9:9: the clause id 'B.12-no-null' exists already in profiles/secure_transport/tls-bcp195-rfc8996.yaml",
        ),
        (
            "profile: site-policy",
            "profile: rfc8996",
            "1:10: the profile 'rfc8996' exists already in profiles/secure_transport/rfc8996.yaml",
        ),
        (
            "roles: [tls-server, conf",
            "roles: [tls-serv, tls-server, conf",
            "12:13: the role 'tls-serv' is in no claim of profiles/roles.yaml; did you mean 'tls-server'?",
        ),
        (
            "      - roles: [tls-server]\n        status: planned\n        reason: not tested by this version\n",
            "",
            "15:7: nothing is bound for the role tls-server of SITE-ports",
        ),
        (
            "- roles: [tls-server]",
            "- roles: [tls-server, conformance-statement]",
            "19:29: the role 'conformance-statement' of SITE-ports is bound twice",
        ),
        (
            "- roles: [tls-server]",
            "- roles: [tls-server, signer]",
            "19:29: 'signer' is no role of SITE-ports",
        ),
        (
            "        reason: not tested by this version\n",
            "",
            "19:9: the status 'planned' needs a reason",
        ),
        (
            "        check: statement.declares\n        expect: {none_will_do: true}\n",
            "",
            "15:9: a stimulus and a check belong together; the check is missing",
        ),
        (
            "none_will_do: true",
            "none_will_do: 'yes'",
            "18:32: 'none_will_do' of statement.declares is true or false, not 'yes'",
        ),
        (
            "none_will_do: true",
            "none: true",
            "18:24: statement.declares has no expectation 'none'; did you mean 'none_will_do'?",
        ),
        (
            "keys: [site.port]",
            "keys: [1.2]",
            "16:44: 'keys' of statement.read is a list (a text each), not 1.2; quote it: '1.2'",
        ),
        (
            "keys: [site.port]",
            "keys: 'table:no-such'",
            "16:43: there is no table 'no-such' in profiles/tables",
        ),
        (
            "none_will_do: true",
            "only_if_claimed: ['${nobody}']",
            "18:36: '${nobody}' is not a parameter of 'each'",
        ),
        (
            "editions: ['2023b', null]}",
            "editions: ['2023b', null], only: [B.13-]}",
            "7:69: no clause of tls-bcp195-rfc8996 begins with 'B.13-'",
        ),
        (
            "    text: The",
            "    depends: [B.12-no-nul]\n    text: The",
            "13:15: there is no B.12-no-nul; did you mean 'B.12-no-null'?",
        ),
        (
            "    text: The",
            "    readings: [T-99]\n    text: The",
            "13:16: there is no reading T-99 in profiles/tables/readings.json",
        ),
        (
            "    text: The",
            "    level_in: {tls-basik: should}\n    text: The",
            "13:27: there is no profile 'tls-basik'; did you mean 'tls-basic'?",
        ),
        (
            "    text: The",
            "    derived: 'yes'\n    text: The",
            "13:14: 'derived' is true or false, not 'yes'",
        ),
    ],
)
def test_a_mistake_has_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert GOOD.count(old) == 1
    assert expected in messages(written(tmp_path, GOOD.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "    bind:\n",
            "    status: planned\n    reason: x\n    bind:\n",
            "9:5: give either 'bind', or one stimulus, check or status for all roles, not both",
        ),
        (
            GOOD[GOOD.index("    bind:") :],
            "    hint: none\n",
            "9:5: nothing decides this clause: give 'bind', a stimulus with a check, or a status",
        ),
        (
            "        status: planned\n        reason: not tested by this version\n",
            "        features: [x]\n",
            "19:9: give a stimulus with a check, or a status with a reason",
        ),
        (
            "reason: not",
            "expect: {a: 1}\n        reason: not",
            "19:9: 'expect' and 'each' need a check",
        ),
        (
            "        check: statement.declares\n",
            "        check: statement.declares\n        status: planned\n        reason: x\n",
            "15:9: the status 'planned' says that nothing checks it, but there is a check",
        ),
        ("id: SITE-ports", "id: 'a b'", "9:9: 'a b' is not well formed; it must match"),
        (
            "profile: site-policy",
            "family: audits\nprofile: site-policy",
            "1:9: 'audits' is no family; it is one of",
        ),
        ("title: Site policy", "title: ''", "2:8: String should have at least 1 character"),
    ],
)
def test_a_mistake_of_form(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert GOOD.count(old) == 1
    found = messages(written(tmp_path, GOOD.replace(old, new)))
    assert any(message.startswith(expected) for message in found), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "1:1: is empty; a profile begins with 'profile: ID'"),
        ("- a\n- b\n", "1:1: a profile is a table that begins with 'profile: ID'"),
        ("profile: [a\n", "2:1: is not valid YAML: "),
        ("profile: a\n--- \nprofile: b\n", "is not valid YAML: "),
        ("{[a]: b}\n", "1:2: a key must be text"),
    ],
)
def test_what_is_no_profile_at_all(tmp_path: Path, text: str, expected: str) -> None:
    assert any(expected in m for m in messages(written(tmp_path, text)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert messages(tmp_path / "no.yaml") == [" cannot be read: No such file or directory"]
    assert load.lint(tmp_path / "no.txt")[0].message == "cannot be read: No such file or directory"
    with pytest.raises(ContentError, match="cannot be read"):
        load.load_profiles([tmp_path / "no.yaml"])


def test_hostile_yaml_is_bounded(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, name in zip("abcdefg", "bcdefgh", strict=True)
    )
    deep = "a: " + "[" * 60 + "]" * 60
    for text in (bomb, deep):
        assert any("too many or too deeply" in m for m in messages(written(tmp_path, text)))
    assert "is not UTF-8" in str(load.lint(_bytes(tmp_path, b"profile: \xff"))[0])
    assert "bytes; a profile is smaller" in str(load.lint(_bytes(tmp_path, b"#" * 4_000_001))[0])


def _bytes(folder: Path, data: bytes) -> Path:
    path = folder / "bytes.yaml"
    path.write_bytes(data)
    return path


def test_lint_tells_targets_from_profiles(tmp_path: Path) -> None:
    target = written(tmp_path, "target = { nam = 'x' }\n", "t.toml")
    assert any("did you mean 'name'?" in m for m in messages(target))
    assert messages(written(tmp_path, GOOD, "profile.txt")) == []
    assert load.lint(written(tmp_path, "target = 1\n", "t.txt")) != ()


def test_a_built_in_profile_lints_clean() -> None:
    assert load.lint(content.folder("profiles") / "secure_use" / "general.yaml") == ()
    with pytest.raises(ContentError, match="is no profile file"):
        load.load_profile(content.folder("profiles") / "roles.yaml")


def test_the_core_schema_of_yaml() -> None:
    values = parse(
        b"a: NO\nb: yes\nc: 12:30\nd: 0x1f\ne: 1.5\nf: true\ng: ~\nh: 2024-01-02\ni: .nan\nj: '1'\n",
        "f",
    ).value
    assert values == {
        "a": "NO",
        "b": "yes",
        "c": "12:30",
        "d": 31,
        "e": 1.5,
        "f": True,
        "g": None,
        "h": "2024-01-02",
        "i": ".nan",
        "j": "1",
    }


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        document = parse(text.encode("utf-8", "replace"), "f")
    except ContentError as error:
        assert error.problems
        return
    from part15.load_link import plain_profile

    _, problems = plain_profile(document)
    assert problems
