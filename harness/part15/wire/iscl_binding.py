"""The wire binding of ISCL as data: how messages look and are protected, leaf by leaf with its provenance.

PS3.15 B.2 names mechanisms only; the MEDIS-DC text that has the octets is not public. A binding file
says what we take them to be. Each leaf is ``{value, provenance, ref}``; one without is refused.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from part15 import content
from part15.errors import ContentError, Problem

PROVENANCES = ("normative", "site", "third-party", "inferred", "assumed")
DEFAULT = "medis-1.00-candidate-be"
MAX_BYTES = 200_000
MESSAGES = (
    "check_rq",
    "check_rp",
    "auth_rq",
    "auth_rp",
    "pass1",
    "pass2",
    "pass3",
    "completion",
    "transmission_rq",
    "transmission_rp",
    "random_rq",
    "random_rp",
    "data",
    "mac",
    "through",
    "disconnect_rq",
    "disconnect_rp",
)
ROLES = ("id", "length", "option", "ignored")
TYPES = {"u16": 2, "u32": 4, "u64": 8}

_WORD = range(1 << 32)
_CHOICES: dict[str, tuple[Any, ...]] = {
    "header.byte_order": ("big", "little"),
    "header.length_covers": ("body", "message"),
    "keys.byte_order": ("big", "little"),
    "auth.kind": ("four_way_block", "iso9798_2_tokens"),
    "auth.direction": ("encrypt", "decrypt"),
    "auth.mode": ("ecb", "cbc"),
    "privacy.padding": ("pkcs5", "x923", "zero", "none"),
    "privacy.split": ("before", "after"),
    "integrity.mac_over": ("plaintext", "ciphertext"),
    "integrity.des_mac_length": (4, 8),
    "integrity.mac_key": ("encryption", "authentication"),
    "integrity.encrypted": (True, False),
    "integrity.md5_order": ("digest_then_encrypt", "encrypted_random_then_digest"),
    "integrity.md5_concat": ("random_message", "message_random", "random_message_random"),
    "integrity.md5_random": ("server_challenge", "client_challenge"),
    "integrity.md5_mode": ("cbc", "ecb"),
    "integrity.md5_padding": ("pkcs5", "none"),
    "session_key.derivation": ("identity", "encrypt", "decrypt"),
    "limits.block_includes_header": (True, False),
    "sequence.collision": ("independent",),
}
_NUMBERS: dict[str, range] = {
    **{
        f"codes.{name}": _WORD
        for name in (
            "ack",
            "nak",
            "version",
            "auth_method",
            "encryption_none",
            "des_cbc",
            "mac_none",
            "md5",
            "des_mac",
            "session_key",
        )
    },
    **{f"messages.{name}.id": _WORD for name in MESSAGES},
    "limits.block": range(64, 1 << 24),
    "limits.message": range(8, 1 << 28),
    "timeouts.step": range(1, 3601),
}
_LISTS: dict[str, tuple[Any, ...]] = {
    "privacy.chain": ("data", "mac"),
    "keys.numbers": tuple(range(256)),
    "sequence.handshake": MESSAGES[:8],
}
_TEXTS = ("auth.identifier",)
_FROM = {f"messages.{name}.from" for name in MESSAGES}
_BODIES = {f"messages.{name}.body" for name in MESSAGES}
PATHS = frozenset([*_CHOICES, *_NUMBERS, *_LISTS, *_TEXTS, *_FROM, *_BODIES])
"""The leaves that every binding has, besides ``header.fields.NAME``."""


@dataclass(frozen=True)
class Leaf:
    """One fact of a binding, how it is known, and where from."""

    value: Any
    provenance: str
    ref: str


@dataclass(frozen=True)
class HeaderField:
    """One field of the header: *width* octets; what its *role* is; what we *send* where it has none."""

    name: str
    width: int
    role: str
    send: int = 0


@dataclass(frozen=True)
class Layout:
    """One message: its id, who sends it, and the fields of its body as (name, type)."""

    name: str
    id: int
    sender: str
    body: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Evidence:
    """A recorded exchange that is to replay under the binding: file, SHA-256, and whose implementation spoke."""

    file: str
    sha256: str
    implementation: str


@dataclass(frozen=True)
class Binding:
    """A whole binding; *leaves* by dotted path, *fields* and *messages* made of them. *folder* has the evidence."""

    name: str
    version: str
    leaves: Mapping[str, Leaf]
    fields: tuple[HeaderField, ...]
    messages: Mapping[str, Layout]
    evidence: tuple[Evidence, ...] = ()
    digest: str = ""
    folder: Path = field(default=Path(), compare=False)

    def __getitem__(self, path: str) -> Any:
        return self.leaves[path].value

    @property
    def order(self) -> Any:
        """The byte order of words: ``big`` or ``little``."""
        return self.leaves["header.byte_order"].value

    @property
    def header_length(self) -> int:
        """Octets of the header."""
        return sum(f.width for f in self.fields)

    def counts(self) -> dict[str, int]:
        """Return how many leaves have which provenance."""
        return {
            p: n
            for p in PROVENANCES
            if (n := sum(leaf.provenance == p for leaf in self.leaves.values()))
        }

    def with_values(self, name: str, changes: Mapping[str, Any]) -> Binding:
        """Return this binding under another *name* with other values, all of them then assumed.

        Raises ContentError for a value that cannot be.
        """
        leaves = dict(self.leaves)
        for path, value in changes.items():
            wrong = "is no leaf" if path not in leaves else _mistake(path, value)
            if wrong:
                raise ContentError(Problem(name, None, None, f"{path}: {wrong}"))
            leaves[path] = Leaf(value, "assumed", "a variant made by this program")
        return _made(name, self.version, leaves, (), "", Path())


def _mistake(path: str, value: Any) -> str:
    """Return what is wrong with *value* at *path*, or nothing."""
    if path.startswith("header.fields."):
        return _field_mistake(value)
    if path in _CHOICES:
        if not any(type(value) is type(c) and value == c for c in _CHOICES[path]):
            return f"must be one of {', '.join(map(str, _CHOICES[path]))}"
    elif path in _NUMBERS:
        if not isinstance(value, int) or isinstance(value, bool) or value not in _NUMBERS[path]:
            span = _NUMBERS[path]
            return f"must be a number from {span.start} to {span.stop - 1}"
    elif path in _LISTS:
        if not isinstance(value, list) or any(v not in _LISTS[path] for v in value):
            return f"must be a list of {', '.join(map(str, _LISTS[path][:10]))}"
        if len(set(value)) != len(value):
            return "names something twice"
    elif path in _FROM:
        if value not in ("server", "client", "either"):
            return "must be server, client or either"
    elif path in _BODIES:
        return _body_mistake(value)
    elif path in _TEXTS and not (isinstance(value, str) and _is_hex(value)):
        return "must be hex digits or empty"
    return ""


def _is_hex(text: str) -> bool:
    try:
        bytes.fromhex(text)
    except ValueError:
        return False
    return True


def _field_mistake(value: Any) -> str:
    if not isinstance(value, dict) or not {"width", "role"} <= set(value) <= {
        "width",
        "role",
        "send",
    }:
        return "must have width and role, and may have send"
    width, send = value["width"], value.get("send", 0)
    if value["role"] not in ROLES:
        return f"role must be one of {', '.join(ROLES)}"
    if width not in (2, 4, 8) or not isinstance(send, int) or not 0 <= send < 1 << 8 * width:
        return "width must be 2, 4 or 8, and send must fit in it"
    return ""


def _body_mistake(value: Any) -> str:
    if not isinstance(value, list):
        return "must be a list of name:type"
    names = []
    for number, item in enumerate(value):
        name, colon, kind = item.partition(":") if isinstance(item, str) else ("", "", "")
        size = kind.removeprefix("bytes")
        known = kind in TYPES or kind == "rest" or (size != kind and size.isdigit())
        if not name or not colon or not known:
            return f"'{item}' is no name:type with u16, u32, u64, bytesN or rest"
        if kind == "rest" and number != len(value) - 1:
            return "rest must be the last"
        if size.isdigit() and not 1 <= int(size) <= 1024:
            return "bytesN has 1 to 1024 octets"
        names.append(name)
    return "" if len(set(names)) == len(names) else "names a field twice"


def _made(
    name: str,
    version: str,
    leaves: Mapping[str, Leaf],
    evidence: tuple[Evidence, ...],
    digest: str,
    folder: Path,
) -> Binding:
    prefix = "header.fields."
    fields = tuple(
        HeaderField(p.removeprefix(prefix), v["width"], v["role"], v.get("send", 0))
        for p, leaf in leaves.items()
        if p.startswith(prefix) and (v := leaf.value)
    )
    messages = {
        n: Layout(
            n,
            leaves[f"messages.{n}.id"].value,
            leaves[f"messages.{n}.from"].value,
            tuple(
                (f.partition(":")[0], f.partition(":")[2])
                for f in leaves[f"messages.{n}.body"].value
            ),
        )
        for n in MESSAGES
    }
    return Binding(name, version, leaves, fields, messages, evidence, digest, folder)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every leaf below *value*: a table that has ``value``, or what is no table."""
    if isinstance(value, Mapping) and "value" not in value and len(path) < 6:
        for key, inner in value.items():
            yield from _leaves(inner, (*path, str(key)))
    else:
        yield path, value


