"""What is judged about ISCL (PS3.15 B.2).

An ISCL verdict of ours means one of two things. What we saw from outside, between two real ends, holds
whatever ISCL looks like on the wire, and is a verdict. What we saw as an end ourselves rests on a wire
binding, and is a verdict only if that binding is confirmed; else it is inconclusive and says what it
would have been.
"""

from __future__ import annotations

from collections.abc import Callable

from part15.model import Finding, Judgement, Word, fails, informs, passes, undecided
from part15.model import does_not_apply as not_applicable
from part15.observations import NotReached
from part15.observations.iscl import (
    Answer,
    BetweenSeen,
    Carried,
    DirectSeen,
    IsclPortSeen,
    IsclSeen,
)
from part15.registry import check

OUTSIDE = "(seen from outside; holds for any wire format)"


@check
def keeps_its_port_apart(seen: IsclPortSeen) -> Judgement:
    """The ISCL port serves neither plain DICOM nor TLS, and no other endpoint is stated there."""
    if seen.shared:
        return fails(
            f"port {seen.port} is also stated for {', '.join(seen.shared)}; give ISCL a port of its own",
            expected="a port of its own",
            observed=", ".join(seen.shared),
        )
    served = {k: a for k, a in seen.answers.items() if a.answer in ("dicom", "tls")}
    observed = ", ".join(f"{k}: {a.answer}" for k, a in seen.answers.items())
    if served:
        first = next(iter(served))
        return fails(
            f"port {seen.port} answers a {first} with {_SERVED[served[first].answer]}; serve ISCL only there",
            expected="no such answer",
            observed=observed,
            findings=[Finding(k, Word.FAIL, _SERVED[a.answer]) for k, a in served.items()],
        )
    if any(a.answer == "ours" for a in seen.answers.values()):
        return undecided(f"port {seen.port} could not be asked: {observed}")
    return passes(f"port {seen.port} serves neither plain DICOM nor TLS", observed=observed)


_SERVED = {"dicom": "a DICOM association PDU", "tls": "a ServerHello"}


@check
def withstands(seen: IsclSeen, *, facet: str) -> Judgement:
    """The product does in *facet* what PS3.15 B.2 asks.

    ISCL is retired (last text 2018a), single DES and MD5 are broken: a pass conforms to a retired
    profile and is no statement that the connection is secure.
    """
    if facet in _WIRE:
        if isinstance(seen.between, NotReached):
            return undecided(f"{seen.between.step}: {seen.between.why}")
        return _WIRE[facet](seen.between, facet, seen)
    if isinstance(seen.direct, NotReached):
        return undecided(f"{seen.direct.step}: {seen.direct.why}")
    return _under(seen.direct, _END[facet](seen.direct, facet))


def _under(seen: DirectSeen, judged: Judgement) -> Judgement:
    """Let *judged* rest on the binding, unless that is confirmed."""
    used = seen.binding
    leaves = ", ".join(f"{n} {p}" for p, n in used.leaves.items()) or used.why
    name = f"{used.name} {used.digest}".strip()
    said = f"{judged.message} (binding {name}, {used.status}: {leaves})"
    rests = () if used.status == "confirmed" else (f"draft:{used.name}",)
    return Judgement(judged.word, said, judged.expected, judged.observed, judged.findings, rests)


# from outside


def _told(carried: Carried) -> str:
    words = ["acknowledged" if carried.acknowledged else "not acknowledged"]
    words.append(f"stored: {carried.stored}")
    words.append("dropped by the product" if carried.dropped else "not dropped by the product")
    return ", ".join(words)


def _altered(seen: BetweenSeen, facet: str, _: IsclSeen) -> Judgement:
    """No altered object is stored or acknowledged, and the connection is dropped."""
    runs = seen.runs.get(facet, ())
    observed = "; ".join(_told(r) for r in runs)
    if not runs:
        return undecided(f"nothing was {facet} on the way to the product")
    if any(r.stored == "other" for r in runs):
        return fails(
            f"an object that was {facet} on the wire was stored; drop the connection when the MAC is wrong "
            f"{OUTSIDE}. If the data are enciphered by DES-CBC and the MAC is a DES-MAC of the plaintext with "
            "the same key and a zero IV, the construction itself lets this pass: chain the IV or separate the keys",
            expected="nothing stored",
            observed=observed,
        )
    taken = [r for r in runs if r.acknowledged]
    if taken and len(taken) == len(runs):
        if facet != "altered-answer" and all(r.stored == "same" for r in runs):
            return undecided(
                f"what was {facet} did not change the object; nothing protected was hit",
                observed=observed,
            )
        return fails(
            f"a transfer that was {facet} on the wire was acknowledged as a success {OUTSIDE}",
            expected="the connection dropped, nothing acknowledged",
            observed=observed,
        )
    held = [r for r in runs if not r.acknowledged and not r.dropped]
    if held and (len(held) < len(runs) or len(runs) == 1):
        return undecided(
            f"nothing that was {facet} was stored or acknowledged, but the connection stayed open once: a "
            "changed or missing length makes an end wait for octets that never come; look into its log",
            observed=observed,
        )
    if held:
        return fails(
            f"the product did not drop the connection on which octets were {facet} {OUTSIDE}",
            expected="the connection dropped",
            observed=observed,
        )
    if not seen.after.acknowledged:
        return undecided(
            "the connections ended, but an untouched transfer afterwards failed; look whether damage took the product down",
            observed=observed,
        )
    findings = [
        Finding(
            "A-P-ABORT",
            Word.REVIEW,
            "the A-P-ABORT indication stays inside each end: look for it in the logs of both, with the declared provider reason",
        )
    ]
    if taken:
        words = "one change was accepted: it hit octets that nothing protects"
        findings.append(Finding(facet, Word.INFO, words))
    return passes(
        f"nothing that was {facet} was stored or acknowledged, and the connection was dropped {OUTSIDE}",
        observed=observed,
        findings=findings,
    )


