"""Our own validation agrees with a JSON Schema library, and what it lets through can be rendered."""

from __future__ import annotations

import copy
import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from part15.content import folder
from part15.report import FORMATS, diff, render
from part15.report.schema import report_schema
from part15.report.statement import draft
from part15.report.stored import dangling
from part15.report.valid import problems

SAMPLE = json.loads((folder("reports") / "samples" / "report.json").read_text(encoding="utf-8"))
SMALL = {**SAMPLE, "results": SAMPLE["results"][:3], "evidence": SAMPLE["evidence"][:2]}
SMALL["clauses"] = [
    c for c in SAMPLE["clauses"] if c["id"] in {r["clause"] for r in SMALL["results"]}
]
SCHEMA = report_schema()
LIBRARY = jsonschema.Draft202012Validator(SCHEMA)
VALUES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        7,
        1.5,
        "",
        "pass",
        "green",
        "../x",
        "/x",
        "f" * 16,
        "a" * 64,
        [],
        ["x"],
        {},
        {"pass": 1},
        {"x": -1},
    ]
)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from places(inside, (*path, key))
    elif isinstance(value, list):
        for number, inside in enumerate(value[:3]):
            yield from places(inside, (*path, number))


PLACES = [p for p in places(SMALL) if p]


def changed(path, value, *, drop):
    document = copy.deepcopy(SMALL)
    inside = document
    for step in path[:-1]:
        inside = inside[step]
    if drop:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    return document


def test_the_sample_is_right():
    assert problems(SAMPLE, SCHEMA) == dangling(SAMPLE) == []


def test_a_result_without_its_clause():
    assert dangling({**SAMPLE, "clauses": SAMPLE["clauses"][1:]}) == [
        "results[0].clause names no clause of the report"
    ]


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(PLACES), VALUES, st.booleans())
def test_agrees_with_the_library(path, value, drop):
    document = changed(path, value, drop=drop)
    assert bool(problems(document, SCHEMA)) is not LIBRARY.is_valid(document)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(PLACES), VALUES, st.booleans())
def test_what_is_valid_can_be_rendered(path, value, drop):
    document = changed(path, value, drop=drop)
    if problems(document, SCHEMA) or dangling(document):
        return
    for form in FORMATS:
        render(document, form)
    draft(document)
    diff.render(diff.compare(SAMPLE, document))


@pytest.mark.parametrize(
    ("value", "schema", "said"),
    [
        (True, {"type": "integer"}, "the document is True, not of type integer"),
        (
            {"a": 1},
            {"type": "object", "properties": {}, "additionalProperties": False},
            "a is not known",
        ),
        ([1, 2], {"type": "array", "maxItems": 1}, " has 2 members"),
        (7, {"type": "integer", "maximum": 6}, "the document is 7, more than 6"),
    ],
)
def test_sentences(value, schema, said):
    assert problems(value, schema) == [said]
