"""Whether a server renegotiates, and only securely (RFC 5746; RFC 7525 and 9325 section 3.5)."""

from __future__ import annotations

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.tls import RenegotiationSeen
from part15.registry import check

INSECURE = {
    "missing": "without renegotiation_info",
    "wrong": "with a wrong renegotiation_info",
    "never": "on a connection where renegotiation_info was never indicated",
}
UNDECIDED = ("timeout", "")


@check
def is_indicated(seen: RenegotiationSeen) -> Judgement:
    """Where the server renegotiates, it demands the right renegotiation_info."""
    if "1.2" not in seen.known_versions:
        return passes("server does not negotiate TLS 1.2; TLS 1.3 has no renegotiation.")
    bad = [told for way, told in INSECURE.items() if seen.answers.get(way) == "hello"]
    if bad:
        return fails(
            f"server renegotiates {bad[0]}; disable insecure renegotiation, or renegotiation altogether.",
            expected="a refusal",
            observed=[f"renegotiates {told}" for told in bad],
        )
    doubt = _doubt(seen)
    if doubt is not None:
        return doubt
    if seen.answers.get("right") == "hello":
        return passes(
            "server renegotiates only with the right renegotiation_info.", observed=_told(seen)
        )
    return passes(
        f"server refused every renegotiation ({_told(seen)}); it "
        f"{'acknowledges' if seen.indicated else 'does not acknowledge'} renegotiation_info.",
        observed=_told(seen),
    )


@check
def keeps_certificate(seen: RenegotiationSeen) -> Judgement:
    """A renegotiation in which the client shows another certificate is refused."""
    if "1.2" not in seen.known_versions:
        return passes("server does not negotiate TLS 1.2; TLS 1.3 has no renegotiation.")
    if seen.answers.get("certificate") == "completed":
        return fails(
            "server accepted another client certificate in a renegotiation; refuse it, or "
            "renegotiation altogether.",
            expected="a refusal",
            observed="handshake completed",
        )
    doubt = _doubt(seen)
    if doubt is not None:
        return doubt
    if seen.answers.get("right") != "hello":
        return passes("server does not renegotiate.", observed=_told(seen))
    if not seen.authenticates:
        return passes("server asks for no client certificate, so none can change.")
    if "certificate" not in seen.answers:
        return undecided(
            "server renegotiates; give a second right client certificate as identities.other of the "
            "endpoint to see whether it accepts a change."
        )
    return passes(
        f"server refused another client certificate: {seen.answers['certificate']}.",
        observed=seen.answers["certificate"],
    )


def _doubt(seen: RenegotiationSeen) -> Judgement | None:
    if not seen.after.ok:
        message = f"server did not accept a good offer afterwards: {seen.after.answer}."
        return undecided(message, findings=[Finding("availability", Word.WARN, message)])
    if any(answer in UNDECIDED for answer in seen.answers.values()):
        return undecided(f"server neither renegotiated nor refused: {_told(seen)}.")
    return None


def _told(seen: RenegotiationSeen) -> str:
    return ", ".join(dict.fromkeys(seen.answers.values()))
