"""``[users.NAME]`` of a target file: whom the SUT lets in, and where the harness finds what they show."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from part15.target_identity import Identity

_MADE = frozenset({"key", "issuer", "subject", "audience"})
_WAYS: dict[int, tuple[frozenset[str], ...]] = {
    1: (frozenset({"name"}),),
    2: (frozenset({"name", "passcode"}),),
    3: (frozenset({"cache", "service"}), frozenset({"command"}), frozenset({"ticket"})),
    4: (_MADE, frozenset({"command"}), frozenset({"assertion"})),
    5: (_MADE, frozenset({"command"}), frozenset({"token"})),
}
"""The ways in which a user of each type may be given."""
_GIVEN = (
    "name",
    "passcode",
    "ticket",
    "assertion",
    "token",
    "cache",
    "service",
    "command",
    "key",
    "issuer",
    "subject",
    "audience",
)
_REFERENCES = ("passcode", "ticket", "assertion", "token", "cache", "key")


class User(BaseModel):
    """A user whom the SUT lets in: a User-Identity-Type of PS3.7 and what that type shows.

    1: *name*; 2: *name* and *passcode*. Types 3 to 5 are given in one of three ways, the best first,
    since a Kerberos service takes the same octets only once and only made wrong credentials have one cause:
    made by the harness for each association (3: a credential *cache* with a ticket for *service*; 4 and 5: the
    private *key* of a test issuer, *issuer*, *subject*, *audience*); printed by a *command*; or fixed
    (*ticket*, *assertion*, *token*). *wrong* names credentials that must be refused.
    Secrets are references: ``env:NAME`` or ``file:PATH``; a ticket in an environment variable is in base64.
    *cache* and *key* are paths, ``file:PATH`` or ``env:NAME`` of a path.

    A user may also be known by a certificate (*identity*) or an AE title (*calling_ae_title*), with a
    type or without. *sees* names the studies of the target that the user may see; without it, the user
    has no part in the policy.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal[1, 2, 3, 4, 5] | None = None
    name: str = ""
    passcode: str = ""
    ticket: str = ""
    assertion: str = ""
    token: str = ""
    cache: str = ""
    service: str = ""
    command: str | tuple[str, ...] = ()
    key: str = ""
    issuer: str = ""
    subject: str = ""
    audience: str = ""
    wrong: dict[str, str] = Field(default_factory=dict)
    identity: Identity | None = None
    calling_ae_title: str = Field(default="", max_length=16)
    sees: tuple[str, ...] | None = None

    @field_validator("passcode", "ticket", "assertion", "token")
    @classmethod
    def _referenced(cls, value: str) -> str:
        if value and not value.startswith(("env:", "file:")):
            raise ValueError(
                "a secret stands in the target itself; write env:NAME or file:PATH instead"
            )
        return value

    @field_validator("wrong")
    @classmethod
    def _wrong_referenced(cls, value: dict[str, str]) -> dict[str, str]:
        for reference in value.values():
            cls._referenced(reference)
        return value

    @model_validator(mode="after")
    def _complete(self) -> User:
        given = {name for name in _GIVEN if getattr(self, name)}
        if self.type is None:
            if given or self.wrong:
                said = " and ".join(sorted(given)) or "wrong"
                raise ValueError(f"a user with {said} has a type, from 1 to 5")
            if self.identity is None and not self.calling_ae_title:
                raise ValueError(
                    "a user is known by a type, an identity (a certificate) or a calling_ae_title"
                )
            return self
        if given not in _WAYS[self.type]:
            ways = "; or ".join(" and ".join(sorted(way)) for way in _WAYS[self.type])
            raise ValueError(f"a user of type {self.type} has {ways}, no more")
        if self.wrong and self.type < 3:
            raise ValueError("wrong credentials are given for types 3 to 5 only; others are made")
        return self

    def references(self) -> dict[str, str]:
        """Return the references that are given, by key."""
        found = {name: getattr(self, name) for name in _REFERENCES if getattr(self, name)}
        if self.identity is not None:
            found["identity.certificate"] = self.identity.certificate
            found["identity.key"] = self.identity.key
        return found | {f"wrong.{name}": text for name, text in self.wrong.items()}
