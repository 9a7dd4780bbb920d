"""The embedded media creator and reader as a program: right, or with ``--fault NAME``."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence

from part15.peers.adapters import serve
from part15.peers.media_faults import faults, party_of
from part15.peers.media_party import MediaParty


def main(arguments: Sequence[str]) -> int:
    """Serve one request."""
    parser = argparse.ArgumentParser(prog="part15.peers.adapters.reference")
    parser.add_argument("--fault", choices=sorted(faults()))
    parser.add_argument("verb")
    given = parser.parse_args(arguments)
    party = party_of(faults()[given.fault]) if given.fault else MediaParty()
    return serve({verb: functools.partial(party, verb) for verb in ("write-media", "read-media")})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
