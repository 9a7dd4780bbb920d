"""Who is let in: associations with wrong titles, address, context, certificate, and too many of them."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import socket
import time
import uuid
from collections.abc import Iterator
from typing import Any

from part15.bench import Bench
from part15.channel import services
from part15.channel.association import Line, response_status
from part15.channel.messages import Messages
from part15.channel.tls import Ended
from part15.drivers import session_lines as lines
from part15.errors import Trouble
from part15.model import Impact
from part15.observations import NotReached
from part15.observations.policy import CHECKS, PolicyAnswer, PolicySeen
from part15.registry import driver
from part15.wire import dimse, pdu

CALLING, CALLED, ADDRESS, CONTEXT, NUMBER, CERTIFICATE = CHECKS
STRANGER, NOBODY = "PART15STRANGER", "PART15NOBODY"
OTHER_CONTEXT = "1.2.840.10008.3.1.1.99"
OTHER_SOURCE = "127.0.0.2"
FULL = (2, 3)
"""Result and source of a refusal that has to do with the product's load."""
SYNTAXES = (pdu.IMPLICIT_LE, pdu.EXPLICIT_LE)


@driver(Impact.ASSOCIATE)
def try_strangers(bench: Bench) -> PolicySeen | NotReached:
    """Ask for associations that are wrong in one thing each, and for a C-ECHO and a C-FIND inside those that open.

    The C-FIND asks for a study that does not exist. A peer address other than the usual one needs a
    product on loopback or ``endpoints.ID.other_source``; a certificate without registration is
    ``endpoints.ID.identities.other``. No more than ``limits.connections`` are open at once.
    """
    mine = lines.identity_of(bench)
    control = _ask(bench, "", "what is right", mine)
    if not control.accepted:
        return NotReached(
            "control association",
            f"an association with the right titles was {control.said} {control.why}".rstrip(),
        )
    answers = [
        _ask(bench, CALLING, f"calling AE title {STRANGER}", mine, calling=STRANGER),
        _ask(bench, CALLED, f"called AE title {NOBODY}", mine, called=NOBODY),
        _elsewhere(bench, mine),
        _ask(bench, CONTEXT, f"application context {OTHER_CONTEXT}", mine, context=OTHER_CONTEXT),
        _crowd(bench, mine),
        _unregistered(bench),
    ]
    stated = bench.target.declared.get("association", {}).get("checks")
    declared = tuple(map(str, stated)) if isinstance(stated, list | tuple) else None
    return PolicySeen(
        control, tuple(answers), _ask(bench, "", "what is right", mine, again=True), declared
    )


def _untried(check: str, shown: str, why: str) -> PolicyAnswer:
    return PolicyAnswer(check, shown, "not tried", why=why)


def _request(bench: Bench, called: str, calling: str, context: str) -> pdu.Associate:
    point = bench.endpoint
    made = services.proposal(
        called or point.ae_title,
        calling or point.calling_ae_title,
        [(pdu.VERIFICATION, SYNTAXES), (services.FIND, SYNTAXES)],
    )
    return dataclasses.replace(made, application_context=context or made.application_context)


def _ask(
    bench: Bench,
    check: str,
    shown: str,
    identity: lines.Shown,
    *,
    again: bool = False,
    **wrong: str,
) -> PolicyAnswer:
    """Ask for an association that is *wrong* in one thing; *again* if the product has answered before.

    A refusal because the product is full (PS3.8 Table 9-21, 2/3) says nothing of what was shown: it has
    some seconds to notice that earlier associations are over.
    """
    until = time.monotonic() + min(lines.PATIENCE, 5 * bench.deadline)
    while True:
        found = _once(bench, PolicyAnswer(check, shown, "closed"), identity, again=again, **wrong)
        if found.reject[:2] != FULL:
            return found
        if time.monotonic() > until:
            why = f"the product says that it is full ({'/'.join(map(str, found.reject))})"
            return _untried(check, shown, why)
        time.sleep(0.1)


def _once(
    bench: Bench,
    answer: PolicyAnswer,
    identity: lines.Shown,
    *,
    again: bool,
    called: str = "",
    calling: str = "",
    context: str = "",
    source: str = "",
) -> PolicyAnswer:
    bench.note(f"association with {answer.shown}")
    asked = _request(bench, called, calling, context)
    try:
        line = lines.open_line(bench, identity, source=source)
    except Trouble as trouble:
        if not (answer.check or again):
            raise
        return dataclasses.replace(answer, why=trouble.why)
    talk = Messages(line)
    try:
        answer = _opened(talk, asked, answer, bench.until())
        if answer.accepted:
            answer = _inside(bench, talk, answer)
            talk.release(bench.until())
    except Ended as ended:
        if not answer.accepted:
            answer = dataclasses.replace(answer, outcome=ended.how, why=ended.why)
    finally:
        line.close()
    return answer


