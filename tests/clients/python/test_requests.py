"""Requests are built from what a caller gives, and nothing of the caller's is changed."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange import notice_request, requests
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

CONTENT = NoticeContent(issuing_authority="SFC")


def test_texts_may_be_messages_or_a_mapping():
    message = LocalizedText(language_tag="ko", text="확인.")
    assert list(requests.acknowledge_notice("kr-1", comment=[message]).comment) == [message]
    assert list(requests.acknowledge_notice("kr-1", comment={"ko": "확인."}).comment) == [message]
    assert list(requests.acknowledge_notice("kr-1").comment) == []


def test_a_text_without_its_language_is_refused_with_what_would_be_right():
    with pytest.raises(TypeError, match=r"such as \{'en': 'Noted.'\}"):
        requests.acknowledge_notice("kr-1", comment="Noted.")


def test_a_moment_is_told_whatever_its_time_zone():
    seoul = timezone(timedelta(hours=9))
    request = requests.list_notices(release_time_before=datetime(2026, 1, 1, 9, tzinfo=seoul))
    assert request.release_time_before.ToDatetime(tzinfo=UTC) == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="release_time_from must have a time zone"):
        requests.list_notices(release_time_from=datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_moment_that_lies_in_no_year_of_utc_is_refused():
    with pytest.raises(ValueError, match="release_time_from must be a moment of the years 1 to 9999, in UTC"):
        requests.list_notices(release_time_from=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))


def test_an_unknown_filter_is_refused():
    with pytest.raises(ValueError, match="colour"):
        requests.list_notices(colour="red")


def test_every_filter_of_the_contract_can_be_asked_for():
    fields = {field.name for field in requests.list_notices().DESCRIPTOR.fields}
    assert fields == set(requests.NoticeFilters.__annotations__)


@given(name=st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1))
def test_a_name_with_and_without_its_collection_is_the_same(name):
    assert requests.get_notice(name) == requests.get_notice(f"notices/{name}")
    assert requests.get_peer(name) == requests.get_peer(f"peers/{name}")


def test_a_name_of_another_collection_is_not_taken_for_a_notice():
    assert requests.get_notice("peers/kr").name == "notices/peers/kr"


@pytest.mark.parametrize("given_id", [None, ""])
def test_a_missing_request_id_is_made_anew_each_time(given_id):
    made = [notice_request(CONTENT, recipient="KR", request_id=given_id).request_id for _ in range(2)]
    assert made[0] != made[1]
    assert {UUID(each).version for each in made} == {7}


def test_a_made_request_id_has_the_form_of_rfc_9562_and_begins_with_the_time(monkeypatch):
    monkeypatch.setattr(requests.time, "time_ns", lambda: 0x017F22E279B0 * 1_000_000)  # the RFC's example, appendix A.6
    monkeypatch.setattr(requests.secrets, "randbits", {12: 0xCC3, 62: 0x18C4DC0C0C07398F}.get)
    assert requests.identified(None) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_a_later_request_id_is_greater(monkeypatch):
    made = []
    for millis in (1, 2, 2**40):
        monkeypatch.setattr(requests.time, "time_ns", lambda millis=millis: millis * 1_000_000)
        made.append(requests.identified(None))
    assert made == sorted(made)
    assert {UUID(each).variant for each in made} == {RFC_4122}


def test_filling_in_a_request_id_changes_nothing_else():
    bare = CreateNoticeRequest(notice=Notice(recipient="KR", content=CONTENT), notice_id="hk-1", validate_only=True)
    filled = requests.with_request_id(bare)
    assert bare.request_id == ""
    assert UUID(filled.request_id).version == 7
    filled.request_id = ""
    assert filled == bare


def test_a_request_with_its_id_is_passed_on_as_it_is():
    given_request = CreateNoticeRequest(request_id=str(uuid4()))
    assert requests.with_request_id(given_request) is given_request
