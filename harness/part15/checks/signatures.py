"""Digital Signatures Macro (PS3.3 C.12.1.1.3): what the two sequences of a signed object must look like."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from part15.model import Finding, Judgement, Word, does_not_apply, fails, passes, undecided
from part15.observations import Many, Member
from part15.observations.signatures import (
    ItemAttributeSeen,
    MacParametersSeen,
    SignedObjectSeen,
)
from part15.registry import check
from part15.wire.dictionary import described
from part15.wire.part10 import DEFLATED_UID, EXPLICIT_UID, IMPLICIT_UID
from part15.wire.signature_crypto import is_encapsulated
from part15.wire.signature_time import read_datetime

PIXEL_DATA = 0x7FE00010
Fault = tuple[str, str]
"""Where (a path), and what is wrong there (a sentence without its subject)."""

_MAC_ID, _UID, _DATETIME, _CERTIFICATE_TYPE = 0x04000005, 0x04000100, 0x04000105, 0x04000110
_LONGEST_UID = 64
_NAMED = 8


def names(tags: Iterable[int]) -> str:
    """Return attributes by tag and keyword, at most eight of them."""
    listed = list(tags)
    text = ", ".join(described(tag) for tag in listed[:_NAMED])
    return text + (f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else "")


def unreadable(seen: SignedObjectSeen) -> Judgement | None:
    """Return the answer for an object without signatures to judge, None if there are some.

    Nobody has to sign every object (PS3.15 C.2), so an unsigned one is no concern of a clause.
    """
    if seen.signatures or seen.parameters or seen.levels:
        return None
    if seen.trouble:
        return undecided(f"{seen.name}: {seen.trouble}")
    return does_not_apply(f"{seen.name} carries no digital signature")


def settled(
    faults: Sequence[Fault],
    good: str,
    *,
    warnings: Sequence[Fault] = (),
    rests_on: Sequence[str] = (),
) -> Judgement:
    """Return fails for *faults*, one finding each, else passes with *warnings* as findings."""
    findings = [Finding(where, Word.FAIL, what) for where, what in faults]
    findings += [Finding(where, Word.WARN, what) for where, what in warnings]
    if not faults:
        return passes(good, findings=findings, rests_on=rests_on)
    where, what = faults[0]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return fails(f"{where}: {what}{more}", findings=findings, rests_on=rests_on)


def _current(parameters: Iterable[MacParametersSeen]) -> list[MacParametersSeen]:
    return [p for p in parameters if not p.historic]


def count(number: int, noun: str) -> str:
    """Return number and noun, plural where due."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@check
def holds_mac_parameters(seen: SignedObjectSeen) -> Judgement:
    """Every data set with a Digital Signatures Sequence has a MAC Parameters Sequence with items beside it."""
    if answer := unreadable(seen):
        return answer
    faults = [
        (
            level.path or "top level",
            "has (FFFA,FFFA) DigitalSignaturesSequence but "
            + ("no" if level.parameters < 0 else "an empty")
            + " (4FFE,0001) MACParametersSequence at the same level; write it with one item or more",
        )
        for level in seen.levels
        if level.signatures >= 0 and level.parameters < 1 and not level.historic
    ]
    return settled(faults, "MAC Parameters stand beside every Digital Signatures Sequence")


@check
def numbers_mac_parameters(seen: SignedObjectSeen) -> Judgement:
    """Each MAC Parameters item has a MAC ID Number of its own (reading O-07 on the scope)."""
    if answer := unreadable(seen):
        return answer
    current = _current(seen.parameters)
    faults = [
        (p.path, "has no (0400,0005) MACIDNumber that is one US value")
        for p in current
        if not _is_single_us(p.attributes, p.mac_id)
    ]
    by_level = Counter((p.level, p.mac_id) for p in current if p.mac_id is not None)
    faults += [
        (level or "top level", f"{count} items of (4FFE,0001) share MAC ID Number {mac_id}")
        for (level, mac_id), count in by_level.items()
        if count > 1
    ]
    levels: dict[int, set[str]] = {}
    for p in current:
        if p.mac_id is not None:
            levels.setdefault(p.mac_id, set()).add(p.level)
    warnings = [
        (
            "top level" if "" in at else min(at),
            f"MAC ID Number {mac_id} is used at {len(at)} levels of the object; dcmsign does so too",
        )
        for mac_id, at in levels.items()
        if len(at) > 1
    ]
    return settled(
        faults,
        f"{count(len(current), 'MAC Parameters item')} with MAC ID Numbers of their own",
        warnings=warnings,
        rests_on=("O-07",) if warnings else (),
    )


def _is_single_us(attributes: Iterable[ItemAttributeSeen], value: int | None) -> bool:
    return value is not None and any(a.tag == _MAC_ID and a.vr == "US" for a in attributes)