def _opened(
    talk: Messages, asked: pdu.Associate, answer: PolicyAnswer, until: float
) -> PolicyAnswer:
    """Send *asked* and return *answer* with its outcome; raises Ended."""
    if talk.line.failed:
        raise talk.line.failed
    talk.send(pdu.encode_request(asked), until)
    _, said = talk.next(until)
    if isinstance(said, pdu.Reject):
        codes = (said.result, said.source, said.reason)
        return dataclasses.replace(answer, outcome="rejected", reject=codes)
    if isinstance(said, pdu.Abort):
        return dataclasses.replace(answer, outcome="aborted", abort=(said.source, said.reason))
    if not isinstance(said, pdu.Associate):
        raise Ended("garbage", f"a {type(said).__name__} PDU answers the A-ASSOCIATE-RQ")
    talk.agree(asked, said, said)
    return dataclasses.replace(answer, outcome="accepted")


def _inside(bench: Bench, talk: Messages, answer: PolicyAnswer) -> PolicyAnswer:
    """Return *answer* with what can be had on the open association *talk*."""
    with contextlib.suppress(Ended):
        context = talk.context_of(pdu.VERIFICATION)
        if context is not None:
            for part in pdu.fragments(context, dimse.echo_request(), b""):
                talk.send(part, bench.until())
            answer = dataclasses.replace(answer, echo=response_status(talk, bench.until()))
        if talk.context_of(services.FIND) is not None:
            query = services.Query(study=f"2.25.{uuid.uuid4().int}", level="STUDY")
            _, status = services.find(talk, query, bench.until())
            answer = dataclasses.replace(answer, find=status)
    return answer


def _elsewhere(bench: Bench, mine: lines.Shown) -> PolicyAnswer:
    source, host = bench.endpoint.other_source, bench.endpoint.host
    with contextlib.suppress(ValueError):
        if not source and ipaddress.ip_address(host) in ipaddress.ip_network("127.0.0.0/8"):
            source = OTHER_SOURCE
    if not source:
        why = f"give endpoints.{bench.endpoint.id}.other_source, another address of ours that reaches the product"
        return _untried(ADDRESS, "another address", why)
    shown = f"our address {source}"
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    try:
        socket.create_server((source, 0), family=family).close()
    except OSError as error:
        return _untried(ADDRESS, shown, f"{source} is no address of ours: {error.strerror}")
    return _ask(bench, ADDRESS, shown, mine, source=source)


def _unregistered(bench: Bench) -> PolicyAnswer:
    shown = "a certificate of the same CA that is not registered"
    if bench.endpoint.transport != "tls":
        return PolicyAnswer(CERTIFICATE, shown, "absent", why="the endpoint has no TLS")
    other = bench.endpoint.identities.get("other")
    if other is None:
        why = f"give endpoints.{bench.endpoint.id}.identities.other, issued by the CA that the product trusts"
        return _untried(CERTIFICATE, shown, why)
    return _ask(bench, CERTIFICATE, shown, lines.shown(bench, other, "identities.other"))


@contextlib.contextmanager
def _held(held: list[Line]) -> Iterator[None]:
    """Close every association in *held* afterwards."""
    try:
        yield
    finally:
        for line in held:
            talk = Messages(line)
            with contextlib.suppress(Ended):
                talk.send(pdu.encode_abort(0, 0), time.monotonic() + 1.0)
            line.close()


def _crowd(bench: Bench, mine: lines.Shown) -> PolicyAnswer:
    """Hold associations open until one is refused, up to what the limits allow."""
    stated: Any = bench.target.declared.get("association", {}).get("most")
    allowed = bench.target.limits.connections
    if isinstance(stated, int) and stated >= allowed:
        why = f"{stated} are allowed; set limits.connections to {stated + 1} or more"
        return _untried(NUMBER, f"{stated + 1} associations", why)
    wanted = stated + 1 if isinstance(stated, int) else allowed
    held: list[Line] = []
    with _held(held):
        for number in range(1, wanted + 1):
            shown = f"association {number} while {number - 1} are open"
            answer = PolicyAnswer(NUMBER, shown, "closed")
            bench.note(f"{shown}")
            try:
                line = lines.open_line(bench, mine)
            except Trouble as trouble:
                return dataclasses.replace(answer, why=trouble.why)
            held.append(line)
            talk = Messages(line)
            try:
                answer = _opened(talk, _request(bench, "", "", ""), answer, bench.until())
            except Ended as ended:
                answer = dataclasses.replace(answer, outcome=ended.how, why=ended.why)
            if not answer.accepted:
                return answer
        if not isinstance(stated, int):
            why = f"{wanted} at once were accepted, as many as limits.connections allows us to try"
            return _untried(NUMBER, f"{wanted} associations", why)
        return _inside(bench, talk, answer)
