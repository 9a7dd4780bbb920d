"""Secure DICOM Files (PS3.15 D.1): the envelope, which shows without a key, and how keys are transported."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, passes, undecided
from part15.observations.media import PasswordsSeen, SecureFileSeen
from part15.registry import check
from part15.wire.cms_names import PBKDF2, PWRI_KEK, RSA_ENCRYPTION, RSAES_OAEP, name_of

_OUTER = {
    "plain": "a plain DICOM file",
    "pem": "text (PEM or S/MIME) instead of the binary CMS encoding",
    "other": "neither CMS nor DICOM",
}
_IV = {"des-ede3-cbc": 8}


def outside(seen: SecureFileSeen) -> Judgement | None:
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


def closed(seen: SecureFileSeen) -> Judgement | None:
    """Return why the content of *seen* could not be seen, or None if it was opened."""
    wrong = outside(seen)
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
        advice = "; give the recipient's key and certificate or the password"
        return undecided(
            f"the content was not decrypted: {why}{'' if seen.access == 'unsupported' else advice}"
        )
    return None


@check
def is_enveloped(seen: SecureFileSeen) -> Judgement:
    """Tell whether the file is one CMS Enveloped-data in binary encoding, DER or BER (D.1.1)."""
    wrong = outside(seen)
    if wrong is not None:
        return wrong
    how = "DER" if seen.definite else "BER with indefinite lengths, which CMS allows"
    return passes(f"the file is Enveloped-data in {how}", observed=how)


@check
def numbers_version(seen: SecureFileSeen) -> Judgement:
    """Tell whether the structure parses, and its version number follows RFC 5652 6.1 (same rule since RFC 2630)."""
    wrong = outside(seen)
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
    wrong = outside(seen)
    if wrong is not None:
        return wrong
    if not seen.recipients:
        return fails(
            "there is no recipient: nobody can open the file",
            expected="recipients",
            observed="none",
        )
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
        f"{len(seen.recipients)} recipients, by {kinds}",
        observed=kinds,
        findings=findings,
        rests_on=rests,
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
    wrong = outside(seen)
    if wrong is not None:
        return wrong
    kinds = sorted({r.kind for r in seen.recipients})
    unknown = [k for k in kinds if k not in _KINDS or k == "ori"]
    if unknown or not kinds:
        return fails(
            "a recipient is of a kind that is not listed, or there is none", observed=kinds
        )
    return passes(f"keys are conveyed by {', '.join(_KINDS[k] for k in kinds)}", observed=kinds)


@check
def wraps_passwords_with(seen: SecureFileSeen, *, ciphers: Sequence[str]) -> Judgement:
    """Where a password opens the file, PWRI-KEK works with one of *ciphers* (names as in CMS)."""
    wrong = outside(seen)
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
    rounds = ", ".join(
        f"{r.iterations} iterations, salt of {r.salt_length} octets" for r in wrapped
    )
    return passes(f"passwords are stretched by PBKDF2 with {rounds}", observed=rounds)


@check
def encrypts_with(seen: SecureFileSeen, *, ciphers: Sequence[str]) -> Judgement:
    """Tell whether the content is encrypted with one of *ciphers*, its IV and key as long as they must be (D.1.1)."""
    wrong = outside(seen)
    if wrong is not None:
        return wrong
    cipher = seen.cipher
    if cipher is None or cipher.name not in ciphers:
        name = cipher.name if cipher else "nothing"
        return fails(f"the content is encrypted with {name}", expected=ciphers, observed=name)
    due = _IV.get(cipher.name, 16)
    if cipher.iv_length != due:
        length = "none" if cipher.iv_length < 0 else f"{cipher.iv_length} octets"
        return fails(
            f"the IV has {length}, {cipher.name} needs {due}", expected=due, observed=length
        )
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
    wrong = outside(seen)
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
    shut = closed(seen)
    if shut is not None:
        return shut
    return passes("the content key and the padding are encoded as RFC 3370 and RFC 3565 ask")


_BLOCKS = ("des-ede3-cbc", "aes128-CBC", "aes192-CBC", "aes256-CBC")


@check
def keys_reach(seen: SecureFileSeen, *, bits: int = 2048) -> Judgement:
    """Every RSA key has at least *bits* bits; the profile sets no size, so this only tells."""
    wrong = outside(seen)
    if wrong is not None:
        return undecided(wrong.message)
    sizes = [("recipient", r.key_bits) for r in seen.recipients if r.key_bits]
    signers = seen.inner.signers if seen.inner else ()
    sizes += [("signer", s.key_bits) for s in signers if s.key_kind == "RSA"]
    told = ", ".join(f"{who} {size} bits" for who, size in sizes) or "no RSA key"
    short = [f"{who} {size} bits" for who, size in sizes if size < bits]
    if short:
        return fails(
            f"RSA keys below {bits} bits: {', '.join(short)}", expected=bits, observed=told
        )
    return passes(f"RSA keys: {told}", observed=told)


@check
def keeps_to_repertoire(seen: SecureFileSeen | PasswordsSeen) -> Judgement:
    """Passwords are of the DICOM Default Character Repertoire (ISO IR 6), octet for octet (D.1.1).

    A file tells only to one who knows the password; a creator is offered passwords inside and
    outside of the repertoire.
    """
    if isinstance(seen, PasswordsSeen):
        return _offered(seen)
    wrong = outside(seen)
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
        if trial.allowed and trial.outcome == "done" and trial.opens == "no":
            message = "taken, but exactly these octets do not open the file that was written"
        elif trial.allowed and trial.outcome == "refused":
            message = "refused, although it is of the repertoire"
        elif not trial.allowed and trial.outcome == "done":
            message = (
                "taken, although it is outside the repertoire; refuse it, do not transliterate"
            )
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
    answered = [
        t
        for t in seen.trials
        if t.outcome == "refused" or (t.outcome == "done" and t.opens == "yes")
    ]
    if len(answered) < len(seen.trials) or not answered:
        return undecided(
            "not every password led to a refusal or to a file that could be tried; see the other clauses"
        )
    return passes(f"{len(seen.trials)} passwords: those of ISO IR 6 were taken, the others refused")
