"""Streams that are not that of PS3.3 but that signers in the field are known to have used.

A signature that does not match the stream of PS3.3 is compared with these, so that a report can say
what was done instead of just *corrupted*.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from part15.wire.elements import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, UNDEFINED, Syntax
from part15.wire.mac_stream import Stored, pieces, stream

DCMTK_BUFFER = 16_384
LARGEST = 1 << 26
"""Variants are not tried on streams of more octets."""

_TEXT = frozenset(
    [
        "AE",
        "AS",
        "CS",
        "DA",
        "DS",
        "DT",
        "IS",
        "LO",
        "LT",
        "PN",
        "SH",
        "ST",
        "TM",
        "UC",
        "UI",
        "UR",
        "UT",
    ]
)

Variant = tuple[str, Callable[[], Iterator[memoryview | bytes]]]


_LONG_HEAD = 12


def variants(
    source: Stored,
    chosen: Sequence[int],
    own: Sequence[int],
    syntax: Syntax,
    everything: Sequence[int],
) -> Iterator[Variant]:
    """Yield the key in ``observations.signatures.ALTERNATIVES`` and the stream of each variant.

    *chosen* are the listed elements, *own* those of the signature item, *syntax* that of the MAC;
    *everything* the listed elements in the order of the list, unsignable ones and repetitions included.
    """
    both = [*chosen, *own]
    elements = source.elements
    sequences = any(elements[i].vr == "SQ" for i in chosen)
    if syntax != EXPLICIT_LITTLE:
        yield "explicit-little", lambda: stream(source, both)
    for other in (IMPLICIT_LITTLE, EXPLICIT_BIG):
        if other != syntax:
            yield "other-syntax", functools.partial(stream, source, both, other)
    if any(elements[i].length == UNDEFINED for i in chosen):
        yield "fragment-lengths", lambda: stream(source, both, syntax, fragment_lengths=True)
    if sequences:
        yield "dcmtk-16k", lambda: dcmtk_stream(source, both)
    yield "no-signature-item", lambda: stream(source, chosen, syntax)
    yield "repadded", lambda: _repadded(source, both)
    unguarded = Stored(source.data, elements, source.syntax)
    unguarded.__dict__["unsignable"] = frozenset()
    ordered = sorted(set(everything))
    if ordered != sorted(chosen):
        yield "unsignable", lambda: stream(unguarded, [*ordered, *own], syntax)
    if source.unsignable and sequences:
        yield "nested-signatures", lambda: stream(unguarded, both, syntax)
    if list(everything) != list(chosen):
        in_order = [i for i in everything if i not in source.unsignable]
        yield "list-order", lambda: stream(source, [*in_order, *own], syntax)
    if sequences and source.syntax == syntax and syntax.explicit:
        yield "lengths", lambda: (source.data[elements[i].start : elements[i].end] for i in both)


def _repadded(source: Stored, chosen: Sequence[int]) -> Iterator[memoryview | bytes]:
    """Yield the stream in explicit VR little endian, trailing padding of text values made canonical."""
    for _, head, value, element in pieces(source, chosen):
        if value is None or element is None or element.vr not in _TEXT:
            yield head
            if value is not None:
                yield value
            continue
        text = bytes(value).rstrip(b" \0")
        text += (b"\0" if element.vr == "UI" else b" ") * (len(text) % 2)
        size = 4 if len(head) == _LONG_HEAD else 2
        yield head[:-size] + len(text).to_bytes(size, "little")
        yield text


def dcmtk_stream(source: Stored, chosen: Sequence[int]) -> Iterator[memoryview | bytes]:
    """Yield the octets that DCMTK 3.6.7 digests of *chosen*, explicit VR little endian.

    It fills a buffer of 16 KiB. When the buffer runs full inside a sequence that is nested in an item,
    the rest of that sequence is lost and only its delimiter follows; a sequence of the top level goes on.
    """
    free, depth, lost = DCMTK_BUFFER, 0, False
    for kind, head, value, _ in pieces(source, chosen):
        if kind == "end":
            inside, depth = depth > 2, depth - 1
            if lost and depth >= 2:
                continue
            lost = False
        elif lost:
            depth += kind == "sequence"
            continue
        else:
            inside = depth >= 2
            depth += kind == "sequence"
        need = _LONG_HEAD if kind == "sequence" else len(head)
        if free < need:
            free = DCMTK_BUFFER
            if inside:
                lost = True
                continue
        yield head
        free -= len(head)
        if value is None:
            continue
        at = 0
        while True:
            part = value[at : at + free]
            yield part
            at, free = at + len(part), free - len(part)
            if at == len(value):
                break
            free = DCMTK_BUFFER
            if inside:
                lost = True
                break
