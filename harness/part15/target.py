"""The target file: what the system under test claims, where it is, and what may be done to it (contract §6)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)

from part15.address import split_address
from part15.errors import TargetError
from part15.model import Claim, Impact, Word
from part15.target_identity import Identity
from part15.target_studies import Study
from part15.target_users import User

EDITION = "2023b"
"""The edition a claim is judged by when the target names none: the newest whose text was at hand whole."""

Transport = Literal["plain", "tls", "iscl", "https", "syslog-tls", "syslog-udp"]
Command = str | tuple[str, ...]
EDITION_FORM = r"^20[0-9][0-9][a-e]?$"
Edition = Annotated[str, Field(pattern=EDITION_FORM)]


def check_edition(edition: str | None) -> None:
    """Refuse what is no edition of the standard.

    Raises TargetError: a word that is none would still sort somewhere among the editions.
    """
    if edition is not None and re.match(EDITION_FORM, edition) is None:
        raise TargetError(f"'{edition}' is no edition; write a year and a letter, e.g. {EDITION}")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IsclKeys(_Table):
    """DES keys by key number, as references to 16 hex digits."""

    authentication: dict[str, str] = Field(min_length=1)
    encryption: dict[str, str] = Field(min_length=1)

    @field_validator("authentication", "encryption")
    @classmethod
    def _referenced(cls, value: dict[str, str]) -> dict[str, str]:
        for number, reference in value.items():
            if not number.isdigit():
                raise ValueError(f"'{number}' is no key number")
            if not reference.startswith(("env:", "file:")):
                raise ValueError(
                    "a key stands in the target itself; write env:NAME or file:PATH instead"
                )
        return value


class Iscl(_Table):
    """How an endpoint or listener speaks ISCL (PS3.15 B.2), and where its second end is.

    With *keys* we speak it ourselves, as *binding* (a shipped name or a YAML file) has it. *partner*
    is a second real ISCL end whose octets we carry and change: for an endpoint a command that makes
    it send the file ``{file}`` to ``{host}`` ``{port}`` ``{aet}`` and ends with 0 only if it was
    acknowledged; for a listener the address of a real server. *stranger* is one with other keys.
    *folder* is where received objects are written.
    """

    binding: str = "medis-1.00-candidate-be"
    keys: IsclKeys | None = None
    privacy: bool = False
    mac: Literal["des_mac", "md5"] = "des_mac"
    session_keys: bool = False
    authentication_key: int = Field(default=1, ge=0, le=255)
    encryption_key: int = Field(default=1, ge=0, le=255)
    partner: Command | None = None
    stranger: Command | None = None
    folder: str = ""


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
    other_source: str = ""
    """Another address of ours that reaches the product, for what it makes of unknown addresses."""
    setting: str = ""
    iscl: Iscl | None = None

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


PERSON_WAIT = 120.0
"""Seconds in which a person must have made the product connect, unless ``wait`` says otherwise."""


class Listener(_Table):
    """Where the SUT connects to us; port 0 is any free one, passed to the trigger.

    A *trigger* of ``"ask"`` prompts a person at the terminal; the *wait* is two minutes then.
    """

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
    keytab: str = ""
    """The Kerberos keys of our service: a path, ``file:PATH`` or ``env:NAME`` of a path."""
    stranger: bool = False
    """The product knows this AE title of ours, but not as a partner of Online Electronic Storage (A.1)."""
    iscl: Iscl | None = None

    @model_validator(mode="before")
    @classmethod
    def _patient(cls, given: Any) -> Any:
        """Wait longer for a person than for a command, unless the file says how long."""
        if isinstance(given, dict) and given.get("trigger") == "ask" and "wait" not in given:
            return {**given, "wait": PERSON_WAIT}
        return given

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


TOPICS = (
    "local-environment",
    "physical-protection",
    "local-user-identification",
    "key-distribution",
    "smart-cards",
)
"""What PS3.15 clause 1 leaves to the site: the topics of assumptions."""


class Assumption(_Table):
    """What a person knows of the site, under which the verdicts are to be read; it decides nothing."""

    topic: Literal[
        "local-environment",
        "physical-protection",
        "local-user-identification",
        "key-distribution",
        "smart-cards",
    ]
    text: str = Field(min_length=1)
    by: str = Field(min_length=1)
    date: dt.date
    how: str = Field(min_length=1)


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
    users: dict[str, User] = Field(default_factory=dict)
    studies: dict[str, Study] = Field(default_factory=dict)
    media: Media | None = None
    adapter: tuple[str, ...] = ()
    actions: dict[str, Command] = Field(default_factory=dict)
    limits: Limits = Limits()
    waivers: tuple[Waiver, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
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

    def with_edition(self, edition: str | None) -> Target:
        """Return this target as if it claimed *edition* throughout; None changes nothing."""
        if edition is None:
            return self
        return self._changed({"target": self.target.model_copy(update={"edition": edition})})

    def with_budget(self, budget: float | None) -> Target:
        """Return this target with a time budget in seconds; None changes nothing."""
        if budget is None:
            return self
        return self._changed({"limits": self.limits.model_copy(update={"budget": budget})})

    def _changed(self, update: dict[str, Any]) -> Target:
        changed = self.model_copy(update=update)
        return changed.located(self._folder, self._source)

    def located(self, folder: Path, source: str) -> Target:
        """Set where the file stands; returns this target."""
        self._folder, self._source = folder, source
        return self
