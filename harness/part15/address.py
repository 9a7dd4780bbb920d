"""Addresses as targets write them: ``host:port``, ``[::1]:2762``, ``[fe80::1%eth0]:2762``."""

from __future__ import annotations

import ipaddress
import socket


def split_address(text: str) -> tuple[str, int]:
    """Return host and port of *text*; brackets around an IPv6 address are taken off, a zone id stays.

    Raises ValueError with a sentence that says what to write instead.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit():
        raise ValueError(f"'{text}' has no port; write host:port, or [address]:port for IPv6")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not is_ipv6(host):
            raise ValueError(f"'{host}' is not an IPv6 address")
    elif ":" in host:
        raise ValueError(
            f"'{text}' is ambiguous; write an IPv6 address in brackets: [{host}]:{port}"
        )
    if not host:
        raise ValueError(f"'{text}' has no host; write host:port")
    if not 0 < int(port) < 65536:
        raise ValueError(f"port {port} is not between 1 and 65535")
    return host, int(port)


def join_address(host: str, port: int) -> str:
    """Return ``host:port`` with brackets where IPv6 needs them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_ipv6(host: str) -> bool:
    """Tell whether *host* is an IPv6 literal, zone id allowed."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).version == 6
    except ValueError:
        return False


def is_literal(host: str) -> bool:
    """Tell whether *host* is an IP address rather than a name."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Tell whether *host* is reached from its own machine only."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def resolve(host: str) -> tuple[str, ...]:
    """Return the first IPv4 and the first IPv6 address of *host*, those that exist, IPv4 first.

    A literal is its own answer. Raises OSError if the name is not known.
    """
    if is_literal(host):
        return (host,)
    found: dict[socket.AddressFamily, str] = {}
    for family, _, _, _, address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
        if family in (socket.AF_INET, socket.AF_INET6):
            found.setdefault(family, str(address[0]))
    return tuple(found[f] for f in (socket.AF_INET, socket.AF_INET6) if f in found)