@check
def links_mac_parameters(seen: SignedObjectSeen) -> Judgement:
    """Each signature item has the MAC ID Number of exactly one MAC Parameters item of its level."""
    if answer := unreadable(seen):
        return answer
    faults = []
    for signature in seen.current:
        if not _is_single_us(signature.attributes, signature.mac_id):
            faults.append((signature.path, "has no (0400,0005) MACIDNumber that is one US value"))
        elif signature.parameters != 1:
            count = "no item" if not signature.parameters else f"{signature.parameters} items"
            faults.append(
                (
                    signature.path,
                    f"MAC ID Number {signature.mac_id} is that of {count} of (4FFE,0001) at its level",
                )
            )
    return settled(faults, "every signature is linked to one MAC Parameters item")


@check
def names_mac_syntax(seen: SignedObjectSeen) -> Judgement:
    """MAC Calculation Transfer Syntax UID names an explicit VR little endian syntax that fits the pixel data."""
    if answer := unreadable(seen):
        return answer
    faults: list[Fault] = []
    warnings: list[Fault] = []
    for p in _current(seen.parameters):
        uid = p.transfer_syntax
        if uid == EXPLICIT_UID:
            continue
        if uid == DEFLATED_UID:
            warnings.append(
                (p.path, f"names {uid} (deflated); the octets before deflation are hashed")
            )
        elif not is_encapsulated(uid):
            shown = uid or "nothing"
            faults.append(
                (p.path, f"(0400,0010) names {shown}, which is not explicit VR little endian")
            )
        elif PIXEL_DATA in p.signed and not p.level and uid != seen.transfer_syntax:
            faults.append(
                (
                    p.path,
                    f"(0400,0010) names {uid}, but the pixel data is stored in {seen.transfer_syntax}",
                )
            )
    return settled(
        faults,
        "the MAC calculation transfer syntax is explicit VR little endian",
        warnings=warnings,
        rests_on=("O-03",) if warnings else (),
    )


def terms_of(edition: str) -> tuple[str, ...]:
    """Return the MAC algorithms PS3.15 C.1 of *edition* names."""
    old = ("RIPEMD160", "MD5", "SHA1")
    return old if edition and edition < "2011" else (*old, "SHA256", "SHA384", "SHA512")


@check
def names_mac_algorithm(
    seen: SignedObjectSeen, *, edition: str = "", terms: Sequence[str] = ()
) -> Judgement:
    """MAC Algorithm is one of *terms*, by default the defined terms of *edition*."""
    if answer := unreadable(seen):
        return answer
    allowed = tuple(terms) or terms_of(edition)
    faults = [
        (
            p.path,
            f"(0400,0015) MACAlgorithm is {p.algorithm or 'empty'!r}, not one of {', '.join(allowed)}",
        )
        for p in _current(seen.parameters)
        if p.algorithm not in allowed
    ]
    used = sorted({p.algorithm for p in _current(seen.parameters)})
    return settled(faults, f"the MAC algorithms are defined terms: {', '.join(used)}")


@check
def lists_elements(seen: SignedObjectSeen) -> Judgement:
    """Data Elements Signed has one tag or more, and every one is in the data set of its level."""
    if answer := unreadable(seen):
        return answer
    faults = []
    for p in _current(seen.parameters):
        if not p.signed:
            faults.append((p.path, "(0400,0020) DataElementsSigned lists nothing"))
        elif p.absent:
            faults.append(
                (
                    p.path,
                    (
                        f"lists {names(p.absent)}, which the data set does not hold at that level"
                        " (dcmsign does not look at this)"
                    ),
                )
            )
    return settled(faults, "every listed element is in its data set")


@check
def orders_list(seen: SignedObjectSeen) -> Judgement:
    """Data Elements Signed is in the order of the data set, without repetition."""
    if answer := unreadable(seen):
        return answer
    faults = []
    for p in _current(seen.parameters):
        wrong = next((b for a, b in zip(p.signed, p.signed[1:], strict=False) if b <= a), None)
        if wrong is None:
            continue
        repeated = p.signed.count(wrong) > 1
        what = "twice" if repeated else "out of the order of the data set"
        faults.append((p.path, f"lists {described(wrong)} {what} (dcmsign does not look at this)"))
    return settled(faults, "the lists are in the order of the data set")


def _unknown_in_implicit(seen: SignedObjectSeen) -> str:
    if seen.transfer_syntax != IMPLICIT_UID:
        return ""
    return "; the object is stored in implicit VR, where private elements have no known VR (reading O-06)"


