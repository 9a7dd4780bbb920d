"""Checks of the TLS versions and suites that a source or a collector takes (RFC 5425 4.2, RFC 9662)."""

from __future__ import annotations

from part15.model import Judgement, Word, fails, passes, undecided
from part15.observations.audit import TlsTakenSeen
from part15.registry import check

NO_TLS = ("wrong_version_number", "record_layer_failure", "packet_length_too_long", "http_request")
"""What OpenSSL says of an answer that is no TLS."""


@check
def takes_version(seen: TlsTakenSeen, *, version: str) -> Judgement:
    """A peer that speaks only TLS *version* is accepted."""
    outcome = seen.versions.get(version, "unclear")
    if outcome == "accepted":
        return passes(
            f"a peer restricted to TLS {version} was accepted", expected=version, observed=outcome
        )
    if seen.control != "accepted":
        return undecided(
            f"not even an open offer of TLS was accepted ({seen.control}); see the endpoint"
        )
    if outcome == "refused":
        return fails(
            f"a peer restricted to TLS {version} was refused, although other versions are accepted; enable it",
            expected=f"TLS {version}",
            observed=outcome,
        )
    return undecided(
        f"whether TLS {version} is accepted remained unclear", expected=f"TLS {version}"
    )


@check
def answers_as_server(seen: TlsTakenSeen) -> Judgement:
    """The collector answers a ClientHello: it is the TLS server (RFC 5425 4.2)."""
    if seen.control == "accepted":
        return passes(
            "the collector answered our ClientHello and took the connection", observed="TLS server"
        )
    if seen.detail == "silent" or any(word in seen.detail for word in NO_TLS):
        return fails(
            f"the collector did not answer a ClientHello with TLS ({seen.detail}); serve syslog over TLS",
            expected="a ServerHello",
            observed=seen.detail,
        )
    return undecided(
        f"the handshake failed ({seen.detail}); see the identity and trust of the endpoint"
    )


@check
def takes_no_old_version(seen: TlsTakenSeen) -> Judgement:
    """TLS 1.2 or later is accepted and nothing older is (A.6 recommends, reading S-16)."""
    if seen.control != "accepted":
        return undecided(
            f"not even an open offer of TLS was accepted ({seen.control}); see the endpoint"
        )
    new = [v for v in ("1.2", "1.3") if seen.versions.get(v) == "accepted"]
    old = [v for v in ("1.0", "1.1") if seen.versions.get(v) == "accepted"]
    if not new or old:
        found = (
            f"TLS {', '.join(old)} is accepted" if old else "neither TLS 1.2 nor 1.3 is accepted"
        )
        return fails(
            f"{found}; PS3.15 recommends TLS 1.2 or later", expected="TLS 1.2 or later", observed=old or "none",
            rests_on=("S-16",),
        )  # fmt: skip
    return passes(f"TLS {' and '.join(new)} are accepted, and nothing older", observed=new)


@check
def takes_suites(seen: TlsTakenSeen, *, edition: str) -> Judgement:
    """The mandatory suites are accepted: 0xC02F from RFC 9662 on, 0x002F before (reading S-17)."""
    if seen.control != "accepted":
        return undecided(
            f"not even an open offer of TLS was accepted ({seen.control}); see the endpoint"
        )
    new, old = seen.suites.get("0xC02F", "unclear"), seen.suites.get("0x002F", "unclear")
    readings = ("S-17",)
    if new == "accepted" and old == "accepted":
        return passes(
            "both mandatory suites are accepted", observed="0xC02F and 0x002F", rests_on=readings
        )
    if "unclear" in (new, old):
        return undecided(
            "whether the mandatory suites are accepted remained unclear", observed=f"{new}, {old}"
        )
    if new == "accepted":
        message = "0x002F (TLS_RSA_WITH_AES_128_CBC_SHA), mandatory in 2009, is refused; 0xC02F of RFC 9662 is accepted"
        return Judgement(Word.WARN, message, "0x002F", "refused", (), readings)
    if old == "accepted" and edition < "2024e":
        return passes(
            "0x002F, the mandatory suite of RFC 5425, is accepted",
            observed="0x002F",
            rests_on=readings,
        )
    return fails(
        f"0xC02F is {new} and 0x002F is {old}; enable TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        expected="0xC02F or 0x002F",
        observed="neither" if old != "accepted" else "0x002F only",
        rests_on=readings,
    )


@check
def takes_no_null(seen: TlsTakenSeen) -> Judgement:
    """A peer that offers only NULL and anonymous suites is refused (RFC 5425 4.2)."""
    if seen.control != "accepted":
        return undecided(
            f"not even an open offer of TLS was accepted ({seen.control}); see the endpoint"
        )
    if seen.null == "accepted":
        return fails(
            "a suite without encryption or authentication was negotiated; remove eNULL and aNULL",
            expected="a refused handshake",
            observed="accepted",
        )
    if seen.null == "refused":
        return passes("an offer of NULL and anonymous suites only was refused", observed="refused")
    return undecided("whether NULL and anonymous suites are accepted remained unclear")
