"""An association in a TLS 1.2 of our own as client: it shows what no library shows, and verifies nothing."""

from __future__ import annotations

from part15.channel import tcp, tls12
from part15.channel.association import Line
from part15.channel.tls import Ended, Plain, Tap
from part15.wire.tls_hello import Offer
from part15.wire.tls_octets import Malformed

ENDINGS = {"close": "closed", "reset": "reset", "timeout": "silent"}


class OwnStream(Plain):
    """The stream inside a handshake of our own client; its deadline is that of the connection."""

    def __init__(self, client: tls12.Client) -> None:
        super().__init__(client.stream.socket, Tap(limit=0))
        self.client = client

    def send(self, octets: bytes, until: float) -> None:  # noqa: ARG002 - the connection has its deadline
        """Send *octets* protected; raises Ended."""
        try:
            self.client.send(octets)
        except tls12.Ended as ended:
            raise _ended(ended) from None

    def receive(self, until: float, size: int = 65536) -> bytes:  # noqa: ARG002 - records have their own size
        """Return what the next record of data carries, empty at the end; raises Ended."""
        try:
            return self.client.receive()
        except Malformed as problem:
            raise Ended("garbage", str(problem)) from None
        except tls12.Ended as ended:
            found = _ended(ended)
            if found.how == "closed":
                return b""
            raise found from None


def _ended(ended: tls12.Ended) -> Ended:
    """Return how a connection ended, from the words of our own TLS."""
    words = str(ended)
    if words.startswith("alert close_notify"):
        return Ended("closed", words)
    if words.startswith("alert"):
        return Ended("alert", words)
    return Ended(ENDINGS.get(words, "ours"), words)


def own_line(stream: tcp.Stream, offer: Offer, shows: tls12.Shows, private: bytes = b"") -> Line:
    """Return a line after a handshake for *offer* that shows *shows*; it says how it ended if it did not complete."""
    client = tls12.Client(stream, shows, private=private)
    line = Line(OwnStream(client))
    try:
        client.handshake(offer)
    except tls12.Ended as ended:
        line.failed = _ended(ended)
    except Malformed as problem:
        line.failed = Ended("garbage", str(problem))
    return line
