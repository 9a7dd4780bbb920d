"""Site policies on de-identified objects: identifiers that must be gone, whatever PS3.15 lets stay."""

from __future__ import annotations

from collections.abc import Sequence

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.observations.deid import DeidSeen
from part15.registry import check

PRIVATE = "(gggg,eeee)"


@check
def withholds(seen: DeidSeen, *, rows: Sequence[str]) -> Judgement:
    """Tell whether no attribute of *rows* (as Table E.1-1 writes them) still has the original's value.

    A value that an option of PS3.15 keeps fails here as well: this is a policy, not the standard.
    """
    kept = [row for row in rows if "kept" in seen.rows.get(row, "").split()]
    open_ = [row for row in rows if "present" in seen.rows.get(row, "").split()]
    if PRIVATE in rows and any(d.kind == "private" for d in seen.deviations):
        kept.append(PRIVATE)
    met = [row for row in rows if row in seen.rows]
    if kept:
        return fails(
            f"{kept[0]} still has a value of the original; the policy wants it removed or replaced",
            expected="no value of the original",
            observed=f"{len(kept)} of {len(met)} identifiers of this class are left",
            findings=[Finding(row, Word.FAIL, f"{row} was kept") for row in kept],
        )
    if open_:
        return undecided(
            f"whether {open_[0]} was replaced cannot be seen without the original; give it with --before"
        )
    if not met:
        return informs("the object has no attribute of this class of identifiers")
    return passes(f"{len(met)} attributes of this class of identifiers were emptied or replaced")
