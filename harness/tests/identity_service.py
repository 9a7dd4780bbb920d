"""An acceptor of pynetdicom that knows alice: python identity_service.py PORT PASSCODE."""

from __future__ import annotations

import sys
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]


def main(port: int, passcode: str) -> None:
    """Serve until killed."""

    def user(event: Any) -> tuple[bool, bytes | None]:
        if event.user_id_type > 2:
            return True, b""
        right = event.user_id_type == 1 or event.secondary_field == passcode.encode()
        return right and event.primary_field == b"alice", None

    entity = AE(ae_title="PYNETDICOM")
    entity.add_supported_context(Verification)
    entity.maximum_associations = 100  # a damaged request keeps its place for half a minute
    entity.start_server(("127.0.0.1", port), block=True, evt_handlers=[(evt.EVT_USER_ID, user)])


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
