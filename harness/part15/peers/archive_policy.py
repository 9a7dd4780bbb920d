"""What the embedded archive does, as data; a fault changes one part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from part15.peers.archive_access import Access
from part15.peers.archive_correction import Corrections
from part15.wire import pdu

Rewrite = Callable[[bytes], bytes]
"""Changes a data set in explicit VR little endian."""

RLE, JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"
NO_REASON = (1, 2, 1)
_ALL = ("AO", "AC", "OR", "NS")


@dataclass(frozen=True)
class ArchivePolicy:
    """The right behaviour: A.1 to A.3, B.4 and B.5 of PS3.15, with Kerberos, SAML and JWT.

    *users* are names with passcodes; tickets, assertions and tokens come from :mod:`part15.peers.realm`,
    and *overlooks* names what of theirs is not looked at: ``signature``, ``reference`` (what is signed),
    ``times``, ``issuer``, ``audience``, ``service``, ``replay``. *algorithms* are those of tokens.
    *positive* is ``asked`` (59H where it was asked for), ``never``, ``always`` (though not asked),
    ``unprompted`` (even without an identity) or ``twice``; *response* replaces the server responses;
    *reserved* and *grow* damage the 59H sub-item. *refusal* is ``reject`` or ``abort``.
    """

    users: Mapping[str, bytes] = field(default_factory=dict)
    looks_at: tuple[str, ...] = ("called AE title",)
    """What is looked at when an association is asked for, in the words of ``observations.policy.CHECKS``."""
    known_titles: tuple[str, ...] = ("PART15",)
    most: int = 3
    """Associations at once, where their number is looked at."""
    types: tuple[int, ...] = (1, 2, 3, 4)
    refused_types: tuple[int, ...] = ()
    """Identity types that are rejected although they only should be ignored, or although they are supported."""
    verifies: bool = True
    overlooks: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    forges_ticket: bool = False
    """The server ticket is sealed with another key than that of the session."""
    trims_passcodes: bool = False
    admits_empty_passcode: bool = False
    reads_damage: bool = False
    """A damaged 58H sub-item of a right user is taken for a right one."""
    hangs_on: str = ""
    """Goes silent at ``identity`` (any 58H), ``wrong`` (a credential that it refuses) or nothing."""
    garbage: str = ""
    """Answers identities with damage: ``item`` (59H longer than its container), ``pdu`` (no PDU)."""
    positive: str = "asked"
    response: bytes | None = None
    reserved: int = 0
    grow: int = 0
    tests_reserved: bool = False
    answers_unsupported: bool = False
    refusal: str = "reject"
    reject: tuple[int, int, int] = NO_REASON

    transfers: tuple[str, ...] = (pdu.EXPLICIT_LE, RLE, JPEG, pdu.IMPLICIT_LE)
    """In the order in which they are preferred."""
    rewrite: tuple[Rewrite, ...] = ()
    """Applied to what is received before it is kept."""
    transcoding: tuple[Rewrite, ...] = ()
    """Applied to what is sent in Implicit VR Little Endian, before it is written so."""
    extended: bytes | None = b"\x02\0\x03\0\0\0"
    """The answer to SOP Class Extended Negotiation for Storage; None answers nothing."""
    replaces: bool = False
    """An instance that is sent again with other content replaces the one that is held."""
    store_status: int = 0

    keeps_status_of: tuple[str, ...] = ()
    """The status of what came from ``stranger`` or ``plain`` is kept."""
    copies: Mapping[str, str] = field(
        default_factory=lambda: {"AO": "AC", "AC": "AC", "OR": "NS", "NS": "NS"}
    )
    """The status in a copy for a partner, by the status that is held; ``-`` leaves it out."""
    stranger_copy: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(_ALL, "NS"))
    plain_copy: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(_ALL, "NS"))
    """Likewise for a stranger, and without protection."""
    leaves_companions: bool = False
    """A copy without status still carries its authorization date, comment and number."""
    forwards_early: bool = False
    new_uid: bool = False
    """A copy gets a SOP Instance UID of its own."""
    commits: str = "same"
    """``same`` or ``new`` association, ``never``, ``twice``, ``refuses`` (failures), ``unknown``
    transaction, ``blindly`` (also what is not held), ``all`` (also what was not asked for)."""
    commitment_known: bool = True
    relinquish: str = "delete"
    """After a transfer: ``delete``, ``NS``, ``AC`` (an AO one; an OR one is deleted), ``always AC`` or ``keep``."""
    retrieves: str = "right"
    """What C-GET and C-MOVE bring: ``nothing`` with status 0000H, ``another`` instance, ``many`` copies,
    ``half`` of the first data set and then the end, or ``noise`` instead of a PDU."""
    deletes_primary: bool = False
    """OR and AO instances are deleted when somebody says so."""
    takes_any_server: bool = False
    """As a client of TLS it does not look at the certificate of the server."""
    records_authorization: bool = True
    """Authorization sets date and time and the certification number."""
    authorizes_as_new: bool = False
    """Authorization gives the instance another SOP Instance UID."""
    asks_commitment: bool = True
    waits_for_commitment: bool = True
    keeps_partial: bool = False
    """What came of an object before its connection broke is kept."""
    corrections: Corrections = field(default_factory=Corrections)
    access: Access | None = None
    """Who may see what; None lets everybody see everything."""
    client: str = "required"
    """Whether TLS clients must show a certificate: ``required`` or ``optional``."""
