"""A pynetdicom node with Python's default TLS context, both roles: what a small script amounts to (peer of the tests).

``python -m part15.peers.default_context serve PORT KEY CERTIFICATE CA`` or ``echo HOST PORT KEY CERTIFICATE CA``.
"""

from __future__ import annotations

import ssl
import sys
import threading

TIMEOUT = 5.0
HOST_NAME = "localhost"
"""The name that the client looks for in the server's certificate, as its own configuration would say."""


def _serve(port: str, key: str, certificate: str, ca: str) -> int:
    from pynetdicom import AE, AllStoragePresentationContexts, evt

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
    context.load_cert_chain(certificate, key)
    node = AE(ae_title="PYNETDICOM")
    node.supported_contexts = AllStoragePresentationContexts
    node.add_supported_context("1.2.840.10008.1.1")
    node.acse_timeout = node.dimse_timeout = node.network_timeout = TIMEOUT
    node.start_server(
        ("127.0.0.1", int(port)),
        block=False,
        ssl_context=context,
        evt_handlers=[(evt.EVT_C_STORE, lambda _event: 0x0000)],
    )
    threading.Event().wait()
    return 0


def _echo(host: str, port: str, key: str, certificate: str, ca: str) -> int:
    from pynetdicom import AE

    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    node = AE(ae_title="PYNETDICOM")
    node.add_requested_context("1.2.840.10008.1.1")
    node.acse_timeout = node.dimse_timeout = node.network_timeout = TIMEOUT
    line = node.associate(host, int(port), tls_args=(context, HOST_NAME))
    if not line.is_established:
        return 1
    answer = line.send_c_echo()
    line.release()
    return 0 if getattr(answer, "Status", None) == 0 else 1


if __name__ == "__main__":
    _, role, *words = sys.argv
    sys.exit(_serve(*words) if role == "serve" else _echo(*words))
