"""Ready adapters for programs that part15 knows; see docs/adapter.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

Answer = tuple[int, Mapping[str, Any]]
Verb = Callable[[Mapping[str, Any]], Answer]

DONE, REFUSED, CANNOT = 0, 1, 2


def serve(verbs: Mapping[str, Verb]) -> int:
    """Answer the request on stdin by one of *verbs*; returns the exit status of the protocol."""
    request = json.load(sys.stdin)
    verb = verbs.get(request.get("verb", ""))
    if verb is None:
        json.dump({"reason": f"this adapter has no verb {request.get('verb')!r}"}, sys.stdout)
        return CANNOT
    code, answer = verb(request)
    json.dump(answer, sys.stdout)
    return code
