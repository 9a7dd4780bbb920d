"""JUnit XML from ``report.json``, for runs that pytest did not write itself (``judge``, ``inspect``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from part15.report import view, writer

MAX_BODY = 60_000
"""Characters of a body; some readers cut at 64 KiB."""
_SKIPPED = frozenset({"inconclusive", "review", "not-applicable"})


def _properties(case: ET.Element, result: Mapping[str, Any], sut: str) -> None:
    node = ET.SubElement(case, "properties")
    values = {
        "rule": result["clause"],
        "case": result["case"],
        "profile": result["profile"],
        "policy": result["policy"],
        "section": result["section"],
        "edition": result["edition"],
        "obligation": result["level"],
        "role": result["role"],
        "verdict": result["verdict"],
        "message": result["message"],
        "subject": result["subject"],
        "expected": result["expected"],
        "observed": result["observed"],
        "provenance": result["provenance"],
        "attestedBy": result["attestedBy"],
        "waiver": (result["waiver"] or {}).get("reason", ""),
        "evidence": " ".join(result["evidence"]),
        "sut": sut,
    }
    for name, value in values.items():
        ET.SubElement(node, "property", {"name": name, "value": str(value)})


def _line(result: Mapping[str, Any]) -> str:
    text = f"[{result['section']} {view.bound(result)}] {result['message']}"
    if result["expected"] or result["observed"]:
        text += f" | expected {result['expected'] or '-'} | observed {result['observed'] or '-'}"
    return text


def _case(result: Mapping[str, Any], sut: str) -> ET.Element:
    case = ET.Element(
        "testcase",
        {
            "classname": f"part15.{result['profile']}",
            "name": result["case"],
            "time": f"{result['durationMs'] / 1000:.3f}",
        },
    )
    _properties(case, result, sut)
    word, line = result["verdict"], _line(result)
    body = "\n".join(
        part
        for part in (
            f"why: {result['text']}" if result["text"] else "",
            f"what to change: {result['hint']}" if result["hint"] else "",
            f"reproduce: {result['reproduce']}" if result["reproduce"] else "",
            *(f"{f['verdict']}: {f['subject']}: {f['message']}" for f in result["findings"]),
        )
        if part
    )[:MAX_BODY]
    if word == "fail":
        ET.SubElement(case, "failure", {"message": line}).text = body
    elif word == "error":
        ET.SubElement(case, "error", {"message": line}).text = body
    elif word == "waived":
        ET.SubElement(case, "skipped", {"type": "pytest.xfail", "message": line})
    elif word in _SKIPPED:
        ET.SubElement(case, "skipped", {"message": f"{word}: {result['message']}"})
    told = [line] if word in {"warn", "info"} else []
    told += [
        f"[[ATTACHMENT|evidence/{name}]]"
        for name in result["evidence"]
        if word in {"fail", "error"}
    ]
    if told:
        ET.SubElement(case, "system-out").text = "\n".join(told)
    return case


def render(document: Mapping[str, Any]) -> str:
    """Return one suite with one testcase per result."""
    results = document["results"]
    words = [r["verdict"] for r in results]
    sut = f"{document['sut']['product']} {document['sut']['version']}".strip()
    suite = ET.Element(
        "testsuite",
        {
            "name": "part15",
            "tests": str(len(results)),
            "failures": str(words.count("fail")),
            "errors": str(words.count("error")),
            "skipped": str(sum(w in _SKIPPED or w == "waived" for w in words)),
            "time": f"{sum(r['durationMs'] for r in results) / 1000:.3f}",
            "timestamp": document["run"]["startedAt"][:19],
        },
    )
    suite.extend(_case(r, sut) for r in results)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


write = writer(render)