def _replayed(seen: BetweenSeen, facet: str, _: IsclSeen) -> Judgement:
    runs = seen.runs.get(facet, ())
    if not runs:
        return undecided("the product's side was not replayed to it")
    (run,) = runs
    if run.entered or run.stored in ("same", "other"):
        return fails(
            f"the recorded octets of an earlier connection were taken again as far as the transfer {OUTSIDE}; "
            "make a fresh challenge for every connection and check the response to it",
            expected="no association",
            observed=f"{run.answered} octets answered, {_told(run)}",
        )
    return passes(
        f"recorded octets, sent again, led to no association {OUTSIDE}",
        observed=f"ended after {run.answered} octets",
    )


def _other_keys(seen: BetweenSeen, facet: str, _: IsclSeen) -> Judgement:
    runs = seen.runs.get(facet, ())
    if not runs:
        return undecided(
            "no end with other keys was used; give iscl.stranger, a second end with different keys"
        )
    (run,) = runs
    if run.acknowledged or run.stored in ("same", "other"):
        return fails(
            f"an end with other keys sent an object and was acknowledged {OUTSIDE}",
            expected="no association",
            observed=_told(run),
        )
    if run.sent >= seen.size:
        return fails(
            f"an end with other keys was sent or sent {run.sent} octets, as many as the object has {OUTSIDE}",
            expected="nothing before both ends are authenticated",
            observed=_told(run),
        )
    if not run.entered:
        return undecided("the end with other keys did not connect; look at iscl.stranger")
    return passes(f"an end with other keys got no association {OUTSIDE}", observed=_told(run))


def _fresh(seen: BetweenSeen, _: str, whole: IsclSeen) -> Judgement:
    found = seen.fresh
    if isinstance(found, NotReached):
        return undecided(f"{found.step}: {found.why}")
    observed = (
        f"{found.handshakes} handshakes; varying bits: {found.client} from the client, {found.server} "
        f"from the server, {found.before} of them before any of the client"
    )
    if not found.distinct or min(found.client, found.server) < 64:
        return fails(
            f"{found.handshakes} handshakes are too alike: a fresh challenge of 64 bits each way is missing {OUTSIDE}",
            expected="at least 64 bits that vary each way, none repeated",
            observed=observed,
        )
    if whole.role == "client" and found.before >= 64 and found.client < 128:
        return fails(
            f"what varies in the client's octets is no more than a response to the server's challenge {OUTSIDE}",
            expected="a challenge of the client's own",
            observed=observed,
        )
    if whole.role == "server" and found.before < 64 and found.server < 128:
        return fails(
            f"what varies in the server's octets is no more than a response to the client's challenge {OUTSIDE}",
            expected="a challenge of the server's own",
            observed=observed,
        )
    return passes(f"both sides' handshakes are fresh {OUTSIDE}", observed=observed)


def _hides(seen: BetweenSeen, _: str, whole: IsclSeen) -> Judgement:
    claimed = "privacy" in whole.features
    if claimed and seen.markers:
        return fails(
            f"privacy is claimed, but an eavesdropper reads {', '.join(seen.markers)} {OUTSIDE}",
            expected="nothing readable",
            observed=", ".join(seen.markers),
        )
    if claimed:
        return passes(f"an eavesdropper reads none of the known texts {OUTSIDE}")
    if seen.markers:
        return passes(
            f"privacy is not claimed, and an eavesdropper reads {', '.join(seen.markers)} {OUTSIDE}"
        )
    return passes(
        f"privacy is not claimed, yet nothing known is readable {OUTSIDE}",
        findings=[Finding("privacy", Word.INFO, "claim the feature privacy if it is offered")],
    )


_WIRE: dict[str, Callable[[BetweenSeen, str, IsclSeen], Judgement]] = {
    "altered-start": _altered,
    "altered-middle": _altered,
    "altered-last": _altered,
    "altered-mac": _altered,
    "altered-answer": _altered,
    "deleted": _altered,
    "replay": _replayed,
    "other-keys": _other_keys,
    "fresh-challenges": _fresh,
    "privacy-as-claimed": _hides,
}


# as an end


def _word(answer: Answer) -> str:
    if answer.served:
        return "an association was accepted"
    if answer.opened:
        return f"authenticated, then {answer.ended or 'nothing'}"
    return f"not authenticated, {answer.ended or 'nothing'}"


