"""Which attributes a signature has to cover (PS3.15 C.2, C.3, C.4), by profile, edition and IOD.

The lists of module attributes are those of two editions of PS3.3 (2020a, and the newest seen); a claim
up to 2020a is judged by the former, a later one by the latter (reading O-02). A module counts only where
the IOD of the SOP Class contains it; overlays, curves, graphic annotations and functional groups by presence.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from part15.checks.signatures import names, settled, terms_of, unreadable
from part15.content import table
from part15.model import Finding, Judgement, Word, does_not_apply, fails, passes, undecided
from part15.observations.signatures import SignatureSeen, SignedObjectSeen
from part15.registry import check
from part15.wire.dictionary import described, tag_number, tag_of

LAST_OLD_LIST = "2020a"
BY_PRESENCE = ("overlay-plane", "curve", "graphic-annotation", "multi-frame-functional-groups")
_FUNCTIONAL_GROUPS = (0x52009229, 0x52009230)
_OVERLAYS = range(0x6000, 0x6020, 2)
_CURVES = range(0x5000, 0x5020, 2)
_REPEATING = range(0, 0x20, 2)


@dataclass(frozen=True)
class Attribute:
    """A module attribute: tag, flags ``a`` (2020a), ``c`` (current), ``d`` (demanded by dcmsign)."""

    tag: int
    flags: str

    def in_edition(self, module: str, edition: str) -> bool:
        """Tell whether the attribute is in *module* for a claim of *edition*, newest list without one."""
        old = bool(edition) and edition <= LAST_OLD_LIST
        if old and module == "general-image":
            return True
        return ("a" if old else "c") in self.flags or self.flags.strip("d") == ""


@functools.cache
def _attributes(module: str) -> tuple[Attribute, ...]:
    found = []
    for row in table("signature-modules")["modules"][module]:
        tag, _, flags = row.split(" ")
        found += [Attribute(number, flags) for number in _expanded(tag)]
    return tuple(found)


def _expanded(tag: str) -> Iterator[int]:
    """Yield the tags a row of the table stands for: one, or one per repeating group."""
    if "xx" in tag:
        yield from (tag_number(tag.replace("xx", f"{group:02X}")) for group in _REPEATING)
    else:
        yield tag_number(tag)


@functools.cache
def _iods() -> dict[str, frozenset[str]]:
    classes = table("iod-modules")["classes"]
    return {
        uid: frozenset(entry.split(" ")[0] for entry in iod["modules"])
        for uid, iod in classes.items()
    }


@functools.lru_cache(maxsize=4096)
def _present_modules(present: tuple[int, ...]) -> frozenset[str]:
    """Return those of :data:`BY_PRESENCE` that *present* shows."""
    found = set()
    for tag in present:
        group = tag >> 16
        if group in _OVERLAYS:
            found.add("overlay-plane")
        elif group in _CURVES:
            found.add("curve")
        elif tag == 0x00700001:
            found.add("graphic-annotation")
        elif tag in _FUNCTIONAL_GROUPS:
            found.add("multi-frame-functional-groups")
    return frozenset(found)


def has_module(module: str, sop_class: str, present: tuple[int, ...]) -> bool | None:
    """Tell whether an object contains *module*; None if its SOP Class is not known."""
    if module in BY_PRESENCE:
        return module in _present_modules(present)
    iod = _iods().get(sop_class)
    return None if iod is None else module in iod


def _within(span: Sequence[str | None], edition: str) -> bool:
    first, last = span
    return not edition or (str(first) <= edition and (last is None or edition <= last))


@functools.lru_cache(maxsize=4096)
def required(
    profile: str, sop_class: str, present: tuple[int, ...], edition: str
) -> frozenset[int]:
    """Return every tag a signature of *profile* has to cover in an object with the tags *present*."""
    rules = table("signature-modules")["profiles"].get(profile)
    if rules is None:
        return frozenset()
    here = frozenset(present)
    wanted = set()
    for row in rules["identity"]:
        tag, _, presence = row.split(" ")
        if presence == "must" or (presence == "if-present" and tag_number(tag) in here):
            wanted.add(tag_number(tag))
    for module, *span in rules["modules"]:
        if _within(span, edition) and has_module(module, sop_class, present):
            wanted |= {
                a.tag
                for a in _attributes(module)
                if a.tag in here and a.in_edition(module, edition)
            }
    return frozenset(wanted)


def candidate(
    seen: SignedObjectSeen, profile: str, edition: str, *, purpose: str = ""
) -> SignatureSeen | None:
    """Return the signature of the top level that comes nearest to *profile*, None if there is none.

    For C.4 signatures with a purpose code come first; with *purpose* only those of that code count.
    """
    wanted = required(profile, seen.sop_class, seen.present, edition)
    signatures = list(seen.main)
    if purpose:
        signatures = [s for s in signatures if purpose in {p.value for p in s.purposes or ()}]
    if profile == "sr-rsa" and any(s.purposes for s in signatures):
        signatures = [s for s in signatures if s.purposes]
    return min(signatures, key=lambda s: len(wanted - frozenset(s.signed)), default=None)


def numbers_of(tags: Sequence[str]) -> list[int]:
    """Return the tags written ``(gggg,eeee)`` or as keywords; raises ValueError for anything else."""
    found = []
    for text in tags:
        tag = tag_of(text)
        found.append(tag_number(text) if tag is None else tag)
    return found


def _other_object(seen: SignedObjectSeen, profile: str) -> Judgement | None:
    if profile == "sr-rsa" and seen.document is None:
        return does_not_apply(
            f"{seen.name} is neither a Structured Report nor a Key Object Selection",
            observed=seen.sop_class,
        )
    return None


NO_MAIN = (
    "no signature stands at the top level, where the attributes of the profile are; sign the data set"
    " itself (FFFA,FFFA)"
)


@check
def covers(
    seen: SignedObjectSeen,
    *,
    tags: Sequence[str],
    profile: str = "",
    edition: str = "",
    if_present: bool = False,
    purpose: str = "",
) -> Judgement:
    """The signature that comes nearest to *profile* covers the attributes *tags* (tags or keywords).

    With *if_present* only those in the object count; without, one that the object lacks is a fault too.
    With *purpose* the signature is one of that purpose code.
    """
    if answer := unreadable(seen) or _other_object(seen, profile):
        return answer
    signature = candidate(seen, profile, edition, purpose=purpose)
    if signature is None:
        which = f" of purpose {purpose}" if purpose else ""
        return fails(
            f"{seen.name}: {NO_MAIN}" if not purpose else f"{seen.name}: no signature{which}"
        )
    here = frozenset(seen.present)
    wanted = numbers_of(tags)
    if if_present:
        wanted = [tag for tag in wanted if tag in here]
        if not wanted:
            return does_not_apply(f"the object has none of {', '.join(tags)}")
    missing = [tag for tag in wanted if tag not in signature.signed or tag not in here]
    return _coverage(signature, missing, here, f"covers {names(wanted)}", ())


def _coverage(
    signature: SignatureSeen,
    missing: Sequence[int],
    here: frozenset[int],
    good: str,
    laxer: Sequence[int],
    rests_on: Sequence[str] = (),
) -> Judgement:
    if not missing:
        return passes(f"{signature.path} {good}", rests_on=rests_on)
    absent = [tag for tag in missing if tag not in here]
    note = f"; {names(absent)} is not even in the object" if absent else ""
    if laxer:
        note += f"; dcmsign does not ask for {names(laxer)}"
    return fails(
        f"{signature.path} does not sign {names(missing)}{note}",
        expected="listed in (0400,0020) DataElementsSigned",
        observed=f"{len(signature.signed)} elements signed",
        findings=[
            Finding(f"{signature.path} {described(tag)}", Word.FAIL, "is not signed")
            for tag in missing
        ],
        rests_on=rests_on,
    )


@check
def covers_modules(
    seen: SignedObjectSeen, *, modules: Sequence[str], profile: str = "", edition: str = ""
) -> Judgement:
    """The signature that comes nearest to *profile* covers every attribute of *modules* that is present.

    Attributes that cannot be signed as they stand (VR UN) are left out, as PS3.3 excludes them.
    """
    if answer := unreadable(seen) or _other_object(seen, profile):
        return answer
    known = [(module, has_module(module, seen.sop_class, seen.present)) for module in modules]
    if all(there is None for _, there in known):
        return undecided(
            f"the SOP Class {seen.sop_class or 'nothing'} is not in the table of IODs, so whether"
            f" {' and '.join(modules)} applies is not known",
            rests_on=("O-02",),
        )
    here = frozenset(seen.present) - frozenset(seen.unsignable)
    attributes = [
        a
        for module, there in known
        if there
        for a in _attributes(module)
        if a.tag in here and a.in_edition(module, edition)
    ]
    if not attributes:
        return does_not_apply(
            f"the object has no signable attribute of {' or '.join(modules)}, or its IOD not the module"
        )
    signature = candidate(seen, profile, edition)
    if signature is None:
        return fails(f"{seen.name}: {NO_MAIN}", rests_on=("O-02",))
    signed = frozenset(signature.signed)
    missing = sorted({a.tag for a in attributes if a.tag not in signed})
    laxer = sorted(
        {
            a.tag
            for a in attributes
            if a.tag in missing and ("d" not in a.flags or _overlay_beyond_first(a.tag))
        }
    )
    count = len({a.tag for a in attributes})
    good = f"covers all {count} attributes of {' and '.join(modules)} that are present"
    return _coverage(signature, missing, here, good, laxer, ("O-02",))


def _overlay_beyond_first(tag: int) -> bool:
    """Tell whether *tag* is of an overlay that dcmsign forgets: it compares with group 6000 only."""
    return 0x6002 <= tag >> 16 <= 0x601E


@check
def signs_top_level(seen: SignedObjectSeen) -> Judgement:
    """A signature stands at the top level of the data set."""
    if answer := unreadable(seen):
        return answer
    if not seen.main:
        where = ", ".join(sorted({s.level for s in seen.current}))
        return fails(f"{seen.name}: {NO_MAIN}", observed=f"signatures in {where}")
    return passes(f"{len(seen.main)} signatures stand at the top level")


@check
def uses_base_method(
    seen: SignedObjectSeen, *, profile: str, edition: str = "", terms: Sequence[str] = ()
) -> Judgement:
    """The signature that comes nearest to *profile* is made as the Base RSA profile says (C.1)."""
    if answer := unreadable(seen) or _other_object(seen, profile):
        return answer
    signature = candidate(seen, profile, edition)
    if signature is None:
        return fails(f"{seen.name}: {NO_MAIN}")
    allowed = tuple(terms) or terms_of(edition)
    crypto, block = signature.crypto, signature.crypto.block
    faults = []
    if signature.parameters == 1 and signature.algorithm not in allowed:
        faults.append(
            f"uses {signature.algorithm or 'no MAC algorithm'}, not one of {', '.join(allowed)}"
        )
    if signature.certificate.readable and signature.certificate.key != "RSA":
        faults.append(f"is made with a key of kind {signature.certificate.key}, not RSA")
    if signature.certificate_type != "X509_1993_SIG":
        faults.append(f"has the certificate type {signature.certificate_type!r}")
    if block.form and (block.form != "pkcs1-v1_5" or block.length != block.modulus_length):
        faults.append(crypto.why or "is not padded as PKCS #1 says")
    if block.digest_algorithm and block.digest_algorithm.upper() != signature.algorithm:
        faults.append(
            f"is over {block.digest_algorithm.upper()} but labelled {signature.algorithm}"
        )
    if faults:
        return settled([(signature.path, what) for what in dict.fromkeys(faults)], "")
    if not block.form:
        return undecided(f"{signature.path}: {crypto.why}")
    return passes(f"{signature.path} is made by the Base RSA method")
