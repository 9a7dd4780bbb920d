"""Options of the confidentiality profiles: what is retained, what is cleaned, what survives (PS3.15 E.2, E.3)."""

from __future__ import annotations

from collections.abc import Sequence

from part15.checks.deid_table import decided, findings, told
from part15.model import Finding, Judgement, Word, does_not_apply, fails, informs, passes, undecided
from part15.observations.deid import DeidSeen, SurvivorSeen
from part15.registry import check

_HASHED = ("hash", "base64", "hexadecimal", "reversed")
_TREES = ("(0040,A730)", "(0040,0555)", "(0040,0610)")


@check
def honours_option(seen: DeidSeen, *, option: str) -> Judgement:
    """Tell whether every attribute of the column of *option* was kept or cleaned as it says (E.3)."""
    judged = sum(n for key, n in seen.columns.items() if key.rsplit(" ", 1)[0] == option)
    deviations = [
        d for d in seen.deviations if d.column == option and not d.row.startswith("E.3.4-1")
    ]
    return decided(
        seen,
        deviations,
        right=f"the {judged} attributes of the column {option} are as it asks",
        judged=judged,
        none=f"the object has no attribute of the column {option}",
        expected=f"the actions of {option}",
    )


@check
def retains(seen: DeidSeen) -> Judgement:
    """Tell whether each attribute that a claimed option retains is still there (E.1.1)."""
    options = [o for o in seen.options if o.startswith("retain-")]
    if not options:
        return does_not_apply("no option that retains anything is claimed")
    lost = [d for d in seen.deviations if d.kind == "not-kept"]
    kept = sum(n for key, n in seen.columns.items() if key.startswith("retain-"))
    return decided(
        seen,
        lost,
        right=f"the {kept} attributes that {', '.join(options)} retain are there",
        judged=kept,
        none=f"the object has no attribute that {', '.join(options)} retain",
        expected="retained attributes kept",
    )


@check
def lets_options_override(seen: DeidSeen) -> Judgement:
    """Tell whether options rule over the profile on their rows; where two options clash either may (O-16)."""
    if not seen.options:
        return does_not_apply("no option is claimed")
    ruled = sum(n for key, n in seen.columns.items() if not key.startswith("basic-"))
    over = [d for d in seen.deviations if d.column in seen.options]
    answer = decided(
        seen,
        [d for d in over if d.kind != "private"],
        right=f"{ruled} attributes follow an option instead of the profile",
        judged=ruled,
        none="no attribute of the object stands in the column of a claimed option",
        expected="the action of the option",
    )
    if not seen.conflicts or answer.word is not Word.PASS:
        return answer
    clash = [
        Finding(row, Word.INFO, f"{row}: two claimed options differ; either outcome conforms")
        for row in seen.conflicts
    ]
    return passes(answer.message, expected=answer.expected, findings=clash, rests_on=("O-16",))


def _survivors(found: Sequence[SurvivorSeen]) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            s.place,
            Word.FAIL if s.listed else Word.WARN,
            f"the known value '{s.canary}' is in {s.place}: {s.transform}",
        )
        for s in found[:100]
    )


@check
def frees_of_planted(seen: DeidSeen) -> Judgement:
    """Tell whether nothing planted in attributes that the table lists is anywhere in the output (E.2).

    What was planted outside the table and survives is a finding: the table is the minimum (notes 1, 5).
    """
    if not seen.hunted:
        return undecided(
            "no original values are known; give the originals, or run the de-identifier over the corpus "
            "that part15 makes"
        )
    listed = [s for s in seen.survivors if s.listed and "hash" not in s.transform]
    if listed:
        first = listed[0]
        return fails(
            f"the known value '{first.canary}' survives in {first.place}: {first.transform}",
            expected=f"none of {seen.hunted} known values",
            observed=f"{len(listed)} survive",
            findings=_survivors((*listed, *(s for s in seen.survivors if not s.listed))),
        )
    return passes(
        f"none of {seen.hunted} known values is left of those in listed attributes",
        findings=_survivors(seen.survivors),
    )


@check
def derives_nothing(seen: DeidSeen) -> Judgement:
    """Tell whether no hash or plain encoding of an identifying value stands in the output (E.1.1 note 3)."""
    if not seen.hunted:
        return undecided("no original values are known to look for")
    derived = [s for s in seen.survivors if any(word in s.transform for word in _HASHED)]
    if derived:
        first = derived[0]
        return fails(
            f"'{first.canary}' can be recognised in {first.place}: {first.transform}; use Encrypted "
            "Attributes where identity must be recoverable",
            expected="no hash and no encoding of an identifying value",
            observed=f"{len(derived)} found",
            findings=_survivors(derived),
        )
    return passes("no hash and no encoding of a planted value was found")