@check
def leaves_out_unsignable(seen: SignedObjectSeen) -> Judgement:
    """No list names an element that shall not be signed, and no stream holds one."""
    if answer := unreadable(seen):
        return answer
    faults = [
        (
            p.path,
            (
                f"lists {names(p.unsignable)}, which shall not be signed (excluded by tag, or VR UN,"
                " or a sequence that holds UN)" + _unknown_in_implicit(seen)
            ),
        )
        for p in _current(seen.parameters)
        if p.unsignable
    ]
    faults += [
        (s.path, s.crypto.why)
        for s in seen.current
        if s.crypto.alternative in ("unsignable", "nested-signatures")
    ]
    return settled(faults, "no list names an element that shall not be signed")


@check
def names_signatures_uniquely(seen: Many[SignedObjectSeen] | SignedObjectSeen) -> Judgement:
    """Each Digital Signature UID is a valid UID that no other signature has; copies of one object are one."""
    if isinstance(seen, SignedObjectSeen):
        seen = Many((Member(seen.name, seen),), "signed object")
    faults: list[Fault] = []
    values: dict[str, dict[str, str]] = {}
    judged = 0
    for member in seen.members:
        here: dict[str, int] = Counter(s.uid for s in member.seen.current)
        for signature in member.seen.current:
            judged += 1
            where = f"{member.subject} {signature.path}"
            if not _is_uid(signature.uid):
                faults.append((where, f"(0400,0100) {signature.uid!r} is no UID"))
                continue
            others = values.setdefault(signature.uid, {})
            if here[signature.uid] > 1 or (others and signature.value not in others):
                first = next(iter(others.values()), where)
                faults.append(
                    (where, f"has the Digital Signature UID of another signature ({first})")
                )
            others.setdefault(signature.value, where)
    if not judged:
        return does_not_apply("no object carries a digital signature")
    return settled(faults, f"{count(judged, 'signature')} with UIDs of their own")


def _is_uid(text: str) -> bool:
    parts = text.split(".")
    return (
        0 < len(text) <= _LONGEST_UID
        and len(parts) > 1
        and all(p.isascii() and p.isdigit() and (p == "0" or p[0] != "0") for p in parts)
    )


def each(seen: SignedObjectSeen, fault: dict[str, str], good: str) -> Judgement:
    """Return fails with the sentences of *fault* (path -> sentence), else passes."""
    return settled([(s.path, fault[s.path]) for s in seen.current if s.path in fault], good)


@check
def states_time(seen: SignedObjectSeen) -> Judgement:
    """Digital Signature DateTime is a DT with an offset from UTC."""
    if answer := unreadable(seen):
        return answer
    faults = {}
    for signature in seen.current:
        _, wrong = read_datetime(signature.datetime)
        if wrong:
            faults[signature.path] = (
                f"(0400,0105) DigitalSignatureDateTime {signature.datetime!r}: {wrong}; write e.g."
                " 20261122080000+0000 (dcmsign ignores the offset)"
            )
    return each(seen, faults, "every signature states its time with an offset from UTC")


@check
def names_certificate_type(seen: SignedObjectSeen) -> Judgement:
    """Certificate Type is X509_1993_SIG."""
    if answer := unreadable(seen):
        return answer
    faults = {
        s.path: f"(0400,0110) CertificateType is {s.certificate_type!r}, not 'X509_1993_SIG'"
        for s in seen.current
        if s.certificate_type != "X509_1993_SIG"
    }
    return each(seen, faults, "Certificate Type is X509_1993_SIG")


@check
def carries_certificate(seen: SignedObjectSeen) -> Judgement:
    """Certificate of Signer is one DER X.509 certificate, at most one pad octet behind it, with the signing key."""
    if answer := unreadable(seen):
        return answer
    faults = {}
    for signature in seen.current:
        certificate = signature.certificate
        if not certificate.readable:
            faults[signature.path] = certificate.why
        elif certificate.padding > 1:
            faults[signature.path] = (
                f"{certificate.padding} octets follow the DER certificate; one pad octet is allowed"
            )
        elif signature.crypto.block.form == "not-pkcs1":
            faults[signature.path] = "the key in the certificate is not the one that signed"
    return each(seen, faults, "every signature carries a readable certificate")


@check
def separates_signers(seen: SignedObjectSeen) -> Judgement:
    """Each item of a Digital Signatures Sequence holds the signature of one signer: no attribute twice."""
    if answer := unreadable(seen):
        return answer
    faults = {}
    for signature in seen.current:
        tags = [a.tag for a in signature.attributes]
        twice = sorted({tag for tag in tags if tags.count(tag) > 1})
        if twice:
            faults[signature.path] = f"holds {names(twice)} twice; write one item per signer"
    return each(seen, faults, f"{count(len(seen.current), 'signature')}, one item each")
