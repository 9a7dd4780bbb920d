"""Who may see what in the embedded archive: users by the departments of studies, and ways to leak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from part15.channel.association import Line
from part15.peers.archive_query import STUDY, Asked
from part15.wire import pdu
from part15.wire import user_identity as ui

DEPARTMENT = 0x00081040


@dataclass(frozen=True)
class Access:
    """The right behaviour: what a user may not see is not there, by any service, level, key or number.

    *departments* are those of each user, *public* the one of studies for everybody. *open* are the
    services without a filter; *leaks* the queries without one: ``wildcard``, ``list``, ``study UID``,
    ``PATIENT``, ``SERIES``, ``IMAGE``. *counts_all* counts what is hidden among the related studies and
    instances, *counts_failed* among the failed sub-operations; *forbidden* is a status of its own for
    what is hidden; *nobody* tells that who is no known user sees everything.
    """

    departments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    public: str = "PUBLIC"
    open: tuple[str, ...] = ()
    leaks: tuple[str, ...] = ()
    counts_all: bool = False
    counts_failed: bool = False
    forbidden: int | None = None
    nobody: bool = False

    def may_see(self, user: str, department: str) -> bool:
        """Tell whether *user*, empty for nobody, may see what belongs to *department*."""
        if self.nobody and user not in self.departments:
            return True
        return department in (self.public, *self.departments.get(user, ()))

    def filters(self, service: str, asked: Asked) -> bool:
        """Tell whether *service* leaves out of the answer to *asked* what may not be seen."""
        study = asked.keys.get(STUDY, "")
        ways = {
            asked.level,
            "wildcard" if asked.wild else "",
            "list" if "\\" in study else "study UID" if study and asked.level == "STUDY" else "",
        }
        return service not in self.open and not (service == "C-FIND" and ways & set(self.leaks))


def user_of(body: bytes, line: Line) -> str:
    """Return the user of the association that was asked for with the PDU *body*: by identity, else by certificate."""
    try:
        items = [i for i in ui.sub_items(body) if i.kind == ui.REQUEST]
    except pdu.PduError:
        return ""
    for item in items:
        read = ui.read_request(item)
        if read.kind in (ui.USERNAME, ui.PASSCODE):
            return item.body[4 : 4 + read.primary].decode("utf-8", "replace")
    return _common_name(line)


def _common_name(line: Line) -> str:
    shown = line.tls.object.getpeercert(binary_form=True) if line.tls is not None else None
    if not shown:
        return ""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    names = x509.load_der_x509_certificate(shown).subject.get_attributes_for_oid(
        NameOID.COMMON_NAME
    )
    return str(names[0].value) if names else ""