def _read(path: tuple[str, ...], value: Any) -> Leaf | str:
    dotted = ".".join(path)
    if not isinstance(value, Mapping) or set(value) != {"value", "provenance", "ref"}:
        return f"{dotted} must have value, provenance and ref, and nothing else"
    if value["provenance"] not in PROVENANCES:
        return f"{dotted}: provenance must be one of {', '.join(PROVENANCES)}"
    if not isinstance(value["ref"], str) or not value["ref"].strip():
        return f"{dotted}: ref must say where the value comes from"
    if dotted not in PATHS and not dotted.startswith("header.fields."):
        return f"{dotted} is no leaf of a binding"
    wrong = _mistake(dotted, value["value"])
    return f"{dotted} {wrong}" if wrong else Leaf(value["value"], value["provenance"], value["ref"])


def binding_from(
    document: Any, *, source: str, digest: str = "", folder: Path | None = None
) -> Binding:
    """Return the binding that *document*, the plain values of a file, describes.

    Raises ContentError with every problem: a leaf without provenance or reference, a missing or
    unknown leaf, a value that cannot be, a header without id, length or option.
    """
    if not isinstance(document, Mapping):
        raise ContentError(Problem(source, None, None, "a binding is a table"))
    problems: list[str] = []
    leaves: dict[str, Leaf] = {}
    for path, value in _leaves(
        {k: v for k, v in document.items() if k not in ("name", "version", "evidence")}, ()
    ):
        found = _read(path, value)
        if isinstance(found, str):
            problems.append(found)
        else:
            leaves[".".join(path)] = found
    problems += [f"{path} is missing" for path in sorted(PATHS - set(leaves)) if path]
    roles = [leaf.value["role"] for p, leaf in leaves.items() if p.startswith("header.fields.")]
    problems += [
        f"the header must have one field with role {role}"
        for role in ("id", "length", "option")
        if roles.count(role) != 1
    ]
    ids = [leaf.value for p, leaf in leaves.items() if p.endswith(".id") and p.startswith("mess")]
    if len(set(ids)) != len(ids):
        problems.append("two messages have one id")
    name, evidence = document.get("name"), document.get("evidence", [])
    if not isinstance(name, str) or not name:
        problems.append("name is missing")
    shown = _evidence(evidence)
    if shown is None:
        problems.append("evidence must be a list of {file, sha256, implementation}")
    if problems:
        raise ContentError(*(Problem(source, None, None, p) for p in problems))
    version = str(document.get("version", ""))
    return _made(str(name), version, leaves, shown or (), digest, folder or Path())


