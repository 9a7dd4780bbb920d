"""Which TLS library completes one version and suite: our own where it can, else another one in a child process."""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from typing import Any

from part15.channel import foreign
from part15.channel.foreign import MISSING, Wanted
from part15.channel.tls import VERSIONS

OPENSSL = "openssl"
ALL = "ALL:eNULL:@SECLEVEL=0"


@functools.cache
def openssl_names() -> Mapping[int, str]:
    """Return the names of the suites that our own library has, by code point."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers(ALL)
    return {int(c["id"]) & 0xFFFF: str(c["name"]) for c in context.get_ciphers()}


def engines(wanted: Wanted) -> list[dict[str, Any]]:
    """Return the settings of each library that can complete what is *wanted*, ours first.

    In TLS 1.3 ours cannot be told which suite to use: it offers all, and the others come first there.
    """
    others = foreign.engines(wanted)
    if wanted.version not in VERSIONS or wanted.suite not in openssl_names():
        return others
    if wanted.version == "1.3":
        return [*others, {"engine": OPENSSL, "ciphers": ALL}]
    return [{"engine": OPENSSL, "ciphers": f"{openssl_names()[wanted.suite]}:@SECLEVEL=0"}, *others]


def missing(wanted: Wanted) -> str:
    """Return why nothing here completes what is *wanted*, and what to do."""
    return MISSING.format(what=wanted.text)
