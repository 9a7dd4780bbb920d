"""The target file: what the system under test claims, where it is, and what may be done to it (contract §6)."""

from __future__ import annotations

import datetime as dt
import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
)

from part15.address import split_address
from part15.errors import Problem, TargetError
from part15.model import Claim, Impact, Word
from part15.toml_lines import key_lines, line_of

EDITION = "2023b"
"""The edition a claim is judged by when the target names none: the newest whose text was at hand whole."""

Transport = Literal["plain", "tls", "iscl", "https", "syslog-tls", "syslog-udp"]
Command = str | tuple[str, ...]
Edition = Annotated[str, Field(pattern=r"^20[0-9][0-9][a-e]?$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Identity(_Table):
    """A certificate (chain) and its key, PEM; the key is a path, ``file:PATH`` or ``env:NAME`` of a path."""

    certificate: str
    key: str
    password: str = ""

    def paths(self) -> tuple[str, str]:
        """Return certificate and key path with references resolved.

        Raises TargetError if an environment variable is not set.
        """
        return self.certificate, referenced_path(self.key)


def referenced_path(text: str) -> str:
    """Return the path that *text* is, or refers to by ``file:`` or ``env:``."""
    if text.startswith("env:"):
        value = os.environ.get(text[4:])
        if not value:
            raise TargetError(
                f"the environment variable {text[4:]} is not set, but the target refers to it"
            )
        return value
    return text.removeprefix("file:")


def secret(text: str) -> str:
    """Return the secret that ``env:NAME`` or ``file:PATH`` refers to; a literal secret is refused.

    Raises TargetError with what to write instead.
    """
    if text.startswith("env:"):
        return referenced_path(text)
    if text.startswith("file:"):
        try:
            return Path(text[5:]).read_text(encoding="utf-8").rstrip("\n")
        except OSError as error:
            raise TargetError(
                f"the secret file {text[5:]} cannot be read: {error.strerror}"
            ) from error
    raise TargetError("a secret stands in the target itself; write env:NAME or file:PATH instead")


class Endpoint(_Table):
    """Where the harness connects."""

    id: str = ""
    address: str
    transport: Transport = "tls"
    ae_title: str = "ANY-SCP"
    calling_ae_title: str = "PART15"
    profiles: tuple[str, ...] = ()
    trust: str = ""
    identity: Identity | None = None
    identities: dict[str, Identity] = Field(default_factory=dict)
    server_name: str = ""
    setting: str = ""

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        split_address(value)
        return value

    @property
    def host(self) -> str:
        """The host without brackets."""
        return split_address(self.address)[0]

    @property
    def port(self) -> int:
        """The TCP or UDP port."""
        return split_address(self.address)[1]


class Listener(_Table):
    """Where the SUT connects to us; port 0 is any free one, passed to the trigger."""

    id: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    transport: Transport = "tls"
    ae_title: str = "PART15"
    profiles: tuple[str, ...] = ()
    trigger: Command | None = None
    trust: str = ""
    identity: Identity | None = None
    identities: dict[str, Identity] = Field(default_factory=dict)
    wait: float = Field(default=15.0, gt=0, le=3600)

    @property
    def address(self) -> str:
        """Host and port as text."""
        from part15.address import join_address

        return join_address(self.host, self.port)


class Media(_Table):
    """Files of the SUT."""

    folder: str
    originals: str = ""
    trust: tuple[str, ...] = ()
    intermediates: tuple[str, ...] = ()
    crls: tuple[str, ...] = ()
    identity: Identity | None = None
    password: str = ""


class Limits(_Table):
    """What may be done to the SUT."""

    connections: int = Field(default=4, ge=1, le=64)
    rate: float | None = Field(default=None, gt=0)
    impact: Impact = Impact.STORE
    wrong_credentials: int = Field(default=3, ge=0)
    deadline: float = Field(default=5.0, gt=0, le=300)
    budget: float | None = Field(default=None, gt=0)


class Waiver(_Table):
    """A known violation that an owner answers for until a date."""

    case: str
    reason: str = Field(min_length=1)
    owner: str = Field(min_length=1)
    expires: dt.date
    ticket: str = ""


class Attestation(_Table):
    """What a person vouches for; *case* is a case id or a clause id."""

    case: str
    verdict: Literal["pass", "fail", "not-applicable"]
    by: str = Field(min_length=1)
    date: dt.date
    note: str = ""

    @property
    def word(self) -> Word:
        """The verdict word."""
        return Word(self.verdict)


def _roles_table(value: Any) -> Any:
    return {"roles": value} if isinstance(value, list) else value


class ClaimTable(_Table):
    """``claims.PROFILE = [roles]`` or ``{roles, edition, options, features}``."""

    roles: tuple[str, ...] = Field(min_length=1)
    edition: Edition | None = None
    options: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


class Product(_Table):
    """The product under test."""

    name: str
    version: str = ""
    edition: Edition = EDITION
    vendor: str = ""
    operator: str = ""


class Target(_Table):
    """A parsed target file; paths are absolute, secrets still references."""

    target: Product
    claims: dict[str, Annotated[ClaimTable, BeforeValidator(_roles_table)]] = Field(
        default_factory=dict
    )
    declared: dict[str, Any] = Field(default_factory=dict)
    endpoints: dict[str, Endpoint] = Field(default_factory=dict)
    listeners: dict[str, Listener] = Field(default_factory=dict)
    media: Media | None = None
    adapter: tuple[str, ...] = ()
    actions: dict[str, Command] = Field(default_factory=dict)
    limits: Limits = Limits()
    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    policy: dict[str, Any] = Field(default_factory=dict)
    _folder: Path = PrivateAttr(default=Path())
    _source: str = PrivateAttr(default="")

    @property
    def name(self) -> str:
        """The product's name."""
        return self.target.name

    @property
    def folder(self) -> Path:
        """The folder of the target file: triggers and adapters run there."""
        return self._folder

    @property
    def source(self) -> str:
        """The target file as it was given."""
        return self._source

    def claimed(self, edition: str | None = None) -> tuple[Claim, ...]:
        """Return every claim, one per profile and role; *edition* overrides the file's."""
        return tuple(
            Claim(
                profile,
                role,
                edition or table.edition or self.target.edition,
                table.options,
                table.features,
                "cli" if edition else "file",
            )
            for profile, table in self.claims.items()
            for role in table.roles
        )

    def endpoint(self, name: str) -> Endpoint | Listener | None:
        """Return the endpoint or listener *name*, or None."""
        return self.endpoints.get(name) or self.listeners.get(name)

    def with_endpoints(self, endpoints: Mapping[str, Endpoint]) -> Target:
        """Return this target with other endpoints (resolved names, ports of a SUT just started)."""
        return self._changed({"endpoints": dict(endpoints)})

    def with_claims(self, claims: Mapping[str, ClaimTable]) -> Target:
        """Return this target with other claims (a site's profile given on the command line)."""
        return self._changed({"claims": dict(claims)})

    def _changed(self, update: dict[str, Any]) -> Target:
        changed = self.model_copy(update=update)
        changed._folder, changed._source = self._folder, self._source  # noqa: SLF001 - our own copy
        return changed


def _near(word: str, words: list[str]) -> str:
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean '{near[0]}'?" if near else ""


def _fields_at(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the table at *path* may have."""
    tables: dict[str, type[BaseModel]] = {
        "target": Product,
        "limits": Limits,
        "media": Media,
        "waivers": Waiver,
        "attestations": Attestation,
        "claims": ClaimTable,
        "endpoints": Endpoint,
        "listeners": Listener,
    }
    if not path:
        return list(Target.model_fields)
    if "identity" in path or "identities" in path:
        return list(Identity.model_fields)
    model = tables.get(str(path[0]))
    return list(model.model_fields) if model else []


def _message(error: Mapping[str, Any]) -> str:
    place = ".".join(str(p) for p in error["loc"])
    kind = error["type"]
    if kind == "extra_forbidden":
        key = str(error["loc"][-1])
        return f"'{place}' is not a key of a target file{_near(key, _fields_at(error['loc'][:-1]))}"
    if kind == "missing":
        return f"'{place}' is missing; it is mandatory"
    return f"'{place}': {str(error['msg']).removeprefix('Value error, ')}"


_PATHS = ("trust", "certificate", "folder", "originals")


def _absolute(table: Any, folder: Path, key: str = "") -> Any:
    """Return *table* with the paths below it made absolute against *folder*."""
    if isinstance(table, dict):
        return {k: _absolute(v, folder, k) for k, v in table.items()}
    if isinstance(table, list):
        return [_absolute(v, folder, key) for v in table]
    if not isinstance(table, str) or not table:
        return table
    if key in (*_PATHS, "intermediates", "crls"):
        return str(folder / table)
    if key == "key" and not table.startswith(("env:", "file:")):
        return str(folder / table)
    if table.startswith("file:"):
        return f"file:{folder / table[5:]}"
    return table


def parse_target(
    document: Mapping[str, Any],
    *,
    source: str = "",
    text: str = "",
    folder: Path | None = None,
    stored: bool = False,
) -> Target:
    """Return the target that *document* describes; every problem at once.

    A *stored* target is the copy in a run folder: what it points to need not be there any more.
    Raises TargetError with file and line.
    """
    lines = key_lines(text)
    place = (folder or Path.cwd()).resolve()
    prepared = {
        k: _absolute(v, place) if k in ("endpoints", "listeners", "media") else v
        for k, v in document.items()
    }
    for group in ("endpoints", "listeners"):
        named = prepared.get(group)
        if isinstance(named, dict):
            prepared[group] = {
                k: {**v, "id": k} if isinstance(v, dict) else v for k, v in named.items()
            }
    try:
        target = Target.model_validate(prepared)
    except ValidationError as error:
        raise TargetError(
            *sorted(
                {
                    Problem(source, line_of(lines, e["loc"]), None, _message(e))
                    for e in error.errors()
                },
                key=lambda p: (p.line or 0, p.message),
            )
        ) from None
    problems = () if stored else tuple(_dangling(target, source, lines))
    if problems:
        raise TargetError(*problems)
    target._folder, target._source = place, source  # noqa: SLF001 - this function is the constructor
    return target


def _dangling(
    target: Target, source: str, lines: dict[tuple[str | int, ...], int]
) -> list[Problem]:
    """Return what the target refers to that is not there."""
    problems = []
    both: dict[str, Endpoint | Listener] = {**target.endpoints, **target.listeners}
    for name, point in both.items():
        group = "endpoints" if name in target.endpoints else "listeners"
        files = {"trust": point.trust}
        for label, identity in {"identity": point.identity, **point.identities}.items():
            if identity is not None:
                prefix = label if label == "identity" else f"identities.{label}"
                files[f"{prefix}.certificate"] = identity.certificate
                if not identity.key.startswith("env:"):
                    files[f"{prefix}.key"] = identity.key.removeprefix("file:")
        for key, path in files.items():
            if path and not Path(path).is_file():
                where = line_of(lines, (group, name, *key.split(".")))
                problems.append(
                    Problem(source, where, None, f"{group}.{name}.{key}: there is no file {path}")
                )
        for profile in point.profiles:
            if profile not in target.claims:
                where = line_of(lines, (group, name, "profiles"))
                hint = _near(profile, list(target.claims))
                problems.append(
                    Problem(
                        source,
                        where,
                        None,
                        f"{group}.{name}.profiles names '{profile}', which is not claimed{hint}",
                    )
                )
    if target.media and not Path(target.media.folder).is_dir():
        where = line_of(lines, ("media", "folder"))
        problems.append(
            Problem(source, where, None, f"media.folder: there is no folder {target.media.folder}")
        )
    return problems


def load_target(path: Path, *, stored: bool = False) -> Target:
    """Read the target file at *path* (*stored*: the copy in a run folder).

    Raises TargetError if it cannot be read, is no TOML, or is wrong.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise TargetError(
            Problem(str(path), None, None, "is not UTF-8 text; a target is a TOML file")
        ) from None
    except OSError as error:
        raise TargetError(
            Problem(
                str(path),
                None,
                None,
                f"cannot be read: {error.strerror}; 'part15 init' writes a starter target",
            )
        ) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = getattr(error, "lineno", None)
        raise TargetError(
            Problem(str(path), line, getattr(error, "colno", None), f"is not valid TOML: {error}")
        ) from None
    return parse_target(
        document, source=str(path), text=text, folder=path.resolve().parent, stored=stored
    )


def target_schema() -> dict[str, Any]:
    """Return the JSON Schema of a target file."""
    schema = Target.model_json_schema()
    schema["$id"] = "https://part15.invalid/schema/target-1.json"
    return schema
