"""The DICOM side of the embedded archive: Storage, Query/Retrieve, Storage Commitment and user identity."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from part15.channel import services
from part15.channel.association import Line
from part15.channel.messages import Message, Messages
from part15.channel.services import Instance
from part15.channel.tls import Ended
from part15.peers.archive_access import DEPARTMENT, user_of
from part15.peers.archive_door import Door, Refused, Visitor
from part15.peers.archive_identity import Guard
from part15.peers.archive_policy import ArchivePolicy
from part15.peers.archive_query import Asked, rows, values_of
from part15.peers.archive_shelves import (
    REPLACED,
    STATUS,
    Held,
    Other,
    Shelves,
    changed,
    copy_for,
    fitting,
    syntax_of,
    text_of,
)
from part15.wire import dimse, pdu, writing
from part15.wire.elements import MalformedDataSet, walk

ROOM = 64 << 20
MANY = 10_000

Outgoing = Callable[[str], "tuple[Messages, Other]"]
"""Opens an association with the AE of that title, for Storage and Storage Commitment; raises Ended or KeyError."""


@dataclass
class ArchiveAssociation:
    """One association as acceptor; ends with release, abort, silence or the end of the stream."""

    line: Line
    policy: ArchivePolicy
    shelves: Shelves
    ae_title: str
    other: Other
    outgoing: Outgoing
    artim: float
    idle: float
    clock: Callable[[], float]

    def serve(self) -> None:
        """Serve until the end; raises Ended or ssl.SSLError if the stream breaks."""
        with self.shelves.lock:
            self.shelves.present += 1
        try:
            self._serve()
        finally:
            with self.shelves.lock:
                self.shelves.present -= 1

    def _serve(self) -> None:
        self.talk = Messages(self.line)
        _, asked = self.talk.next(self.clock() + self.artim)
        if not isinstance(asked, pdu.Associate):
            return
        asking = self.talk.body
        try:
            guard = Guard(self.policy, self.shelves.marks)
            address = self.line.plain.sock.getpeername()[0]
            visitor = Visitor(self.other.kind, address, self.shelves.present)
            door = Door(self.policy, self.ae_title, guard, visitor)
            octets, answered = door.answer(asked, asking)
        except Refused as refused:
            self._refuse(refused.octets)
            return
        self.talk.send(octets, self._until())
        self.talk.agree(asked, answered, asked)
        self.user = user_of(asking, self.line)
        self.other = Other(self.other.kind, asked.calling)
        while True:
            try:
                message = self.talk.get(self._until())
            except Ended as ended:
                self._broken(self.talk.broken)
                if ended.how in ("garbage", "silent"):
                    self.talk.send(pdu.encode_abort(2, 0), self._until())
                return
            self._take(message)

    def _refuse(self, octets: bytes) -> None:
        """Send *octets*, or nothing at all, and wait for the other side to go."""
        if octets:
            self.talk.send(octets, self._until())
            return
        self.talk.next(self._until())

    def _until(self) -> float:
        return self.clock() + self.idle

    def _broken(self, message: Message | None) -> None:
        """Forget what came of a message, unless the policy is to keep it."""
        if not self.policy.keeps_partial or message is None or message.kind != dimse.C_STORE_RQ:
            return
        sop_class, transfer = self.talk.contexts[message.context]
        uid = str(message.command.get(dimse.SOP_INSTANCE, ""))
        with self.shelves.lock:
            came = Instance(sop_class, uid, transfer, message.data)
            self.shelves.held[uid] = Held(came, "", settled=True)

    def _take(self, message: Message) -> None:
        kinds: dict[int, Callable[[Message], None]] = {
            dimse.C_ECHO_RQ: self._echoed,
            dimse.C_STORE_RQ: self._stored,
            services.C_FIND_RQ: self._found,
            services.C_GET_RQ: self._got,
            services.C_MOVE_RQ: self._moved,
            services.N_ACTION_RQ: self._asked,
        }
        if message.kind & dimse.RESPONSE or message.kind == services.C_CANCEL_RQ:
            return
        kinds.get(message.kind, self._unknown)(message)

    def _echoed(self, message: Message) -> None:
        self._respond(message, 0)

    def _unknown(self, message: Message) -> None:
        self._respond(message, 0x0211)

    def _respond(
        self,
        message: Message,
        status: int,
        data: bytes = b"",
        more: dict[int, int | str] | None = None,
    ) -> None:
        asked = message.command
        answer: dimse.Command = {
            dimse.FIELD: message.kind | dimse.RESPONSE,
            dimse.RESPONDED: asked.get(dimse.MESSAGE_ID, 0),
            dimse.STATUS: status,
            **(more or {}),
        }
        renamed = {
            dimse.SOP_CLASS: dimse.SOP_CLASS,
            dimse.SOP_INSTANCE: dimse.SOP_INSTANCE,
            dimse.REQUESTED_CLASS: dimse.SOP_CLASS,
            dimse.REQUESTED_INSTANCE: dimse.SOP_INSTANCE,
            dimse.ACTION_TYPE: dimse.ACTION_TYPE,
        }
        answer |= {new: asked[old] for old, new in renamed.items() if old in asked}
        self.talk.put(message.context, answer, self._until(), data)

    def _stored(self, message: Message) -> None:
        sop_class, transfer = self.talk.contexts[message.context]
        uid = str(message.command.get(dimse.SOP_INSTANCE, ""))
        self._respond(message, self._keep(Instance(sop_class, uid, transfer, message.data)))

    def _keep(self, came: Instance) -> int:
        policy = self.policy
        try:
            walk(came.data, syntax=syntax_of(came.transfer))
            named = text_of(came, 0x00080018)
            held = self._received(came)
        except MalformedDataSet:
            return 0xC000
        if named != came.uid:
            return 0xA900
        with self.shelves.lock:
            before = self.shelves.held.get(came.uid)
            if before is not None and not policy.replaces:
                return 0 if before.instance.data == held.instance.data else 0x0111
            if self.shelves.size() + len(came.data) > ROOM:
                return 0xA700
            self.shelves.held[came.uid] = held
        return policy.store_status

    def _received(self, came: Instance) -> Held:
        """Return what is kept of *came*: the status of what nobody vouches for becomes NS."""
        policy = self.policy
        if self.other.kind not in ("partner", *policy.keeps_status_of):
            came = changed(came, {STATUS: ("CS", "NS")})
        for rewrite in policy.rewrite:
            if syntax_of(came.transfer).explicit:
                came = dataclasses.replace(came, data=rewrite(came.data))
        status = text_of(came, STATUS) or ""
        return Held(
            came,
            status,
            settled=status not in ("OR", "AO"),
            study=text_of(came, 0x0020000D) or "",
            series=text_of(came, 0x0020000E) or "",
        )

    # queries

    def _matching(self, message: Message, service: str) -> tuple[list[Held], list[Held]]:
        """Return what *service* answers with, and what matches too and may not be seen."""
        try:
            asked = Asked.of(message.data, self.talk.contexts[message.context][1])
        except MalformedDataSet:
            return [], []
        with self.shelves.lock:
            every = [h for h in self.shelves.held.values() if asked.fits(values_of(h.instance))]
        access = self.policy.access
        if access is None or not access.filters(service, asked):
            return every, []
        seen = [h for h in every if self._may_see(h)]
        return seen, [h for h in every if h not in seen]

    def _may_see(self, held: Held) -> bool:
        access = self.policy.access
        department = text_of(held.instance, DEPARTMENT) or ""
        return access is None or access.may_see(self.user, department)

    def _wanted(self, matching: list[Held]) -> Iterator[Held]:
        """Yield what a retrieval is to bring, as the policy has it."""
        how = self.policy.retrieves
        if how == "another":
            for held in matching:
                other = changed(held.instance, {0x00080018: ("UI", REPLACED)})
                yield dataclasses.replace(held, instance=dataclasses.replace(other, uid=REPLACED))
        elif how != "nothing":
            yield from (
                itertools.islice(itertools.cycle(matching), MANY) if how == "many" else matching
            )

    def _found(self, message: Message) -> None:
        transfer = self.talk.contexts[message.context][1]
        seen, hidden = self._matching(message, "C-FIND")
        access = self.policy.access
        with self.shelves.lock:
            every = list(self.shelves.held.values())
        if access is not None and not access.counts_all:
            every = [h for h in every if self._may_see(h)]
        if seen:
            asked = Asked.of(message.data, transfer)
            for row in rows(asked, seen, every, explicit=transfer != pdu.IMPLICIT_LE):
                self._respond(message, 0xFF00, row)
        forbidden = access.forbidden if access is not None and hidden and not seen else None
        self._respond(message, forbidden or 0)

    def _got(self, message: Message) -> None:
        self._deliver(message, self.talk, self.other)

    def _moved(self, message: Message) -> None:
        title = str(message.command.get(dimse.DESTINATION, ""))
        try:
            talk, other = self.outgoing(title)
        except KeyError:
            self._respond(message, 0xA801)
            return
        except Ended:
            self._respond(message, 0xA702)
            return
        try:
            self._deliver(message, talk, other)
        finally:
            services.close(talk, self._until())

    def _break_off(self, seen: Sequence[Held], talk: Messages) -> None:
        """End the association in the middle of what is to be sent, where the policy is to; raises Ended."""
        how = self.policy.retrieves
        if how == "noise":
            talk.send(b"\xfe" * 64, self._until())
            raise Ended("ours", "noise")
        if how == "half" and seen:
            first = seen[0].instance
            context = talk.context_of(first.sop_class) or 1
            command = dimse.store_request(first.sop_class, first.uid)
            parts = list(pdu.fragments(context, command, first.data, 1024))
            talk.send(parts[0] + parts[1][: len(parts[1]) // 2], self._until())
            raise Ended("ours", "half")

    def _deliver(self, message: Message, talk: Messages, other: Other) -> None:
        service = "C-GET" if message.kind == services.C_GET_RQ else "C-MOVE"
        seen, hidden = self._matching(message, service)
        access = self.policy.access
        done, failed = 0, len(hidden) if access is not None and access.counts_failed else 0
        self._break_off(seen, talk)
        for held in self._wanted(seen):
            copy = copy_for(self.policy, held, other)
            sent = None
            if copy is not None:
                try:
                    sent = services.store(talk, fitting(self.policy, copy, talk), self._until())
                except Ended as ended:
                    if ended.how != "no context":
                        raise
            done, failed = done + (sent == 0), failed + (sent != 0)
        counted: dict[int, int | str] = {
            dimse.COMPLETED: done,
            dimse.FAILED: failed,
            dimse.WARNED: 0,
        }
        status = 0xB000 if failed and done else 0xA702 if failed else 0
        if access is not None and access.forbidden and hidden and not seen:
            status = access.forbidden
        self._respond(message, status, more=counted)

    # commitment

    def _asked(self, message: Message) -> None:
        transfer = self.talk.contexts[message.context][1]
        wanted = services.read_event(0, message.data, transfer)
        rows = references(message.data, transfer)
        self._respond(message, 0)
        how = self.policy.commits
        if how == "never":
            return
        good, bad = self._commit(rows)
        transaction = wanted.transaction if how != "unknown" else "2.25.15999"
        if how == "new":
            talk, _ = self.outgoing(self.other.title)
            try:
                services.report_commitment(talk, transaction, good, bad, self._until())
            finally:
                services.close(talk, self._until())
            return
        for _ in range(2 if how == "twice" else 1):
            services.report_commitment(self.talk, transaction, good, bad, self._until())

    def _commit(
        self, rows: Sequence[tuple[str, str]]
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str, int]]]:
        good, bad = [], []
        with self.shelves.lock:
            for sop_class, uid in rows:
                held = self.shelves.held.get(uid)
                if held is None and self.policy.commits == "blindly":
                    good.append((sop_class, uid))
                elif held is None or self.policy.commits == "refuses":
                    bad.append((sop_class, uid, 0x0112))
                elif held.instance.sop_class != sop_class:
                    bad.append((sop_class, uid, 0x0119))
                else:
                    held.settled = True
                    if self.policy.commits == "all":
                        for other in self.shelves.held.values():
                            other.settled = True
                    good.append((sop_class, uid))
        return good, bad


def references(data: bytes, transfer: str) -> list[tuple[str, str]]:
    """Return the (SOP class, instance) pairs of the Referenced SOP Sequence of an N-ACTION."""
    found: list[tuple[str, str]] = []
    inside, sop_class = 0, ""
    for element in walk(data, syntax=syntax_of(transfer)):
        value = data[element.value : element.end]
        if element.depth == 0:
            inside = element.tag
        elif element.depth == 2 and inside == 0x00081199:
            if element.tag == 0x00081150:
                sop_class = writing.uid_text(value)
            elif element.tag == 0x00081155:
                found.append((sop_class, writing.uid_text(value)))
    return found