@check
def cleans_burned_in(seen: DeidSeen) -> Judgement:
    """Tell whether text burned in to Pixel Data was removed from the stored pixels (E.3.1)."""
    pixels = seen.pixels
    if pixels.burned:
        return fails(
            f"{pixels.burned[0]} can still be read in Pixel Data; change the stored pixel values, a "
            "shutter or an overlay over them is not enough",
            expected="burned-in text gone from the pixels",
            observed=f"{len(pixels.burned)} of {len(pixels.burned) + len(pixels.cleaned)} left",
        )
    if pixels.cleaned:
        return passes(f"the {len(pixels.cleaned)} texts burned in to Pixel Data are gone")
    if pixels.state == "absent":
        return informs("the object has no Pixel Data")
    if seen.hunted:
        return informs("nothing was burned in to the Pixel Data of this planted object")
    return undecided(
        "no image with known burned-in text was seen; a person has to look, or run the de-identifier "
        "over the corpus that part15 makes"
    )


@check
def cleans_icon(seen: DeidSeen) -> Judgement:
    """Tell whether the icon is gone, cleaned or made anew where Pixel Data was cleaned (E.3.1)."""
    if seen.pixels.icon == "kept":
        return fails(
            "the icon in (0088,0200) still has the pixels of the original",
            expected="no icon, or another one",
            observed="the same pixels",
        )
    return passes("no icon with the pixels of the original is left")


@check
def cleans_content(seen: DeidSeen) -> Judgement:
    """Tell whether content items hold no planted identity any more (E.3.4)."""
    if not seen.hunted:
        return undecided("no planted values are known; a person has to read the content items")
    inside = [s for s in seen.survivors if s.listed and s.place.startswith(_TREES)]
    if inside:
        first = inside[0]
        return fails(
            f"the known value '{first.canary}' survives in the content item {first.place}: "
            f"{first.transform}",
            expected="content items without identity",
            observed=f"{len(inside)} survive",
            findings=_survivors(inside),
        )
    return passes("no planted value is left in content items")


@check
def follows_content_table(seen: DeidSeen, *, retired: bool = False) -> Judgement:
    """Tell whether content items with the concepts of Table E.3.4-1 got their action (E.3.4).

    With *retired* only concepts named by retired codes (SRT for SCT) count (note 3).
    """
    rows = [d for d in seen.deviations if d.row.startswith("E.3.4-1")]
    chosen = [d for d in rows if d.row.endswith(" SRT") == retired]
    failed = [d for d in chosen if d.weight == "fail"]
    if failed:
        return fails(
            told(failed[0]),
            expected="the action of Table E.3.4-1",
            observed=f"{len(failed)} content items deviate",
            findings=findings(chosen),
        )
    if any(d.weight == "open" for d in chosen):
        return undecided(
            "content items cannot be judged without the original", findings=findings(chosen)
        )
    which = "retired codes for its concepts" if retired else "its concepts"
    return passes(f"no content item deviates from Table E.3.4-1 under {which}")


@check
def keeps_structural_uids(seen: DeidSeen) -> Judgement:
    """Tell whether UIDs that the standard registers were left alone (E.3.9 note 4)."""
    if not seen.paired:
        return undecided("which UIDs were replaced cannot be seen without the original")
    if seen.registered_changed:
        return fails(
            f"{seen.registered_changed[0]} held a UID that the standard registers and has another one now; "
            "it names a class or a syntax, not a person",
            expected="structural UIDs unchanged",
            observed=", ".join(seen.registered_changed[:5]),
        )
    return passes("UIDs that the standard registers are unchanged")


@check
def retains_safe_private(seen: DeidSeen) -> Judgement:
    """Tell whether only private attributes known to be safe are left, each with its creator (E.3.10)."""
    option = "retain-safe-private"
    chosen = [d for d in seen.deviations if d.column == option]
    kept = seen.columns.get(f"{option} kept", 0)
    if any(d.weight == "fail" for d in chosen):
        return decided(
            seen,
            chosen,
            right="",
            judged=kept,
            none="",
            expected="safe private attributes with creator",
        )
    return passes(f"{kept} private elements are left, all known to be safe or creators of such")
