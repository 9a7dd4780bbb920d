"""How the identity drivers show a user: what its credentials are, what is sent, what came back."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable

from part15.bench import Bench
from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended
from part15.drivers import session_lines as lines
from part15.drivers.identity_credentials import Credential, Purse, purse_of
from part15.drivers.identity_passcodes import name_only
from part15.errors import Trouble
from part15.observations.identity import IdentityAnswer, ResponseItem
from part15.wire import kerberos, pdu
from part15.wire import user_identity as ui

CLAIMED = {
    "user-identity-basic": (1, 2),
    "user-identity-passcode": (2,),
    "user-identity-kerberos": (3,),
    "user-identity-saml": (4,),
    "site-json-web-token": (5,),
}
"""The User-Identity-Types of each profile."""


def claimed_types(bench: Bench) -> tuple[int, ...]:
    """Return the types that the target claims as acceptor, or declares in ``declared.user_identity.types``."""
    found = {
        t
        for profile, claim in bench.target.claims.items()
        if "association-acceptor" in claim.roles
        for t in CLAIMED.get(profile, ())
    }
    return tuple(sorted({*found, *(declared_types(bench) or ())}))


def share(bench: Bench, limit: int) -> int:
    """Return how many of *limit* wrong credentials may be shown at one endpoint that carries identities."""
    places = [
        point
        for point in bench.target.endpoints.values()
        if point.transport in ("plain", "tls", "iscl")
        and (not point.profiles or set(point.profiles) & set(CLAIMED))
    ]
    return -(-limit // max(len(places), 1))


def declared_types(bench: Bench) -> tuple[int, ...] | None:
    """Return the types that the target declares to be supported, None if it declares none."""
    stated = bench.target.declared.get("user_identity", {}).get("types")
    if not isinstance(stated, list | tuple):
        return None
    return tuple(t for t in stated if isinstance(t, int))


def right_users(bench: Bench, types: Iterable[int]) -> list[Purse]:
    """Return the credentials of the users of the target of one of *types*.

    Where type 1 is wanted and no user is of it, the name of a user of type 2 serves.
    """
    wanted, users = tuple(types), bench.target.users
    found = [purse_of(bench, n, u) for n, u in users.items() if u.type in wanted]
    if ui.USERNAME in wanted and not any(p.kind == ui.USERNAME for p in found):
        named = next(((n, u) for n, u in users.items() if u.type == ui.PASSCODE), None)
        if named is not None:
            found.append(name_only(f"{named[0]} without passcode", named[1]))
    return found


def environment(bench: Bench) -> str:
    """Return what the identity is shown with."""
    return "alone" if bench.endpoint.transport == "plain" else f"with {bench.endpoint.transport}"


def request(bench: Bench, raw: bytes) -> bytes:
    """Return the A-ASSOCIATE-RQ for Verification with the sub-items *raw*."""
    return ui.with_items(pdu.encode_request(lines.request_for(bench)), raw)


def show(bench: Bench, shown: str, credential: Credential | None) -> IdentityAnswer:
    """Ask for an association that shows *credential*; evidence is kept without its fields."""
    if credential is None:
        return show_raw(bench, shown, b"", b"", kind=0, positive=False)
    identity = credential.identity
    return show_raw(
        bench,
        shown,
        ui.encode(identity),
        ui.encode(identity.blanked()),
        kind=identity.kind,
        positive=bool(identity.positive),
        proof=credential.proof,
    )


FULL = (2, 3)
"""Result and source of a rejection that has to do with the product's load (PS3.8 Table 9-21)."""


def full(answer: IdentityAnswer) -> bool:
    """Tell whether the product says that it is full."""
    return answer.reject[:2] == FULL


def show_right(bench: Bench, shown: str, make: Callable[[], Credential | None]) -> IdentityAnswer:
    """Show what must be let in; a product that is full has some seconds to let others go."""
    until = time.monotonic() + min(lines.PATIENCE, 5 * bench.deadline)
    found = show(bench, shown, make())
    while full(found) and time.monotonic() < until:
        time.sleep(0.1)
        found = show(bench, shown, make())
    return dataclasses.replace(found, outcome="full") if full(found) else found


