"""An in-toto statement with the predicate *test result* (v0.1), as plain JSON; sign it with the tool of your choice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from part15.report import writer
from part15.report.build import to_text

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
_RESULTS = {"conformant": "PASSED", "conformant-with-waivers": "WARNED"}
_NOT_PASSED = ("fail", "error", "inconclusive", "review", "warn", "waived")
"""What of a site policy is a warning here: the result is that of PS3.15."""


def statement(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statement; its subject is ``report.json``, by its digest."""
    digest = hashlib.sha256(to_text(document).encode()).hexdigest()
    sut, run = document["sut"], document["run"]

    def cases(*words: str, policy: bool = False) -> list[str]:
        return [
            r["case"]
            for r in document["results"]
            if r["verdict"] in words and bool(r["policy"]) is policy
        ]

    result = _RESULTS.get(document["summary"]["conclusion"], "FAILED")
    if result == "PASSED" and document["summary"]["policy"]["conclusion"] not in ("none", "met"):
        result = "WARNED"

    return {
        "_type": STATEMENT,
        "subject": [
            {"name": f"{sut['product']} {sut['version']}".strip(), "digest": {"sha256": digest}}
        ],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            "configuration": [
                {"name": "target", "digest": {"sha256": run["configDigest"]}},
                {"name": "profiles", "digest": {"sha256": run["profilesDigest"]}},
            ],
            "passedTests": cases("pass", "info") + cases("pass", "info", policy=True),
            "warnedTests": cases("warn", "waived") + cases(*_NOT_PASSED, policy=True),
            "failedTests": cases("fail", "error", "inconclusive", "review"),
        },
    }


def render(document: Mapping[str, Any]) -> str:
    """Return the statement as JSON text."""
    return json.dumps(statement(document), indent=2, ensure_ascii=False) + "\n"


write = writer(render)
