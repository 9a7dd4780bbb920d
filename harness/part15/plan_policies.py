"""Rules of a site beside PS3.15: a policy has claims of its own, and so has what it is laid upon (contract §7)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from part15.model import Claim, Include, Profile
from part15.plan_checks import covers


def is_layer(policy: Profile, include: Include, profiles: Mapping[str, Profile]) -> bool:
    """Tell whether *include* names the profile of PS3.15 that *policy* is laid upon.

    That is a whole claimable profile. Single clauses (``only``), rule sets and other policies become
    rules of the site instead.
    """
    other = profiles[include.profile]
    return policy.policy and not other.policy and other.claimable and not include.only


def with_layers(
    claimed: Sequence[Claim], only: Sequence[str], profiles: Mapping[str, Profile]
) -> tuple[Claim, ...]:
    """Return the claims of a plan: those of *claimed* that *only* keeps (empty: all), policies marked.

    What a policy is laid upon is claimed too, in the same role and edition: as the target itself
    claims it, else with the source ``policy``. So PS3.15 is judged as if there were no policy.
    """
    found = {(c.profile, c.role): c for c in claimed if not only or c.profile in only}
    own = {(c.profile, c.role): c for c in claimed}
    for claim in list(found.values()):
        profile = profiles[claim.profile]
        if not profile.policy:
            continue
        bases = [
            base
            for include in profile.include
            if is_layer(profile, include, profiles)
            and covers(include.editions, claim.edition)
            and claim.role in (base := profiles[include.profile]).roles
            and covers(base.editions, claim.edition)
        ]
        for base in bases:
            layer = Claim(base.id, claim.role, claim.edition, source="policy")
            found.setdefault((base.id, claim.role), own.get((base.id, claim.role), layer))
        found[claim.profile, claim.role] = dataclasses.replace(
            claim, policy=True, on=tuple(base.id for base in bases)
        )
    return tuple(found.values())
