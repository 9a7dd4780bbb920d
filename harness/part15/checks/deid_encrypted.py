"""Encrypted Attributes Sequence (PS3.3 C.12.1.1.4, PS3.15 E.1.1 items 2 to 5)."""

from __future__ import annotations

from collections.abc import Callable

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations.deid import DeidSeen, EnvelopeSeen
from part15.registry import check
from part15.wire.cms_names import name_of

_ENVELOPED_INNER = "1.2.840.113549.1.7.1"
_CIPHERS = frozenset(
    [
        "1.2.840.113549.3.7",
        "2.16.840.1.101.3.4.1.2",
        "2.16.840.1.101.3.4.1.22",
        "2.16.840.1.101.3.4.1.42",
    ]
)
_IMPLICIT, _BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"


def _every(
    seen: DeidSeen, right: str, wrong: Callable[[EnvelopeSeen], str], *, opened: bool = False
) -> Judgement:
    """Judge every item by *wrong*, which says what is wrong with it or nothing; *opened* items only."""
    if not seen.encrypted.present:
        return informs("the object has no Encrypted Attributes Sequence; its use is optional")
    items = seen.encrypted.items
    chosen = [(n, item) for n, item in enumerate(items, 1) if not opened or item.state == "opened"]
    flaws = [(f"(0400,0500)[{n}]", text) for n, item in chosen if (text := wrong(item))]
    if flaws:
        return fails(
            f"{flaws[0][0]}: {flaws[0][1]}",
            expected=right,
            observed=f"{len(flaws)} of {len(items)} items deviate",
            findings=[Finding(place, Word.FAIL, text) for place, text in flaws],
        )
    if not chosen:
        why = items[0].why if items else "the sequence is empty"
        return undecided(f"no item was opened: {why}; give the key and certificate of a recipient")
    return passes(f"{len(chosen)} of {len(items)} items: {right}")


@check
def has_items(seen: DeidSeen) -> Judgement:
    """Tell whether (0400,0500) stands in the main data set and has an item."""
    encrypted = seen.encrypted
    if encrypted.nested:
        return fails(
            f"Encrypted Attributes Sequence stands in {encrypted.nested[0]}; it belongs into the main data set",
            expected="(0400,0500) at the top",
            observed="inside an item",
        )
    if not encrypted.present:
        return informs("the object has no Encrypted Attributes Sequence; its use is optional")
    if not encrypted.items:
        return fails("(0400,0500) has no item", expected="one or more items", observed="none")
    return passes(f"(0400,0500) has {len(encrypted.items)} items")


@check
def has_content(seen: DeidSeen) -> Judgement:
    """Tell whether each item names its transfer syntax and holds encrypted content."""

    def wrong(item: EnvelopeSeen) -> str:
        if not item.transfer_syntax:
            return "Encrypted Content Transfer Syntax UID (0400,0510), Type 1, is missing"
        return "" if item.content else "Encrypted Content (0400,0520), Type 1, is missing or empty"

    return _every(seen, "transfer syntax and content are there", wrong)


@check
def names_explicit_syntax(seen: DeidSeen) -> Judgement:
    """Tell whether (0400,0510) is an explicit VR little endian transfer syntax (reading O-14)."""

    def wrong(item: EnvelopeSeen) -> str:
        if item.transfer_syntax in (_IMPLICIT, _BIG):
            return f"transfer syntax {item.transfer_syntax} is not explicit VR little endian"
        return "" if item.transfer_syntax else "there is no transfer syntax"

    answer = _every(seen, "the transfer syntax is explicit VR little endian", wrong)
    return Judgement(
        answer.word, answer.message, answer.expected, answer.observed, answer.findings, ("O-14",)
    )


def _plaintext(item: EnvelopeSeen) -> str:
    if item.plaintext_flaw:
        return item.plaintext_flaw
    if item.modified_sequences != 1 or item.modified_items != 1:
        return (
            f"the plaintext holds {item.modified_sequences} Modified Attributes Sequences (0400,0550) "
            f"with {item.modified_items} items where one with one item is due"
        )
    if item.other_top_level:
        return f"{item.other_top_level[0]} stands beside (0400,0550) in the plaintext"
    return ""


