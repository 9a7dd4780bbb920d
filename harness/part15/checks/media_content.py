"""Secure DICOM Files (PS3.15 D.1, PS3.10 7.4): what is inside the envelope, as far as it was opened."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.media import closed, outside
from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.media import InnerSeen, SecureFileSeen
from part15.registry import check
from part15.wire.cms_names import DATA, DIGESTED_DATA, RSA_SIGNATURES, SIGNED_DATA, name_of


def _protected(seen: SecureFileSeen) -> Judgement | InnerSeen:
    """Return the inner Signed-data or Digested-data, or the judgement that says why there is none."""
    shut = closed(seen)
    if shut is not None:
        return shut
    inner = seen.inner
    if inner is None or inner.kind not in ("signed", "digested"):
        kind = inner.kind if inner else "nothing"
        why = inner.problem if inner and inner.problem else f"it is {kind}"
        return fails(
            f"the encrypted content is neither Signed-data nor Digested-data: {why}",
            expected="signed-data or digested-data",
            observed=kind,
        )
    return inner


@check
def holds_one_file(seen: SecureFileSeen) -> Judgement:
    """Tell whether the file encapsulates exactly one DICOM File and nothing stands before or behind it (PS3.10 7.4)."""
    wrong = outside(seen)
    if wrong is not None:
        return wrong
    if seen.trailing:
        return fails(
            f"{seen.trailing} octets follow the CMS content; write one content and nothing else",
            expected="no octets behind the content",
            observed=f"{seen.trailing} octets",
        )
    if seen.access != "opened":
        shut = closed(seen)
        assert shut is not None
        return shut
    return encapsulates_dicom_file(seen)


@check
def encapsulates_dicom_file(seen: SecureFileSeen) -> Judgement:
    """Tell whether the signed or digested content is id-data and is the DICOM File itself, preamble to end (D.1)."""
    found = _protected(seen)
    if isinstance(found, Judgement):
        return found
    if found.content_type != DATA:
        return fails(
            f"the encapsulated content type is {name_of(found.content_type)}; a DICOM File is id-data",
            expected="id-data",
            observed=name_of(found.content_type),
        )
    if not found.content_present or seen.content is None:
        return fails(
            "the inner content is detached: there is no DICOM File in the file; put it into eContent",
            expected="the DICOM File in eContent",
            observed="nothing",
        )
    content = seen.content
    if content.form != "part10":
        return fails(
            f"the encapsulated content is {_FORMS[content.form]}, not a DICOM File (PS3.10)",
            expected="preamble, DICM, meta information, data set",
            observed=_FORMS[content.form],
        )
    if content.trailing:
        return fails(
            f"{content.trailing} octets follow the data set of the encapsulated DICOM File",
            expected="the DICOM File and nothing else",
            observed=f"{content.trailing} octets",
        )
    if content.problem:
        return fails(
            f"the encapsulated DICOM File cannot be read to its end: {content.problem}",
            expected="a DICOM File",
            observed=content.problem,
        )
    if content.original == "different":
        return fails(
            "the encapsulated DICOM File is not, octet by octet, the one that was to be encapsulated",
            expected="the same octets",
            observed="other octets",
        )
    same = ", the same octets as the original" if content.original else ""
    return passes(f"a DICOM File of {content.length} octets is encapsulated{same}")


_FORMS = {
    "data set": "a bare data set without preamble and meta information",
    "text": "text",
    "cms": "another CMS content",
    "other": "something else",
}


@check
def protects(seen: SecureFileSeen) -> Judgement:
    """Tell whether the file gives confidentiality and integrity and, when it is signed, authenticates its origin (D.1).

    Integrity is given when the digest or every signature fits. A signer is judged against the trust
    anchors only when some were given; Digested-data identifies nobody.
    """
    if seen.strangers:
        return fails(
            f"no confidentiality: {', '.join(seen.strangers)} opens the file, but is no recipient",
            expected="only the listed recipients open it",
            observed=seen.strangers,
        )
    found = _protected(seen)
    if isinstance(found, Judgement):
        return found
    spoilt = next((r for r in seen.recipients if r.outcome == "damaged"), None)
    if spoilt is not None:
        return fails(
            f"a listed recipient cannot open the file: {spoilt.why}",
            expected="every listed recipient opens it",
            observed=spoilt.why,
        )
    if seen.padding == "wrong":
        return fails(
            "the decrypted content does not end in padding: the ciphertext is damaged",
            expected="padding of 1 to one block",
            observed="none",
        )
    if not found.content_present:
        return fails(
            "nothing is protected: the inner content is detached",
            expected="the DICOM File in eContent",
            observed="nothing",
        )
    if found.kind == "digested":
        return _digest(found)
    return _signers(found)


def _digest(inner: InnerSeen) -> Judgement:
    name = name_of(inner.digests[0])
    if inner.digest == "undecidable":
        return undecided(f"the digest by {name} cannot be recomputed here")
    if inner.digest != "matches":
        return fails(
            f"the {name} digest does not fit the content: it was altered or damaged",
            expected="the digest of the content",
            observed="another digest",
        )
    found = Finding("creator", Word.INFO, "not identified: Digested-data authenticates no origin")
    return passes(f"the {name} digest fits the content", findings=[found])


def _signers(inner: InnerSeen) -> Judgement:
    if not inner.signers:
        return fails(
            "the Signed-data has no signer: nothing protects the integrity",
            expected="one signer or more",
            observed="none",
        )
    findings = []
    for signer in inner.signers:
        who = signer.subject or "signer without certificate"
        if signer.message_digest == "differs":
            return fails(
                f"{who}: the message digest does not fit the content: it was altered or damaged",
                expected="the digest of the content",
                observed="another digest",
            )
        if signer.signature == "invalid":
            return fails(
                f"{who}: the signature is not valid: {signer.why}",
                expected="a valid signature",
                observed="invalid",
            )
        if signer.trust in ("untrusted", "expired", "not-yet-valid", "revoked", "wrong-usage"):
            return fails(
                f"the origin is not authenticated: the certificate of {who} is {signer.trust}: {signer.trust_why}",
                expected="a signer that a given anchor vouches for",
                observed=signer.trust,
            )
        findings.append(
            Finding(
                "creator",
                Word.INFO,
                f"{who}; certificate {signer.trust}. {signer.trust_why}".strip(),
            )
        )
    open_one = next((s for s in inner.signers if s.signature == "undecidable"), None)
    if open_one is not None:
        return undecided(
            f"a signature cannot be verified: {open_one.why}; give the signer's certificate",
            findings=findings,
        )
    return passes(f"valid signatures over the content: {len(inner.signers)}", findings=findings)


@check
def encrypts_signed_or_digested(seen: SecureFileSeen) -> Judgement:
    """Tell whether the encrypted content type is Signed-data or Digested-data, and the octets are that (D.1.1).

    A complete ContentInfo in place of the bare structure, and the PKCS #7 1.5 form without the
    outer tag, are read and told as risks (reading O-11). Under the label id-data it is a failure:
    the content *type* is Data then.
    """
    wrong = outside(seen)
    if wrong is not None:
        return wrong
    label = name_of(seen.content_type)
    if seen.content_type not in (SIGNED_DATA, DIGESTED_DATA):
        within = ""
        if seen.inner is not None and seen.inner.form == "as-data":
            within = (
                f"; inside is a ContentInfo with {seen.inner.kind}-data, so only the label is wrong"
            )
        return fails(
            f"the encrypted content type is {label}, not Signed-data or Digested-data{within}",
            expected="signed-data or digested-data",
            observed=label,
            rests_on=("O-11",),
        )
    found = _protected(seen)
    if isinstance(found, Judgement):
        return found
    if not found.label_agrees:
        return fails(
            f"the label says {label}, the content is {found.kind}-data",
            expected=label,
            observed=f"{found.kind}-data",
        )
    if found.form in ("wrapped", "contents"):
        message = _RISKS[found.form]
        finding = Finding("content", Word.WARN, message, "bare", found.form)
        return passes(f"the content is {label}; {message}", findings=[finding], rests_on=("O-11",))
    return passes(f"the content is {label}", rests_on=("O-11",))


_RISKS = {
    "wrapped": "interoperability risk: it is a whole ContentInfo, one level more than RFC 5652 describes",
    "contents": "interoperability risk: its outer tag and length are left out, as in PKCS #7 1.5",
}


@check
def digests_with(seen: SecureFileSeen, *, algorithms: Sequence[str]) -> Judgement:
    """Every digest algorithm of the inner content is one of *algorithms* (D.1.1)."""
    found = _protected(seen)
    if isinstance(found, Judgement):
        return found
    used = [*(name_of(oid) for oid in found.digests), *(s.digest_name for s in found.signers)]
    for name in used:
        if name not in algorithms:
            return fails(
                f"the {found.kind}-data uses the digest {name}", expected=algorithms, observed=name
            )
    return passes(f"the {found.kind}-data uses {', '.join(dict.fromkeys(used))}", observed=used)


@check
def signs_with_rsa(seen: SecureFileSeen) -> Judgement:
    """Signed-data has one signer or more, each by RSA as in PKCS #1 v1.5, each valid (D.1.1)."""
    found = _protected(seen)
    if isinstance(found, Judgement):
        return found
    if found.kind == "digested":
        return passes("the content is Digested-data: nothing is signed")
    if not found.signers:
        return fails(
            "the Signed-data has no signer", expected="one signer or more", observed="none"
        )
    for signer in found.signers:
        if signer.algorithm not in RSA_SIGNATURES:
            return fails(
                f"a signer uses {signer.algorithm_name}; RSA as in PKCS #1 v1.5 is asked for",
                expected="RSA (PKCS #1 v1.5)",
                observed=signer.algorithm_name,
            )
        if signer.key_kind not in ("", "RSA"):
            return fails(
                f"a signer's certificate holds a key of kind {signer.key_kind}",
                expected="RSA",
                observed=signer.key_kind,
            )
        if signer.signature == "invalid" or signer.message_digest == "differs":
            why = signer.why or "the message digest does not fit the content"
            return fails(f"a signature is not valid: {why}", expected="valid", observed="invalid")
    open_one = next((s for s in found.signers if s.signature == "undecidable"), None)
    if open_one is not None:
        return undecided(
            f"a signature cannot be verified: {open_one.why}; give the signer's certificate"
        )
    return passes(f"valid RSA signatures: {len(found.signers)}")


@check
def attributes_are_whole(seen: SecureFileSeen) -> Judgement:
    """Signed attributes are free, but where there are some, contentType and messageDigest are among them.

    RFC 5652 5.3; tells which attributes there are.
    """
    found = _protected(seen)
    if isinstance(found, Judgement):
        return found if found.word is not Word.FAIL else undecided(found.message)
    for signer in found.signers:
        if signer.attributes is None:
            continue
        missing = [n for n in ("contentType", "messageDigest") if n not in signer.attributes]
        if missing:
            return fails(
                f"the signed attributes lack {', '.join(missing)}",
                expected="contentType and messageDigest",
                observed=signer.attributes,
            )
        if signer.content_type and signer.content_type != found.content_type:
            return fails(
                "the signed attribute contentType names another type than the content has",
                expected=name_of(found.content_type),
                observed=name_of(signer.content_type),
            )
    listed = [", ".join(s.attributes) if s.attributes else "none" for s in found.signers]
    return passes(
        f"signed attributes: {'; '.join(listed) or 'none, nothing is signed'}", observed=listed
    )
