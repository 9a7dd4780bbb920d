"""The audit checks on observations written by hand: silence, declarations, both known, refusals."""

import pytest

from part15.checks import (
    audit,
    audit_collector,
    audit_declared,
    audit_identities,
    audit_tls,
    audit_transport,
)
from part15.model import Word
from part15.observations import Many, Member
from part15.observations.audit import (
    AuditConnectionSeen,
    AuditDeclared,
    AuditMessageSeen,
    AuditTrailSeen,
    CollectorOfferSeen,
    CollectorOffersSeen,
    CollectorSeen,
    DeliverySeen,
    SourceOfferSeen,
    SourceOffersSeen,
    TlsTakenSeen,
)
from part15.observations.statement import DeclarationSeen
from part15.wire.audit_corpus import corpus
from part15.wire.syslog import write_syslog

RIGHT = corpus()


def trail(*kinds, declared=None, caused=(), **changes):
    messages = tuple(AuditMessageSeen(k, write_syslog(RIGHT[k]), "octet-counting") for k in kinds)
    return AuditTrailSeen(messages, declared=declared or AuditDeclared(), caused=caused, **changes)


def about_export(seen):
    return audit.obeys(
        seen, rules=["AUD-MSG-04-EVENT"], what="its event", event="110106", edition="2023b"
    )


@pytest.mark.parametrize(
    ("events", "caused", "word"),
    [
        (None, (), Word.INCONCLUSIVE),
        (("110104",), (), Word.NOT_APPLICABLE),
        (("110104", "110106"), (), Word.INCONCLUSIVE),
        (("110104", "110106"), ("110106",), Word.FAIL),
        (None, ("110106",), Word.INCONCLUSIVE),
    ],
)
def test_silence_is_judged_by_the_declared_list(events, caused, word):
    seen = trail("110104", declared=AuditDeclared(events=events), caused=caused)
    answer = about_export(seen)
    assert answer.word is word
    assert "110106" in answer.message


def test_no_message_at_all_decides_nothing():
    assert about_export(AuditTrailSeen()).word is Word.INCONCLUSIVE
    assert audit.names_one_source(AuditTrailSeen()).word is Word.INCONCLUSIVE


def test_a_rule_without_its_subject_is_not_kept():
    rule = {"rules": ["AUD-FMT-043"], "what": "Encrypted"}
    assert audit.obeys(trail("110108"), **rule).word is Word.INCONCLUSIVE
    assert audit.obeys(trail("110108"), **rule, absent="passes").word is Word.PASS
    assert audit.obeys(trail("110106"), **rule).word is Word.PASS


def test_unreadable_messages_break_form_only():
    seen = AuditTrailSeen((AuditMessageSeen("m", b"<85>1 - - - - - - <AuditMessage", "lf"),))
    assert audit.obeys(seen, rules=["AUD-FMT-001"], what="x").word is Word.FAIL
    assert audit.obeys(seen, rules=["AUD-FMT-024"], what="x").word is Word.INCONCLUSIVE


def test_messages_beyond_those_kept_count():
    seen = trail("110108", more=10, broken={"AUD-FMT-024": 3})
    answer = audit.obeys(seen, rules=["AUD-FMT-024"], what="x")
    assert answer.word is Word.FAIL
    assert "3 further" in answer.message


def test_one_message_and_sets_are_judged_alike():
    one = AuditMessageSeen("m", RIGHT["110108"].replace(b".250Z", b""), "xml")
    for seen in (one, Many((Member("m", one),), "message"), AuditTrailSeen((one,))):
        answer = audit.obeys(seen, rules=["AUD-FMT-024"], what="x")
        assert answer.word is Word.FAIL
        assert answer.findings[0].subject == "m"


def test_who_did_it_is_open_where_nothing_is_known():
    alone = RIGHT["110101"].replace(
        b'<ActiveParticipant UserID="tester@hospital.example" UserName="Tester^Theo" UserIsRequestor="true"/>',
        b"",
    )
    assert alone != RIGHT["110101"]
    message = AuditMessageSeen("m", alone, "xml")
    login = AuditMessageSeen("l", RIGHT["110114"], "xml")
    answer = audit.names_person_and_process(AuditTrailSeen((message,)), event="110101")
    assert answer.word is Word.INCONCLUSIVE
    answer = audit.names_person_and_process(AuditTrailSeen((login, message)), event="110101")
    assert (answer.word, answer.findings[0].word) == (Word.INCONCLUSIVE, Word.REVIEW)


def test_known_dialects_are_warned_of_by_name():
    seen = AuditTrailSeen(
        (AuditMessageSeen("m", write_syslog(RIGHT["110108"], msgid="IHE+RFC-3881"), "lf"),)
    )
    answer = audit.tells_message_id(seen)
    assert answer.word is Word.WARN
    assert "IHE ITI-20" in answer.message


def test_authentications_are_told():
    assert audit.tells_authentications(trail("110114")).word is Word.INFO
    assert audit.tells_authentications(trail("110108")).word is Word.INCONCLUSIVE


def test_the_declared_level_of_detail_is_measured():
    declared = AuditDeclared(detail={"110104": "study", "110103": "study"})
    assert audit_identities.tells_detail(trail("110104", declared=declared)).word is Word.FAIL
    assert audit_identities.tells_detail(trail("110103", declared=declared)).word is Word.INFO
    assert audit_identities.tells_detail(trail("110108")).word is Word.INCONCLUSIVE


