"""The programs of this Python come last on PATH: pynetdicom's storescp and echoscu are not DCMTK's."""

from __future__ import annotations

import os

from part15.peers.known import search_path

os.environ["PATH"] = search_path()
