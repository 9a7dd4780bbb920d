"""Secure DICOM Files (PS3.15 D.1, PS3.10 7.4): what one file, as far as it was opened, shows of its creator."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.media import InnerSeen, PasswordsSeen, SecureFileSeen
from part15.registry import check
from part15.wire.cms_names import (
    DATA,
    DIGESTED_DATA,
    PBKDF2,
    PWRI_KEK,
    RSA_ENCRYPTION,
    RSA_SIGNATURES,
    RSAES_OAEP,
    SIGNED_DATA,
    name_of,
)

_OUTER = {
    "plain": "a plain DICOM file",
    "pem": "text (PEM or S/MIME) instead of the binary CMS encoding",
    "other": "neither CMS nor DICOM",
}
_IV = {"des-ede3-cbc": 8}


def _outside(seen: SecureFileSeen) -> Judgement | None:
    """Return why *seen* is no readable EnvelopedData, or None if it is one."""
    if seen.outer != "enveloped":
        what = _OUTER.get(seen.outer, f"CMS {name_of(seen.outer_oid)}")
        return fails(
            f"the file is {what}; a Secure DICOM File is CMS Enveloped-data",
            expected="enveloped-data",
            observed=what,
        )
    if seen.problem:
        return fails(
            f"the Enveloped-data cannot be read: {seen.problem}",
            expected="a whole Enveloped-data",
            observed=seen.problem,
        )
    return None


def _closed(seen: SecureFileSeen) -> Judgement | None:
    """Return why the content of *seen* could not be seen, or None if it was opened."""
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    if seen.access == "damaged":
        return fails(
            f"the content cannot be decrypted by a listed recipient: {seen.access_why}",
            expected="content that the recipient's key opens",
            observed=seen.access_why,
        )
    if seen.access != "opened":
        why = seen.access_why or "nothing opened it"
        return undecided(
            f"the content was not decrypted: {why}; give the recipient's key and certificate or the password"
        )
    return None


def _protected(seen: SecureFileSeen) -> Judgement | InnerSeen:
    """Return the inner Signed-data or Digested-data, or the judgement that says why there is none."""
    closed = _closed(seen)
    if closed is not None:
        return closed
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
def is_enveloped(seen: SecureFileSeen) -> Judgement:
    """The file is one CMS Enveloped-data in binary encoding, DER or BER (D.1.1)."""
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    how = "DER" if seen.definite else "BER with indefinite lengths, which CMS allows"
    return passes(f"the file is Enveloped-data in {how}", observed=how)


@check
def holds_one_file(seen: SecureFileSeen) -> Judgement:
    """The file encapsulates exactly one DICOM File and nothing stands before or behind it (PS3.10 7.4)."""
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    if seen.trailing:
        return fails(
            f"{seen.trailing} octets follow the CMS content; write one content and nothing else",
            expected="no octets behind the content",
            observed=f"{seen.trailing} octets",
        )
    if seen.access != "opened":
        closed = _closed(seen)
        assert closed is not None
        return closed
    return encapsulates_dicom_file(seen)


@check
def encapsulates_dicom_file(seen: SecureFileSeen) -> Judgement:
    """The signed or digested content is id-data and is the DICOM File itself, preamble to end (D.1)."""
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
    return passes(f"a DICOM File of {content.length} octets is encapsulated")


_FORMS = {
    "data set": "a bare data set without preamble and meta information",
    "text": "text",
    "cms": "another CMS content",
    "other": "something else",
}


@check
def protects(seen: SecureFileSeen) -> Judgement:
    """The file gives confidentiality and integrity and, when it is signed, authenticates its origin (D.1).

    Integrity is given when the digest or every signature fits. A signer is judged against the trust
    anchors only when some were given; Digested-data identifies nobody.
    """
    found = _protected(seen)
    if isinstance(found, Judgement):
        return found
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
            Finding("creator", Word.INFO, f"{who}; certificate {signer.trust}. {signer.trust_why}".strip())
        )
    open_one = next((s for s in inner.signers if s.signature == "undecidable"), None)
    if open_one is not None:
        return undecided(
            f"a signature cannot be verified: {open_one.why}; give the signer's certificate",
            findings=findings,
        )
    return passes(f"{len(inner.signers)} valid signatures over the content", findings=findings)


@check
def numbers_version(seen: SecureFileSeen) -> Judgement:
    """The structure parses, and its version number follows RFC 5652 6.1 (same rule since RFC 2630)."""
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    if seen.version in (seen.due_version, 4):
        return passes(f"EnvelopedData has version {seen.version}", observed=seen.version)
    return fails(
        f"EnvelopedData has version {seen.version}, its recipients and attributes ask for {seen.due_version}",
        expected=seen.due_version,
        observed=seen.version,
    )


@check
def transports_keys(
    seen: SecureFileSeen, *, passwords: bool = True, oaep_tolerated: bool = False
) -> Judgement:
    """Every recipient has the content key by RSA or, with *passwords*, by PBKDF2 and PWRI-KEK (D.1.1).

    RSAES-OAEP fails, or is a finding where *oaep_tolerated* (reading O-12: RFC 3447 defines it, the
    encoding rule names RFC 3370, which does not).
    """
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    if not seen.recipients:
        return fails("there is no recipient: nobody can open the file", expected="recipients", observed="none")
    allowed = "RSA or a password (PBKDF2)" if passwords else "RSA"
    findings = []
    rests: tuple[str, ...] = ()
    for number, recipient in enumerate(seen.recipients, 1):
        subject = f"recipient {number}"
        if recipient.kind == "ktri" and recipient.key_encryption == RSA_ENCRYPTION:
            continue
        if recipient.kind == "ktri" and recipient.key_encryption == RSAES_OAEP and oaep_tolerated:
            rests = ("O-12",)
            message = "RSAES-OAEP: many readers know PKCS #1 v1.5 only, which RFC 3370 names"
            findings.append(Finding(subject, Word.WARN, message, "rsaEncryption", "RSAES-OAEP"))
            continue
        by_password = recipient.kind == "pwri" and recipient.key_encryption == PWRI_KEK
        if passwords and by_password and recipient.derivation == PBKDF2:
            continue
        what = _KINDS.get(recipient.kind, recipient.kind)
        named = f"{what} with {recipient.key_encryption_name}".removesuffix(" with ")
        if recipient.kind == "pwri" and recipient.derivation != PBKDF2:
            named = f"{what} derived by {name_of(recipient.derivation) or 'nothing'}"
        return fails(
            f"{subject} gets the content key by {named}; only {allowed} is allowed",
            expected=allowed,
            observed=named,
            rests_on=("O-12",) if recipient.key_encryption == RSAES_OAEP else (),
        )
    kinds = ", ".join(sorted({_KINDS[r.kind] for r in seen.recipients}))
    return passes(
        f"{len(seen.recipients)} recipients, by {kinds}", observed=kinds, findings=findings, rests_on=rests
    )


_KINDS = {
    "ktri": "key transport",
    "kari": "key agreement",
    "kekri": "a key-encryption key shared beforehand",
    "pwri": "a password",
    "ori": "another recipient type",
}


@check
def conveys_keys(seen: SecureFileSeen) -> Judgement:
    """Keys are conveyed by one of the kinds that PS3.10 7.4 lists; tells which."""
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    kinds = sorted({r.kind for r in seen.recipients})
    unknown = [k for k in kinds if k not in _KINDS or k == "ori"]
    if unknown or not kinds:
        return fails("a recipient is of a kind that is not listed, or there is none", observed=kinds)
    return passes(f"keys are conveyed by {', '.join(_KINDS[k] for k in kinds)}", observed=kinds)


@check
def wraps_passwords_with(seen: SecureFileSeen, *, ciphers: Sequence[str]) -> Judgement:
    """Where a password opens the file, PWRI-KEK works with one of *ciphers* (names as in CMS)."""
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    wrapped = [r for r in seen.recipients if r.kind == "pwri"]
    if not wrapped:
        return passes("no recipient is a password")
    for recipient in wrapped:
        name = recipient.wrapping.name if recipient.wrapping else "nothing"
        if name not in ciphers:
            return fails(
                f"the content key is wrapped with {name} under the password",
                expected=ciphers,
                observed=name,
            )
        due = _IV.get(name, 16)
        if recipient.wrapping is not None and recipient.wrapping.iv_length != due:
            return fails(
                f"PWRI-KEK has an IV of {recipient.wrapping.iv_length} octets, {name} needs {due}",
                expected=due,
                observed=recipient.wrapping.iv_length,
            )
    rounds = ", ".join(f"{r.iterations} iterations, salt of {r.salt_length} octets" for r in wrapped)
    return passes(f"passwords are stretched by PBKDF2 with {rounds}", observed=rounds)


@check
def encrypts_with(seen: SecureFileSeen, *, ciphers: Sequence[str]) -> Judgement:
    """The content is encrypted with one of *ciphers*, its IV and key as long as they must be (D.1.1)."""
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    cipher = seen.cipher
    if cipher is None or cipher.name not in ciphers:
        name = cipher.name if cipher else "nothing"
        return fails(f"the content is encrypted with {name}", expected=ciphers, observed=name)
    due = _IV.get(cipher.name, 16)
    if cipher.iv_length != due:
        length = "none" if cipher.iv_length < 0 else f"{cipher.iv_length} octets"
        return fails(f"the IV has {length}, {cipher.name} needs {due}", expected=due, observed=length)
    if seen.weak_key:
        return fails(
            f"{seen.weak_key}, so it has not 168 bits",
            expected="three different parts",
            observed=seen.weak_key,
        )
    if seen.access == "opened":
        return passes(f"the content is encrypted with {cipher.name}, key and IV have their length")
    return passes(f"the content is encrypted with {cipher.name}; its key was not seen")


@check
def encodes_as_cms_asks(seen: SecureFileSeen) -> Judgement:
    """RSA blocks are PKCS #1 v1.5, ciphertext is whole CBC blocks with padding (RFC 3370, RFC 3565).

    Whole blocks and the IV are seen without a key; the block under RSA and the padding with one.
    """
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    cipher = seen.cipher
    size = 8 if cipher is not None and cipher.name == "des-ede3-cbc" else 16
    if cipher is not None and cipher.name in _BLOCKS:
        if not seen.content_length or seen.content_length % size:
            return fails(
                f"the ciphertext has {seen.content_length} octets, not whole blocks of {size}",
                expected=f"a multiple of {size}",
                observed=seen.content_length,
            )
        if cipher.iv_length != size:
            return fails(
                f"the IV of {cipher.name} has {max(cipher.iv_length, 0)} octets",
                expected=size,
                observed=max(cipher.iv_length, 0),
            )
    for recipient in seen.recipients:
        if recipient.kind == "ktri" and recipient.outcome == "damaged":
            return fails(
                f"the encrypted content key is wrong: {recipient.why}",
                expected="a PKCS #1 v1.5 block with the content key",
                observed=recipient.why,
            )
    if seen.padding == "wrong":
        return fails(
            "the decrypted content does not end in 1 to one block of equal padding octets",
            expected=f"padding of 1 to {size}",
            observed="none",
        )
    closed = _closed(seen)
    if closed is not None:
        return closed
    return passes("the content key and the padding are encoded as RFC 3370 and RFC 3565 ask")


_BLOCKS = ("des-ede3-cbc", "aes128-CBC", "aes192-CBC", "aes256-CBC")


@check
def encrypts_signed_or_digested(seen: SecureFileSeen) -> Judgement:
    """The encrypted content type is Signed-data or Digested-data, and the octets are that (D.1.1).

    A complete ContentInfo in place of the bare structure, and the PKCS #7 1.5 form without the
    outer tag, are read and told as risks (reading O-11). Under the label id-data it is a failure:
    the content *type* is Data then.
    """
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    label = name_of(seen.content_type)
    if seen.content_type not in (SIGNED_DATA, DIGESTED_DATA):
        within = ""
        if seen.inner is not None and seen.inner.form == "as-data":
            within = f"; inside is a ContentInfo with {seen.inner.kind}-data, so only the label is wrong"
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
        return fails("the Signed-data has no signer", expected="one signer or more", observed="none")
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
        return undecided(f"a signature cannot be verified: {open_one.why}; give the signer's certificate")
    return passes(f"{len(found.signers)} RSA signatures, all valid")


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
    return passes(f"signed attributes: {'; '.join(listed) or 'none, nothing is signed'}", observed=listed)


@check
def keys_reach(seen: SecureFileSeen, *, bits: int = 2048) -> Judgement:
    """Every RSA key has at least *bits* bits; the profile sets no size, so this only tells."""
    wrong = _outside(seen)
    if wrong is not None:
        return undecided(wrong.message)
    sizes = [("recipient", r.key_bits) for r in seen.recipients if r.key_bits]
    signers = seen.inner.signers if seen.inner else ()
    sizes += [("signer", s.key_bits) for s in signers if s.key_kind == "RSA"]
    told = ", ".join(f"{who} {size} bits" for who, size in sizes) or "no RSA key"
    short = [f"{who} {size} bits" for who, size in sizes if size < bits]
    if short:
        return fails(f"RSA keys below {bits} bits: {', '.join(short)}", expected=bits, observed=told)
    return passes(f"RSA keys: {told}", observed=told)


@check
def keeps_to_repertoire(seen: SecureFileSeen | PasswordsSeen) -> Judgement:
    """Passwords are of the DICOM Default Character Repertoire (ISO IR 6), octet for octet (D.1.1).

    A file tells only to one who knows the password; a creator is offered passwords inside and
    outside of the repertoire.
    """
    if isinstance(seen, PasswordsSeen):
        return _offered(seen)
    wrong = _outside(seen)
    if wrong is not None:
        return wrong
    if not any(r.kind == "pwri" for r in seen.recipients):
        return passes("no recipient is a password")
    if seen.passwords == "wrong":
        return fails(
            "the password that opens the file has octets outside ISO IR 6",
            expected="octets 20 to 7E",
            observed="others",
        )
    if seen.passwords == "right":
        return passes("the password that opens the file is of ISO IR 6")
    return undecided("the file was not opened with its password; give the password")


def _offered(seen: PasswordsSeen) -> Judgement:
    findings = []
    for trial in seen.trials:
        if trial.allowed and trial.outcome == "done" and not trial.opens:
            message = "taken, but exactly these octets do not open the file that was written"
        elif trial.allowed and trial.outcome == "refused":
            message = "refused, although it is of the repertoire"
        elif not trial.allowed and trial.outcome == "done":
            message = "taken, although it is outside the repertoire; refuse it, do not transliterate"
        else:
            continue
        findings.append(Finding(trial.name, Word.FAIL, message))
    if findings:
        first = findings[0]
        return fails(
            f"password {first.subject}: {first.message}",
            expected="ISO IR 6 and nothing else",
            observed=f"{len(findings)} of {len(seen.trials)} passwords handled otherwise",
            findings=findings,
        )
    answered = [t for t in seen.trials if t.outcome in ("done", "refused")]
    if len(answered) < len(seen.trials) or not answered:
        return undecided("the creator did not answer for every password; see its diagnostics")
    return passes(f"{len(seen.trials)} passwords: those of ISO IR 6 were taken, the others refused")
