"""MAC, key, certificate and timestamp of each signature (PS3.3 C.12.1.1.3.1, PS3.15 C.1), each judged apart."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.signatures import (
    Fault,
    each,
    names_certificate_type,
    settled,
    terms_of,
    unreadable,
)
from part15.model import (
    Judgement,
    Word,
    does_not_apply,
    informs,
    needs_review,
    passes,
    undecided,
)
from part15.observations.signatures import (
    ALTERNATIVES,
    INVALID,
    UNDECIDABLE,
    SignatureSeen,
    SignedObjectSeen,
)
from part15.registry import check

WEAK_BITS = 2048
_PARTS = {
    "transfer-syntax": "the MAC calculation transfer syntax",
    "leaf": "plain elements",
    "sequence": "sequences",
    "encapsulated": "encapsulated pixel data",
    "nested-exclusion": "signed items that hold excluded elements",
    "signature-item": "the elements of the signature item",
}
_ALWAYS = ("transfer-syntax", "leaf", "signature-item")


@check
def verifies(seen: SignedObjectSeen) -> Judgement:
    """Every signature is that of its certificate's key over the MAC of what is stored."""
    if answer := unreadable(seen):
        return answer
    if not seen.current:
        return undecided(f"{seen.name}: every signature belongs to an earlier state of the object")
    faults = [
        (s.path, s.crypto.why if s.value else "(0400,0120) Signature is empty or absent (Type 1)")
        for s in seen.current
        if s.crypto.integrity == INVALID or not s.value
    ]
    if faults:
        return settled(faults, "")
    open_ones = [s for s in seen.current if s.crypto.integrity == UNDECIDABLE]
    if open_ones:
        return undecided(f"{open_ones[0].path}: {open_ones[0].crypto.why}")
    return passes(f"{len(seen.current)} of {len(seen.current)} signatures verify")


def _covers_part(signature: SignatureSeen, part: str) -> bool:
    return part in _ALWAYS or part in signature.crypto.holds


@check
def streams(seen: SignedObjectSeen, *, part: str) -> Judgement:
    """The MAC is over the octets PS3.3 prescribes for *part* of the stream.

    *part* is ``transfer-syntax``, ``leaf``, ``sequence``, ``encapsulated``, ``nested-exclusion`` or
    ``signature-item``. A signature that matches a known wrong stream fails in the part it got wrong; one
    that matches nothing fails as altered plain elements, and leaves the other parts undecided.
    """
    if answer := unreadable(seen):
        return answer
    concerned = [s for s in seen.current if _covers_part(s, part)]
    unknown = [s for s in seen.current if s.crypto.integrity == UNDECIDABLE]
    faults: list[Fault] = []
    for signature in concerned:
        crypto = signature.crypto
        if crypto.integrity != INVALID or crypto.alternative == "ps3.3":
            continue
        wrong = ALTERNATIVES.get(crypto.alternative, ("", "leaf"))[1]
        if crypto.block.form in ("pkcs1-v1_5", "") and wrong == part:
            faults.append((signature.path, crypto.why))
        else:
            unknown.append(signature)
    if faults:
        return settled(faults, "")
    if unknown:
        return undecided(f"{unknown[0].path}: {unknown[0].crypto.why}")
    if not concerned:
        return does_not_apply(f"no signature covers {_PARTS[part]}")
    return passes(
        f"{_PARTS[part]} are hashed as PS3.3 C.12.1.1.3.1.2 says".replace("syntax are", "syntax is")
    )


@check
def signs_with(
    seen: SignedObjectSeen, *, edition: str = "", terms: Sequence[str] = (), key: str = "RSA"
) -> Judgement:
    """The MAC algorithm is one of *terms* (by default those of *edition*) and the key is of kind *key*."""
    if answer := unreadable(seen):
        return answer
    allowed = tuple(terms) or terms_of(edition)
    faults = {}
    for s in seen.current:
        if s.parameters == 1 and s.algorithm not in allowed:
            faults[s.path] = (
                f"uses {s.algorithm or 'no MAC algorithm'}, which is not one of {', '.join(allowed)}"
            )
        elif s.certificate.readable and s.certificate.key != key:
            faults[s.path] = (
                f"is made with {_a_key(s.certificate.key)}; the profile asks for an {key} key"
                " (dcmsign takes it without a profile)"
            )
    return each(
        seen,
        faults,
        f"made with {key} keys over {', '.join(sorted({s.algorithm for s in seen.current}))}",
    )


