import pytest
from regulator.exchange.v1.notice_pb2 import Incident, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling

from gateway.errors import AlreadyExists, BadInput, NotAllowed, NotFound, Stale, WrongState
from gateway.supervision.acts.notices import (
    MAX_AHEAD_MICROS,
    check_acknowledge,
    check_days,
    check_past,
    check_release,
    check_supersede,
    check_withdraw,
    superseding,
)
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.notices.content import content_violations
from gateway.supervision.notices.records import etag_of
from gateway.supervision.rules.fields import field_violations
from tests.supervision.assistance_samples import answering, asking, day
from tests.supervision.samples import FROM_HK, content, record, reference

OURS = record()
THEIRS = record(id="kr-1", direction=Notice.INCOMING, state=Notice.RECEIVED, sender="KR", recipient="HK")
KNOWN = {
    "hk-1": OURS,
    "kr-1": THEIRS,
    "hk-sg": record(id="hk-sg", recipient="SG"),
    "hk-gone": record(id="hk-gone", state=Notice.WITHDRAWN),
}
find = KNOWN.get


def referring(relation: Reference.Relation.ValueType, other_id: str):
    return content(references=[reference(Reference.RELATES_TO, "hk-0"), reference(relation, other_id)])


def test_nothing_was_noticed_after_it_is_told():
    told = content(incident=Incident(type=Incident.OUTAGE, detected_at={"seconds": 1_767_225_600, "nanos": 5000}))
    moment = 1_767_225_600_000_005
    check_past(told, moment)
    check_past(told, moment - MAX_AHEAD_MICROS)
    with pytest.raises(BadInput, match="must not be after the moment of release") as refused:
        check_past(told, moment - MAX_AHEAD_MICROS - 1, "content")
    assert refused.value.violations[0].field == "content.incident.detected_at"
    check_past(content(), 0)


def test_a_day_that_is_past_is_not_asked_for():
    kept = {"handling": Handling(tlp=Handling.AMBER, retain_until=day(20260131))}
    hoped, expected = asking(respond_by=day(20260131), **kept), answering(expected_by=day(20260131))
    for each in (hoped, expected, content(), asking(), answering()):
        check_days(each, 20260131)
    for given, fields in (
        (hoped, ["handling.retain_until", "assistance_request.respond_by"]),
        (expected, ["assistance_answer.expected_by"]),
    ):
        with pytest.raises(BadInput, match="must not be before the day \\(UTC\\) on which it is released") as refused:
            check_days(given, 20260201, "content")
        assert [each.field for each in refused.value.violations] == [f"content.{field}" for field in fields]


# --- release ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relation", [Reference.SUPERSEDES, Reference.WITHDRAWS])
def test_a_notice_may_replace_or_withdraw_one_that_went_to_the_same_recipient(relation):
    check_release("hk-2", referring(relation, "hk-1"), FROM_HK, find, EVERYTHING)


def test_a_notice_may_be_read_beside_any_other():
    for other in ("hk-1", "kr-1", "hk-sg", "hk-gone", "sg-never-seen"):
        check_release("hk-2", referring(Reference.RELATES_TO, other), FROM_HK, find, EVERYTHING)


def test_an_id_is_the_senders_to_give():
    with pytest.raises(BadInput) as refused:
        check_release("kr-2", content(), FROM_HK, find, EVERYTHING)
    assert [violation.field for violation in refused.value.violations] == ["notice_id"]


def test_an_id_is_given_once():
    with pytest.raises(AlreadyExists) as refused:
        check_release("hk-1", content(), FROM_HK, find, EVERYTHING)
    assert refused.value.metadata == {"notice": "hk-1"}


@pytest.mark.parametrize("relation", [Reference.SUPERSEDES, Reference.WITHDRAWS])
@pytest.mark.parametrize("other", ["hk-unknown", "kr-1", "hk-sg"])
def test_only_own_notices_to_the_same_recipient_can_be_replaced_and_the_words_are_the_same(relation, other):
    with pytest.raises(BadInput) as refused:
        check_release("hk-2", referring(relation, other), FROM_HK, find, EVERYTHING)
    (violation,) = refused.value.violations
    assert violation.field == "notice.content.references[1].notice"
    assert violation.description == "must be a notice that HK gave to KR"


