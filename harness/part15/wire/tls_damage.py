"""A ClientHello damaged in exactly one place, by name; what each server must survive."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType

from part15.wire.tls_hello import (
    CLIENT_HELLO,
    ClientHello,
    Offer,
    client_hello,
    encode,
    encode_body,
)
from part15.wire.tls_octets import vector
from part15.wire.tls_records import (
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    encode_alert,
    encode_message,
    encode_record,
    encode_records,
)


def _message(body: bytes) -> bytes:
    return encode_record(HANDSHAKE, encode_message(CLIENT_HELLO, body))


def _changed(**fields: object) -> Callable[[ClientHello], bytes]:
    return lambda hello: encode(dataclasses.replace(hello, **fields))  # type: ignore[arg-type]


def _message_length(change: int) -> Callable[[ClientHello], bytes]:
    def damaged(hello: ClientHello) -> bytes:
        body = encode_body(hello)
        head = bytes([CLIENT_HELLO]) + (len(body) + change).to_bytes(3, "big")
        return encode_record(HANDSHAKE, head + body)

    return damaged


def _odd_suites(hello: ClientHello) -> bytes:
    body = encode_body(hello)
    at = 35 + len(hello.session_id)
    return _message(
        body[:at] + vector(2, body[at + 2 : at + 3]) + body[at + 2 + 2 * len(hello.suites) :]
    )


def _twice(hello: ClientHello) -> bytes:
    return encode(dataclasses.replace(hello, extensions=(hello.extensions or ()) * 2))


def _overrun(hello: ClientHello) -> bytes:
    body = encode_body(dataclasses.replace(hello, extensions=((0x0017, b""),)))
    return _message(body[:-2] + b"\x7f\xff")


def _huge_extension(hello: ClientHello) -> bytes:
    return encode(dataclasses.replace(hello, extensions=((0x0015, bytes(65000)),)))


def _one_octet_records(hello: ClientHello) -> bytes:
    message = encode_message(CLIENT_HELLO, encode_body(hello))
    return encode_records(HANDSHAKE, message, size=1)


def _empty_records(hello: ClientHello) -> bytes:
    return encode_record(HANDSHAKE, b"") * 64 + encode(hello)


DAMAGES: Mapping[str, Callable[[ClientHello], bytes]] = MappingProxyType(
    {
        "message-length-too-long": _message_length(64),
        "message-length-too-short": _message_length(-3),
        "message-length-16-MiB": _message_length(0xF00000),
        "no-suites": _changed(suites=()),
        "odd-suite-list": _odd_suites,
        "no-compression-method": _changed(compression=()),
        "session-id-of-33-octets": _changed(session_id=bytes(33)),
        "version-0.0": _changed(version=0),
        "version-255.255": _changed(version=0xFFFF),
        "every-extension-twice": _twice,
        "extension-longer-than-the-block": _overrun,
        "trailing-octets": lambda hello: _message(encode_body(hello) + b"\x00" * 5),
        "padding-of-65000-octets": _huge_extension,
        "one-octet-records": _one_octet_records,
        "empty-records-first": _empty_records,
        "half-a-hello": lambda hello: encode(hello)[: 40 + len(hello.suites)],
        "unknown-record-type": lambda hello: b"\x7f" + encode(hello)[1:],
        "record-of-65535-octets": lambda hello: b"\x16\x03\x01\xff\xff" + encode(hello)[5:],
        "change-cipher-spec-first": lambda _: encode_record(CHANGE_CIPHER_SPEC, b"\x01"),
        "application-data-first": lambda _: encode_record(APPLICATION_DATA, bytes(32)),
        "fatal-alert-first": lambda _: encode_alert(2, 80),
        "heartbeat-first": lambda _: encode_record(24, b"\x01\x40\x00"),
        "finished-first": lambda _: encode_record(HANDSHAKE, encode_message(20, bytes(12))),
    }
)


def damaged(name: str, offer: Offer, entropy: bytes) -> bytes:
    """Return the octets of the ClientHello for *offer*, damaged as *name* says (see :data:`DAMAGES`)."""
    return DAMAGES[name](client_hello(offer, entropy))
