"""Malformed requests over a real channel: each is refused by name, harms nothing and tells nothing."""

import pytest
from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference

from tests.rpc.calls import CREATE, NOTICES, bad_input, refused
from tests.rpc.malformed_contents import CONTENTS
from tests.rpc.malformed_requests import REQUESTS, creation
from tests.supervision.samples import content, reference

pytestmark = pytest.mark.usefixtures("cheaply")


def changed(changes: dict[str, object]) -> NoticeContent:
    made = content()
    for name, value in changes.items():
        made.ClearField(name)
        if value is not None:
            made.MergeFrom(NoticeContent(**{name: value}))
    return made


@pytest.mark.parametrize("name", CONTENTS)
def test_a_content_that_breaks_a_rule(channel, name):
    changes, field = CONTENTS[name]
    fields = bad_input(channel, CREATE, creation(changed(changes), notice_id="hk-malformed"))
    assert f"notice.content.{field}" in fields


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_that_breaks_a_rule(channel, name):
    case = REQUESTS[name]
    answer = refused(channel, case.method, case.request)
    assert (answer.code, answer.reason) == (case.code, case.reason)
    assert answer.fields == case.fields


def test_as_many_violations_are_told_as_fit_into_an_answer(channel):
    """More than 16 KiB of trailers, and a client hears of nothing but that."""
    wrong = content(subjects=[values.Entity(name="A", lei="HWUPKR0MPOU8FGXBT395")] * 256)
    fields = bad_input(channel, CREATE, creation(wrong))
    assert fields[:2] == ("notice.content.subjects[0].lei", "notice.content.subjects[1].lei")
    assert len(fields) > 10


def test_a_notice_cannot_be_given_in_place_of_another_with_too_many_references(channel):
    """The node adds a reference of its own: with it, the content must still keep to the contract."""
    full = content(references=[reference(Reference.RELATES_TO, f"hk-other-{number}") for number in range(64)])
    request = pb.SupersedeNoticeRequest(name="notices/hk-1", content=full)
    assert bad_input(channel, f"{NOTICES}SupersedeNotice", request) == ("content.references",)
