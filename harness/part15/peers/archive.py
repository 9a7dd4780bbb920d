"""The embedded archive: the reference peer grown to a conforming system for A.1 to A.3, B.4 and B.5.

Right unless faults are named. Its partner in Online Electronic Storage is who shows the certificate
``client``; any other certificate of the same CA is a stranger.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from part15.channel import services
from part15.channel.association import Line, protect
from part15.channel.messages import Messages
from part15.channel.tls import Ended, Plain, Stream, Tls, client_context, dial
from part15.observations.policy import CHECKS
from part15.peers.archive_control import Control, command
from part15.peers.archive_correction import corrected
from part15.peers.archive_faults import faults
from part15.peers.archive_node import ArchiveAssociation
from part15.peers.archive_policy import ArchivePolicy
from part15.peers.archive_shelves import (
    REPLACED,
    STATUS,
    Held,
    Other,
    Shelves,
    changed,
    copy_for,
)
from part15.peers.child import Pipes
from part15.peers.policy import Policy
from part15.peers.realm import realm
from part15.peers.reference import ReferencePeer
from part15.pki import Pki
from part15.wire import pdu

PARTNERS = ("client", "client-ec")
USERS = {"alice": b"rose and 42 thorns", "bob": b"another passcode"}

IDENTITY_PROFILES = tuple(f"user-identity-{n}" for n in ("basic", "passcode", "kerberos", "saml"))
STORAGE_PROFILES = ("online-electronic-storage", "bit-preserving-digital-signatures-use")
CLAIMS = {
    **dict.fromkeys(STORAGE_PROFILES, ("storage-scp",)),
    **dict.fromkeys(IDENTITY_PROFILES, ("association-acceptor",)),
}
"""Everything that the right archive can claim."""

DECLARED = {
    "oes": {
        "remote_access_restriction": "association only with certificates of our CA",
        "equipment_certification_number": "PART15-1",
    },
    "association": {"checks": list(CHECKS), "most": 3},
    "storage": {"level": "2", "signature_level": "3"},
}


@dataclasses.dataclass(frozen=True)
class Destination:
    """Where an AE title can be reached: *transport* is ``plain`` or ``tls``, *kind* as of :class:`Other`."""

    address: str
    transport: str
    kind: str


def right_policy() -> ArchivePolicy:
    """Return the policy of the right archive, with the users of its target."""
    return ArchivePolicy(users=USERS)


def token_policy() -> ArchivePolicy:
    """Return the policy of an archive that knows users by JSON Web Tokens alone."""
    return dataclasses.replace(right_policy(), types=(5,))


def strict_policy() -> ArchivePolicy:
    """Return the policy of an archive that looks at everything when an association is asked for."""
    return dataclasses.replace(right_policy(), looks_at=CHECKS)


def bit_preserving_policy() -> ArchivePolicy:
    """Return the policy of an archive that claims A.3 alone: it hands everything on as it came."""
    same = {status: status for status in ("AO", "AC", "OR", "NS")}
    return dataclasses.replace(
        right_policy(),
        forwards_early=True,
        copies=same,
        stranger_copy=same,
        plain_copy=same,
        keeps_status_of=("stranger", "plain"),
    )


def signing_policy() -> ArchivePolicy:
    """Return the policy of an archive that claims A.2: it validates, writes anew and signs anew."""
    from part15.peers.archive_signing import replace_signatures

    return dataclasses.replace(
        bit_preserving_policy(), rewrite=(replace_signatures,), extended=b"\2\0\2\0\0\0"
    )


class Archive(ReferencePeer):
    """The archive as a context manager; *named* are faults of :func:`part15.peers.archive_faults.faults`."""

    def __init__(
        self,
        pki: Pki,
        named: Collection[str] = (),
        *,
        archive: ArchivePolicy | None = None,
        destinations: Mapping[str, Destination] | None = None,
        plain: bool = True,
        ae_title: str = "PART15ARC",
        **options: Any,
    ) -> None:
        chosen = archive or right_policy()
        for name in named:
            chosen = dataclasses.replace(chosen, **faults()[name].changes)
        self.archive, self.shelves = chosen, Shelves()
        self.destinations = dict(destinations or {})
        self._partners = [
            ssl.PEM_cert_to_DER_cert(_first(pki[name].certificate.read_text())) for name in PARTNERS
        ]
        options["policy"] = Policy(client=chosen.client)
        self.control = Control(self._do)
        super().__init__(pki, (), plain=plain, ae_title=ae_title, **options)

    def close(self) -> None:
        """Stop the controls and the archive."""
        with contextlib.suppress(OSError):
            self.control.close()
        super().close()

    def _do(self, verb: str, arguments: Sequence[str]) -> str:
        """Do what an action of the target asks for; raises ValueError or KeyError if it cannot be done."""
        verbs: dict[str, Callable[..., str]] = {
            "authorize": self.authorize,
            "transfer": self.transfer,
            "copy": self.copy,
            "delete": self.delete,
            "correct": self.correct,
        }
        if verb not in verbs:
            raise ValueError(f"there is no verb {verb!r}")
        try:
            return verbs[verb](*arguments)
        except Ended as ended:
            raise ValueError(str(ended)) from None

    def _associate(self, stream: Stream | Pipes, policy: Policy) -> None:
        if isinstance(stream, Pipes):
            raise TypeError("the archive speaks TLS through the standard library only")
        line = Line(stream.plain, stream) if isinstance(stream, Tls) else Line(stream)
        ArchiveAssociation(
            line,
            self.archive,
            self.shelves,
            self.ae_title,
            Other(self._kind(stream)),
            self._outgoing,
            3600.0 if policy.artim is None else policy.artim,
            self.idle,
            time.monotonic,
        ).serve()

    def _kind(self, stream: Stream) -> str:
        if not isinstance(stream, Tls):
            return "plain"
        shown = stream.object.getpeercert(binary_form=True)
        return "partner" if shown in self._partners else "stranger"

    def _outgoing(self, title: str) -> tuple[Messages, Other]:
        """Open an association with *title*; raises KeyError if nobody is known by it, Ended if it fails."""
        place = self.destinations[title]
        until = time.monotonic() + self.idle
        plain = Plain(dial(place.address, until))
        if place.transport == "plain":
            line = Line(plain)
        else:
            mine = self.pki["server"]
            context = client_context(
                certificate=str(mine.certificate),
                key=str(mine.key),
                trust="" if self.archive.takes_any_server else str(self.pki.ca),
            )
            line = protect(plain, context, until)
        classes = {h.instance.sop_class for h in self.shelves.held.values()}
        syntaxes = [
            (sop_class, (transfer,))
            for sop_class in sorted(classes)
            for transfer in self.archive.transfers
        ]
        asked = services.proposal(
            title, self.ae_title, [*syntaxes, (services.COMMITMENT, (pdu.IMPLICIT_LE,))]
        )
        return services.opened(line, asked, until), Other(place.kind, title)

    # what its users do with it

    def copy(self, uid: str, title: str) -> str:
        """Send the copy of the instance *uid* that *title* may have; raises ValueError if it may have none.

        Raises KeyError if it is not held or *title* is unknown, Ended if the association fails.
        """
        held = self.shelves.held[uid]
        talk, other = self._outgoing(title)
        until = time.monotonic() + self.idle
        try:
            made = copy_for(self.archive, held, other)
            if made is None:
                raise ValueError("nobody may have a copy before its commitment")
            return f"{services.store(talk, made, until):04X}H"
        finally:
            services.close(talk, time.monotonic() + self.idle)

    def delete(self, uid: str) -> str:
        """Delete the instance *uid*; raises ValueError for an OR or AO one, KeyError if it is not held."""
        with self.shelves.lock:
            if self.shelves.held[uid].status in ("OR", "AO") and not self.archive.deletes_primary:
                raise ValueError("an OR or AO instance is not deleted")
            del self.shelves.held[uid]
        return "deleted"

    def correct(self, uid: str, tag: str, value: str) -> str:
        """Set the element *tag* (8 hex digits) of the instance *uid* to *value*; KeyError if it is not held."""
        with self.shelves.lock:
            held = self.shelves.held.pop(uid)
            for made in corrected(held.instance, int(tag, 16), value, self.archive.corrections):
                self.shelves.held[made.uid] = dataclasses.replace(held, instance=made)
        return "corrected"

    def authorize(self, uid: str) -> str:
        """Turn the OR instance *uid* into an AO one, as an authorised person would have it done."""
        policy = self.archive
        stamp = time.strftime("%Y%m%d%H%M%S+0000", time.gmtime())
        changes: dict[int, tuple[str, str] | None] = {STATUS: ("CS", "AO")}
        if policy.records_authorization:
            changes |= {0x01000420: ("DT", stamp), 0x01000426: ("LO", "PART15-1")}
        else:
            changes |= {0x01000420: ("DT", ""), 0x01000426: ("LO", "")}
        if policy.authorizes_as_new:
            changes[0x00080018] = ("UI", REPLACED)
        with self.shelves.lock:
            held = self.shelves.held[uid]
            made = changed(held.instance, changes)
            self.shelves.held[uid] = dataclasses.replace(held, instance=made, status="AO")
        return "authorized"

    def transfer(self, uid: str, title: str) -> str:
        """Hand the OR or AO instance *uid* over to the partner *title*; return what became of it here.

        Raises KeyError if it is not held or *title* is unknown, Ended if the association fails.
        """
        held = self.shelves.held[uid]
        talk, other = self._outgoing(title)
        if other.kind != "partner":
            raise KeyError(title)
        until = time.monotonic() + self.idle
        try:
            services.store(talk, held.instance, until)
            confirmed = not self.archive.asks_commitment or self._confirmed(talk, held, until)
        finally:
            services.close(talk, time.monotonic() + self.idle)
        if confirmed or not self.archive.waits_for_commitment:
            self._relinquish(uid, held)
        return "kept" if uid in self.shelves.held else "deleted"

    def _confirmed(self, talk: Messages, held: Held, until: float) -> bool:
        transaction = f"2.25.{time.time_ns()}"
        reports: list[services.Commitment] = []
        instance = held.instance
        try:
            services.ask_commitment(
                talk,
                transaction,
                [(instance.sop_class, instance.uid)],
                until,
                other=lambda m: reports.append(services.take_event(talk, m, until)),
            )
            while not reports:
                reports.append(services.take_event(talk, talk.get(until), until))
        except Ended:
            return False
        return any(r.transaction == transaction and instance.uid in r.committed for r in reports)

    def _relinquish(self, uid: str, held: Held) -> None:
        how = self.archive.relinquish
        if how == "always AC":
            how, held = "AC", dataclasses.replace(held, status="AO")
        with self.shelves.lock:
            if how == "delete" or (how == "AC" and held.status != "AO"):
                del self.shelves.held[uid]
            elif how in ("NS", "AC"):
                made = changed(held.instance, {STATUS: ("CS", how)})
                self.shelves.held[uid] = dataclasses.replace(held, instance=made, status=how)

    def document(
        self,
        *,
        edition: str = "2023b",
        profile: str = "",
        features: Sequence[str] = (),
        claims: Mapping[str, Collection[str]] | None = None,
    ) -> dict[str, Any]:
        """Return the content of a target file that describes this archive and makes *claims*.

        *profile* alone is claimed in the one role that this archive has in it.
        """
        found = super().document(edition=edition, profile="tls-bcp195-rfc8996", features=features)
        found["target"]["name"] = "part15 archive"
        if profile:
            role = "association-acceptor" if profile.startswith("user-") else "storage-scp"
            claims = {profile: [role]}
        found["claims"] = {name: list(roles) for name, roles in (claims or CLAIMS).items()}
        found.pop("attestations", None)
        found["users"] = self.users()
        found["actions"] = {
            "authorize": command(self.control.port, "authorize", "{uid}"),
            "transfer": command(self.control.port, "transfer", "{uid}", "{aet}"),
            "copy": command(self.control.port, "copy", "{uid}", "{aet}"),
            "delete": command(self.control.port, "delete", "{uid}"),
            "correct": command(self.control.port, "correct", "{uid}", "{tag}", "{value}"),
        }
        known = found["declared"].get("user_identity", {}) | {"types": list(self.archive.types)}
        found["declared"] |= DECLARED | {"user_identity": known}
        return found

    def partner_listener(self) -> dict[str, Any]:
        """Return the listener of a partner on a free port, which this archive knows from now on."""
        return {"partner": self._listener("PART15", "partner")}

    def listeners(self) -> dict[str, Any]:
        """Return listeners of a partner, of a stranger and of a plain AE, which this archive knows from now on."""
        return {
            **self.partner_listener(),
            "stranger": {**self._listener("PART15STR", "stranger"), "stranger": True},
            "unprotected": self._listener("PART15PLN", "plain"),
        }

    def _listener(self, title: str, kind: str) -> dict[str, Any]:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        transport = "plain" if kind == "plain" else "tls"
        self.destinations[title] = Destination(f"127.0.0.1:{port}", transport, kind)
        found: dict[str, Any] = {"transport": transport, "port": port, "ae_title": title}
        if transport == "tls":
            own = self.pki["server"]
            found |= {
                "trust": str(self.pki.ca),
                "identity": {"certificate": str(own.certificate), "key": str(own.key)},
                "identities": {
                    "expired": {
                        "certificate": str(self.pki["expired"].certificate),
                        "key": str(self.pki["expired"].key),
                    }
                },
            }
        return found

    def users(self) -> dict[str, Any]:
        """Return the users of the target; their secrets are written to files of the PKI folder."""
        folder = Path(self.pki.folder)
        (folder / "alice.passcode").write_bytes(USERS["alice"])
        place = f"file:{folder}/"
        return {
            "name-only": {"type": 1, "name": "bob"},
            "with-passcode": {
                "type": 2,
                "name": "alice",
                "passcode": f"{place}alice.passcode",
            },
            **realm().written(folder),
        }


def _first(pem: str) -> str:
    end = "-----END CERTIFICATE-----"
    return pem.split(end, maxsplit=1)[0] + end + "\n"
