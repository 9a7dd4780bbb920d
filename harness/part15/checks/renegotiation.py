"""What is judged about renegotiation in TLS 1.2."""

from __future__ import annotations

from part15.model import Judgement, fails, passes, undecided
from part15.observations.session import RenegotiationSeen
from part15.registry import check


def _listed(seen: RenegotiationSeen) -> str:
    return ", ".join(f"{way}: {answer}" for way, answer in seen.answers.items())


def _open(seen: RenegotiationSeen, *ways: str) -> Judgement | None:
    """Return why nothing is known of *ways*, None if something is."""
    answers = [seen.answers.get(way, "not tried") for way in ways]
    untried = [answer for answer in answers if answer.startswith("not tried")]
    if untried:
        return undecided(
            f"renegotiation could not be tried; {untried[0].removeprefix('not tried: ')}"
        )
    if not seen.after.accepted:
        return undecided(
            f"the control association afterwards was not accepted ({seen.after.outcome})"
        )
    return None


@check
def is_indicated(seen: RenegotiationSeen) -> Judgement:
    """The server renegotiates only with the right indication of RFC 5746, and indicates it itself."""
    wrong = [
        w for w in ("indicated wrongly", "not indicated") if seen.answers.get(w) == "renegotiated"
    ]
    if wrong:
        return fails(
            f"the server renegotiates when that is {' and when it is '.join(wrong)}",
            expected="a refusal",
            observed=_listed(seen),
        )
    if seen.answers.get("indicated") == "renegotiated" and not seen.acknowledged:
        return fails(
            "the server renegotiates, but does not acknowledge renegotiation_info",
            expected="renegotiation_info in its ServerHello",
            observed=_listed(seen),
        )
    return _open(seen, "indicated", "indicated wrongly", "not indicated") or passes(
        "the server renegotiates only when that is rightly indicated"
        if seen.answers["indicated"] == "renegotiated"
        else "the server does not renegotiate",
        observed=_listed(seen),
    )


@check
def keeps_certificate(seen: RenegotiationSeen) -> Judgement:
    """A renegotiation in which the client shows another certificate is refused."""
    way = "with another certificate"
    if seen.answers.get("indicated", "").startswith("refused"):
        return _open(seen, "indicated") or passes(
            "the server does not renegotiate", observed=_listed(seen)
        )
    if seen.answers.get(way) == "renegotiated":
        return fails(
            "the server goes on after a renegotiation in which the client's certificate changed",
            expected="a refusal",
            observed=_listed(seen),
        )
    return _open(seen, "indicated", way) or passes(
        "a renegotiation with another certificate is refused", observed=_listed(seen)
    )
