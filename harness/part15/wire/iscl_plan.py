"""The tester's side of ISCL: one thing wrong with what is sent, by name; also what faulty peers say."""

from __future__ import annotations

import dataclasses
from typing import Any

from part15.wire.iscl_frames import encode_body, frame
from part15.wire.iscl_types import Draft, Plan


def _changed(draft: Draft, **fields: Any) -> Draft:
    return dataclasses.replace(draft, fields={**draft.fields, **fields})


def _flipped(octets: bytes) -> bytes:
    return octets[:-1] + bytes([octets[-1] ^ 0x10]) if octets else octets


def altering(name: str, **fields: Any) -> Plan:
    """Return the plan that says other *fields* in the message *name*; a callable is given the right value."""

    def plan(draft: Draft, _: Any) -> list[Draft | bytes]:
        if draft.name != name:
            return [draft]
        made = {k: v(draft.fields.get(k)) if callable(v) else v for k, v in fields.items()}
        return [_changed(draft, **made)]

    return plan


def omitting(name: str) -> Plan:
    """Return the plan that leaves the message *name* out."""
    return lambda draft, _: [] if draft.name == name else [draft]


def repeating(name: str) -> Plan:
    """Return the plan that sends the message *name* twice."""
    return lambda draft, _: [draft, draft] if draft.name == name else [draft]


def refusing(name: str) -> Plan:
    """Return the plan that says NAK in the message *name*."""

    def plan(draft: Draft, engine: Any) -> list[Draft | bytes]:
        nak = engine.binding["codes.nak"]
        return [dataclasses.replace(draft, option=nak) if draft.name == name else draft]

    return plan


def _reflected(draft: Draft, engine: Any) -> list[Draft | bytes]:
    """Return the other side's challenge to it."""
    if draft.name != "pass2":
        return [draft]
    engine._mine = engine._theirs  # noqa: SLF001 - a tester looks inside
    return [_changed(draft, challenge=engine._mine)]  # noqa: SLF001 - likewise


def _early(draft: Draft, _: Any) -> list[Draft | bytes]:
    """Say the second pass before the first."""
    if draft.name != "auth_rp":
        return [draft]
    return [Draft("pass2", {"response": bytes(8), "challenge": bytes(8)}, draft.option), draft]


def _unknown(draft: Draft, engine: Any) -> list[Draft | bytes]:
    """Say a message that does not exist."""
    if draft.name != "transmission_rq":
        return [draft]
    return [frame(engine.binding, 0x00770001, draft.option, b""), draft]


def _oversize(draft: Draft, engine: Any) -> list[Draft | bytes]:
    """Claim 4 GiB less one octet of data."""
    if draft.name != "data":
        return [draft]
    body = encode_body(engine.binding, "data", draft.fields)
    number = engine.binding.messages["data"].id
    return [frame(engine.binding, number, draft.option, body, length=0xFFFFFFFF)]


def _truncated(draft: Draft, engine: Any) -> list[Draft | bytes]:
    """Say half a header and nothing more."""
    if draft.name != "transmission_rq":
        return [draft]
    return [frame(engine.binding, engine.binding.messages[draft.name].id, 0, b"")[:16]]


def _extended(draft: Draft, engine: Any) -> list[Draft | bytes]:
    """Claim and send one octet of zeros more than the MAC was made for: zero fill hides it."""
    if draft.name == "transmission_rq":
        return [_changed(draft, length=draft.fields["length"] + 1)]
    if draft.name == "data" and len(draft.fields["piece"]) < engine.room:
        return [_changed(draft, piece=draft.fields["piece"] + b"\0")]
    return [draft]


DEVIATIONS: dict[str, Plan] = {
    "wrong-response": altering("pass2", response=_flipped, token=_flipped),
    "wrong-server-response": altering("pass3", response=_flipped, token=_flipped),
    "reflected-challenge": _reflected,
    "repeated-pass": repeating("pass2"),
    "out-of-order": _early,
    "unknown-version": altering("check_rp", version=0x00020000),
    "unknown-server-version": altering("check_rq", version=0x00020000),
    "larger-block": altering("check_rp", block=lambda block: block + 4096),
    "unknown-method": altering("auth_rq", method=7),
    "unknown-key-number": altering("transmission_rq", key_number=9),
    "unknown-mechanism": altering("transmission_rq", encryption=0x1313),
    "unknown-mac": altering("transmission_rq", mac=0x7777),
    "unknown-message": _unknown,
    "wrong-mac": altering("mac", code=_flipped),
    "short-mac": altering("mac", code=lambda code: code[:-8] if len(code) > 8 else code[:4]),
    "missing-mac": omitting("mac"),
    "altered-data": altering("data", piece=_flipped),
    "oversize-block": _oversize,
    "oversize-message": altering("transmission_rq", length=0xFFFFFFFF),
    "empty-message": altering("transmission_rq", length=0),
    "truncated-header": _truncated,
    "length-extension": _extended,
    "nak": refusing("transmission_rp"),
    "refused-end": refusing("disconnect_rp"),
}
"""What a tester does wrong, by name."""
