"""User identity negotiation as seen from both sides (PS3.7 D.3.3.7, PS3.15 B.4 to B.7); never a credential."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResponseItem:
    """A 59H sub-item: length in octets and form of its server response (``nothing``, ``DER``, ``XML: ...``).

    *fault* says in words why its lengths do not fit. *proof* is ``verified`` for a Kerberos server ticket
    that proves the service knows ours, the reason why it does not, or empty where nothing could be verified.
    """

    reserved: int
    length: int
    form: str
    fault: str = ""
    proof: str = ""


REFUSALS = ("rejected", "aborted", "closed", "reset")
"""Outcomes that are a refusal: PS3.15 fixes the form of one in PS3.7 only."""


@dataclass(frozen=True)
class IdentityAnswer:
    """What came back for one A-ASSOCIATE-RQ.

    *shown* names what was shown (``no identity``, ``user NAME``, ``wrong passcode``, ``type 4``);
    *kind* is the User-Identity-Type (0 without a 58H sub-item) and *positive* whether a response was
    asked for. *outcome* is ``accepted``, ``rejected``, ``aborted``, ``damaged`` (an A-ASSOCIATE-AC that
    cannot be read) or how the connection ended: ``alert``, ``closed``, ``reset``, ``silent``,
    ``garbage``, ``ours``, ``gone`` (nobody listens any more) or ``full`` (rejected since the product is
    busy with others, which says nothing of what was shown).
    """

    shown: str
    kind: int
    positive: bool
    outcome: str
    reject: tuple[int, ...] = ()
    abort: tuple[int, ...] = ()
    responses: tuple[ResponseItem, ...] = ()
    why: str = ""
    seconds: float = 0.0

    @property
    def accepted(self) -> bool:
        """Tell whether an A-ASSOCIATE-AC came."""
        return self.outcome == "accepted"

    @property
    def refused(self) -> bool:
        """Tell whether the association was refused, in whatever form; silence and garbage refuse nothing."""
        return self.outcome in REFUSALS

    @property
    def entered(self) -> bool:
        """Tell whether an association PDU came back."""
        return self.outcome in ("accepted", "rejected", "aborted")

    @property
    def said(self) -> str:
        """The outcome in words, with its codes."""
        codes = self.reject or self.abort
        return f"{self.outcome} {codes}" if codes else self.outcome


@dataclass(frozen=True)
class IdentitiesSeen:
    """Answers to the right identities of the target, with and without a response asked for.

    *control* is the association without an identity; *environment* names what the identity was
    tested with: ``alone`` or ``with tls`` (PS3.15 Annex B presumes trusted systems or a secure network);
    *claimed* are the identity types that the target claims; *after* is the control again, None in runs
    that did not make it; *left* names who was not shown since the product no longer answered.
    """

    control: IdentityAnswer
    answers: tuple[IdentityAnswer, ...]
    environment: str
    claimed: tuple[int, ...] = ()
    after: IdentityAnswer | None = None
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class WrongIdentitiesSeen:
    """Answers to wrong credentials, between the right identity before and after.

    *left* names what was not shown because ``limits.wrong_credentials`` was used up, or the product
    no longer answered.
    """

    before: IdentityAnswer
    answers: tuple[IdentityAnswer, ...]
    after: IdentityAnswer
    environment: str
    claimed: tuple[int, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class UnsupportedSeen:
    """Answers to identity types that the target does not claim, and to an unknown sub-item.

    *declared* are the types that ``declared.user_identity.types`` says are supported, None if it says nothing:
    what is not claimed may be supported all the same.
    """

    control: IdentityAnswer
    answers: tuple[IdentityAnswer, ...]
    after: IdentityAnswer
    declared: tuple[int, ...] | None = None


@dataclass(frozen=True)
class VariantsSeen:
    """Answers to unusual and damaged 58H sub-items, between the right identity before and after."""

    before: IdentityAnswer
    answers: tuple[IdentityAnswer, ...]
    after: IdentityAnswer


@dataclass(frozen=True)
class RequestItem:
    """A 58H sub-item that the product sent: lengths and forms, never its fields.

    *proof* is ``verified`` for a Kerberos ticket that our keytab opens, the reason why it does not, or
    empty where we have none.
    """

    kind: int
    positive: int
    reserved: int
    primary: int
    secondary: int
    form: str
    fault: str = ""
    proof: str = ""


@dataclass(frozen=True)
class RequestSeen:
    """The A-ASSOCIATE-RQ that the product sent to us, and what it did after our answer.

    *answered* says what we answered (``59H``, ``no 59H``, ``two 59H``, ...); *then* is ``went on`` (a P-DATA came), ``released``,
    ``aborted``, ``closed`` or ``silent``. *requires* is what ``declared.user_identity.requires_confirmation``
    says, None if it says nothing.
    """

    items: tuple[RequestItem, ...]
    transport: str
    answered: str
    then: str
    requires: bool | None = None
    fault: str = ""


@dataclass(frozen=True)
class ReactionsSeen:
    """What the product made of our answers: one association each, the right one first."""

    seen: tuple[RequestSeen, ...]
    absent: tuple[str, ...] = ()
    """Answers for which the product did not come."""
