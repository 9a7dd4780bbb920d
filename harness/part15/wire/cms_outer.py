"""The outermost element of a CMS file, and telling CMS from other files by their first octets."""

from __future__ import annotations

from dataclasses import dataclass

from part15.wire import cms_ber as ber
from part15.wire.cms_ber import BerError, Budget, Octets, Tlv
from part15.wire.cms_names import CONTENT_TYPES


@dataclass(frozen=True)
class Outer:
    """The outermost element: a content type word, where its content stands, and what follows it."""

    kind: str
    oid: str = ""
    content: Tlv | None = None
    definite: bool = True
    trailing: int = 0
    problem: str = ""


def sniff(head: bytes) -> str:
    """Tell what the first octets of a file look like: ``plain``, ``pem``, ``cms`` or ``other``."""
    if head[128:132] == b"DICM":
        return "plain"
    start = head.lstrip()[:64]
    if start.startswith((b"-----BEGIN CMS", b"-----BEGIN PKCS7")) or b"pkcs7-mime" in head[:512]:
        return "pem"
    try:
        _, body, length = ber.header(head, 0, len(head))
        oid = ber.read(head, body, len(head), Budget(0))
        known = ber.oid_text(head, oid) in CONTENT_TYPES
    except BerError:
        return "other"
    return "cms" if head[0] == ber.SEQUENCE and (length < 0 or length > 2) and known else "other"


def parse_outer(data: Octets, budget: Budget) -> Outer:
    """Return the outermost element of a file; what is wrong with it is in ``problem``."""
    looks = sniff(bytes(data[:1024]))
    if looks != "cms":
        return Outer(kind=looks)
    _, body, _ = ber.header(data, 0, len(data))
    named = ber.oid_text(data, ber.read(data, body, len(data), budget))
    kind = CONTENT_TYPES[named]
    try:
        whole = ber.read(data, 0, len(data), budget)
        parts = ber.children(data, whole, budget)
        if len(parts) != 2 or parts[1].identifier != 0xA0:
            return Outer(kind, named, problem="the ContentInfo does not hold one content")
        inner = ber.children(data, parts[1], budget)
        if len(inner) != 1:
            return Outer(kind, named, problem="the ContentInfo does not hold exactly one content")
    except BerError as error:
        return Outer(kind, named, problem=str(error))
    definite = not (whole.indefinite or parts[1].indefinite or inner[0].indefinite)
    return Outer(kind, named, inner[0], definite, len(data) - whole.after)
