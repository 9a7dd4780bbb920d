"""Which algorithms an endpoint uses: of suites, handshake signatures and certificates (B.13, RFC 9325 4.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from part15.checks import tls_chains as chains
from part15.checks.tls_chains import SERVER
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.tls import CertificateSeen, HelloSeen, SuitesSeen
from part15.registry import check
from part15.wire import tls_names as names
from part15.wire.tls_names import suite_label, version_label

PARTS = ("kx", "auth", "enc", "mode", "mac")


@check
def refuses_parts(seen: SuitesSeen, *, parts: Mapping[str, Any]) -> Judgement:
    """No negotiated suite has a forbidden part, and no handshake was signed with a forbidden hash.

    *parts* maps ``kx auth enc mode mac hash`` to names as in the suite table; ``hash`` also judges
    the signature scheme of the key exchange, and the answer to an offer of such schemes alone.
    """
    bad: list[Finding] = []
    for hello in seen.hellos:
        found = _forbidden_parts(hello, parts) + _forbidden_scheme(hello, parts.get("hash", ()))
        bad += [_finding(hello, what) for what in found]
    bad += [
        Finding(
            "signature schemes",
            Word.FAIL,
            f"server signed with {names.scheme_name(probe.scheme)} when only weak schemes were offered.",
        )
        for probe in seen.probes
        if probe.outcome == "hello" and _weakly_signed(probe, parts.get("hash", ()))
    ]
    expected = "; ".join(f"{part} none of {', '.join(values)}" for part, values in parts.items())
    return _told(seen, bad, expected, "no negotiated suite or signature uses a forbidden algorithm")


@check
def uses_only_parts(seen: SuitesSeen, *, parts: Mapping[str, Any]) -> Judgement:
    """Every negotiated suite and handshake signature is made of permitted parts.

    *parts* maps ``kx auth enc mode hash`` to the permitted names; what a suite leaves open (kx and
    auth of TLS 1.3) is not judged by its suite. A scheme with SHA-512 is a warning (T-19).
    """
    bad: list[Finding] = []
    remarks: list[Finding] = []
    for hello in seen.hellos:
        bad += [_finding(hello, what) for what in _foreign_parts(hello, parts)]
        scheme = names.schemes().get(hello.scheme or -1)
        if scheme is None:
            continue
        if scheme.hash == "SHA-512":
            remarks.append(
                Finding(
                    scheme.name, Word.WARN, f"the handshake was signed with {scheme.name} (T-19)."
                )
            )
        elif scheme.hash not in parts.get("hash", (scheme.hash,)):
            bad.append(_finding(hello, f"signature {scheme.name}"))
    if "EdDSA" in seen.types and "EdDSA" not in parts.get("auth", ("EdDSA",)):
        bad.append(Finding("certificate", Word.FAIL, "server has a certificate with an EdDSA key."))
    expected = "; ".join(f"{part} of {', '.join(values)}" for part, values in parts.items())
    answer = _told(
        seen, bad, expected, "every negotiated suite and signature is made of permitted algorithms"
    )
    if answer.word is Word.PASS and remarks:
        unique = tuple({remark.subject: remark for remark in remarks}.values())
        return passes(answer.message, expected=expected, findings=unique, rests_on=("T-19",))
    return answer


@check
def signs_without(seen: SuitesSeen, *, hashes: Sequence[str]) -> Judgement:
    """Neither handshake nor certificates of the server are signed with one of *hashes*.

    TLS 1.1 and earlier sign a key exchange with SHA-1 (and MD5). The signature of a self-signed
    certificate is ignored (T-22).
    """
    bad = [
        _finding(hello, what) for hello in seen.hellos for what in _forbidden_scheme(hello, hashes)
    ]
    old = [hello for hello in seen.hellos if hello.public and hello.version not in ("1.2", "1.3")]
    bad += [
        _finding(hello, "a key exchange signed with SHA-1") for hello in old if "SHA-1" in hashes
    ]
    bad += [
        Finding(
            c.subject,
            Word.FAIL,
            f"certificate {c.subject!r} of the server is signed with {c.hash}.",
        )
        for c in _chain(seen)
        if c.hash in hashes and not c.self_signed
    ]
    bad += [
        Finding(
            "signature schemes",
            Word.FAIL,
            f"server signed with {names.scheme_name(probe.scheme)} when only weak schemes were offered.",
        )
        for probe in seen.probes
        if _weakly_signed(probe, hashes)
    ]
    good = "no handshake and no certificate is signed with a forbidden hash"
    return _told(seen, bad, f"no signature with {' or '.join(hashes)}", good)


@check
def has_key_bits(seen: SuitesSeen, *, key: str, minimum: int) -> Judgement:
    """Every certificate of the server with a *key* (RSA, EC) key has at least *minimum* bits."""
    return chains.key_bits(_chain(seen), SERVER, key=key, minimum=minimum)


def is_signed_with_bits(seen: SuitesSeen, *, signer: str, minimum: int) -> Judgement:
    """Every *signer* (RSA, ECDSA) signature in the chain was made with a key of at least *minimum* bits.

    The signature of a self-signed certificate is ignored (T-22).
    """
    return chains.signer_bits(_chain(seen), SERVER, signer=signer, minimum=minimum)


@check
def is_signed_with_hash(seen: SuitesSeen, *, hashes: Sequence[str]) -> Judgement:
    """Every certificate signature uses one of *hashes*; that of a self-signed one is ignored (T-22)."""
    return chains.signature_hash(_chain(seen), SERVER, hashes=hashes)


@check
def has_leaf_key(seen: SuitesSeen, *, keys: Sequence[str]) -> Judgement:
    """Hold if the server's own certificate has a key of one of the types *keys* (RSA, EC)."""
    return chains.leaf_key(_leaves(seen), SERVER, keys=keys)


