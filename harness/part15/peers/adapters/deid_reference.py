"""The embedded de-identifier and re-identifier as a program: right, or with ``--fault NAME``."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Sequence

from part15.peers.adapters import serve
from part15.peers.deid_faults import faults
from part15.peers.deid_party import DeidParty


def main(arguments: Sequence[str]) -> int:
    """Serve one request."""
    parser = argparse.ArgumentParser(prog="part15.peers.adapters.deid_reference")
    parser.add_argument("--fault", choices=sorted(faults()))
    parser.add_argument("verb")
    given = parser.parse_args(arguments)
    switches = (str(faults()[given.fault].changes["switch"]),) if given.fault else ()
    party = DeidParty(switches)
    return serve({verb: functools.partial(party, verb) for verb in ("deidentify", "reidentify")})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
