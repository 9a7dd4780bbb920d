"""What a product made of a signed object whose content it corrected."""

from __future__ import annotations

from dataclasses import dataclass

from part15.observations.signatures import SignedObjectSeen


@dataclass(frozen=True)
class InstanceSeen:
    """One instance of the study, before or after the correction.

    *same* tells that it has the SOP Instance UID of the object we stored, *value* whether the attribute
    is ``old``, ``new``, ``other`` or ``absent`` there, *unchanged* that it is the object as it was before the correction.
    *predecessors* are ``ours`` or ``another`` for each instance in its Predecessor Documents Sequence.
    """

    same: bool
    value: str
    unchanged: bool
    seen: SignedObjectSeen
    predecessors: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorrectionSeen:
    """A signed object that was stored and corrected: *kind* is ``image`` or ``report``, *tag* what was to be corrected.

    *ours* are the UIDs of our signatures, *covered* what those that cover *tag* cover together. *before*
    is the object as it came back before the correction.
    """

    kind: str
    tag: int
    ours: tuple[str, ...]
    covered: tuple[int, ...]
    before: InstanceSeen
    after: tuple[InstanceSeen, ...]

    @property
    def corrected(self) -> tuple[InstanceSeen, ...]:
        """The instances that have the new value."""
        return tuple(i for i in self.after if i.value == "new")
