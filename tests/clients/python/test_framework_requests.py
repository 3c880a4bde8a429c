"""Requests about frameworks are built from what a caller gives."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from google.type.date_pb2 import Date
from regulator.exchange import framework_requests as requests
from regulator.exchange.progress import Progress
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkChangeSet, FrameworkVersionContent
from regulator.exchange.v1.framework_service_pb2 import FrameworkVersion
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY


def test_a_version_is_told_whole_or_as_what_changes():
    whole = requests.publish_version("hk-x", FrameworkVersionContent(), recipients=["KR"], etag='"3"')
    assert whole.WhichOneof("version") == "content"
    assert (whole.parent, list(whole.recipients), whole.etag) == ("frameworks/hk-x", ["KR"], '"3"')
    changes = requests.publish_version("frameworks/hk-x", FrameworkChangeSet(base_version=2), validate_only=True)
    assert changes.WhichOneof("version") == "change_set"
    assert (changes.parent, changes.validate_only) == ("frameworks/hk-x", True)


def test_writes_get_a_request_id_of_their_own():
    for build in (
        lambda: requests.publish_version("hk-x", FrameworkVersionContent()),
        lambda: requests.assess(AssessmentContent()),
    ):
        made = [build().request_id for _ in range(2)]
        assert made[0] != made[1]
        assert {UUID(each).version for each in made} == {7}


def test_names_with_and_without_their_collection_are_the_same():
    assert requests.get_framework("hk-x") == requests.get_framework("frameworks/hk-x")
    assert requests.get_version("hk-x", 3).name == "frameworks/hk-x/versions/3"
    assert requests.get_version("hk-x", 3, full=True).view == FrameworkVersion.FULL
    assert requests.diff_versions("hk-x", old=1, new=2).name == "frameworks/hk-x"
    assert requests.list_provisions().parent == "frameworks/-"


def test_days_and_moments_are_told_as_the_contract_has_them():
    asked = requests.list_provisions("hk-x", as_of=date(2026, 1, 31), known_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert asked.as_of == Date(year=2026, month=1, day=31)
    assert asked.known_at.ToDatetime(UTC) == datetime(2026, 1, 1, tzinfo=UTC)
    compared = requests.compare_jurisdictions("HK", "KR", as_of=date(2026, 1, 31))
    assert (compared.as_of, compared.HasField("known_at")) == (asked.as_of, False)
    assert requests.compare_jurisdictions("HK", "KR", page_token="next").page_token == "next"


def test_a_moment_without_a_time_zone_is_refused():
    moment = datetime(2026, 1, 1)  # noqa: DTZ001
    for build in (
        lambda: requests.list_provisions("hk-x", known_at=moment),
        lambda: requests.compare_jurisdictions("HK", "KR", known_at=moment),
    ):
        with pytest.raises(ValueError, match="known_at must have a time zone"):
            build()


@pytest.mark.parametrize(
    ("message", "filters", "beside"),
    [
        (requests.list_provisions(), requests.ProvisionFilters, {"parent"}),
        (requests.list_assessments(), requests.AssessmentFilters, set()),
    ],
)
def test_every_filter_of_the_contract_can_be_asked_for(message, filters, beside):
    assert {field.name for field in message.DESCRIPTOR.fields} - beside == set(filters.__annotations__)


def test_a_watch_asks_for_the_rules_it_is_about_after_each_resumption():
    progress = Progress("", [Event.FRAMEWORK_ASSESSED], from_now=True, jurisdiction="HK", sector=SECTOR_CUSTODY)
    progress.cursor = "7"
    asked = progress.request()
    assert (asked.cursor, asked.jurisdiction, asked.sector, asked.topic) == ("7", "HK", SECTOR_CUSTODY, "")
    assert list(asked.kinds) == [Event.FRAMEWORK_ASSESSED]
