"""Digital signature profiles (PS3.15 Annex C)."""

from __future__ import annotations

import pytest

from part15.model import Verdict
from part15.pytest_plugin import settle

pytestmark = pytest.mark.covers(family="digital_signatures")


def test_clause(part15_verdict: Verdict) -> None:
    """Settle one case of the family."""
    settle(part15_verdict)