@pytest.mark.parametrize("relation", [Reference.SUPERSEDES, Reference.WITHDRAWS])
def test_what_was_withdrawn_cannot_be_replaced_or_withdrawn(relation):
    with pytest.raises(WrongState) as refused:
        check_release("hk-2", referring(relation, "hk-gone"), FROM_HK, find, EVERYTHING)
    assert refused.value.metadata["state"] == "WITHDRAWN"


@pytest.mark.parametrize("relation", Reference.Relation.values()[1:])
def test_a_notice_does_not_refer_to_itself(relation):
    with pytest.raises(BadInput, match="another notice"):
        check_release("hk-2", referring(relation, "hk-2"), FROM_HK, find, EVERYTHING)


def test_violations_stand_below_the_path_that_is_told():
    with pytest.raises(BadInput, match=r"^content\.references\[1\]\.notice: "):
        check_release("hk-2", referring(Reference.SUPERSEDES, "hk-x"), FROM_HK, find, EVERYTHING, "content")


# --- acts on a notice ---------------------------------------------------------------------------------------


def test_an_act_gives_the_record_it_is_about():
    assert check_acknowledge("kr-1", find) is THEIRS
    assert check_withdraw("hk-1", find) is OURS
    assert check_supersede("hk-1", find) is OURS


@pytest.mark.parametrize("check", [check_acknowledge, check_withdraw, check_supersede])
def test_an_act_needs_a_notice(check):
    with pytest.raises(NotFound) as refused:
        check("hk-unknown", find)
    assert refused.value.metadata == {"notice": "hk-unknown"}


@pytest.mark.parametrize(
    ("check", "acted"), [(check_acknowledge, "hk-1"), (check_withdraw, "kr-1"), (check_supersede, "hk-gone")]
)
def test_an_act_needs_a_notice_in_a_state_for_it(check, acted):
    with pytest.raises(WrongState):
        check(acted, find)


@pytest.mark.parametrize(
    ("check", "acted"), [(check_acknowledge, "kr-1"), (check_withdraw, "hk-1"), (check_supersede, "hk-1")]
)
def test_an_act_on_another_version_than_the_caller_saw_is_stale(check, acted):
    assert check(acted, find, etag_of(KNOWN[acted])) is KNOWN[acted]
    with pytest.raises(Stale, match="its etag is now"):
        check(acted, find, '"2"')


# --- supersession -------------------------------------------------------------------------------------------


def test_a_superseding_content_says_so_and_nothing_else_changes():
    original = content()
    made = superseding(original, "hk-1")
    assert list(made.references) == [reference(Reference.SUPERSEDES, "hk-1")]
    made.ClearField("references")
    assert made == original
    assert not original.references


def test_a_content_that_says_so_already_is_left_as_it_is():
    made = superseding(content(), "hk-1")
    assert superseding(made, "hk-1") == made


def test_what_the_added_reference_breaks_is_found_by_the_rules():
    twice = superseding(content(references=[reference(Reference.RELATES_TO, "hk-1")]), "hk-1")
    assert [violation.field for violation in content_violations(twice, "content")] == ["content.references"]
    full = superseding(content(references=[reference(Reference.RELATES_TO, f"hk-{n}") for n in range(2, 66)]), "hk-1")
    assert [violation.field for violation in field_violations(full, "content")] == ["content.references"]


@pytest.mark.parametrize("relation", [Reference.SUPERSEDES, Reference.WITHDRAWS])
def test_no_authority_takes_back_or_replaces_the_notice_of_another_one(relation):
    others = content(issuing_authority="HKMA", references=[reference(relation, "hk-1")])
    with pytest.raises(NotAllowed):
        check_release("hk-2", others, FROM_HK, find, EVERYTHING)