@check
def encloses_modified(seen: DeidSeen) -> Judgement:
    """Tell whether each opened plaintext is (0400,0550) with exactly one item, and nothing else."""
    broken = [i for i in seen.encrypted.items if i.state in ("not-enveloped", "damaged")]
    if broken:
        return _every(seen, "the content is Enveloped-data", _envelope)
    return _every(seen, "one Modified Attributes Sequence with one item", _plaintext, opened=True)


def _envelope(item: EnvelopeSeen) -> str:
    if item.state in ("not-enveloped", "damaged"):
        return f"Encrypted Content is no sound CMS Enveloped-data: {item.why}"
    return ""


@check
def is_enveloped(seen: DeidSeen) -> Judgement:
    """Tell whether each Encrypted Content is sound CMS Enveloped-data around id-data (E.1.1 items 3, 4)."""

    def wrong(item: EnvelopeSeen) -> str:
        flaw = _envelope(item)
        if not flaw and item.content_type and item.content_type != _ENVELOPED_INNER:
            return f"the encrypted content is declared as {name_of(item.content_type)}, not data"
        return flaw

    return _every(seen, "the content is CMS Enveloped-data", wrong)


@check
def agrees(seen: DeidSeen) -> Judgement:
    """Tell whether an attribute in several items has one value."""
    differing = seen.encrypted.differing
    if differing:
        return fails(
            f"{differing[0]} has different values in two Encrypted Attributes Data Sets",
            expected="one value",
            observed=", ".join(differing[:5]),
        )
    opened = sum(1 for item in seen.encrypted.items if item.state == "opened")
    if seen.encrypted.present and not opened:
        return undecided("no item was opened; give the key and certificate of a recipient")
    if not seen.encrypted.present:
        return informs("the object has no Encrypted Attributes Sequence; its use is optional")
    return passes(f"no attribute of {opened} opened items has two values")


@check
def pads_by_one(seen: DeidSeen) -> Judgement:
    """Tell whether at most one octet 00H follows the CMS structure."""

    def wrong(item: EnvelopeSeen) -> str:
        if item.content % 2:
            return f"Encrypted Content has an odd length, {item.content} octets"
        return f"{item.trailing} octets follow the CMS structure" if item.trailing > 1 else ""

    return _every(seen, "padded to even length by at most one octet", wrong)


@check
def holds_only_modified(seen: DeidSeen) -> Judgement:
    """Tell whether every attribute in the encrypted item was changed or removed in the main data set."""

    def wrong(item: EnvelopeSeen) -> str:
        if item.unchanged:
            return (
                f"{item.unchanged[0]} has the same value in the main data set; it was not modified"
            )
        return ""

    return _every(seen, "all attributes inside were changed or removed outside", wrong, opened=True)


@check
def transports_by_rsa(seen: DeidSeen) -> Judgement:
    """Tell whether the content key goes to every recipient by RSA key transport (E.1.1 item 3)."""

    def wrong(item: EnvelopeSeen) -> str:
        other = [t for t in item.transports if t != "rsaEncryption"]
        if item.state == "not-enveloped":
            return item.why
        if not item.transports:
            return "the Enveloped-data has no recipient"
        return f"a recipient gets the key by {other[0]}, not by RSA" if other else ""

    return _every(seen, "keys are transported by RSA", wrong)


@check
def encrypts_by(seen: DeidSeen) -> Judgement:
    """Tell whether the content is encrypted with AES or Triple-DES in CBC mode (E.1.1 item 3)."""

    def wrong(item: EnvelopeSeen) -> str:
        if item.state == "not-enveloped":
            return item.why
        return (
            ""
            if item.cipher in _CIPHERS
            else f"the content is encrypted with {name_of(item.cipher)}"
        )

    return _every(seen, "AES or Triple-DES", wrong)


@check
def encloses_whole_sequences(seen: DeidSeen) -> Judgement:
    """Tell whether sequences with instance UIDs were encrypted as a whole (E.1.1 item 5 note)."""

    def wrong(item: EnvelopeSeen) -> str:
        if item.partial_sequences:
            return f"{item.partial_sequences[0]} is not in the item as the original has it"
        return ""

    if not seen.paired:
        return undecided("whether sequences are whole cannot be seen without the original")
    if not any(item.holds_uids for item in seen.encrypted.items):
        return informs("no encrypted item carries the original UIDs; the note does not apply")
    return _every(seen, "sequences are encrypted as a whole", wrong, opened=True)
