"""Names of what passes in one direction of a stream: DICOM PDUs (PS3.8 9.3), TLS records, or nothing known."""

from __future__ import annotations

from dataclasses import dataclass

PDUS = {
    1: "A-ASSOCIATE-RQ",
    2: "A-ASSOCIATE-AC",
    3: "A-ASSOCIATE-RJ",
    4: "P-DATA-TF",
    5: "A-RELEASE-RQ",
    6: "A-RELEASE-RP",
    7: "A-ABORT",
}
RECORDS = {20: "change_cipher_spec", 21: "alert", 22: "handshake", 23: "application_data"}
HANDSHAKE = {
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
}
HEAD = 6
"""Octets that tell a PDU, or a record and the message in it."""
ASSOCIATION_LIMIT = 256 * 1024
"""Octets of an association PDU that are kept to look at."""


@dataclass
class Namer:
    """Takes one direction of a stream piece by piece and names what begins in each.

    *association* is the body of the first PDU once it is there whole, if that asks for or accepts an
    association; a stream of anything else is not named.
    """

    association: bytes | None = None
    _form: str = ""
    _head: bytes = b""
    _left: int = 0
    _body: bytearray | None = None
    _count: int = 0
    _sealed: bool = False

    def feed(self, octets: bytes) -> list[str]:
        """Return the names of what begins (and can be told) within *octets*."""
        found: list[str] = []
        view = memoryview(octets)
        while view:
            if self._left:
                taken = min(self._left, len(view))
                self._collect(view[:taken])
                self._left -= taken
                view = view[taken:]
                continue
            if self._form == "?":
                break
            wanted = HEAD - len(self._head)
            self._head += bytes(view[:wanted])
            view = view[wanted:]
            if len(self._head) == HEAD:
                self._begin(found)
        return found

    @property
    def unfinished(self) -> bool:
        """Whether an association PDU began and was not there whole."""
        return self._body is not None

    def _begin(self, found: list[str]) -> None:
        head, self._head = self._head, b""
        if not self._form:
            self._form = _form_of(head)
        if self._form == "tls":
            self._record(head, found)
        elif self._form == "pdu":
            self._pdu(head, found)

    def _record(self, head: bytes, found: list[str]) -> None:
        kind, size = head[0], int.from_bytes(head[3:5], "big")
        if kind not in RECORDS or size > 1 << 15:
            self._form = "?"
            return
        name = RECORDS[kind]
        if kind == 22 and size and not self._sealed:
            name = HANDSHAKE.get(head[5], name)
        self._sealed = self._sealed or kind in (20, 23)
        found.append(f"{name} ({size})")
        if size:
            self._left = size - 1
        else:
            self._head = head[5:]

    def _pdu(self, head: bytes, found: list[str]) -> None:
        kind, size = head[0], int.from_bytes(head[2:6], "big")
        if kind not in PDUS:
            self._form = "?"
            return
        found.append(f"{PDUS[kind]} ({size + 6})")
        self._left, self._count = size, self._count + 1
        if kind in (1, 2) and self._count == 1:
            self._body = bytearray()

    def _collect(self, octets: memoryview) -> None:
        if self._body is None:
            return
        self._body += octets[: ASSOCIATION_LIMIT - len(self._body)]
        if self._left == len(octets):
            self.association, self._body = bytes(self._body), None


def _form_of(head: bytes) -> str:
    if head[0] in RECORDS and head[1] == 3:
        return "tls"
    return "pdu" if head[0] in PDUS and head[1] == 0 else "?"
