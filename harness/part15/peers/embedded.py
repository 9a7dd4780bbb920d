"""The embedded peer as ``part15 run`` and ``part15 peer`` use it: running, with a target file beside it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from part15.errors import TargetError
from part15.peers.faults import faults as known_faults
from part15.peers.reference import ReferencePeer
from part15.pki import make_pki
from part15.registry import did_you_mean
from part15.toml_writing import relative_below, toml_text


def _hosts() -> tuple[str, ...]:
    """Return the loopback addresses of this machine."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return ("127.0.0.1", "::1")
    return ("127.0.0.1",)


@contextlib.contextmanager
def embedded_target(
    folder: Path, *, faults: Sequence[str] = (), port_base: int | None = None
) -> Iterator[Path]:
    """Run the peer, deviating by *faults*, and yield the path of a target file in *folder*.

    Raises TargetError for an unknown fault, a folder that holds other files, or ports in use.
    """
    _known(faults)
    folder = folder.resolve()
    path = folder / "target.toml"
    if path.exists():
        raise TargetError(f"{path} exists already; choose another folder with -o")
    pki = make_pki(folder / "pki")
    try:
        peer = ReferencePeer(pki, faults, hosts=_hosts(), port=port_base or 0)
    except OSError as error:
        raise TargetError(
            f"the peer cannot listen on port {port_base}: {error.strerror}"
        ) from error
    with peer:
        path.write_text(toml_text(relative_below(peer.document(), folder)), encoding="utf-8")
        yield path


def _known(names: Sequence[str]) -> None:
    known = known_faults()
    for name in names:
        if name not in known:
            raise TargetError(
                f"there is no fault '{name}'{did_you_mean(name, known)}; see 'part15 list faults'"
            )


def wait_for_interrupt() -> None:
    """Return when the user presses Ctrl-C."""
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
