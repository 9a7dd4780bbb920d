"""What is judged about DICOMweb endpoints."""

from __future__ import annotations

import re

from part15.model import Judgement, does_not_apply, fails, passes, undecided
from part15.observations.session import WebSeen
from part15.registry import check


@check
def sends_hsts(seen: WebSeen) -> Judgement:
    """Every DICOMweb endpoint sends Strict-Transport-Security with a max-age above 0 (RFC 6797).

    Binds HTTP only: a target that states no DICOMweb endpoint has nothing to send it.
    """
    if not seen.headers and not seen.failed:
        return does_not_apply(
            "the target states no endpoint with transport https; HSTS binds HTTP only"
        )
    without = [
        n
        for n, value in seen.headers.items()
        if not re.search(r"(?i)max-age\s*=\s*\"?[1-9]", value)
    ]
    observed = ", ".join(f"{n}: {v or 'no header'}" for n, v in seen.headers.items())
    if without:
        return fails(
            f"{' and '.join(without)} sends no Strict-Transport-Security with a max-age above 0",
            expected="Strict-Transport-Security: max-age=...",
            observed=observed,
        )
    if seen.failed:
        return undecided("; ".join(f"{n}: {why}" for n, why in seen.failed.items()))
    return passes("every DICOMweb endpoint sends Strict-Transport-Security", observed=observed)
