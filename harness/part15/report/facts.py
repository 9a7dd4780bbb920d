"""What a run knows besides its verdicts: when, with what, against what, what was sent and kept.

Filled by the session, read by :func:`part15.report.build.build`. All frozen, all plain values.
Paths are relative to the run folder; nothing here may hold a secret or a patient value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from part15.toml_lines import key_lines

if TYPE_CHECKING:
    from part15.target import Endpoint, Listener, Target

STATES = ("enforced", "used, not enforced", "available, not used", "absent", "not determined")
"""States of use of security on an endpoint, best first."""


def claim_lines(text: str) -> dict[str, int]:
    """Return the line of each claim in the *text* of a target file, by profile."""
    found: dict[str, int] = {}
    for path, line in key_lines(text).items():
        if len(path) > 1 and path[0] == "claims":
            found.setdefault(str(path[1]), line)
    return found


@dataclass(frozen=True)
class EvidenceItem:
    """One file behind an observation.

    *id* is ``STIMULUS-KEY/NAME``; *path* is relative to the run folder with ``/``; *sha256* is hex;
    *size* is in octets; *phi* is ``none``, ``synthetic`` or ``possible``.
    """

    id: str
    path: str
    sha256: str
    size: int
    kind: str = "text"
    media_type: str = "application/octet-stream"
    phi: str = "none"
    redacted: bool = False


@dataclass(frozen=True)
class EndpointFacts:
    """One place where the harness met the SUT, and how its security is used there.

    *direction* is ``harness-connects`` or ``sut-connects``; *state* is one of :data:`STATES`, empty
    for "work it out from the results"; *why* says what showed it; *setting* is the thing to change
    where the target names it; *families* lists the address families that answered.
    """

    id: str
    address: str = ""
    direction: str = "harness-connects"
    transport: str = "tls"
    ae_title: str = ""
    state: str = ""
    why: str = ""
    setting: str = ""
    families: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()

    @classmethod
    def of(cls, point: Endpoint | Listener, **known: Any) -> EndpointFacts:
        """Return the facts of an endpoint or listener of a target, with what is *known* of its use."""
        connects = hasattr(point, "server_name")
        return cls(
            id=point.id,
            address=point.address,
            direction="harness-connects" if connects else "sut-connects",
            transport=point.transport,
            ae_title=point.ae_title,
            claims=point.profiles,
            **{"setting": getattr(point, "setting", ""), **known},
        )


@dataclass(frozen=True)
class Observed:
    """What one stimulus saw: its key, kind and endpoint id, and the observation (or its JSON form)."""

    key: str
    kind: str
    endpoint: str
    seen: Any


@dataclass(frozen=True)
class TargetFacts:
    """What the target file says of the SUT.

    *declared* mirrors ``[declared]``; *waivers*, *attestations* and *assumptions* are the tables as written;
    *path* is the target file, relative, and *lines* the line of each claim in it (for SARIF).
    """

    name: str
    edition: str
    version: str = ""
    vendor: str = ""
    product: str = ""
    build: str = ""
    operator: str = ""
    path: str = "target.toml"
    lines: Mapping[str, int] = field(default_factory=dict)
    aes: tuple[Mapping[str, Any], ...] = ()
    statement: Mapping[str, Any] = field(default_factory=dict)
    observed: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    waivers: tuple[Mapping[str, Any], ...] = ()
    attestations: tuple[Mapping[str, Any], ...] = ()
    assumptions: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, target: Target, **known: Any) -> TargetFacts:
        """Return the facts of a parsed target file, with what else is *known* (``lines``, ``observed``)."""
        product = target.target
        return cls(
            name=product.name,
            edition=product.edition,
            version=product.version,
            vendor=product.vendor,
            operator=product.operator,
            declared=target.declared,
            waivers=tuple(w.model_dump(mode="json") for w in target.waivers),
            attestations=tuple(a.model_dump(mode="json") for a in target.attestations),
            assumptions=tuple(a.model_dump(mode="json") for a in target.assumptions),
            **{"path": target.source or "target.toml", **known},
        )


@dataclass(frozen=True)
class RunFacts:
    """One run: *started* and *ended* are RFC 3339 in UTC, *command* has its secrets masked.

    *connections* counts per address; *sent* lists what was sent (``stimulus, endpoint, what``);
    *exit_status* is None until it is known, then :func:`build` computes it from the gate.
    """

    id: str
    started: str
    ended: str
    command: tuple[str, ...] = ()
    version: str = ""
    revision: str = ""
    python: str = ""
    openssl: str = ""
    platform: str = ""
    dependencies: Mapping[str, str] = field(default_factory=dict)
    config_digest: str = ""
    profiles_digest: str = ""
    selection: str = ""
    workers: int = 0
    seed: int | None = None
    timezone: str = "UTC"
    clock_offset_ms: float | None = None
    interrupted: bool = False
    exit_status: int | None = None
    gate: str = "decided"
    connections: Mapping[str, int] = field(default_factory=dict)
    sent: tuple[Mapping[str, Any], ...] = ()
    evidence: tuple[EvidenceItem, ...] = ()
    endpoints: tuple[EndpointFacts, ...] = ()
    observations: tuple[Observed, ...] = ()
    notifications: tuple[str, ...] = ()
    signature: str = ""
    signer: str = ""
