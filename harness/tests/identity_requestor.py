"""A requestor of pynetdicom that shows alice: python identity_requestor.py HOST PORT AET PASSCODE."""

from __future__ import annotations

import sys

from pynetdicom import AE
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]


def main(host: str, port: int, called: str, passcode: str) -> int:
    """Open an association, echo, release; 0 if it was accepted."""
    entity = AE(ae_title="PYNETDICOM")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 3
    entity.add_requested_context(Verification)
    shown = UserIdentityNegotiation()
    shown.user_identity_type, shown.positive_response_requested = 2, True
    shown.primary_field, shown.secondary_field = b"alice", passcode.encode()
    association = entity.associate(host, port, ae_title=called, ext_neg=[shown])
    if not association.is_established:
        return 1
    association.send_c_echo()
    association.release()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
