"""A recorded ISCL exchange read with known keys: does it fit a binding, and how sure is a binding then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from part15.wire import iscl_des as des
from part15.wire.iscl import Engine
from part15.wire.iscl_binding import Binding
from part15.wire.iscl_frames import Cutter, Frame, IsclError
from part15.wire.iscl_seal import Method, Way
from part15.wire.iscl_types import Keys

MAX_RECORDING = 64 << 20
OURS = "part15"
"""An exchange of our own with ourselves confirms nothing."""


@dataclass(frozen=True)
class Recording:
    """Octets in the order in which they came, as (from ``server`` or ``client``, octets), and test keys as integers."""

    steps: tuple[tuple[str, bytes], ...]
    authentication: Mapping[int, int] = field(default_factory=dict, repr=False)
    encryption: Mapping[int, int] = field(default_factory=dict, repr=False)

    def keys(self, binding: Binding) -> Keys:
        """Return the keys as octets in the order of *binding*."""
        order = binding["keys.byte_order"]
        return Keys(
            {n: des.key_of(k, order) for n, k in self.authentication.items()},
            {n: des.key_of(k, order) for n, k in self.encryption.items()},
        )


@dataclass(frozen=True)
class Replayed:
    """How far a recording fits: messages read, responses and MACs that verify, and *why* it stops, if it does."""

    frames: int = 0
    responses: int = 0
    codes: int = 0
    why: str = ""

    @property
    def authenticates(self) -> bool:
        """Tell whether both sides' responses verify."""
        return self.responses >= 2

    @property
    def fits(self) -> bool:
        """Tell whether all of it fits: both responses, at least one MAC, and nothing left unread."""
        return self.authenticates and self.codes > 0 and not self.why


def recording_from(data: bytes) -> Recording:
    """Return the recording in the JSON *data*: ``steps`` of ``{dir: S>C or C>S, bytes: hex}``, perhaps ``keys``.

    Raises ValueError with what is wrong.
    """
    if len(data) > MAX_RECORDING:
        raise ValueError(f"the recording has more than {MAX_RECORDING} octets")
    try:
        document = json.loads(data)
        sides = {"S>C": "server", "C>S": "client"}
        steps = tuple((sides[s["dir"]], bytes.fromhex(s["bytes"])) for s in document["steps"])
        tables = document.get("keys", {})
        both = [
            {int(n): int(k, 16) for n, k in tables.get(kind, {}).items()}
            for kind in ("authentication", "encryption")
        ]
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"it is no recording: steps of {{dir: 'S>C' or 'C>S', bytes: hex}} ({type(error).__name__})"
        ) from None
    if any(not 0 <= k < 1 << 64 for table in both for k in table.values()):
        raise ValueError("a key of the recording is no 64-bit number")
    return Recording(steps, *both)


class _Reader:
    """Reads an exchange from outside."""

    def __init__(self, binding: Binding, keys: Keys) -> None:
        self.binding, self.keys = binding, keys
        self.engine = Engine(binding, "server", keys)
        self.challenges: dict[str, bytes] = {}
        self.ways = {"server": Way(binding), "client": Way(binding)}
        self.open: dict[str, tuple[Method, int, list[bytes]]] = {}
        self.responses = self.codes = self.frames = 0

    def take(self, side: str, got: Frame) -> None:
        """Take one message of *side*; raises IsclError or SealError if it does not fit."""
        self.frames += 1
        sender = self.binding.messages[got.name].sender
        if sender not in (side, "either"):
            raise IsclError("direction", f"{got.name} comes from the {side}")
        other = "client" if side == "server" else "server"
        if "key_number" in got.fields and got.name == "auth_rq":
            self.engine._number = got.fields["key_number"]  # noqa: SLF001 - one engine reads for both
        if "response" in got.fields:
            expected = self.engine.respond(self.challenges.get(other, des.ZERO))
            self._verified(des.same(got.fields["response"], expected))
        if "token" in got.fields:
            self._token(side, other, got)
        if "challenge" in got.fields:
            self.challenges[side] = got.fields["challenge"]
        if got.name == "transmission_rq":
            self.open[side] = self._method(got), got.fields["length"], []
        elif got.name == "random_rq" and side in self.open:
            self._rekey(side, got.fields["random"])
        elif got.name == "data" and side in self.open:
            self.open[side][2].append(got.fields["piece"])
        elif got.name == "mac" and side in self.open:
            method, length, pieces = self.open.pop(side)
            message = self.ways[side].opened(method, pieces, length)
            self.ways[side].order_of(method, message, pieces, got.fields["code"])
            self.codes += 1

    def _verified(self, right: bool) -> None:
        if not right:
            raise IsclError("response", "a response does not fit its challenge")
        self.responses += 1

    def _token(self, side: str, other: str, got: Frame) -> None:
        key, token = self.engine.authentication_key(), got.fields["token"]
        if not token or len(token) % des.BLOCK:
            raise IsclError("response", "a token is no whole number of blocks")
        ecb = self.binding["auth.mode"] == "ecb"
        opened = des.ecb_decrypt(key, token) if ecb else des.cbc_decrypt(key, des.ZERO, token)
        known = self.challenges.get(other, des.ZERO)
        if got.name == "pass2":
            self.challenges[side] = opened[:8]
            self._verified(des.same(opened[8:16], known))
        else:
            mine = self.challenges.get(side, des.ZERO)
            self._verified(des.same(opened[:16], mine + known))

    def _method(self, got: Frame) -> Method:
        codes = {self.binding["codes.des_mac"]: "des_mac", self.binding["codes.md5"]: "md5"}
        mac = codes.get(got.fields["mac"])
        if mac is None:
            raise IsclError("algorithm", "a MAC method is not known")
        number = got.fields["key_number"]
        if number == self.binding["codes.session_key"]:
            number = min(self.keys.encryption, default=0)
        key = self.keys.encryption.get(number)
        if key is None:
            raise IsclError("key number", f"there is no encryption key {number}")
        privacy = got.fields["encryption"] == self.binding["codes.des_cbc"]
        return self._keyed(privacy, mac, key)

    def _keyed(self, privacy: bool, mac: str, key: bytes) -> Method:
        mac_key = key
        if self.binding["integrity.mac_key"] == "authentication":
            mac_key = self.engine.authentication_key()
        side = self.binding["integrity.md5_random"].partition("_")[0]
        return Method(privacy, mac, key, mac_key, self.challenges.get(side, des.ZERO))

    def _rekey(self, side: str, random: bytes) -> None:
        method, length, pieces = self.open[side]
        derived = des.session_key(method.key, random, self.binding["session_key.derivation"])
        self.open[side] = self._keyed(method.privacy, method.mac, derived), length, pieces


