"""The embedded media creator, media reader, de-identifier and re-identifier as one program: right, or with ``--fault``."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence

from part15.peers import deid_faults, media_faults
from part15.peers.adapters import Verb, serve
from part15.peers.deid_party import DeidParty
from part15.peers.media_party import MediaParty, Party


def verbs_of(fault: str | None) -> dict[str, Verb]:
    """Return what this adapter does, right or deviating by *fault* of its family.

    Raises KeyError for a fault that neither family has.
    """
    media: Party = MediaParty()
    removal: Party = DeidParty()
    if fault is not None and fault in media_faults.faults():
        media = media_faults.party_of(media_faults.faults()[fault])
    elif fault is not None and fault in deid_faults.faults():
        removal = DeidParty((fault,))
    elif fault is not None:
        raise KeyError(fault)
    return {
        **{v: functools.partial(media, v) for v in ("write-media", "read-media")},
        **{v: functools.partial(removal, v) for v in ("deidentify", "reidentify")},
    }


def main(arguments: Sequence[str]) -> int:
    """Serve one request."""
    parser = argparse.ArgumentParser(prog="part15.peers.adapters.reference")
    known = [*media_faults.faults(), *deid_faults.faults()]
    parser.add_argument("--fault", choices=sorted(known))
    parser.add_argument("verb")
    return serve(verbs_of(parser.parse_args(arguments).fault))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