def _evidence(value: Any) -> tuple[Evidence, ...] | None:
    wanted = {"file", "sha256", "implementation"}
    if not isinstance(value, list) or any(
        not isinstance(e, dict)
        or set(e) != wanted
        or not all(isinstance(v, str) for v in e.values())
        for e in value
    ):
        return None
    return tuple(Evidence(**e) for e in value)


def _shipped() -> Path:
    return content.folder("profiles") / "secure_transport" / "iscl" / "bindings"


def shipped() -> tuple[str, ...]:
    """Return the names of the bindings that come with this program."""
    return tuple(sorted(p.stem for p in _shipped().glob("*.yaml")))


@functools.cache
def _parsed(path: Path, data: bytes) -> Binding:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        document = YAML(typ="safe", pure=True).load(data.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise ContentError(Problem(str(path), None, None, f"is no YAML: {first}")) from None
    digest = hashlib.sha256(data).hexdigest()
    return binding_from(document, source=str(path), digest=digest, folder=path.parent)


def load_binding(name: str = DEFAULT) -> Binding:
    """Return the shipped binding *name*, or that in the file *name* if it ends in ``.yaml``.

    Raises ContentError with every problem of the file.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else _shipped() / f"{name}.yaml"
    try:
        data = path.read_bytes()
    except OSError as error:
        known = ", ".join(shipped())
        raise ContentError(
            Problem(
                str(path),
                None,
                None,
                f"cannot be read ({error.strerror}); shipped bindings are {known}",
            )
        ) from None
    if len(data) > MAX_BYTES:
        raise ContentError(Problem(str(path), None, None, f"has more than {MAX_BYTES} octets"))
    return _parsed(path, data)
