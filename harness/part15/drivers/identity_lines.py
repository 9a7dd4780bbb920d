"""How the identity drivers show a user: what its credentials are, what is sent, what came back."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from part15.bench import Bench
from part15.channel.association import Conversation
from part15.channel.tls import Ended
from part15.drivers import session_lines as lines
from part15.errors import TargetError
from part15.observations.identity import IdentityAnswer, ResponseItem
from part15.references import referenced_path, secret
from part15.wire import pdu
from part15.wire import user_identity as ui

CLAIMED = {
    "user-identity-basic": (1, 2),
    "user-identity-passcode": (2,),
    "user-identity-kerberos": (3,),
    "user-identity-saml": (4,),
}
"""The User-Identity-Types of each profile."""


def claimed_types(bench: Bench) -> tuple[int, ...]:
    """Return the types that the target claims; JWT by ``declared.user_identity.types``."""
    found = {t for profile in bench.target.claims for t in CLAIMED.get(profile, ())}
    stated = bench.target.declared.get("user_identity", {}).get("types", ())
    return tuple(sorted({*found, *(t for t in stated if isinstance(t, int))}))


def identity_of(user: Any) -> ui.UserIdentity:
    """Return what *user* of the target shows; raises TargetError if a reference leads nowhere."""
    if user.type == ui.USERNAME:
        return ui.UserIdentity(1, user.name.encode())
    if user.type == ui.PASSCODE:
        return ui.UserIdentity(2, user.name.encode(), secret(user.passcode).encode())
    if user.type == ui.KERBEROS:
        return ui.UserIdentity(3, _ticket(user.ticket))
    text = user.assertion if user.type == ui.SAML else user.token
    return ui.UserIdentity(user.type, secret(text).encode())


def _ticket(reference: str) -> bytes:
    try:
        if reference.startswith("file:"):
            return Path(reference[5:]).read_bytes()
        return base64.b64decode(referenced_path(reference), validate=True)
    except (OSError, binascii.Error) as error:
        raise TargetError(f"the Kerberos ticket {reference} cannot be read: {error}") from error


def right_users(bench: Bench, types: Iterable[int]) -> dict[str, ui.UserIdentity]:
    """Return the users of the target of one of *types*, as they show themselves, by name in the target.

    Where type 1 is wanted and no user is of it, the name of a user of type 2 serves.
    """
    wanted = tuple(types)
    found = {n: identity_of(u) for n, u in bench.target.users.items() if u.type in wanted}
    if ui.USERNAME in wanted and not any(i.kind == ui.USERNAME for i in found.values()):
        for name, user in bench.target.users.items():
            if user.type == ui.PASSCODE:
                found[f"{name} without passcode"] = ui.UserIdentity(1, user.name.encode())
                break
    return found


def environment(bench: Bench) -> str:
    """Return what the identity is shown with."""
    return "alone" if bench.endpoint.transport == "plain" else f"with {bench.endpoint.transport}"


def request(bench: Bench, raw: bytes) -> bytes:
    """Return the A-ASSOCIATE-RQ for Verification with the sub-items *raw*."""
    return ui.with_items(pdu.encode_request(lines.request_for(bench)), raw)


def show(bench: Bench, shown: str, identity: ui.UserIdentity | None) -> IdentityAnswer:
    """Ask for an association that shows *identity*; evidence is kept without its fields."""
    raw, kept = (ui.encode(identity), ui.encode(identity.blanked())) if identity else (b"", b"")
    kind, positive = (identity.kind, bool(identity.positive)) if identity else (0, False)
    return show_raw(bench, shown, raw, kept, kind=kind, positive=positive)


def show_raw(
    bench: Bench, shown: str, raw: bytes, kept: bytes, *, kind: int, positive: bool
) -> IdentityAnswer:
    """Ask for an association with the sub-items *raw*; *kept* stands for them in the evidence.

    Raises Trouble("connect") if the endpoint does not listen.
    """
    bench.note(f"association that shows {shown}")
    octets, began = request(bench, raw), time.monotonic()
    label = "".join(c if c.isalnum() else "-" for c in shown)
    bench.evidence.keep(f"{label}-{int(positive)}-request.bin", request(bench, kept))
    line = lines.open_line(bench, lines.identity_of(bench))
    talk, until = Conversation(line), bench.until()
    answer = IdentityAnswer(shown, kind, positive, "ours")
    try:
        if line.failed:
            raise line.failed
        talk.send(octets, until)
        _, said = talk.next(until)
        bench.evidence.keep(f"{label}-{int(positive)}-answer.bin", ui.blanked(talk.body))
        answer = _answered(answer, said, talk.body)
        if answer.accepted:
            talk.send(pdu.encode_release(), until)
            talk.next(until)
    except Ended as ended:
        if not answer.accepted:
            answer = dataclasses.replace(answer, outcome=ended.how, why=ended.why)
    finally:
        line.close()
    return dataclasses.replace(answer, seconds=round(time.monotonic() - began, 3))


def _answered(answer: IdentityAnswer, said: pdu.Pdu, body: bytes) -> IdentityAnswer:
    if isinstance(said, pdu.Associate):
        found = tuple(
            ResponseItem(r.reserved, r.length, r.form, r.fault)
            for r in (ui.read_response(i) for i in ui.sub_items(body) if i.kind == ui.RESPONSE)
        )
        return dataclasses.replace(answer, outcome="accepted", responses=found)
    if isinstance(said, pdu.Reject):
        codes = (said.result, said.source, said.reason)
        return dataclasses.replace(answer, outcome="rejected", reject=codes)
    if isinstance(said, pdu.Abort):
        return dataclasses.replace(answer, outcome="aborted", abort=(said.source, said.reason))
    why = f"a {type(said).__name__} PDU answers the A-ASSOCIATE-RQ"
    return dataclasses.replace(answer, outcome="garbage", why=why)