@check
def has_leaf_curve(seen: SuitesSeen, *, curves: Sequence[str]) -> Judgement:
    """Hold if the server's own elliptic curve certificate, where it has one, is on one of *curves*."""
    return chains.leaf_curve(_leaves(seen), SERVER, curves=curves)


def _forbidden_parts(hello: HelloSeen, parts: Mapping[str, Any]) -> list[str]:
    suite = names.suites().get(hello.suite if hello.suite is not None else -1)
    if suite is None:
        return ["an unassigned suite"]
    found = [
        f"{part} {getattr(suite, part)}"
        for part in PARTS
        if getattr(suite, part) in parts.get(part, ())
    ]
    if suite.hash in parts.get("hash", ()) and f"mac {suite.hash}" not in found:
        found.append(f"hash {suite.hash}")
    return found


def _forbidden_scheme(hello: HelloSeen, hashes: Sequence[str]) -> list[str]:
    return [f"signature {names.scheme_name(hello.scheme)}"] if _weakly_signed(hello, hashes) else []


def _weakly_signed(hello: HelloSeen, hashes: Sequence[str]) -> bool:
    scheme = names.schemes().get(hello.scheme or -1)
    return scheme is not None and scheme.hash in hashes


def _foreign_parts(hello: HelloSeen, parts: Mapping[str, Any]) -> list[str]:
    suite = names.suites().get(hello.suite if hello.suite is not None else -1)
    if suite is None:
        return ["an unassigned suite"]
    return [
        f"{part} {getattr(suite, part) or 'none'}"
        for part in (*PARTS[:4], "hash")
        if part in parts
        and getattr(suite, part) != "any"
        and getattr(suite, part) not in parts[part]
    ]


def _finding(hello: HelloSeen, what: str) -> Finding:
    subject = f"{suite_label(hello.suite or 0)} in {version_label(hello.version)}"
    return Finding(subject, Word.FAIL, f"server negotiated {subject}, which has {what}.")


def _told(seen: SuitesSeen, bad: Sequence[Finding], expected: str, good: str) -> Judgement:
    if bad:
        rest = f" ({len(bad)} findings)" if len(bad) > 1 else ""
        return fails(
            f"{bad[0].message}{rest} Remove it from the cipher string or the signature schemes.",
            expected=expected,
            observed=[finding.subject for finding in bad],
            findings=bad,
        )
    if not seen.after.ok:
        return undecided(f"server did not accept a good offer afterwards ({seen.after.answer}).")
    if not all(version.complete for version in seen.versions):
        return undecided("the enumeration did not end with a refusal in every version.")
    return passes(f"{good} ({len(seen.hellos)} were negotiated).", expected=expected)


def _chain(seen: SuitesSeen) -> list[CertificateSeen]:
    """Return every certificate that was seen, once."""
    return list({c.fingerprint: c for hello in seen.hellos for c in hello.chain}.values())


def _leaves(seen: SuitesSeen) -> list[CertificateSeen]:
    return list({h.chain[0].fingerprint: h.chain[0] for h in seen.hellos if h.chain}.values())
