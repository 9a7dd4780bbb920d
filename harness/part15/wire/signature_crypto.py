"""Whether one signature holds over one data set: MAC and public key, and if not, what it does match."""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from part15.observations.signatures import (
    ALTERNATIVES,
    INVALID,
    UNDECIDABLE,
    VALID,
    BlockSeen,
    CryptoSeen,
    SignerCertificateSeen,
)
from part15.wire.dictionary import described
from part15.wire.elements import FRAGMENT, UNDEFINED
from part15.wire.mac_stream import (
    NotComputable,
    Stored,
    ambiguous,
    choices,
    forbidden,
    gathered,
    listed,
    of_signature_item,
    stream,
)
from part15.wire.mac_variants import LARGEST, variants
from part15.wire.part10 import BIG_ENDIAN_UID, DEFLATED_UID, EXPLICIT_UID, IMPLICIT_UID, syntax_of
from part15.wire.signature_value import (
    TERMS,
    digest_of,
    hasher,
    opened,
    other_key_verifies,
    usable,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

NATIVE = frozenset({IMPLICIT_UID, EXPLICIT_UID, BIG_ENDIAN_UID, DEFLATED_UID})
_ENCAPSULATED = ("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98")
_PIXEL_DATA = 0x7FE00010
MOST_TIMES = 16
MOST_HASHED = 1 << 30
"""Octets that are hashed for the signatures of one object: times its size, and on top of that."""
_NAMED = 6


def is_encapsulated(uid: str) -> bool:
    """Tell whether pixel data is encapsulated in the transfer syntax *uid* of PS3.5 Annex A."""
    return uid.startswith(_ENCAPSULATED)


@dataclass(frozen=True)
class Parameters:
    """What one MAC Parameters item says: transfer syntax, algorithm term, list of tags."""

    transfer_syntax: str
    algorithm: str
    signed: tuple[int, ...]


@dataclass
class MacWork:
    """The digests of one data set; signatures that share parameters share the work."""

    source: Stored
    transfer_syntax: str
    _states: dict[Any, tuple[Any, int]] = field(default_factory=dict)
    _chosen: dict[Any, list[int]] = field(default_factory=dict)
    hashed: int = 0

    def spend(self, octets: int) -> None:
        """Count *octets* that were hashed for this object.

        Raises NotComputable when they are many times what the object has: hostile objects carry
        hundreds of signatures.
        """
        self.hashed += octets
        if self.hashed > MOST_TIMES * len(self.source.data) + MOST_HASHED:
            raise NotComputable(
                f"the signatures of this object ask for more than {self.hashed} octets to be hashed"
            )

    def chosen(self, level: int, tags: tuple[int, ...]) -> list[int]:
        """Return the listed elements of *level*, as :func:`mac_stream.listed` does."""
        if (level, tags) not in self._chosen:
            self._chosen[level, tags] = listed(self.source, level, tags)
        return self._chosen[level, tags]

    def mac(
        self,
        level: int,
        item: int | None,
        parameters: Parameters,
        name: str,
        vrs: Mapping[str, str] | None = None,
    ) -> tuple[bytes, int]:
        """Return digest by hash *name* and length of the stream; *item* is the signature item or None.

        Raises NotComputable if an element cannot be written in the transfer syntax of the MAC.
        """
        syntax = syntax_of(parameters.transfer_syntax)
        key = level, parameters.signed, syntax, name, tuple((vrs or {}).items())
        if key not in self._states:
            chosen = self.chosen(level, parameters.signed)
            state, total = hasher(name), 0
            for piece in gathered(stream(self.source, chosen, syntax, vrs=vrs)):
                state.update(piece)
                total += len(piece)
            self._states[key] = state, total
            self.spend(total)
        known, total = self._states[key]
        state = known.copy()
        if item is not None:
            own = of_signature_item(self.source, item)
            for piece in stream(self.source, own, syntax, vrs=vrs):
                state.update(piece)
                total += len(piece)
        return state.digest(), total


def obstacle(work: MacWork, level: int, parameters: Parameters) -> str:
    """Return why the MAC over *parameters* at *level* cannot be computed at all, or nothing."""
    source = work.source
    if not parameters.signed:
        return "(0400,0020) Data Elements Signed is empty or absent"
    refused = refused_tags(source, level, parameters.signed)
    if refused:
        names = ", ".join(described(tag) for tag in refused[:_NAMED])
        return f"the list names what may not be signed, or cannot as it is stored: {names}"
    if parameters.algorithm not in TERMS:
        return f"(0400,0015) MAC Algorithm {parameters.algorithm!r} is no defined term"
    if not parameters.transfer_syntax:
        return "(0400,0010) MAC Calculation Transfer Syntax UID is empty or absent"
    try:
        hasher(TERMS[parameters.algorithm])
    except ValueError:
        return f"the OpenSSL of this Python has no {parameters.algorithm}; install one that has it"
    return ""


@functools.lru_cache(maxsize=256)
def _forbidden_among(tags: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(tag for tag in tags if forbidden(tag))


def refused_tags(source: Stored, level: int, tags: Sequence[int]) -> tuple[int, ...]:
    """Return those of *tags* that may not be signed at *level*: by tag, or because of UN."""
    refused = set(_forbidden_among(tuple(tags)))
    if source.unsignable:
        wanted, elements = frozenset(tags), source.elements
        suspects = [i for i in source.unsignable if elements[i].tag in wanted]
        if suspects:
            here = frozenset(source.level(level))
            refused |= {elements[i].tag for i in suspects if i in here}
    return tuple(sorted(refused))


def pixel_mismatch(work: MacWork, level: int, parameters: Parameters) -> str:
    """Return why the stored pixel data is not what the transfer syntax of the MAC encodes, or nothing."""
    source = work.source
    encapsulated = any(
        source.elements[i].length == UNDEFINED
        and i + 1 < source.elements[i].after
        and source.elements[i + 1].vr is FRAGMENT
        for i in work.chosen(level, parameters.signed)
    )
    uid = parameters.transfer_syntax
    if encapsulated and uid in NATIVE:
        return (
            f"pixel data is stored encapsulated ({work.transfer_syntax}), the MAC was calculated over"
            f" native pixel data ({uid}): the octets that were signed are not there any more"
        )
    if not encapsulated and is_encapsulated(uid) and _PIXEL_DATA in parameters.signed:
        return (
            f"pixel data is stored native, the MAC was calculated over the fragments of {uid}:"
            " the octets that were signed are not there any more"
        )
    if encapsulated and uid != work.transfer_syntax:
        return f"pixel data is stored in {work.transfer_syntax}, the MAC was calculated in {uid}"
    return ""


@dataclass(frozen=True)
class Question:
    """One signature to be judged: where it stands, what it says it covers, its value, its certificate."""

    level: int
    item: int
    parameters: Parameters
    value: bytes
    seen: SignerCertificateSeen
    certificate: Certificate | None


def judge_crypto(work: MacWork, asked: Question) -> CryptoSeen:
    """Return whether the signature holds, and if not what it matches."""
    level, parameters, value = asked.level, asked.parameters, asked.value
    seen, certificate = asked.seen, asked.certificate
    why = obstacle(work, level, parameters)
    if not why and not value:
        why = "(0400,0120) Signature is empty or absent"
    if not why and certificate is None:
        why = seen.why
    if why or certificate is None:
        return CryptoSeen(UNDECIDABLE, why)
    key: Any = certificate.public_key()
    name = TERMS[parameters.algorithm]
    try:
        mac, octets = work.mac(level, asked.item, parameters, name)
    except NotComputable as trouble:
        return CryptoSeen(UNDECIDABLE, str(trouble))
    result = CryptoSeen(
        INVALID, mac=mac.hex(), octets=octets, holds=_holds(work, level, parameters)
    )
    if seen.key != "RSA":
        return _other_key(work, asked, result, key, mac)
    why = usable(key)
    if why:
        return dataclasses.replace(result, integrity=UNDECIDABLE, why=why)
    block = opened(key, value, {name: mac})
    result = dataclasses.replace(result, block=block)
    fault = _block_fault(block, parameters.algorithm)
    if block.digest == mac.hex() and not fault:
        return dataclasses.replace(result, integrity=VALID)
    if not block.digest or not block.digest_algorithm:
        return dataclasses.replace(result, why=fault)
    return _explained(work, asked, result, fault)


def _holds(work: MacWork, level: int, parameters: Parameters) -> tuple[str, ...]:
    """Return the words of CryptoSeen.holds for the stream."""
    source = work.source
    elements = source.elements
    chosen = work.chosen(level, parameters.signed)
    left_out = sorted(source.unsignable)
    found = []
    sequence = encapsulated = excluded = False
    for i in chosen:
        element = elements[i]
        if element[1] == "SQ":
            sequence = True
            nearest = bisect.bisect_right(left_out, i)
            excluded |= nearest < len(left_out) and left_out[nearest] < element.after
        elif element[4] == UNDEFINED and element[1] != "UN":
            encapsulated = True
    for there, word in (
        (sequence, "sequence"),
        (encapsulated, "encapsulated"),
        (excluded, "nested-exclusion"),
    ):
        if there:
            found.append(word)
    if source.syntax != syntax_of(parameters.transfer_syntax):
        found.append("encoded-anew")
    return tuple(found)


def _block_fault(block: BlockSeen, term: str) -> str:
    """Return what is wrong with the block under the signature, apart from the MAC in it."""
    if block.length != block.modulus_length:
        return f"the signature has {block.length} octets, the modulus of the key {block.modulus_length}"
    faults = {
        "no-digestinfo": "the block holds the bare MAC without DigestInfo (reading O-04)",
        "trailing-garbage": "octets follow the DigestInfo in the block",
        "block-type-2": "the block is of type 02, for encryption",
        "pss": "the signature is RSASSA-PSS, not RSASSA-PKCS1-v1_5",
        "other-encoding": "the DigestInfo in the block is not in its DER encoding",
        "not-pkcs1": "what the key in the certificate makes of it is no PKCS #1 block: it was made with"
        " another key, or is damaged",
    }
    if block.form in faults:
        return faults[block.form]
    if block.digest_algorithm != TERMS.get(term, ""):
        return (
            f"the DigestInfo says {block.digest_algorithm or block.digest_oid},"
            f" (0400,0015) MAC Algorithm says {term}"
        )
    return ""


def _other_key(
    work: MacWork, asked: Question, result: CryptoSeen, key: Any, mac: bytes
) -> CryptoSeen:
    level, parameters, seen = asked.level, asked.parameters, asked.seen
    name = TERMS[parameters.algorithm]
    verified = other_key_verifies(key, seen.key, asked.value, name, mac)
    if verified is None:
        return dataclasses.replace(
            result,
            integrity=UNDECIDABLE,
            why=f"signatures of {seen.key} keys over {parameters.algorithm} are not computed here",
        )
    if verified:
        return dataclasses.replace(result, integrity=VALID)
    mismatch = pixel_mismatch(work, level, parameters)
    if mismatch:
        return dataclasses.replace(result, integrity=UNDECIDABLE, why=mismatch)
    return dataclasses.replace(
        result, why=f"it does not verify with the {seen.key} key in the certificate"
    )


def _explained(work: MacWork, asked: Question, result: CryptoSeen, fault: str) -> CryptoSeen:
    """Say why the digest inside the signature is not the MAC: other VRs, a known variant, or altered data."""
    level, item, parameters = asked.level, asked.item, asked.parameters
    block = result.block
    source = work.source
    chosen = work.chosen(level, parameters.signed)
    own = of_signature_item(source, item)
    small = result.octets <= LARGEST
    if small and not fault:
        try:
            for vrs in _other_representations(source, [*chosen, *own]):
                mac, octets = work.mac(level, item, parameters, block.digest_algorithm, vrs)
                if mac.hex() == block.digest:
                    return dataclasses.replace(
                        result, integrity=VALID, mac=mac.hex(), octets=octets
                    )
        except NotComputable as trouble:
            return dataclasses.replace(result, integrity=UNDECIDABLE, why=str(trouble))
    mismatch = pixel_mismatch(work, level, parameters)
    if mismatch:
        return dataclasses.replace(result, integrity=UNDECIDABLE, why=mismatch)
    why = fault or "the MAC of what is stored is not the one that was signed"
    if not small:
        return dataclasses.replace(result, why=why)
    alternative = _alternative(work, asked, block, result.octets)
    if alternative:
        why = f"{why}; it matches {ALTERNATIVES[alternative][0]}"
    return dataclasses.replace(result, why=why, alternative=alternative)


def _alternative(work: MacWork, asked: Question, block: BlockSeen, octets: int) -> str:
    """Return the key of the known stream that the digest in the signature is over, or nothing."""
    level, item, parameters, source = asked.level, asked.item, asked.parameters, work.source
    try:
        mac, _ = work.mac(level, item, parameters, block.digest_algorithm)
        if mac.hex() == block.digest:
            return "ps3.3"
        by_tag: dict[int, list[int]] = {}
        for index in source.level(level):
            by_tag.setdefault(source.elements[index].tag, []).append(index)
        everything = [i for tag in parameters.signed for i in by_tag.get(tag, ())]
        chosen = work.chosen(level, parameters.signed)
        own = of_signature_item(source, item)
        syntax = syntax_of(parameters.transfer_syntax)
        for name, pieces in variants(source, chosen, own, syntax, everything):
            work.spend(octets)
            try:
                digest, _ = digest_of(gathered(pieces()), block.digest_algorithm)
            except NotComputable:
                continue
            if digest.hex() == block.digest:
                return name
    except NotComputable:
        return ""
    return ""


def _other_representations(source: Stored, chosen: Sequence[int]) -> list[Mapping[str, str]]:
    """Return the other ways to take ambiguous VRs: implicit VR does not say which one was signed."""
    unsure = ambiguous(source, chosen)
    if not unsure:
        return []
    usual = dict(choices(source))
    ways = itertools.product(*(vr.split("/") for vr in unsure))
    found = [{**usual, **dict(zip(unsure, way, strict=True))} for way in ways]
    return [way for way in found if way != usual]
