"""The embedded de-identifier on the network: stores in, de-identified objects out (a router, a gateway).

    python -m part15.peers.deid_router --port 11112 --to 127.0.0.1:11113 --aet PART15 [--option NAME]... [--fault NAME]...

Loopback only. Each association's objects are sent on together when it ends.
"""

from __future__ import annotations

import argparse
import io
import sys
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from pydicom import dcmread
from pydicom.filewriter import write_file_meta_info
from pynetdicom import AE, AllStoragePresentationContexts, build_context, evt

from part15.errors import TargetError
from part15.peers.deidentifier import Deidentifier

HOST = "127.0.0.1"


class DeidRouter:
    """Listens from entry to exit; *to* is (host, port, AE title) of where de-identified objects go, if anywhere."""

    def __init__(self, to: tuple[str, int, str] | None, peer: Deidentifier, port: int = 0) -> None:
        self._to, self._peer = to, peer
        self._held: dict[int, list[bytes]] = {}
        ae = AE(ae_title="ROUTER")
        for context in AllStoragePresentationContexts:
            ae.add_supported_context(context.abstract_syntax)
        handlers = [
            (evt.EVT_C_STORE, self._take),
            (evt.EVT_RELEASED, self._send_on),
        ]
        self._server = ae.start_server((HOST, port), block=False, evt_handlers=handlers)
        self.port = int(self._server.socket.getsockname()[1])
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        for thread in self._threads:
            thread.join(10)

    def _take(self, event: Any) -> int:
        out = io.BytesIO(bytes(128) + b"DICM")
        out.seek(0, 2)
        write_file_meta_info(out, event.file_meta)
        whole = out.getvalue() + event.request.DataSet.getvalue()
        self._held.setdefault(id(event.assoc), []).append(self._peer.object(whole))
        return 0

    def _send_on(self, event: Any) -> None:
        made = self._held.pop(id(event.assoc), [])
        if made and self._to is not None:
            thread = threading.Thread(target=self._sent, args=(made, self._to), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _sent(self, made: Sequence[bytes], to: tuple[str, int, str]) -> None:
        host, port, title = to
        objects = [dcmread(io.BytesIO(octets)) for octets in made]
        pairs = {(str(o.SOPClassUID), str(o.file_meta.TransferSyntaxUID)): None for o in objects}
        ae = AE(ae_title="ROUTER")
        ae.requested_contexts = [build_context(sop_class, syntax) for sop_class, syntax in pairs]
        going = ae.associate(host, port, ae_title=title)
        if going.is_established:
            for each in objects:
                going.send_c_store(each)
            going.release()


def main(arguments: Sequence[str]) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="part15.peers.deid_router")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--to", required=True, metavar="HOST:PORT")
    parser.add_argument("--aet", default="PART15")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--fault", action="append", default=[])
    given = parser.parse_args(arguments)
    host, _, port = given.to.rpartition(":")
    try:
        peer = Deidentifier(options=tuple(given.option), faults=given.fault)
    except TargetError as error:
        parser.error(str(error))
    with DeidRouter((host, int(port), given.aet), peer, given.port) as router:
        sys.stdout.write(f"listening on {HOST}:{router.port}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
