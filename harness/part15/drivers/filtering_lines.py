"""Who asks for the studies of a query-filtering policy, and the associations they ask on."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from part15.bench import Bench
from part15.channel import services
from part15.channel.messages import Messages
from part15.drivers import session_lines
from part15.drivers.identity_credentials import Make, purse_of
from part15.wire import pdu
from part15.wire import user_identity as ui
from part15.wire.trap_objects import SECONDARY_CAPTURE

Syntaxes = Sequence[tuple[str, Sequence[str]]]
MODELS = (
    services.FIND,
    services.GET,
    services.MOVE,
    services.PATIENT_FIND,
    services.PATIENT_GET,
    services.PATIENT_MOVE,
)
PLAIN = (pdu.EXPLICIT_LE, pdu.IMPLICIT_LE)
ALL: Syntaxes = (*((m, PLAIN) for m in MODELS), (SECONDARY_CAPTURE, PLAIN))
STRANGER = "PART15STRANGER"


@dataclass(frozen=True)
class Asker:
    """Who asks: a name of the target or of ours, what is shown, and as which AE.

    *kind* is ``user``, ``nobody`` or ``wrong``; *make* makes the credential of one association.
    """

    name: str
    kind: str
    shown: session_lines.Shown
    make: Make | None = None
    calling: str = ""


def users(bench: Bench) -> Iterator[Asker]:
    """Yield the users that have a part in the policy. Raises Trouble and TargetError."""
    for name, user in bench.target.users.items():
        if user.sees is not None:
            yield asker_for(bench, name)


def asker_for(bench: Bench, name: str) -> Asker:
    """Return the user *name* of the target. Raises Trouble and TargetError."""
    user = bench.target.users[name]
    if user.identity is None:
        shown = session_lines.identity_of(bench)
    else:
        shown = session_lines.shown(bench, user.identity, f"users.{name}.identity")
    make = None if user.type is None else purse_of(bench, name, user).right
    return Asker(name, "user", shown, make, user.calling_ae_title)


def nobody(bench: Bench) -> Asker:
    """Return who shows nothing but what every node of the site does."""
    return Asker("nobody", "nobody", session_lines.identity_of(bench))


def nobodies(bench: Bench) -> Iterator[Asker]:
    """Yield who asks without a user: as the harness is known, and over TLS also without its certificate.

    Where the harness is known by the certificate or the AE title of a user it comes without the one,
    and by another title.
    """
    point, users = bench.endpoint, bench.target.users.values()
    titles = {u.calling_ae_title for u in users if u.type is None}
    calling = STRANGER if point.calling_ae_title in titles else ""
    shown = session_lines.identity_of(bench)
    taken = {_octets(u.identity.certificate) for u in users if u.identity is not None}
    if not shown.certificate or _octets(shown.certificate) not in taken:
        yield Asker("nobody", "nobody", shown, calling=calling)
    if point.transport == "tls" and shown.certificate:
        none = session_lines.Shown()
        yield Asker("nobody, without certificate", "nobody", none, calling=calling)


def _octets(path: str) -> bytes:
    """Return the file at *path*, or nothing that equals another."""
    try:
        return Path(path).read_bytes()
    except OSError:
        return path.encode()


def single_use(bench: Bench) -> str:
    """Return the first user of the policy whose credential is good for one association only, or nothing."""
    for name, user in bench.target.users.items():
        if user.sees is not None and user.type is not None and purse_of(bench, name, user).once:
            return str(name)
    return ""


def spoilt(bench: Bench, right: Asker) -> Asker:
    """Return *right* with one wrong credential: its secret, else its name, certificate or AE title.

    Raises Trouble and TargetError.
    """
    user = bench.target.users[right.name]
    if user.type is not None:
        purse = purse_of(bench, right.name, user)
        what, make = next(w for w in purse.wrong() if not w[0].startswith("replayed"))
        name = f"{right.name} with {what}"
        return dataclasses.replace(right, name=name, kind="wrong", make=make)
    if user.identity is not None:
        stranger = session_lines.made_identity(bench, "unknown_ca")
        assert stranger is not None
        name = f"{right.name} with a certificate of an unknown CA"
        return dataclasses.replace(right, name=name, kind="wrong", shown=stranger)
    name = f"the AE title {STRANGER}"
    return dataclasses.replace(right, name=name, kind="wrong", calling=STRANGER)


@contextlib.contextmanager
def association(
    bench: Bench,
    asker: Asker,
    title: str = "",
    syntaxes: Syntaxes = ALL,
    *,
    as_scp: Iterable[str] = (),
) -> Iterator[Messages]:
    """Give an association as *asker* with the AE *title* (empty: the endpoint's), released afterwards.

    Raises Ended if it is not opened, and Trouble.
    """
    point = bench.endpoint
    line = session_lines.open_line(bench, asker.shown)
    request = services.proposal(
        title or point.ae_title, asker.calling or point.calling_ae_title, syntaxes, as_scp=as_scp
    )
    raw = b""
    if asker.make is not None:
        raw = ui.with_items(pdu.encode_request(request), ui.encode(asker.make().identity))
    talk = services.opened(line, request, bench.until(), raw)
    try:
        yield talk
    finally:
        services.close(talk, bench.until())
