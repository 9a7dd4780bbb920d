"""Making a running Orthanc open an association, by its REST interface (peer of the tests; a trigger).

``python -m part15.peers.orthanc_echo REST_URL HOST PORT AET``: names the destination, then asks for a C-ECHO.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request

DEADLINE = 15.0


def _asked(method: str, url: str, body: object) -> bool:
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)  # noqa: S310 - our own loopback
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as answer:  # noqa: S310
            return bool(answer.status < 300)
    except (urllib.error.URLError, OSError):
        return False


def main(base: str, host: str, port: str, aet: str) -> int:
    """Return 0 if the C-ECHO succeeded, 1 if not, 2 if Orthanc does not take the destination."""
    modality = {"AET": aet, "Host": host, "Port": int(port), "UseDicomTls": True}
    if not _asked("PUT", f"{base}/modalities/part15", modality):
        return 2
    return 0 if _asked("POST", f"{base}/modalities/part15/echo", {}) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
