"""Statement clauses: declared, silent, undeclared; ports and addresses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from part15.bench import Bench, Ledger, Shelf
from part15.checks import statement
from part15.drivers.statement import read
from part15.model import Word
from part15.observations import from_json, to_json
from part15.observations.statement import DeclarationSeen, DeclaredPoint


class NoEvidence:
    def keep(self, name: str, data: bytes, *, phi: str = "none") -> None:
        raise AssertionError(f"{name} kept")


def point(
    port: int, transport: str = "tls", host: str = "127.0.0.1", profiles: tuple[str, ...] = ()
) -> Any:
    return SimpleNamespace(host=host, port=port, transport=transport, profiles=profiles)


def seen_of(
    declared: dict[str, Any],
    *keys: str,
    claims: tuple[str, ...] = ("tls-bcp195-rfc8996",),
    endpoints: dict[str, Any] | None = None,
    listeners: dict[str, Any] | None = None,
) -> DeclarationSeen:
    target = SimpleNamespace(
        declared=declared,
        claims={name: SimpleNamespace(roles=("tls-server",)) for name in claims},
        endpoints=endpoints or {},
        listeners=listeners or {},
    )
    bench = Bench(target, None, NoEvidence(), Ledger(), Shelf(), Path())
    seen = read(bench, keys=keys)
    assert from_json(to_json(seen)) == seen
    return seen


def test_nested_dotted_and_listed_keys() -> None:
    declared = {
        "tls-bcp195-rfc8996": {"ports": [2762]},
        "ps3.4": {"storage.level": 2},
        "profiles": [{"id": "a", "selection": "by port"}, {"id": "b"}],
    }
    seen = seen_of(
        declared,
        "tls-bcp195-rfc8996.ports",
        "ps3.4.storage.level",
        "profiles[].id",
        "profiles[].selection",
        "profiles[].id.deeper",
        "nothing.at.all",
        "nothing[].id",
    )
    assert seen.values == {
        "tls-bcp195-rfc8996.ports": (2762,),
        "ps3.4.storage.level": 2,
        "profiles[].id": ("a", "b"),
    }
    assert seen.absent == (
        "profiles[].selection",
        "profiles[].id.deeper",
        "nothing.at.all",
        "nothing[].id",
    )
    assert seen.claims == {"tls-bcp195-rfc8996": ("tls-server",)}


@pytest.mark.parametrize("value", ["by port", 0, 2762, True, ["a"], {"x": 1}, 1.5])
def test_what_is_declared_passes(value: Any) -> None:
    seen = seen_of({"a": {"b": value}}, "a.b")
    assert statement.declares(seen).word is Word.PASS


@pytest.mark.parametrize("value", ["", "  ", False, [], {}, ["a", ""]])
def test_a_silent_statement_fails(value: Any) -> None:
    judgement = statement.declares(seen_of({"a": {"b": value}}, "a.b"))
    assert judgement.word is Word.FAIL
    assert "a.b" in judgement.message


def test_one_silent_key_of_several_fails_even_if_another_is_undeclared() -> None:
    assert statement.declares(seen_of({"a": {"b": ""}}, "a.b", "a.c")).word is Word.FAIL


def test_what_is_not_declared_is_undecided_and_says_how() -> None:
    judgement = statement.declares(seen_of({"a": {"b": "x"}}, "a.b", "a.c"))
    assert judgement.word is Word.INCONCLUSIVE
    assert judgement.message.startswith("not declared; add [declared] a.c to the target file")


@pytest.mark.parametrize(("value", "word"), [(False, Word.PASS), ([], Word.PASS), ("", Word.FAIL)])
def test_none_can_be_an_answer(value: Any, word: Word) -> None:
    assert statement.declares(seen_of({"a": value}, "a"), none_will_do=True).word is word


def test_a_clause_about_an_unclaimed_profile_does_not_apply() -> None:
    seen = seen_of({}, "media.application_profiles")
    assert (
        statement.declares(seen, only_if_claimed=["basic-media-security"]).word
        is Word.NOT_APPLICABLE
    )
    claimed = seen_of({}, "media.application_profiles", claims=("basic-media-security",))
    judgement = statement.declares(claimed, only_if_claimed=["basic-media-security"])
    assert judgement.word is Word.INCONCLUSIVE
    empty = seen_of({"media": {"application_profiles": []}}, "media.application_profiles")
    assert statement.declares(empty).word is Word.FAIL


@pytest.mark.parametrize(
    ("value", "word"), [(2, Word.PASS), ("3", Word.PASS), (4, Word.FAIL), ("", Word.FAIL)]
)
def test_one_of(value: Any, word: Word) -> None:
    assert (
        statement.declares_one_of(seen_of({"l": value}, "l"), values=["1", "2", "3"]).word is word
    )


def test_one_of_undeclared() -> None:
    assert statement.declares_one_of(seen_of({}, "l"), values=["1"]).word is Word.INCONCLUSIVE


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ({"o": []}, Word.PASS),
        ({"o": False}, Word.PASS),
        ({"o": ["Resolve Hostname"]}, Word.FAIL),
        ({"o": True}, Word.FAIL),
        ({}, Word.INCONCLUSIVE),
    ],
)
def test_denies(declared: dict[str, Any], word: Word) -> None:
    assert statement.denies(seen_of(declared, "o")).word is word
    assert (
        statement.denies(seen_of(declared, "o"), only_if_claimed=["x"]).word is Word.NOT_APPLICABLE
    )


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ({"c": True}, Word.PASS),
        ({"c": False, "l": ["TLS_ECDHE_X", "TLS_AES_Y"]}, Word.PASS),
        ({"c": False, "l": ["TLS_ECDHE_X", "TLS_DHE_X"]}, Word.FAIL),
        ({"c": "no", "l": "TLS_DHE_X"}, Word.FAIL),
        ({"c": False}, Word.INCONCLUSIVE),
        ({"l": []}, Word.INCONCLUSIVE),
    ],
)
def test_lists_none_without(declared: dict[str, Any], word: Word) -> None:
    seen = seen_of(declared, "c", "l")
    judgement = statement.lists_none_without(seen, condition="c", listed="l", prefix="TLS_DHE_")
    assert judgement.word is word


def test_nothing_asked_decides_nothing() -> None:
    seen = seen_of({})
    for judged in (statement.declares(seen), statement.denies(seen)):
        assert judged.word is Word.INCONCLUSIVE
    assert statement.declares_one_of(seen, values=["1"]).word is Word.INCONCLUSIVE


@pytest.mark.parametrize(
    ("declared", "endpoints", "word"),
    [
        ({}, {"a": point(2762)}, Word.PASS),
        ({}, {"a": point(40001)}, Word.FAIL),
        ({"p": {"default_port": 2762}}, {"a": point(40001)}, Word.PASS),
        ({"p": {"default_port": "2762"}}, {}, Word.PASS),
        ({"p": {"default_port": 11112}}, {"a": point(2762)}, Word.FAIL),
        ({"p": {"default_port": "configurable"}}, {}, Word.INCONCLUSIVE),
        ({}, {"a": point(2762, "plain")}, Word.INCONCLUSIVE),
        ({}, {"a": point(2762, profiles=("q",)), "b": point(40001)}, Word.FAIL),
        ({}, {}, Word.INCONCLUSIVE),
    ],
)
def test_recommended_port(declared: dict[str, Any], endpoints: dict[str, Any], word: Word) -> None:
    seen = seen_of(declared, "p.default_port", endpoints=endpoints)
    judgement = statement.recommends_port(seen, ports=[2762], transports=["tls"], profile="p")
    assert judgement.word is word


def test_a_listener_of_ours_is_no_port_of_the_product() -> None:
    seen = seen_of({}, "p.default_port", listeners={"a": point(2762)})
    assert seen.points == (DeclaredPoint("a", "127.0.0.1", 2762, "tls", (), listens=False),)
    judgement = statement.recommends_port(seen, ports=[2762], transports=["tls"])
    assert judgement.word is Word.INCONCLUSIVE


@pytest.mark.parametrize(
    ("claims", "endpoints", "word"),
    [
        (("a",), {}, Word.NOT_APPLICABLE),
        (("a", "b"), {"x": point(2762)}, Word.INCONCLUSIVE),
        (
            ("a", "b"),
            {"x": point(2762, profiles=("a", "b"))},
            Word.FAIL,
        ),
        (
            ("a", "b"),
            {
                "x": point(2762, profiles=("a",)),
                "y": point(2762, host="127.0.0.2", profiles=("b",)),
            },
            Word.PASS,
        ),
    ],
)
def test_two_profiles_two_addresses(
    claims: tuple[str, ...], endpoints: dict[str, Any], word: Word
) -> None:
    seen = seen_of({}, "k", claims=claims, endpoints=endpoints)
    judgement = statement.separates_addresses(seen, profiles=["a", "b"], port=2762)
    assert judgement.word is word
