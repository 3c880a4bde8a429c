import time

from google.protobuf.message import Message
from google.type.date_pb2 import Date
from hypothesis import given
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice

from gateway.supervision.rules.extent import long_lists, own_unknown_fields, unknown_fields
from gateway.supervision.rules.fields import field_violations
from tests.supervision.samples import arbitrary, content, contents

UNKNOWN = b"\xf8\x3f\x01"  # field 1023


def with_unknown(message: Message) -> Message:
    return type(message).FromString(message.SerializeToString() + UNKNOWN)


def paths(violations) -> list[str]:
    return [each.field for each in violations]


@given(contents())
def test_a_valid_content_holds_nothing_beyond_the_contract(made):
    assert list(long_lists(made)) == []
    assert list(unknown_fields(made)) == []


@given(arbitrary(Envelope.DESCRIPTOR))
def test_whatever_is_in_the_fields_that_are_known_none_is_unknown(made):
    assert list(unknown_fields(made)) == []


def test_a_field_is_found_wherever_it_lies():
    made = content(title=[values.LocalizedText(language_tag="en", text="A")], event_date=Date(year=2026))
    made.title.append(with_unknown(values.LocalizedText(language_tag="ko", text="가")))
    made.event_date.CopyFrom(with_unknown(made.event_date))
    made = with_unknown(made)
    assert sorted(paths(unknown_fields(made, "content"))) == ["content", "content.event_date", "content.title[1]"]
    assert paths(own_unknown_fields(made)) == ["request"]
    assert "field 1023" in next(own_unknown_fields(made)).description


def test_looking_changes_nothing():
    made = with_unknown(content())
    before = made.SerializeToString()
    assert paths(unknown_fields(made)) == ["request"]
    assert made.SerializeToString() == before


def test_lists_are_counted_at_every_depth_and_not_looked_into():
    made = NoticeContent(title=[values.LocalizedText()] * 17, subjects=[values.Entity()] * 256)
    made.handling.permitted_uses.extend([1] * 9)
    request = CreateNoticeRequest(notice=Notice(content=made))
    assert paths(long_lists(request)) == ["notice.content.handling.permitted_uses", "notice.content.title"]


def test_an_envelope_with_a_million_empty_texts_takes_no_time_to_refuse():
    """A peer may send one: it is projected on the node's own loop."""
    envelope = Envelope()
    envelope.notice_withdrawn.explanation.extend([values.LocalizedText()] * 1_000_000)
    began = time.process_time()
    assert paths(field_violations(envelope)) == ["notice_withdrawn.explanation"]
    assert time.process_time() - began < 1
