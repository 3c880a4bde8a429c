import time
from collections.abc import Iterator
from itertools import islice

import pytest
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.type.date_pb2 import Date
from hypothesis import given
from regulator.exchange.v1 import framework_pb2 as framework
from regulator.exchange.v1 import notice_pb2 as notice
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice

from gateway.supervision.projections.projection import concerned_notices
from gateway.supervision.rules.extent import long_lists, own_unknown_fields, parts_of, unknown_fields
from gateway.supervision.rules.fields import field_violations
from tests.supervision.framework_samples import provision
from tests.supervision.samples import arbitrary, content, contents

PROVISIONS = "framework_version_published.content.provisions"
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


def heavy(act: str) -> Envelope:
    """One with a million entries where the contract allows few."""
    made = Envelope()
    if act == "framework_version_published":
        made.framework_version_published.content.provisions.extend([framework.Provision()] * 1_000_000)
    else:
        made.notice_released.content.references.extend([notice.Reference()] * 1_000_000)
    return made


@pytest.mark.parametrize("act", ["framework_version_published", "notice_released"])
def test_whatever_a_peer_seals_nothing_looks_into_a_list_that_is_too_long(act):
    made = heavy(act)
    began = time.process_time()
    assert paths(field_violations(made))
    assert list(concerned_notices(made)) in ([], [""])
    assert time.process_time() - began < 0.1


def test_a_version_is_looked_into_part_by_part_and_each_fault_has_its_path():
    """Else it holds up every thread of the node for seconds."""
    made = Envelope()
    published = made.framework_version_published
    published.content.provisions.extend([provision("a"), provision("B"), provision("c", citation="")])
    published.content.header.jurisdiction = "hk"
    assert [path for _, path in parts_of(made)][1:] == [f"{PROVISIONS}[{place}]" for place in range(3)]
    assert max(len(part.framework_version_published.content.provisions) for part, _ in islice(parts_of(made), 1)) == 0
    told = paths(field_violations(made))
    assert told[-2:] == [f"{PROVISIONS}[1].id", f"{PROVISIONS}[2].citation"]
    assert f"{PROVISIONS.rpartition('.')[0]}.header.jurisdiction" in told
    assert len(published.content.provisions) == 3, "it stays as it was"


def test_each_list_that_a_peer_may_fill_has_a_bound():
    """Else what asks for lists that are too long would walk through millions."""
    unbounded = [
        f"{kind.full_name}.{field.name}"
        for kind in below(Envelope.DESCRIPTOR, set())
        for field in kind.fields
        if field.is_repeated and not field.GetOptions().Extensions[validate_pb2.field].repeated.HasField("max_items")
    ]
    assert unbounded == []


def below(kind: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    """A message type, and all that may lie in it."""
    if kind.full_name not in seen:
        seen.add(kind.full_name)
        yield kind
        for field in kind.fields:
            if field.message_type:
                yield from below(field.message_type, seen)


def test_an_envelope_with_a_million_empty_texts_takes_no_time_to_refuse():
    """A peer may send one: it is projected on the node's own loop."""
    envelope = Envelope()
    envelope.notice_withdrawn.explanation.extend([values.LocalizedText()] * 1_000_000)
    began = time.process_time()
    assert paths(field_violations(envelope)) == ["notice_withdrawn.explanation"]
    assert time.process_time() - began < 1
