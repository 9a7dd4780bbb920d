"""References to secrets and files, as targets write them: ``env:NAME`` and ``file:PATH``."""

from __future__ import annotations

import os
from pathlib import Path

from part15.errors import TargetError


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
