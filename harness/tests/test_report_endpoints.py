"""The state of use of each endpoint in the report, and what differs between address families."""

from __future__ import annotations

from part15.observations.session import UseSeen
from part15.report.endpoints import facts
from part15.report.facts import Observed
from part15.target_file import parse_target

TARGET = parse_target(
    {
        "target": {"name": "t"},
        "endpoints": {
            "tls.ipv4": {"address": "127.0.0.1:1", "setting": "DicomTlsEnabled"},
            "tls.ipv6": {"address": "[::1]:1"},
        },
    }
)


def use(endpoint: str, state: str) -> Observed:
    return Observed(f"k-{endpoint}", "session.observe_use", endpoint, UseSeen(state, "why", "", ""))


def test_a_family_that_is_weaker_is_said() -> None:
    four, six = facts(
        TARGET, [use("tls.ipv4", "enforced"), use("tls.ipv6", "used, not enforced")], ()
    )
    assert (four.state, six.state) == ("enforced", "used, not enforced")
    assert "differs by address family: tls.ipv6 is used, not enforced" in four.why
    assert four.families == ("ipv4",)
    assert six.families == ("ipv6",)
    assert four.setting == "DicomTlsEnabled"


def test_equal_families_are_not_mentioned() -> None:
    found = facts(TARGET, [use("tls.ipv4", "enforced"), use("tls.ipv6", "enforced")], ())
    assert [f.why for f in found] == ["why", "why"]


def test_nothing_seen_is_not_determined() -> None:
    (four, six) = facts(
        TARGET, [], ("tls: nothing listens on [::1]:1, though the name has that address",)
    )
    assert four.state == six.state == ""
    assert "nothing listens on [::1]:1" in six.why
