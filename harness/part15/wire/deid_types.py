"""Types of attributes by IOD (PS3.3), as far as the action codes of Table E.1-1 ask for them.

    types = types_of("1.2.840.10008.5.1.4.1.1.4")
    types.top(0x00100020)        # "2"
    types.inside(0x00400275, 0x00080050)   # inside an item of (0040,0275)

``1`` and ``2`` are of a mandatory module; what stands in a conditional or optional module is ``1C``
or ``2C``, since its presence is not decided here; ``3`` optional; an empty text: foreign to the IOD,
or the IOD is not known.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

from part15.content import table

_STRICTEST = ("1", "2", "1C", "2C", "3")


@dataclass(frozen=True)
class Types:
    """The types of one IOD; *iod* is empty for a SOP Class that is not known (a private one, a new one)."""

    iod: str = ""
    top_level: Mapping[int, str] = field(default_factory=dict)

    def top(self, tag: int) -> str:
        """Return the Type of *tag* in the main data set."""
        return self.top_level.get(tag, "")

    def inside(self, parent: int, tag: int) -> str:
        """Return the Type of *tag* in items of *parent*, where every module that has it agrees."""
        return nested().get(parent, {}).get(tag, "")


UNKNOWN = Types()


@functools.cache
def nested() -> dict[int, dict[int, str]]:
    """Return parent -> tag -> Type of the rows with compound actions inside sequences."""
    stored: dict[str, dict[str, str]] = table("confidentiality-iod-types")["nested"]
    return {
        int(parent, 16): {int(tag, 16): kind for tag, kind in inner.items()}
        for parent, inner in stored.items()
    }


@functools.cache
def _iods() -> dict[str, str]:
    stored = table("confidentiality-iod-types")["iods"]
    return {uid: name for name, iod in stored.items() for uid in iod["classes"]}


@functools.lru_cache(maxsize=256)
def _of_iod(name: str) -> Types:
    stored = table("confidentiality-iod-types")
    found: dict[int, str] = {}
    for usage in "MCU":
        for module in stored["iods"][name][usage]:
            for kind, tags in stored["modules"][module].items():
                given = kind if usage == "M" or kind[0] == "3" else f"{kind[0]}C"
                for text in tags.split():
                    tag = int(text, 16)
                    known = found.get(tag)
                    if known is None or _STRICTEST.index(given) < _STRICTEST.index(known):
                        found[tag] = given
    return Types(name, found)


def types_of(sop_class: str) -> Types:
    """Return the types of the IOD of *sop_class*; :data:`UNKNOWN` for a class we do not know."""
    name = _iods().get(sop_class)
    return _of_iod(name) if name else UNKNOWN
