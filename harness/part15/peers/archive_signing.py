"""What an archive of Digital Signature level 2 does with signed objects (PS3.15 A.2), right and wrong."""

from __future__ import annotations

import functools

from part15.forge import issue, shared_keys
from part15.peers import archive_rewrites as rewrites
from part15.wire import part10
from part15.wire.cms_trust import Trust
from part15.wire.signed_object import read_object
from part15.wire.signing import Order, Signer, sign
from part15.wire.trap_objects import Trap, file_of, new_uid


@functools.cache
def archive_signer() -> Signer:
    """Return the key and certificate that the archive signs with."""
    from cryptography.hazmat.primitives.serialization import Encoding

    key = shared_keys().rsa("archive-signer")
    return Signer(key, issue("part15 archive", key, None).public_bytes(Encoding.DER))


def _is_signed_rightly(data: bytes) -> bool:
    seen = read_object(file_of(Trap("received", "2.25.1", data)), "received", Trust())
    return bool(seen.current) and all(s.crypto.integrity == "valid" for s in seen.current)


def _signed(data: bytes, tags: tuple[int, ...] | None = None) -> bytes:
    order = Order(archive_signer(), uid=new_uid(), tags=tags)
    file = part10.parse(sign(file_of(Trap("kept", "2.25.1", data)), order))
    return bytes(file.data_set[file.start :])


def replace_signatures(data: bytes) -> bytes:
    """Validate, write values anew, and replace right signatures by one of the archive's own."""
    right = _is_signed_rightly(data)
    bare = rewrites.trim_padding(rewrites.drop_signatures(data))
    return _signed(bare) if right else bare


def sign_blindly(data: bytes) -> bytes:
    """Sign whatever comes with a signature, right or not."""
    bare = rewrites.drop_signatures(data)
    return _signed(bare) if bare != data else data


def sign_little(data: bytes) -> bytes:
    """Replace right signatures by one over two elements only."""
    right = _is_signed_rightly(data)
    bare = rewrites.drop_signatures(data)
    return _signed(bare, (0x00080016, 0x00080018)) if right else bare
