"""The lies of the embedded audited node: one each, with the clauses that it flips."""

from __future__ import annotations

from typing import Any

from part15.peers.faults import Fault


def _lie(name: str, text: str, changes: dict[str, Any], *flips: str) -> Fault:
    return Fault(name, text, flips, text, "audit", changes, "audit-source")


STORY_FAULTS = (
    _lie("tells_an_hour_late", "EventDateTime is an hour ahead", {"shift": 3600.0}, "AUD-FMT-025"),
    _lie("tells_an_hour_early", "EventDateTime is an hour behind", {"shift": -3600.0}, "AUD-FMT-025",
         "AUD-MSG-07-TIME"),
    _lie("tells_the_start", "a transfer is told at its start", {"at_start": True}, "AUD-MSG-07-TIME"),
    _lie("always_new", "instances that were there already are told as new", {"action": "C"}, "AUD-MSG-07-CODE"),
    _lie("never_new", "instances that were not there are told as known", {"action": "R"}, "AUD-MSG-07-CODE"),
    _lie("counts_one_more", "NumberOfInstances is one too many", {"count_off": 1}, "AUD-MSG-07-COUNT"),
    _lie("one_outcome_for_both", "a partly failed transfer is told by one message",
         {"one_message_for_both": True}, "AUD-FMT-023",
         "AUD-STORY-REBUILD"),
    _lie("answers_in_query", "a Query message lists what was found", {"answers_in_query": True}, "AUD-MSG-10-SCOPE"),
    _lie("success_of_the_refused", "a refused association is told as a success", {"alert_outcome": "0"},
         "AUD-MSG-11-OUTCOME", "AUD-STORY-OUTCOME"),
    _lie("compromised_by_the_refused", "a refused association is told as a possible compromise",
         {"alert_outcome": "12"}, "AUD-MSG-11-OUTCOME"),
    _lie("failure_of_the_successful", "everything is told as a failure", {"outcome": "8"}, "AUD-STORY-OUTCOME",
         "AUD-FMT-023", "AUD-STORY-LOGINS", "AUD-STORY-REBUILD"),
    _lie("names_a_stranger", "the AE title of a third party is told", {"title": "STRANGER"}, "AUD-STORY-TITLES"),
    _lie("names_another_study", "another study than the stored one is told", {"study": "1.2.3.4"},
         "AUD-STORY-OBJECTS", "AUD-STORY-REBUILD"),
    _lie("names_another_patient", "another patient than the stored one is told", {"patient": "NOBODY"},
         "AUD-STORY-OBJECTS"),
    _lie("names_another_address", "the peer is told to have another address", {"address": "192.0.2.7"},
         "AUD-STORY-ADDRESSES"),
    _lie("wanders", "the node names changing addresses for itself", {"wandering": True}, "AUD-FMT-039"),
    _lie("forgets_an_instance", "the first instance of each transfer is not listed", {"forget": 1}, "AUD-STORY-REBUILD"),
    _lie("deletes_by_access", "a deleted study is told as Instances Accessed", {"delete_as_access": True},
         "AUD-MSG-06-DEL", "AUD-STORY-TOLD"),
    _lie("sends_as_the_receiver", "who retrieves is told to be the source", {"wrong_sender": True}, "AUD-STORY-TITLES"),
    _lie("logs_the_passcode", "the passcode stands in EventOutcomeDescription", {"passcode": "text"},
         "AUD-STORY-SECRETS"),
    _lie("logs_the_passcode_in_base64", "the passcode stands in a detail, in base64", {"passcode": "detail"},
         "AUD-STORY-SECRETS"),
    _lie("has_a_detail_for_passcodes", "a detail is called Passcode", {"passcode": "named"}, "AUD-STORY-SECRETS"),
    _lie("every_login_succeeds", "a failed login is told as a success", {"logins": "0"}, "AUD-STORY-LOGINS"),
    _lie("names_nobody", "who logged in is not named", {"nobody": True}, "AUD-STORY-LOGINS"),
    _lie("another_enterprise_identity", "the enterprise identity is another user's", {"enterprise": "boss@REALM.EXAMPLE"},
         "AUD-FMT-032"),
    _lie("another_holder", "another name than that of the certificate is told", {"holder": "somebody else"},
         "AUD-STORY-CERTIFICATE"),
    _lie("hides_transfers", "transfers are not told, though declared", {"silent": ("110104",)},
         "AUD-STORY-TOLD"),
)  # fmt: skip
"""Lies of the audited node; *changes* are fields of ``StoryPolicy``."""