def _a_key(kind: str) -> str:
    return f"an {kind} key" if kind[:1] in "AEFHILMNORSX" else f"a {kind} key"


@check
def avoids_hash(
    seen: SignedObjectSeen, *, terms: Sequence[str], weak: Sequence[str] = ()
) -> Judgement:
    """No signature uses one of *terms*; those of *weak* are named without failing."""
    if answer := unreadable(seen):
        return answer
    faults = [
        (s.path, f"uses {s.algorithm}, which is discouraged")
        for s in seen.current
        if s.algorithm in terms
    ]
    warnings = [
        (s.path, f"uses {s.algorithm}, which is weak today")
        for s in seen.current
        if s.algorithm in weak
    ]
    return settled(faults, f"no signature uses {', '.join(terms)}", warnings=warnings)


def _rsa(seen: SignedObjectSeen) -> list[SignatureSeen]:
    return [s for s in seen.current if s.crypto.block.form]


def _no_block(seen: SignedObjectSeen) -> Judgement:
    first = next(iter(seen.current), None)
    if first is None:
        return undecided(f"{seen.name}: there is no signature of the object as it is now")
    kind = first.certificate.key
    if kind and kind != "RSA":
        return does_not_apply(f"{first.path}: there is no RSA block, the key is {_a_key(kind)}")
    why = first.crypto.why
    return undecided(f"{first.path}: the block under the signature cannot be seen: {why}")


@check
def pads_by_pkcs1(seen: SignedObjectSeen) -> Judgement:
    """The block under each signature is exactly that of RSASSA-PKCS1-v1_5 with DigestInfo (reading O-04)."""
    if answer := unreadable(seen):
        return answer
    if not _rsa(seen):
        return _no_block(seen)
    what = {
        "no-digestinfo": "the block holds the bare MAC without DigestInfo",
        "trailing-garbage": "octets follow the DigestInfo in the block",
        "block-type-2": "the block is of type 02, that of encryption",
        "pss": "the signature is RSASSA-PSS",
        "other-encoding": "the DigestInfo is not in its one DER encoding, or padded with fewer than 8 octets",
        "not-pkcs1": "the key in the certificate gives no PKCS #1 block",
    }
    faults = {s.path: what[s.crypto.block.form] for s in _rsa(seen) if s.crypto.block.form in what}
    judged = each(seen, faults, "every RSA signature is RSASSA-PKCS1-v1_5 with DigestInfo")
    return _resting(judged, "O-04")


def _resting(answer: Judgement, *readings: str) -> Judgement:
    return Judgement(
        answer.word, answer.message, answer.expected, answer.observed, answer.findings, readings
    )


@check
def fills_modulus(seen: SignedObjectSeen) -> Judgement:
    """Signature has as many octets as the modulus of the RSA key."""
    if answer := unreadable(seen):
        return answer
    if not _rsa(seen):
        return _no_block(seen)
    faults = {
        s.path: f"(0400,0120) Signature has {b.length} octets, the modulus {b.modulus_length}"
        for s in _rsa(seen)
        if (b := s.crypto.block).length != b.modulus_length
    }
    return each(seen, faults, "every RSA signature is as long as its modulus")


@check
def labels_algorithm(seen: SignedObjectSeen) -> Judgement:
    """MAC Algorithm names the hash that the DigestInfo inside the signature names."""
    if answer := unreadable(seen):
        return answer
    faults = {}
    told = 0
    for s in _rsa(seen):
        block = s.crypto.block
        inside = block.digest_algorithm or block.digest_oid
        told += bool(inside)
        if inside and inside.upper() != s.algorithm:
            faults[s.path] = (
                f"(0400,0015) says {s.algorithm}, the signature is over {inside.upper()}"
            )
    if not told:
        return _no_block(seen)
    return each(seen, faults, "MAC Algorithm is the hash that was signed")


