"""DIMSE messages on an association, either side: put one, get one, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from part15.channel.association import Conversation, Line
from part15.channel.tls import Ended
from part15.wire import dimse, pdu

LARGEST = 256 << 20
"""Octets of the longest data set that is taken."""
ROLE_ITEM = 0x54


@dataclass(frozen=True)
class Message:
    """One DIMSE message: its command set, and its data set as octets in the syntax of its context."""

    context: int
    command: dimse.Command
    data: bytes

    @property
    def kind(self) -> int:
        """The Command Field."""
        return int(self.command.get(dimse.FIELD, 0))

    @property
    def status(self) -> int | None:
        """The status of a response, None if it has none."""
        found = self.command.get(dimse.STATUS)
        return found if isinstance(found, int) else None


@dataclass
class _Coming:
    """The message that is coming in: its context, its command set, its data set so far."""

    context: int = 0
    octets: bytearray = field(default_factory=bytearray)
    command: dimse.Command | None = None
    data: bytearray = field(default_factory=bytearray)


class Messages(Conversation):
    """An association as messages; *contexts* are the accepted ones: id to (abstract, transfer syntax)."""

    def __init__(self, line: Line) -> None:
        super().__init__(line)
        self.contexts: dict[int, tuple[str, str]] = {}
        self.room = 16384
        self._number = 0
        self._left: list[pdu.Pdv] = []
        self._coming = _Coming()

    def agree(self, asked: pdu.Associate, answered: pdu.Associate, theirs: pdu.Associate) -> None:
        """Take over what was negotiated; *theirs* is the side whose maximum length binds us."""
        abstracts = {c.id: c.abstract for c in asked.contexts}
        self.contexts = {
            c.id: (abstracts[c.id], c.transfers[0])
            for c in answered.contexts
            if c.result == 0 and c.id in abstracts and c.transfers
        }
        self.room = min(theirs.max_length or (1 << 17), 1 << 17)

    def number(self) -> int:
        """Return the next message id."""
        self._number = self._number % 0xFFFF + 1
        return self._number

    def context_of(self, abstract: str, transfer: str = "") -> int | None:
        """Return an accepted context for *abstract* (with *transfer*, if given), or None."""
        for number, (known, syntax) in self.contexts.items():
            if known == abstract and transfer in ("", syntax):
                return number
        return None

    def put(
        self, context: int, command: Mapping[int, int | str], until: float, data: bytes = b""
    ) -> None:
        """Send one message; whether a data set follows is set here. Raises Ended."""
        whole = {**command, dimse.DATA_SET_TYPE: 1 if data else dimse.NO_DATA_SET}
        for part in pdu.fragments(context, dimse.encode_command(whole), data, self.room):
            self.send(part, until)

    def get(self, until: float) -> Message:
        """Return the next message; what has come of one by the deadline is kept for the next call.

        Raises Ended: ``released`` at an A-RELEASE-RQ (which is answered), ``aborted`` at an A-ABORT,
        ``garbage`` at what is no message, and as the stream ends.
        """
        while True:
            while not self._left:
                kind, said = self.next(until)
                self._left = list(self._values(kind, said, until))
            whole = self._collect(self._left.pop(0))
            if whole is not None:
                self._coming = _Coming()
                return whole

    def _collect(self, value: pdu.Pdv) -> Message | None:
        """Take one fragment; return the message that it completes."""
        coming = self._coming
        if coming.context not in (0, value.context):
            raise Ended("garbage", "fragments of two messages are mixed")
        coming.context = value.context
        held = coming.octets if value.command else coming.data
        held += value.data
        if len(held) > (dimse.MAX_COMMAND if value.command else LARGEST):
            raise Ended("garbage", "a message is longer than anything sensible")
        if not value.last:
            return None
        if value.command:
            try:
                coming.command = dimse.decode_command(bytes(held))
            except dimse.CommandError as error:
                raise Ended("garbage", str(error)) from None
            if coming.command.get(dimse.DATA_SET_TYPE) != dimse.NO_DATA_SET:
                return None
        if coming.command is None:
            raise Ended("garbage", "a data set comes before its command set")
        return Message(value.context, coming.command, bytes(coming.data))

    @property
    def broken(self) -> Message | None:
        """The message of which only a part has come, with what there is of its data set."""
        coming = self._coming
        if coming.command is None:
            return None
        return Message(coming.context, coming.command, bytes(coming.data))

    def _values(self, kind: int, said: pdu.Pdu, until: float) -> Iterable[pdu.Pdv]:
        if isinstance(said, pdu.Data):
            return said.pdvs
        if isinstance(said, pdu.Abort):
            raise Ended("aborted", f"A-ABORT source {said.source} reason {said.reason}")
        if kind == pdu.RELEASE_RQ:
            self.send(pdu.encode_release(response=True), until)
            raise Ended("released", "the other side released the association")
        raise Ended("garbage", f"a {type(said).__name__} PDU where a message should come")

    def release(self, until: float) -> None:
        """Release the association; what else is said meanwhile is not read. Raises Ended."""
        self.send(pdu.encode_release(), until)
        self.next(until)


def role(sop_class: str, *, scu: bool, scp: bool) -> tuple[int, bytes]:
    """Return the SCP/SCU Role Selection sub-item for *sop_class* (PS3.7 D.3.3.4)."""
    name = sop_class.encode("ascii")
    return ROLE_ITEM, len(name).to_bytes(2, "big") + name + bytes([scu, scp])
