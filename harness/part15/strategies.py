"""What generated tests draw from: data sets that touch every VR, and stories of SOP Instance Status."""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable
from typing import TypeAlias, TypeVar

import hypothesis
from hypothesis import HealthCheck, Phase, configuration, errors
from hypothesis import strategies as st

from part15.observations.status import PARTNER, PLAIN, STRANGER
from part15.wire.trap_objects import joined
from part15.wire.writing import element, sequence

Drawn = TypeVar("Drawn")
Event: TypeAlias = tuple[str, str, str]
"""A verb (``store``, ``commit``, ``ask``), who does it, and the status or the number of the instance."""
Story: TypeAlias = tuple[Event, ...]

STATUSES = ("OR", "AO", "AC", "NS", "-")
"""What instances are stored with; ``-`` is none."""
LONGEST = 8


def events(
    parties: tuple[str, ...] = (PARTNER, STRANGER, PLAIN), also: tuple[tuple[str, str], ...] = ()
) -> st.SearchStrategy[Event]:
    """Return single events of those who we can be; *also* are further verbs, with whom they concern."""
    who = st.sampled_from(parties)
    numbers = st.sampled_from(("0", "1", "2"))
    more = [st.tuples(st.just(verb), st.just(whom), numbers) for verb, whom in also]
    return st.one_of(
        st.tuples(st.just("commit"), st.just(PARTNER), numbers),
        st.tuples(st.just("store"), who, st.sampled_from(STATUSES)),
        st.tuples(st.just("ask"), who, st.just("")),
        *more,
    )


def stories(
    parties: tuple[str, ...] = (PARTNER, STRANGER, PLAIN), also: tuple[tuple[str, str], ...] = ()
) -> st.SearchStrategy[Story]:
    """Return sequences of events that begin with storing something and end with asking for it.

    They are long on purpose: what is found in one is shortened afterwards.
    """
    who = st.sampled_from(parties)
    first = st.tuples(st.just("store"), who, st.sampled_from(STATUSES))
    between = st.lists(events(parties, also), min_size=LONGEST // 2, max_size=LONGEST)
    last = st.tuples(st.just("ask"), who, st.just(""))
    return st.builds(lambda head, tail, end: (head, *tail, end), first, between, last)


_TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="\\"), max_size=16
)
_PADDED = st.builds(lambda text, blanks: text + " " * blanks, _TEXT, st.integers(0, 4))


def _numbers(
    code: str, numbers: st.SearchStrategy[float] | st.SearchStrategy[int]
) -> st.SearchStrategy[bytes]:
    return st.lists(numbers, max_size=3).map(lambda v: struct.pack(f"<{len(v)}{code}", *v))


def _bits(width: int) -> st.SearchStrategy[int]:
    return st.integers(0, 2**width - 1)


VALUES: dict[str, st.SearchStrategy[bytes | str]] = {
    "AE": _TEXT,
    "AS": st.from_regex(r"[0-9]{3}[DWMY]", fullmatch=True),
    "CS": st.from_regex(r"[A-Z0-9_ ]{0,16}", fullmatch=True),
    "DA": st.dates().map(lambda d: d.strftime("%Y%m%d").rjust(8, "0")),
    "DS": st.one_of(st.just(""), st.floats(-1e6, 1e6).map(lambda f: f"{f:.6g}"), st.just("+1.50 ")),
    "FD": _numbers("d", st.floats(width=64)),
    "FL": _numbers("f", st.floats(width=32)),
    "IS": st.integers(-(2**31), 2**31 - 1).map(str),
    "LO": _PADDED,
    "LT": _PADDED,
    "OB": st.binary(max_size=32),
    "OW": _numbers("H", _bits(16)),
    "PN": st.lists(_TEXT, max_size=5).map("^".join),
    "SH": _PADDED,
    "SL": _numbers("i", st.integers(-(2**31), 2**31 - 1)),
    "SS": _numbers("h", st.integers(-(2**15), 2**15 - 1)),
    "ST": _PADDED,
    "SV": _numbers("q", st.integers(-(2**63), 2**63 - 1)),
    "TM": st.times().map(lambda t: t.strftime("%H%M%S.%f")),
    "UC": _PADDED,
    "UI": st.from_regex(r"2\.25\.[1-9][0-9]{0,20}", fullmatch=True),
    "UL": _numbers("I", _bits(32)),
    "UN": st.binary(max_size=16),
    "UR": st.just("http://127.0.0.1/part15"),
    "US": _numbers("H", _bits(16)),
    "UT": _PADDED,
    "UV": _numbers("Q", _bits(64)),
}
"""A value for each VR that can stand in a private element, as octets or text to be encoded."""


@st.composite
def private_block(draw: st.DrawFn, depth: int = 2, least: int = 0) -> dict[int, bytes]:
    """Draw the elements of a private block of group 0009, by tag.

    At least *least* of them are of VRs of their own; sequences nest at most *depth* deep.
    """
    found = {0x00090010: element(0x00090010, "LO", "PART15 GENERATED")}
    named = st.lists(
        st.sampled_from(sorted(VALUES)), min_size=least, max_size=least + 6, unique=True
    )
    for number, vr in enumerate(draw(named)):
        tag = 0x00091000 + number
        found[tag] = element(tag, vr, draw(VALUES[vr]))
    if depth and draw(st.booleans()):
        tag = 0x000910F0
        items = draw(st.lists(private_block(depth=depth - 1).map(joined), max_size=3))
        found[tag] = sequence(tag, items, undefined=draw(st.booleans()))
    return found


@st.composite
def contents(draw: st.DrawFn, least: int = 0) -> dict[int, bytes]:
    """Draw elements, by tag, to be laid over a small right object: a private block and some texts."""
    elements = draw(private_block(least=least))
    for tag, vr in ((0x00081030, "LO"), (0x00104000, "LT"), (0x00204000, "LT")):
        if draw(st.booleans()):
            elements[tag] = element(tag, vr, draw(VALUES[vr]))
    return elements


def drawn(strategy: st.SearchStrategy[Drawn], count: int, seed: int) -> list[Drawn]:
    """Return at most *count* different values of *strategy*, the same for the same *seed*."""
    found: list[Drawn] = []

    def take(value: Drawn) -> bool:
        if value not in found:
            found.append(value)
        return False

    smallest(strategy, take, count * 4, seed, shrink=False)
    return found[:: max(len(found) // count, 1)][:count]


def smallest(
    strategy: st.SearchStrategy[Drawn],
    condition: Callable[[Drawn], bool],
    budget: int,
    seed: int,
    *,
    shrink: bool = True,
) -> Drawn | None:
    """Return the smallest value that meets *condition*, of about *budget* tried ones; None if none does.

    What hypothesis keeps on disk goes to a folder that is removed.
    """
    settings = hypothesis.settings(
        max_examples=budget,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    with tempfile.TemporaryDirectory(prefix="part15-hypothesis-") as home:
        configuration.set_hypothesis_home_dir(home)
        try:
            found: Drawn = hypothesis.find(
                strategy, condition, settings=settings, random=random.Random(seed)
            )
        except errors.NoSuchExample:
            return None
        return found
