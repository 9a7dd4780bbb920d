"""The certificate and key that the harness or a user shows, as a target file names them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from part15.references import referenced_path


class Identity(BaseModel):
    """A certificate (chain) and its key, PEM; the key is a path, ``file:PATH`` or ``env:NAME`` of a path."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: str
    key: str
    password: str = ""

    def paths(self) -> tuple[str, str]:
        """Return certificate and key path with references resolved.

        Raises TargetError if an environment variable is not set.
        """
        return self.certificate, referenced_path(self.key)
