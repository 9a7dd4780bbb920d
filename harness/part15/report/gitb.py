"""GITB Test Assertion Report (XML), as connectathon and EVS tools read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree as ET

from part15.report import view, writer
from part15.report.conclude import counts

NAMESPACE = "http://www.gitb.com/tr/v1/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
RESULTS = {
    "pass": "SUCCESS",
    "info": "SUCCESS",
    "fail": "FAILURE",
    "warn": "WARNING",
    "waived": "WARNING",
}
"""GITB result per verdict; what is not here is UNDEFINED. *not-applicable* is left out."""
ELEMENTS = {"fail": "error", "warn": "warning", "waived": "warning"}
"""Assertion element per verdict; the others are ``info``, since GITB knows no undecided assertion."""
_CONCLUSIONS = {
    "conformant": "SUCCESS",
    "conformant-with-waivers": "WARNING",
    "not-conformant": "FAILURE",
    "not-established": "UNDEFINED",
}


def _child(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    node = ET.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    node.text = text
    return node


def _result_of(words: Iterable[str]) -> str:
    found = {RESULTS.get(w, "UNDEFINED") for w in words}
    return next(
        (r for r in ("FAILURE", "UNDEFINED", "WARNING") if r in found),
        "SUCCESS" if found else "UNDEFINED",
    )


def _counters(parent: ET.Element, results: list[Mapping[str, Any]]) -> None:
    node = _child(parent, "counters")
    _child(node, "nrOfAssertions", str(len(results)))
    _child(node, "nrOfErrors", str(sum(ELEMENTS.get(r["verdict"]) == "error" for r in results)))
    _child(node, "nrOfWarnings", str(sum(ELEMENTS.get(r["verdict"]) == "warning" for r in results)))


def _assertion(parent: ET.Element, result: Mapping[str, Any]) -> None:
    node = _child(parent, ELEMENTS.get(result["verdict"], "info"))
    node.set(f"{{{XSI}}}type", "BAR")
    _child(node, "assertionID", result["clause"])
    _child(node, "description", result["message"])
    _child(node, "location", result["case"])
    asks = f"{result['section']} {view.bound(result)}: {result['text']}"
    _child(node, "test", asks + _vouched(result))
    _child(node, "type", result["verdict"])
    _child(node, "value", result["observed"])


def _vouched(result: Mapping[str, Any]) -> str:
    if result["attestedBy"]:
        return f" [attested by {result['attestedBy']}]"
    if result["waiver"]:
        return f" [waived by {result['waiver']['owner']} until {result['waiver']['expires']}]"
    return ""


def _overview(parent: ET.Element, document: Mapping[str, Any], profile: str, note: str) -> None:
    node = _child(parent, "overview")
    _child(node, "profileID", profile)
    _child(node, "customizationID", document["standard"]["edition"])
    _child(node, "transactionID", document["run"]["id"])
    _child(node, "validationServiceName", document["tool"]["name"])
    _child(node, "validationServiceVersion", document["tool"]["version"])
    _child(node, "note", note)


def tree(document: Mapping[str, Any]) -> ET.Element:
    """Return the report as an element: one nested TAR per profile."""
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("xsi", XSI)
    applicable = [r for r in document["results"] if r["verdict"] != "not-applicable"]
    root = ET.Element(
        f"{{{NAMESPACE}}}TestStepReport", {f"{{{XSI}}}type": "TAR", "id": document["run"]["id"]}
    )
    root.set("name", f"{document['sut']['product']} {document['sut']['version']}".strip())
    _child(root, "date", document["run"]["endedAt"])
    claims = document["claims"]
    words = [r["verdict"] for r in applicable]
    _child(
        root,
        "result",
        _CONCLUSIONS[document["summary"]["conclusion"]] if claims else _result_of(words),
    )
    told = "; ".join(
        f"{view.claim_name(c)}: {view.CONCLUSIONS[c['conclusion']]}, {view.decided_text(c)}"
        for c in claims
    )
    policies = [f"site policy {view.policy_line(p)}" for p in document["policies"]]
    told = "; ".join(filter(None, (told, *policies)))
    _overview(root, document, ", ".join(sorted({c["profile"] for c in claims})), told)
    _counters(root, [r for r in applicable if not (claims and r["policy"])])
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for result in applicable:
        groups.setdefault(result["policy"] or result["profile"], []).append(result)
    if groups:
        nested = _child(root, "reports")
        for profile, results in sorted(groups.items()):
            _profile(nested, document, profile, results)
    return root


def _profile(
    parent: ET.Element, document: Mapping[str, Any], profile: str, results: list[Mapping[str, Any]]
) -> None:
    node = _child(parent, "reports")
    node.set("id", profile)
    node.set("name", profile)
    _child(node, "date", document["run"]["endedAt"])
    _child(node, "result", _result_of(r["verdict"] for r in results))
    site = "site policy, no part of PS3.15: " if results[0]["policy"] else ""
    _overview(node, document, profile, site + view.count_text(counts(results)))
    _counters(node, results)
    rows = _child(node, "reports")
    for result in results:
        _assertion(rows, result)


def render(document: Mapping[str, Any]) -> str:
    """Return the XML text."""
    root = tree(document)
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


write = writer(render)
