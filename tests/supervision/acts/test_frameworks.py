import pytest
from regulator.exchange.v1.framework_service_pb2 import FrameworkVersion
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import AlreadyExists, BadInput, NotAllowed, NotFound, Stale, WrongState
from gateway.supervision.acts.frameworks import assessed_peer, check_assess, check_publish, check_publisher
from gateway.supervision.envelopes import frameworks as envelopes
from gateway.supervision.frameworks.records import framework_etag
from gateway.supervision.messages import frameworks as messages
from tests.supervision.framework_samples import (
    assessment,
    assessment_record,
    header,
    pair,
    provision,
    version,
    version_record,
)
from tests.supervision.samples import FROM_HK, HK_TO_KR, SEALED_AT, seal

NEWEST = version_record(version=4)


def field_of(caught) -> str:
    (violation,) = caught.value.violations
    return violation.field


# --- publish ------------------------------------------------------------------------------------------------


def test_versions_are_numbered_from_one():
    assert check_publish("hk-x", "HK", None) == 1
    assert check_publish("hk-x", "HK", NEWEST) == 5


def test_a_change_is_made_for_the_newest_version():
    assert check_publish("hk-x", "HK", NEWEST, base_version=4, etag=framework_etag(NEWEST)) == 5


@pytest.mark.parametrize("base", [3, 5])
def test_a_change_for_another_version_is_stale_and_both_are_named(base):
    with pytest.raises(Stale) as caught:
        check_publish("hk-x", "HK", NEWEST, base_version=base)
    assert caught.value.metadata == {"framework": "hk-x", "base_version": str(base), "newest_version": "4"}
    assert f"at version 4, the change was made for {base}" in caught.value.message


def test_an_etag_of_another_version_is_stale():
    with pytest.raises(Stale, match="its etag is now"):
        check_publish("hk-x", "HK", NEWEST, etag=framework_etag(version_record(version=3)))


@pytest.mark.parametrize("given", [{"base_version": 1}, {"etag": '"1"'}])
def test_what_is_not_there_cannot_be_changed(given):
    with pytest.raises(NotFound):
        check_publish("hk-x", "HK", None, **given)


def test_a_jurisdiction_publishes_its_own():
    with pytest.raises(BadInput) as caught:
        check_publish("kr-x", "HK", None)
    assert field_of(caught) == "parent"
    with pytest.raises(BadInput) as caught:
        check_publisher(header(jurisdiction="KR"), "HK", "SFC", "content.header")
    assert field_of(caught) == "content.header.jurisdiction"


def test_an_authority_publishes_what_is_its_own_too():
    check_publisher(header(), "HK", "SFC", "content.header")
    with pytest.raises(NotAllowed, match="own authority, FSTB"):
        check_publisher(header(), "HK", "FSTB", "content.header")


# --- assess -------------------------------------------------------------------------------------------------


def asked(new_id: str = "hk-2", known=(), provisions=("a", "b"), **changes) -> None:
    names = {f"frameworks/{where}-x/provisions/{each}" for where in ("hk", "kr") for each in provisions}
    find = {each.id: each for each in known}.get
    check_assess(new_id, assessment(**changes), FROM_HK, find, names.__contains__)


def test_an_area_or_two_provisions_that_are_known_may_be_assessed():
    asked()
    asked(pair=pair())


def test_the_peer_is_the_other_of_the_two():
    assert assessed_peer(assessment(), "HK") == "KR"
    assert assessed_peer(assessment(), "KR") == "HK"
    with pytest.raises(BadInput) as caught:
        assessed_peer(assessment(), "SG")
    assert field_of(caught) == "assessment.content.first_jurisdiction"


@pytest.mark.parametrize(("known", "side"), [(("b",), "first"), (("a",), "second")])
def test_a_provision_must_be_known(known, side):
    with pytest.raises(BadInput) as caught:
        asked(pair=pair(), provisions=known)
    assert field_of(caught) == f"assessment.content.pair.{side}"


def test_an_id_is_the_assessors_to_give_and_given_once():
    with pytest.raises(BadInput) as caught:
        asked("kr-2")
    assert field_of(caught) == "assessment_id"
    with pytest.raises(AlreadyExists):
        asked("hk-1", known=[assessment_record()])


def test_an_assessment_may_take_the_place_of_an_earlier_one_of_the_same_target():
    asked(known=[assessment_record()], supersedes="assessments/hk-1")


@pytest.mark.parametrize(
    "earlier",
    [
        assessment_record(id="hk-9"),
        assessment_record(assessor="KR", recipient="HK"),
        assessment_record(recipient="SG"),
        assessment_record(topic="capital"),
        assessment_record(sector=0, topic="", provisions=("x", "y")),
    ],
)
def test_it_takes_no_other_place(earlier):
    with pytest.raises(BadInput) as caught:
        asked(known=[earlier], supersedes="assessments/hk-1")
    assert field_of(caught) == "assessment.content.supersedes"


def test_a_place_is_taken_once():
    with pytest.raises(WrongState) as caught:
        asked(known=[assessment_record(superseded_by="hk-5")], supersedes="assessments/hk-1")
    assert caught.value.metadata == {"assessment": "hk-1", "superseded_by": "hk-5"}


# --- messages -----------------------------------------------------------------------------------------------

PUBLISHED = envelopes.published(seal(), "hk-x", 4, 3, version(provision()))
ASSESSED = envelopes.assessed(seal(), "hk-1", assessment())


def test_a_framework_shows_its_newest_version():
    found = messages.framework_message(NEWEST, PUBLISHED)
    assert (found.name, found.latest_version, found.etag) == ("frameworks/hk-x", 4, framework_etag(NEWEST))
    assert found.header == header()
    assert found.direction == Notice.OUTGOING
    assert found.update_time.ToMicroseconds() == SEALED_AT


def test_a_version_shows_where_it_went_and_how_much_was_asked_for():
    records = [NEWEST, version_record(version=4, recipient="SG", origin="hk/to/sg", index=2, receipt_time=9)]
    basic = messages.version_message(records, PUBLISHED)
    assert basic.name == "frameworks/hk-x/versions/4"
    assert (basic.content, basic.provision_count) == (version(), 1)
    assert [(each.recipient, each.position.origin, each.position.index) for each in basic.deliveries] == [
        ("KR", HK_TO_KR, 0),
        ("SG", "hk/to/sg", 2),
    ]
    assert [each.HasField("receipt_time") for each in basic.deliveries] == [False, True]
    assert messages.version_message(records, PUBLISHED, FrameworkVersion.FULL).content == version(provision())


def test_a_provision_shows_where_it_was_read():
    found = messages.provision_message(NEWEST, provision())
    assert (found.name, found.version, found.jurisdiction) == ("frameworks/hk-x/provisions/a", 4, "HK")
    assert found.provision == provision()


def test_an_assessment_shows_what_became_of_it():
    found = messages.assessment_message(assessment_record(superseded_by="hk-2", receipt_time=9), ASSESSED)
    assert (found.name, found.superseded_by) == ("assessments/hk-1", "assessments/hk-2")
    assert (found.receipt_time.seconds, found.author.authority) == (9, "SFC")
    assert found.content == assessment()
    assert not messages.assessment_message(assessment_record(), ASSESSED).superseded_by


def test_an_assessment_in_a_comparison_says_who_made_it_and_when():
    found = messages.standing_assessment(assessment_record(), ASSESSED)
    assert (found.name, found.assessor, found.content) == ("assessments/hk-1", "HK", assessment())
    assert found.time.ToMicroseconds() == SEALED_AT
