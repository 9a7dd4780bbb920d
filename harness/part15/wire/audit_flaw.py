"""One violation found in an audit message or its syslog carrier: where, which clause, what was expected."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from part15.model import Word


@dataclass(frozen=True, slots=True)
class Flaw:
    """A departure from one rule.

    *rule* is a clause id (``AUD-FMT-024``) or a rule name that several clauses share (``facility``);
    *path* names the element or octet; *observed* never holds a person's value, see :func:`classed`.
    *word* is ``fail``, ``warn`` (tolerated by a reading or a known dialect) or ``info``.
    """

    rule: str
    path: str
    expected: str
    observed: str
    word: Word = Word.FAIL
    dialect: str = ""
    readings: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The flaw as one sentence."""
        said = f"{self.path}: expected {self.expected}, found {self.observed}"
        return f"{said} (known dialect: {self.dialect})" if self.dialect else said


def classed(value: str | None) -> str:
    """Return what kind of text *value* is, with its length and a hash, but not the text itself."""
    if value is None:
        return "nothing"
    if not value:
        return "an empty value"
    kinds = []
    for name, holds in (
        ("letters", any(c.isalpha() for c in value)),
        ("digits", any(c.isdigit() for c in value)),
        ("'@'", "@" in value),
        ("';'", ";" in value),
        ("blanks", any(c.isspace() for c in value)),
        ("non-ASCII characters", not value.isascii()),
    ):
        if holds:
            kinds.append(name)
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    what = " and ".join(kinds) or "signs"
    return f"{len(value)} characters ({what}; sha256 {digest})"


def short(value: str, limit: int = 40) -> str:
    """Return a code or a number for a message, cut at *limit* characters and made printable."""
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value[: limit + 1])
    return f"'{printable[:limit]}...'" if len(value) > limit else f"'{printable}'"
