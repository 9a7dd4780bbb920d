"""HSTS: the driver against a small HTTPS server, the check on observations written by hand."""

from __future__ import annotations

import http.server
import runpy
import ssl
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from part15.checks.web import sends_hsts
from part15.drivers.web import get_headers
from part15.model import Word
from part15.observations.session import WebSeen
from part15.peers.reference import ReferencePeer
from part15.pki import make_pki

made = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("session_bench.py"))))


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        (WebSeen({"web": "max-age=31536000; includeSubDomains"}, {}), Word.PASS),
        (WebSeen({"web": "max-age=0"}, {}), Word.FAIL),
        (WebSeen({"web": ""}, {}), Word.FAIL),
        (WebSeen({}, {"web": "closed"}), Word.INCONCLUSIVE),
        (WebSeen({}, {}), Word.NOT_APPLICABLE),
    ],
)
def test_sends_hsts(seen: WebSeen, word: Word) -> None:
    assert sends_hsts(seen).word is word


@pytest.mark.parametrize("header", ["max-age=86400", ""])
def test_the_header_is_read_from_a_real_server(tmp_path: Path, header: str) -> None:
    pki = make_pki(tmp_path / "pki")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            if header:
                self.send_header("strict-transport-security", header)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki["server"].certificate, pki["server"].key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        with ReferencePeer(pki, idle=0.3) as peer:
            address = f"127.0.0.1:{server.server_address[1]}"
            bench = made.bench_on(peer, tmp_path, transport="https", address=address)
            assert get_headers(bench) == WebSeen({"dicom-tls": header}, {})
            dicom = made.bench_on(peer, tmp_path, transport="https")
            assert list(get_headers(dicom).failed) == ["dicom-tls"]
        server.shutdown()
        thread.join()