@check
def identifies_signer(seen: SignedObjectSeen, *, holder: str = "") -> Judgement:
    """The certificate is an X.509 signature certificate with a subject and an RSA key that may sign.

    A key usage without digital signature and non-repudiation fails: C.1 asks for a *signature*
    certificate (dcmsign does not look). *holder* is the rule of a site or vendor that every signer is a
    ``person`` or a ``device``. Weak keys and SHA-1 certificates are named, the text sets no minimum.
    """
    if answer := unreadable(seen):
        return answer
    kind = names_certificate_type(seen)
    faults: list[Fault] = [(f.subject, f.message) for f in kind.findings if f.word is Word.FAIL]
    warnings: list[Fault] = []
    for s in seen.current:
        c = s.certificate
        if not c.readable:
            faults.append((s.path, c.why))
            continue
        if not c.subject:
            faults.append((s.path, "the certificate has no subject: it identifies nobody"))
        if c.key != "RSA":
            faults.append((s.path, f"the certificate has {_a_key(c.key)}, no RSA key"))
        if c.has_key_usage and not {"digital_signature", "content_commitment"} & set(c.key_usage):
            usage = ", ".join(c.key_usage).replace("_", " ") or "nothing"
            faults.append((s.path, f"the key usage of the certificate allows {usage}, not signing"))
        if c.key == "RSA" and c.key_bits < WEAK_BITS:
            warnings.append(
                (s.path, f"the key has {c.key_bits} bits, which is weak; C.1 sets no minimum")
            )
        if c.digest in ("sha1", "md5"):
            warnings.append(
                (s.path, f"the certificate itself is signed with {c.digest}; C.1 has no rule")
            )
    if not faults and holder and (answer := _held(seen, holder)):
        return answer
    return settled(faults, "every signature carries a signature certificate", warnings=warnings)


@check
def is_trusted(seen: SignedObjectSeen) -> Judgement:
    """Each certificate leads to a given anchor and was valid when the signature says it was made."""
    if answer := unreadable(seen):
        return answer
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for s in seen.current:
        status, why = s.trust.status, s.trust.why
        if status in ("untrusted", "revoked", "expired-at-signing", "not-yet-valid"):
            faults.append((s.path, f"the certificate is {status.replace('-', ' ')}: {why}"))
        elif status == "expired-now":
            warnings.append((s.path, f"the certificate has expired since: {why}"))
        elif status == "not judged" and s.signed_at and s.certificate.readable:
            c = s.certificate
            if not c.not_before <= s.signed_at <= c.not_after:
                span = f"{c.not_before} to {c.not_after}"
                faults.append(
                    (s.path, f"the certificate is valid {span}, the signature is of {s.signed_at}")
                )
    if faults:
        return settled(faults, "", warnings=warnings)
    unread = [s for s in seen.current if s.trust.status in ("absent", "unreadable")]
    if unread:
        return undecided(f"{unread[0].path}: {unread[0].trust.why}")
    if any(s.trust.status == "not judged" for s in seen.current):
        return informs(
            "trust is not judged: no trust anchor was given; name one (media.trust, --trust)"
        )
    return settled([], "every certificate leads to a given anchor", warnings=warnings)


def _held(seen: SignedObjectSeen, holder: str) -> Judgement | None:
    """Return the answer where signatures are not by a *holder* (``person`` or ``device``), None where they are."""
    wrong = {
        s.path: f"the certificate is that of a {s.certificate.holder} ({s.certificate.told_by}),"
        f" not of a {holder}"
        for s in seen.current
        if s.certificate.holder not in (holder, "not told")
    }
    if wrong:
        return each(seen, wrong, "")
    silent = [s for s in seen.current if s.certificate.holder == "not told"]
    if not silent:
        return None
    return needs_review(
        f"{silent[0].path}: the certificate of {silent[0].certificate.subject} does not say whether a"
        f" person or a device holds it; look whether it is a {holder}"
    )