def test_declarations_are_asked_for():
    seen = trail("110108")
    assert audit_declared.lists_events(seen).word is Word.INCONCLUSIVE
    assert audit_declared.lists_extensions(seen).word is Word.INCONCLUSIVE
    assert audit_declared.lists_structured_data(seen, key="k").word is Word.INCONCLUSIVE
    assert audit_declared.states_size(seen, key="k").word is Word.INCONCLUSIVE
    small = trail("110108", declared=AuditDeclared(max_size=1000))
    assert audit_declared.states_size(small, key="k", least=32768).word is Word.FAIL


def test_both_transports_are_claimed_or_not():
    both = {
        "dicom-audit-syslog-tls": ("audit-source",),
        "dicom-audit-syslog-udp": ("audit-source",),
    }
    assert audit_declared.claims_both(DeclarationSeen((), {}, (), both, ())).word is Word.PASS
    both.popitem()
    assert audit_declared.claims_both(DeclarationSeen((), {}, (), both, ())).word is Word.FAIL


def test_transport_without_a_connection_decides_nothing():
    for check in (audit_transport.secures, audit_transport.opens_as_client, audit_transport.says_goodbye,
                  audit_transport.frames_by_count):  # fmt: skip
        assert check(AuditTrailSeen()).word is Word.INCONCLUSIVE
    assert audit_transport.negotiates(AuditTrailSeen(), least="1.2").word is Word.INCONCLUSIVE


def test_small_messages_show_part_of_the_size():
    assert audit_transport.reaches(trail("110108"), octets=32768).word is Word.INCONCLUSIVE


def control(**changes):
    return AuditConnectionSeen(
        1, first="tls", version="1.3", messages=1, octets=10, certificate=True, **changes
    )


@pytest.mark.parametrize(
    ("offer", "word"),
    [
        (SourceOfferSeen("expired", connected=True, refused=True), Word.PASS),
        (SourceOfferSeen("expired", connected=True, refused=False, octets=9), Word.FAIL),
        (SourceOfferSeen("expired", connected=False, refused=False), Word.INCONCLUSIVE),
    ],
)
def test_sources_that_accept_wrong_collectors_fail(offer, word):
    seen = SourceOffersSeen(control(), (offer,), (), asked=True)
    assert audit_transport.refuses_collectors(seen, names=["expired"]).word is word
    assert audit_transport.refuses_collectors(seen, names=["expired"], presents=True).word is word


def test_refusals_without_a_control_prove_nothing():
    offer = CollectorOfferSeen("none", "refused")
    right = CollectorOffersSeen((offer,), "accepted", "accepted")
    assert audit_collector.refuses(right, names=["none"]).word is Word.PASS
    assert audit_collector.refuses(right, names=["none", "expired"]).word is Word.INCONCLUSIVE
    dead = CollectorOffersSeen((offer,), "refused", "refused")
    assert audit_collector.refuses(dead, names=["none"]).word is Word.INCONCLUSIVE
    fallen = CollectorOffersSeen((offer,), "accepted", "refused")
    assert audit_collector.refuses(fallen, names=["none"]).word is Word.FAIL
    taken = CollectorOffersSeen((CollectorOfferSeen("none", "accepted"),), "accepted", "accepted")
    assert audit_collector.refuses(taken, names=["none"]).word is Word.FAIL


def test_out_of_order_storage_is_a_failure_where_order_counts():
    whole = (
        DeliverySeen("a", 480, sent=True, stored="whole"),
        DeliverySeen("b", 480, sent=True, stored="whole"),
    )
    seen = CollectorSeen("sizes", whole, alive=True, in_order=False, readable=True)
    assert audit_collector.stores(seen, ordered=True).word is Word.FAIL
    assert audit_collector.stores(seen).word is Word.PASS


@pytest.mark.parametrize(
    ("new", "old", "edition", "word"),
    [
        ("accepted", "accepted", "2023b", Word.PASS),
        ("accepted", "refused", "2023b", Word.WARN),
        ("refused", "accepted", "2023b", Word.PASS),
        ("refused", "accepted", "2024e", Word.FAIL),
        ("refused", "refused", "2023b", Word.FAIL),
        ("unclear", "accepted", "2023b", Word.INCONCLUSIVE),
    ],
)
def test_mandatory_suites_depend_on_the_edition(new, old, edition, word):
    seen = TlsTakenSeen({}, {"0xC02F": new, "0x002F": old}, "refused", "accepted")
    assert audit_tls.takes_suites(seen, edition=edition).word is word


def test_a_dead_port_answers_no_question_about_tls():
    dead = TlsTakenSeen({"1.2": "refused"}, {}, "refused", "refused", "connection_reset")
    assert audit_tls.takes_version(dead, version="1.2").word is Word.INCONCLUSIVE
    assert audit_tls.takes_no_null(dead).word is Word.INCONCLUSIVE
    assert audit_tls.takes_no_old_version(dead).word is Word.INCONCLUSIVE
    assert audit_tls.answers_as_server(dead).word is Word.INCONCLUSIVE