def nobody(bench: Bench) -> IdentityAnswer:
    """Ask for an association without identity."""
    return show_right(bench, "no identity", lambda: None)


def alive(bench: Bench, control: IdentityAnswer) -> IdentityAnswer:
    """Return the answer to an association without identity now: the same as *control* if all is well.

    A product that serves one association at a time may still be busy: it is asked once more after silence.
    """
    found = nobody(bench)
    if found.outcome == "silent" and control.entered:
        found = nobody(bench)
    return found


def _opened(bench: Bench) -> Line | None:
    """Return a line to the endpoint, None if nobody listens there any more."""
    reached: dict[str, bool] = bench.shelf.once(("identity", bench.endpoint.id), dict)
    try:
        found = lines.open_line(bench, lines.identity_of(bench))
    except Trouble as trouble:
        if trouble.step == "connect" and reached:
            return None
        raise
    reached["once"] = True
    return found


def show_raw(
    bench: Bench,
    shown: str,
    raw: bytes,
    kept: bytes,
    *,
    kind: int,
    positive: bool,
    proof: kerberos.Proof | None = None,
) -> IdentityAnswer:
    """Ask for an association with the sub-items *raw*; *kept* stands for them in the evidence.

    *proof* is what a server ticket in the answer is verified with.
    Raises Trouble("connect") if the endpoint has never listened.
    """
    bench.note(f"association that shows {shown}")
    octets, began = request(bench, raw), time.monotonic()
    label = "".join(c if c.isalnum() else "-" for c in shown)
    bench.evidence.keep(f"{label}-{int(positive)}-request.bin", request(bench, kept))
    answer = IdentityAnswer(shown, kind, positive, "gone", why="nobody listens any more")
    line = _opened(bench)
    if line is None:
        return answer
    talk, until = Conversation(line), bench.until()
    try:
        if line.failed:
            raise line.failed
        talk.send(octets, until)
        _, said = talk.next(until)
        bench.evidence.keep(f"{label}-{int(positive)}-answer.bin", ui.blanked(talk.body))
        answer = _answered(answer, said, talk.body, proof)
        if answer.accepted:
            talk.send(pdu.encode_release(), until)
            talk.next(until)
    except Ended as ended:
        if not answer.accepted:
            answer = dataclasses.replace(answer, outcome=_how(ended, talk), why=ended.why)
    finally:
        line.close()
    return dataclasses.replace(answer, seconds=round(time.monotonic() - began, 3))


def _how(ended: Ended, talk: Conversation) -> str:
    """Return how it ended; an A-ASSOCIATE-AC that cannot be read is ``damaged``, and no refusal."""
    began = talk.heard[:2] == bytes((pdu.ASSOCIATE_AC, 0))
    return (
        "damaged" if began and ended.how in ("garbage", "closed", "silent", "reset") else ended.how
    )


def _proof(octets: bytes, proof: kerberos.Proof | None) -> str:
    return "" if proof is None else kerberos.disproof(octets, proof) or "verified"


def _answered(
    answer: IdentityAnswer, said: pdu.Pdu, body: bytes, proof: kerberos.Proof | None
) -> IdentityAnswer:
    if isinstance(said, pdu.Associate):
        found = tuple(
            ResponseItem(r.reserved, r.length, r.form, r.fault, _proof(i.body[2:], proof))
            for i, r in (
                (i, ui.read_response(i)) for i in ui.sub_items(body) if i.kind == ui.RESPONSE
            )
        )
        return dataclasses.replace(answer, outcome="accepted", responses=found, why="")
    if isinstance(said, pdu.Reject):
        codes = (said.result, said.source, said.reason)
        return dataclasses.replace(answer, outcome="rejected", reject=codes, why="")
    if isinstance(said, pdu.Abort):
        return dataclasses.replace(
            answer, outcome="aborted", abort=(said.source, said.reason), why=""
        )
    why = f"a {type(said).__name__} PDU answers the A-ASSOCIATE-RQ"
    return dataclasses.replace(answer, outcome="garbage", why=why)