def replay(
    binding: Binding, steps: Sequence[tuple[str, bytes]], keys: Keys, *, until_ready: bool = False
) -> Replayed:
    """Read *steps* under *binding* with *keys*; *until_ready* stops when both sides have proved themselves."""
    reader = _Reader(binding, keys)
    room = binding["limits.block"]
    cutters = {side: Cutter(binding, room) for side in ("server", "client")}
    why = ""
    try:
        for side, octets in steps:
            for got in cutters[side].feed(octets):
                reader.take(side, got)
                if until_ready and reader.responses >= 2:
                    break
    except (IsclError, des.SealError) as error:
        why = f"message {reader.frames}: {error}"
    if not why and not until_ready and any(c.left for c in cutters.values()):
        why = "it ends inside a message"
    return Replayed(reader.frames, reader.responses, reader.codes, why)


def status_of(binding: Binding) -> tuple[str, str]:
    """Return the status of *binding* and why it is no better.

    ``confirmed``: every leaf is normative or of a site that has the text, and a recorded exchange of
    another implementation replays with its test keys. ``observed``: none is assumed and some is a third
    party's. ``draft``: anything else. PS3.15 asks nothing here; it is our rule of honesty.
    """
    counts = binding.counts()
    loose = sum(counts.get(p, 0) for p in ("third-party", "inferred", "assumed"))
    if not loose:
        trouble = _unproven(binding)
        return ("confirmed", "") if not trouble else ("observed", trouble)
    if counts.get("assumed"):
        return "draft", f"{counts['assumed']} of its facts are assumed"
    if counts.get("third-party"):
        return "observed", f"{loose} of its facts are not from the text"
    return "draft", f"{loose} of its facts are inferred, and nobody was seen to use them"


def _unproven(binding: Binding) -> str:
    """Return why no evidence of *binding* shows that it is used, or nothing."""
    if not binding.evidence:
        return "no recorded exchange is given as evidence"
    for shown in binding.evidence:
        path = binding.folder / shown.file
        if shown.implementation.strip().lower() in ("", OURS):
            return f"{shown.file} was not recorded with another implementation"
        try:
            data = path.read_bytes()
            recording = recording_from(data)
        except (OSError, ValueError) as error:
            return f"{shown.file}: {error}"
        if hashlib.sha256(data).hexdigest() != shown.sha256.lower():
            return f"{shown.file} is not the file whose SHA-256 is given"
        found = replay(binding, recording.steps, recording.keys(binding))
        if not found.fits:
            return f"{shown.file} does not replay: {found.why or 'no response or no MAC in it'}"
    return ""


def described(binding: Binding) -> dict[str, Any]:
    """Return what every report says of *binding*: name, digest, status, why, and its leaves by provenance."""
    status, why = status_of(binding)
    return {
        "name": binding.name,
        "digest": binding.digest[:16],
        "status": status,
        "why": why,
        **{f"leaves {p}": n for p, n in binding.counts().items()},
    }
