"""Faults of the embedded archive in Online Electronic Storage (PS3.15 A.1.1)."""

from __future__ import annotations

from typing import Any

from part15.peers.faults import Fault

_PLAIN_COPY = ("A.1.1-d1-secure-connection", "A.1.1-e1-secure-connection")
_STRANGER_COPY = ("A.1.1-d2-confirm-oes-support", "A.1.1-e2-mutual-auth-and-oes")
_COMMITMENT = ("A.1.1-d4-storage-commitment-push", "PS3.4-J-push-model")


def _status(name: str, text: str, flips: tuple[str, ...], why: str, **changes: Any) -> Fault:
    return Fault(name, text, flips, why, "status", changes, "storage-scp")


STATUS = (
    _status(
        "forwards_before_commitment",
        "forwards OR and AO instances before their commitment",
        ("A.1.1-d4-no-forward-before-commit",),
        "nothing may be forwarded before the commitment is complete",
        forwards_early=True,
    ),
    _status(
        "commits_everything_at_once",
        "takes the commitment of one instance for that of all",
        ("A.1.1-d4-no-forward-before-commit",),
        "each instance needs its own commitment",
        commits="all",
    ),
    _status(
        "leaves_ao_in_copy",
        "sends copies of AO instances with status AO",
        ("A.1.1-e3-copy-status", "A.1.1-c-single-holder"),
        "a copy has NS or AC",
        copies={"AO": "AO", "AC": "AC", "OR": "NS", "NS": "NS"},
    ),
    _status(
        "leaves_or_in_copy",
        "sends copies of OR instances with status OR",
        ("A.1.1-c-single-holder",),
        "only one holds an OR instance",
        copies={"AO": "AC", "AC": "AC", "OR": "OR", "NS": "NS"},
    ),
    _status(
        "omits_status_in_copy",
        "sends copies of AO instances without a status to partners",
        ("A.1.1-e3-copy-status",),
        "a copy for a partner has NS or AC",
        copies={"AO": "-", "AC": "AC", "OR": "NS", "NS": "NS"},
    ),
    _status(
        "leaves_ao_for_stranger",
        "sends AO instances with status AO to strangers",
        (*_STRANGER_COPY, "A.1.1-f1-sender-ns-or-absent"),
        "a stranger gets NS or no status",
        stranger_copy={"AO": "AO", "AC": "NS", "OR": "NS", "NS": "NS"},
    ),
    _status(
        "leaves_ac_without_protection",
        "sends AC instances with status AC over plain connections",
        (*_PLAIN_COPY, "A.1.1-f1-sender-ns-or-absent"),
        "without protection the status is NS or absent",
        plain_copy={"AO": "AC", "AC": "AC", "OR": "NS", "NS": "NS"},
    ),
    _status(
        "leaves_companions",
        "leaves the status out, but not what belongs to it",
        ("A.1.1-f1-sender-ns-or-absent",),
        "associated parameters go with the status",
        stranger_copy={"AO": "-", "AC": "-", "OR": "-", "NS": "-"},
        leaves_companions=True,
    ),
    _status(
        "forgets_ns_on_unsecured_receipt",
        "keeps the status of what comes over plain connections",
        (*_PLAIN_COPY, "A.1.1-f2-receiver-ns"),
        "what comes without protection gets NS",
        keeps_status_of=("plain",),
    ),
    _status(
        "trusts_strangers",
        "keeps the status of what comes from strangers",
        (*_STRANGER_COPY, "A.1.1-f2-receiver-ns"),
        "what comes from strangers gets NS",
        keeps_status_of=("stranger",),
    ),
    _status(
        "changes_uid_of_copy",
        "gives every copy another SOP Instance UID",
        ("A.1.1-e3-uid-unchanged", "A.1.1-g-no-coercion", "A.1.1-h-no-other-change"),
        "a copy keeps its UID",
        new_uid=True,
    ),
    _status(
        "offers_no_commitment",
        "does not accept Storage Commitment",
        _COMMITMENT,
        "a transfer is confirmed by storage commitment",
        commitment_known=False,
    ),
    _status(
        "never_commits",
        "takes N-ACTION and never reports",
        _COMMITMENT,
        "a report must follow",
        commits="never",
    ),
    _status(
        "refuses_to_commit",
        "reports every instance as failed",
        _COMMITMENT,
        "what is stored can be committed",
        commits="refuses",
    ),
    _status(
        "reports_unknown_transaction",
        "reports with a Transaction UID of its own",
        _COMMITMENT,
        "the report names the transaction",
        commits="unknown",
    ),
    _status(
        "commits_what_it_never_had",
        "reports instances as committed that it does not hold",
        (*_COMMITMENT, "A.1.1-d3-reject-altered", "A.1.1-e4-reject-altered-copy"),
        "what is not held fails",
        commits="blindly",
    ),
    _status(
        "keeps_altered",
        "keeps what came of an object before its connection broke",
        ("A.1.1-d3-reject-altered", "A.1.1-e4-reject-altered-copy"),
        "altered instances are discarded",
        keeps_partial=True,
    ),
    _status(
        "asks_for_no_certificate",
        "lets clients in without a certificate",
        ("A.1.1-d2-mutual-auth",),
        "both sides authenticate each other",
        client="optional",
    ),
    _status(
        "relinquishes_unconfirmed",
        "gives up its copy although the commitment failed",
        ("A.1.1-d5-relinquish",),
        "only a confirmed commitment lets it go",
        waits_for_commitment=False,
    ),
    _status(
        "keeps_original_after_transfer",
        "keeps OR and AO instances as they are after their confirmed transfer",
        ("A.1.1-d5-relinquish",),
        "who handed it over holds it no longer",
        relinquish="keep",
    ),
    _status(
        "transfers_without_commitment",
        "hands instances over without asking for their commitment",
        ("A.1.1-d4-storage-commitment-push", "A.1.1-d5-relinquish"),
        "a transfer is confirmed by storage commitment",
        asks_commitment=False,
    ),
    _status(
        "turns_or_into_ac",
        "sets OR instances to AC after their transfer",
        ("A.1.1-d5-relinquish",),
        "only an AO instance becomes AC",
        relinquish="always AC",
    ),
    _status(
        "replaces_held_instances",
        "replaces what it holds by what comes under the same UID",
        ("A.1.1-h-no-other-change",),
        "values of a held instance do not change",
        replaces=True,
    ),
    _status(
        "takes_any_server",
        "sends to whoever answers, whatever certificate he shows",
        ("A.1.1-d2-mutual-auth",),
        "both sides authenticate each other",
        takes_any_server=True,
    ),
    _status(
        "deletes_primary_instances",
        "deletes OR and AO instances when it is told to",
        ("A.1.1-c-no-delete",),
        "the holder of an OR or AO instance keeps it",
        deletes_primary=True,
    ),
    _status(
        "authorizes_without_record",
        "authorizes without date and certification number",
        ("A.1.1-b3-set-auth-attributes",),
        "both are set on authorization",
        records_authorization=False,
    ),
    _status(
        "authorizes_as_new_instance",
        "gives an authorized instance another SOP Instance UID",
        ("A.1.1-b2-set-ao-keep-uid",),
        "the UID does not change",
        authorizes_as_new=True,
    ),
)