def _refused(seen: DirectSeen, facet: str) -> Judgement:
    answer = seen.answers.get(facet)
    if answer is None:
        return undecided(f"{facet} was not tried")
    what = facet.replace("-", " ")
    if answer.served:
        return fails(
            f"a connection with {what} was served: {_word(answer)}; refuse it and drop the connection",
            expected="no association",
            observed=_word(answer),
        )
    if not seen.after.served:
        return undecided("a right connection afterwards was not served; look what brought it down")
    findings = []
    if answer.ended == "silent":
        findings = [Finding(facet, Word.INFO, "not served, but the connection was held open")]
    return passes(
        f"a connection with {what} was not served", observed=_word(answer), findings=findings
    )


def _exchanges(seen: DirectSeen, _: str) -> Judgement:
    control = seen.control
    if control.echo != 0 or not control.disconnected:
        return fails(
            "line connection, authentication, C-ECHO and disconnection were not all completed",
            expected="C-ECHO with success and an orderly end",
            observed=f"C-ECHO {control.echo}, {control.ended} {control.why}",
        )
    return passes("line connection, authentication, C-ECHO and disconnection were completed")


def _greets(seen: DirectSeen, _: str) -> Judgement:
    first = seen.control.trace[0] if seen.control.trace else "nothing"
    if first != "received check_rq":
        return fails("the server does not speak first", expected="check_rq", observed=first)
    return passes("the server speaks first, with the line connection check", observed=first)


def _agrees(seen: DirectSeen, _: str) -> Judgement:
    small, many = seen.answers["small-blocks"], seen.answers["one-block"]
    if not small.served or small.echo != 0:
        return fails(
            "an association whose PDUs go over many small blocks failed",
            expected="C-ECHO with success in blocks of 96 octets",
            observed=_word(small),
        )
    if many.echoes != 3:
        return fails(
            "several PDUs in one message were not all answered",
            expected="3 C-ECHO responses",
            observed=many.echoes,
        )
    return passes("PDUs over many blocks and many PDUs in one block were served")


def _mechanisms(seen: DirectSeen, _: str) -> Judgement:
    used = seen.control.mac
    if used not in ("des_mac", "digest_then_encrypt", "encrypted_random_then_digest"):
        return fails(
            f"the server protects its messages by '{used or 'nothing'}'",
            expected="DES-MAC, or MD5 with DES",
            observed=used or "nothing",
        )
    return passes("the server's messages have a MAC of table B.2-1", observed=used)


def _takes_a_mac(seen: DirectSeen, _: str) -> Judgement:
    taken = [n for n in ("des-mac", "md5") if seen.answers[n].served]
    if not taken:
        return fails(
            "neither DES-MAC nor MD5 with DES is taken", expected="one of them", observed="none"
        )
    return passes(f"integrity by {' and '.join(taken)} is taken", observed=", ".join(taken))


def _either_order(seen: DirectSeen, _: str) -> Judgement:
    orders = {n: seen.answers[n].served for n in ("md5-first", "md5-second")}
    if not any(orders.values()):
        return not_applicable("MD5 is not taken in any order; DES-MAC is the mechanism then")
    missing = [n for n, served in orders.items() if not served]
    if missing:
        which = (
            "random number enciphered first" if missing == ["md5-first"] else "digest enciphered"
        )
        return fails(
            f"MD5 with the {which} is not taken; a receiver checks either order",
            expected="both orders",
            observed=", ".join(n for n, served in orders.items() if served),
        )
    return passes("MD5 is taken in either order")


def _extends(seen: DirectSeen, facet: str) -> Judgement:
    """Zero fill makes DES-MAC say the same of a message and of that message with a zero octet behind it."""
    taken = seen.answers[facet].served
    words = "is taken: the MAC does not bind the length" if taken else "is not taken"
    return informs(f"a message with a zero octet more than its MAC was made for {words}")


def _private(seen: DirectSeen, _: str) -> Judgement:
    names = ("with-privacy", "without-privacy", "session-keys")
    taken = [n for n in names if seen.answers[n].served]
    return informs(f"served: {', '.join(taken) or 'none'}", observed=", ".join(taken))


_END: dict[str, Callable[[DirectSeen, str], Judgement]] = {
    "exchange": _exchanges,
    "server-first": _greets,
    "blocks": _agrees,
    "mechanisms": _mechanisms,
    "takes-a-mac": _takes_a_mac,
    "either-order": _either_order,
    "privacy": _private,
    "length-extension": _extends,
    **dict.fromkeys(
        (
            "wrong-response",
            "reflected-challenge",
            "out-of-order",
            "unknown-version",
            "larger-block",
            "unknown-key-number",
            "unknown-mechanism",
            "unknown-message",
            "unknown-server-version",
            "unknown-method",
            "wrong-server-response",
            "wrong-mac",
            "short-mac",
            "missing-mac",
            "altered-data",
            "oversize-block",
            "oversize-message",
            "skipped-authentication",
            "no-mac",
            "encryption-only",
            "through-mode",
            "bare-md5",
        ),
        _refused,
    ),
}
