"""Names in certificates, told and never judged: PS3.15 leaves their meaning to the AE (reading T-29)."""

from __future__ import annotations

from part15.model import Judgement, informs, undecided
from part15.observations import NotReached
from part15.observations.session import AssociationSeen, ServedSeen
from part15.registry import check
from part15.wire.host_names import host_names

OTHER_NAME = "wrong_name"


@check
def tells_names(seen: AssociationSeen) -> Judgement:
    """Tell the host names in the server's certificate."""
    der = seen.handshake.certificate if seen.handshake else b""
    if not der:
        return undecided("no certificate of the server was seen; look why the handshake failed")
    names = host_names(der)
    if names is None:
        return undecided("the server's certificate cannot be read; look at it with openssl x509")
    if not names:
        return informs("the server's certificate carries no host name and no address", observed="")
    return informs(f"the server's certificate is for {', '.join(names)}", observed=names)


@check
def tells_whether_names_matter(seen: ServedSeen) -> Judgement:
    """Tell whether the client connects to a server whose certificate is for another host."""
    shown = seen.shown.get(OTHER_NAME)
    if shown is None or isinstance(shown, NotReached):
        why = shown.why if shown else "a certificate for another host was not shown"
        return undecided(why)
    if shown.entered:
        return informs("the client takes a certificate for another host", observed="associated")
    if not seen.after.entered:
        return undecided(
            "afterwards the client did not connect with our right certificate either, so its refusal "
            "proves nothing"
        )
    return informs("the client refuses a certificate for another host", observed=shown.ended)
