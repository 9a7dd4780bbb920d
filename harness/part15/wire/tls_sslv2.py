"""The SSL 2.0 CLIENT-HELLO and whether an answer is an SSL 2.0 SERVER-HELLO (draft-hickman-netscape-ssl-00)."""

from __future__ import annotations

CLIENT_HELLO, SERVER_HELLO, ERROR = 1, 4, 0
CIPHERS = (0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0)


def encode_client_hello(challenge: bytes) -> bytes:
    """Return an SSL 2.0 CLIENT-HELLO with every cipher kind of that version; *challenge* has 16 octets."""
    specs = b"".join(cipher.to_bytes(3, "big") for cipher in CIPHERS)
    body = (
        bytes([CLIENT_HELLO])
        + b"\x00\x02"
        + len(specs).to_bytes(2, "big")
        + b"\x00\x00"
        + len(challenge).to_bytes(2, "big")
        + specs
        + challenge
    )
    return (0x8000 | len(body)).to_bytes(2, "big") + body


def is_server_hello(data: bytes) -> bool:
    """Tell whether *data* begins with an SSL 2.0 SERVER-HELLO of that version."""
    if len(data) < 7:
        return False
    header = 2 if data[0] & 0x80 else 3
    body = data[header:]
    return len(body) >= 5 and body[0] == SERVER_HELLO and body[3:5] == b"\x00\x02"
