"""The embedded creator: makes one OR instance and stores it over TLS; run by a trigger.

python -m part15.peers.creator HOST PORT CALLED CERTIFICATE KEY [FAULT]
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Any

from part15.channel import services
from part15.channel.association import protect
from part15.channel.services import Instance
from part15.channel.tls import Ended, Plain, client_context
from part15.peers.faults import Fault
from part15.wire.trap_objects import EXPLICIT, SECONDARY_CAPTURE, base, joined, new_uid
from part15.wire.writing import element

_ROLE = "creator"


def _fault(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(name, text, flips, why, "creator", changes, _ROLE)


_OVERLAY = (
    (0x60003000, "OW", b"\0\0"),
    *(
        (0x60000000 | number, vr, value)
        for number, vr, value in (
            (0x10, "US", b"\1\0"),
            (0x11, "US", b"\1\0"),
            (0x40, "CS", "G"),
            (0x50, "SS", b"\1\0\1\0"),
            (0x100, "US", b"\1\0"),
            (0x102, "US", b"\0\0"),
        )
    ),
)

_EQUIPMENT = (
    (0x00080080, "LO", "part15"),
    (0x00080081, "ST", "nowhere"),
    (0x00081010, "SH", "STATION"),
    (0x00081040, "LO", "tests"),
    (0x00081090, "LO", "creator"),
    (0x00181000, "LO", "15"),
    (0x00181020, "LO", "1"),
    (0x00181050, "DS", "0.5"),
    (0x00181200, "DA", "20260101"),
    (0x00181201, "TM", "101112"),
    (0x00280120, "US", b"\0\0"),
)

FAULTS = (
    _fault(
        "creates_as_ac",
        "creates instances with status AC",
        ("A.1.1-a1-create-or",),
        "a new instance is OR",
        status="AC",
    ),
    _fault(
        "creates_with_undefined_status",
        "creates instances with status XX",
        ("A.1.1-a1-create-or", "PS3.3-0100-0410-values"),
        "four values are defined",
        status="XX",
    ),
    _fault(
        "writes_status_as_lo",
        "writes the status with VR LO",
        ("A.1.1-a2c-include",),
        "its VR is CS",
        values={0x01000410: ("LO", "OR")},
    ),
    _fault(
        "leaves_uid_empty",
        "creates instances with an empty SOP Class UID",
        ("A.1.1-a2a-include",),
        "UIDs are included",
        values={0x00080016: ("UI", "")},
    ),
    _fault(
        "omits_series",
        "creates instances without Series Instance UID",
        ("A.1.1-a2g-include",),
        "UIDs are included",
        without=(0x0020000E,),
    ),
    _fault(
        "omits_authorization_time",
        "creates instances without SOP Authorization DateTime",
        ("A.1.1-a2d-include",),
        "the attribute is included, if empty",
        without=(0x01000420,),
    ),
    _fault(
        "omits_certification_number",
        "creates instances without the certification number",
        ("A.1.1-a2f-include",),
        "the attribute is included, if empty",
        without=(0x01000426,),
    ),
    _fault(
        "writes_invalid_time",
        "writes an invalid authorization date and time",
        ("PS3.3-0100-0420",),
        "the value is a DT",
        values={0x01000420: ("DT", "20251332")},
    ),
    _fault(
        "writes_long_comment",
        "writes an authorization comment of 10241 characters",
        ("PS3.3-0100-0424",),
        "an LT has at most 10240 characters",
        values={0x01000424: ("LT", "x" * 10241)},
    ),
    _fault(
        "writes_long_number",
        "writes a certification number of 65 characters",
        ("PS3.3-0100-0426",),
        "an LO has at most 64 characters",
        values={0x01000426: ("LO", "x" * 65)},
    ),
    _fault(
        "writes_wrong_vrs",
        "writes creation date, comment, manufacturer and overlay rows with other VRs",
        (
            "A.1.1-a2b-include",
            "A.1.1-a2e-include",
            "A.1.1-a2h-include",
            "A.1.1-a2i-include",
            "A.1.1-a2j-include",
            "PS3.3-0100-0424",
        ),
        "the VRs are those of PS3.6",
        values={
            0x00080012: ("LO", "20260102"),
            0x00080070: ("ST", "part15"),
            0x01000424: ("ST", "PART15"),
            0x60000010: ("SS", b"\1\0"),
            0x7FE00010: ("UN", bytes(8)),
        },
    ),
)


def faults() -> dict[str, Fault]:
    """Return every fault by name."""
    return {fault.name: fault for fault in FAULTS}


def created(changes: Any) -> Instance:
    """Return a new OR instance, with the changes of a fault."""
    uid = new_uid()
    rows: dict[int, tuple[str, str | bytes]] = {
        0x00080012: ("DA", "20260102"),
        0x00080013: ("TM", "101112"),
        0x00080070: ("LO", "part15"),
        0x01000410: ("CS", changes.get("status", "OR")),
        0x01000420: ("DT", ""),
        0x01000424: ("LT", "PART15"),
        0x01000426: ("LO", ""),
        **{tag: (vr, value) for tag, vr, value in (*_OVERLAY, *_EQUIPMENT)},
        **changes.get("values", {}),
    }
    elements = base(uid, new_uid(), new_uid())
    elements |= {tag: element(tag, vr, value) for tag, (vr, value) in rows.items()}
    for tag in changes.get("without", ()):
        elements.pop(tag)
    return Instance(SECONDARY_CAPTURE, uid, EXPLICIT, joined(elements))


def main(arguments: list[str]) -> int:
    """Store one instance; return 0 if it was taken."""
    host, port, called, certificate, key, *named = arguments
    changes = faults()[named[0]].changes if named else {}
    until = time.monotonic() + 5
    plain = Plain(socket.create_connection((host, int(port)), timeout=5))
    line = protect(plain, client_context(certificate=certificate, key=key), until)
    asked = services.proposal(called, "PART15CRT", [(SECONDARY_CAPTURE, (EXPLICIT,))])
    try:
        talk = services.opened(line, asked, until)
        taken = services.store(talk, created(changes), until)
        services.close(talk, until)
    except Ended:
        return 1
    return 0 if taken == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
