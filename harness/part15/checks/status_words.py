"""What is said of an Online Electronic Storage where no case decides: refusals, links, and what was missing."""

from __future__ import annotations

from part15.model import Judgement, fails, undecided
from part15.observations.status import PARTNER, PLAIN, STRANGER, StatusSeen
from part15.wire.status_model import RULES

NEEDS = {
    "to-plain": PLAIN,
    "from-plain": PLAIN,
    "to-stranger": STRANGER,
    "from-stranger": STRANGER,
}


def linked(link: str, *, annex_b: bool) -> Judgement:
    """Judge a product whose partners are behind a VPN or IPsec: what protects them is not seen here."""
    if annex_b:
        return fails(
            f"instances travel over a {link.upper()} link, which is no Secure Transport Connection Profile "
            "of Annex B; give the product a TLS or ISCL endpoint",
            expected="a profile of Annex B",
            observed=link,
        )
    return undecided(
        f"the target declares a {link.upper()} link, and who is at its other end cannot be observed here; "
        "give a secure endpoint"
    )


_NO_ANSWER = ("silent", "garbage", "not sent", "no status")


def _explicit(answer: str) -> bool:
    """Tell whether *answer* refuses: silence and what cannot be read do not."""
    return bool(answer) and not any(word in answer for word in _NO_ANSWER)


def refuses(seen: StatusSeen, rule: str) -> bool:
    """Tell whether nothing is stored from, or nothing is sent to, whom *rule* is about.

    Only where partners could store and retrieve beside it: a product that is down refuses nothing.
    """
    party = NEEDS.get(rule, "")
    if not any(c.delivered and c.came == c.asked == PARTNER for c in seen.cases):
        return False
    if rule.startswith("from-"):
        answers = [said for name, said in seen.refused.items() if name.startswith(f"{party} ")]
        stored = any(c.came == party for c in seen.cases)
        return not stored and bool(answers) and all(map(_explicit, answers))
    if rule.startswith("to-"):
        asked = [c for c in seen.cases if c.asked == party and c.route == "C-GET"]
        return bool(asked) and all(_explicit(c.answer) for c in asked)
    return False


def why_not(seen: StatusSeen, rule: str) -> str:
    """Return why no case came about to which *rule* applies, and what to do."""
    party = NEEDS.get(rule, PARTNER)
    if party in seen.missing:
        return seen.missing[party]
    if rule.startswith("from-"):
        refused = "; ".join(f"{k}: {v}" for k, v in seen.refused.items() if k.startswith(party))
        return f"nothing that was stored this way came back ({refused or 'all was stored'})"
    return f"no case to which it applies came about: {RULES[rule].words}"
