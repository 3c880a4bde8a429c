"""Hostile texts in every text of every request: none is obeyed, none gets more than its caller asked for."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest, ListNoticesResponse

from gateway.rpc.server import SERVICES
from tests.hostile.conftest import CANARY, Target, assert_serves
from tests.hostile.texts import MARK, TEXTS, WRITABLE
from tests.rpc.calls import DEADLINE_SECONDS, NOTICES, Answer, call, connected, refusal

METHODS = {
    f"/{service.full_name}/{method.name}": method
    for service in SERVICES
    for method in service.methods
    if method.input_type.fields
}
COLLECTIONS = ("notices", "frameworks", "frameworks/hk-x/provisions", "assessments", "channels", "peers")
DEEPEST = 6


@pytest.fixture(scope="module")
def channel(target: Target) -> Iterator[grpc.Channel]:
    with connected(target.hk, target.hk.back_office_port, target.foe) as opened:
        yield opened


@pytest.fixture(autouse=True)
def unrepeated(target: Target) -> Iterator[None]:
    """No log of the node repeats what it was sent."""
    logged = len(target.hk.log_text())
    yield
    assert MARK not in target.hk.log_text()[logged:]


def ask(channel: grpc.Channel, path: str, request: Message) -> Answer:
    """Makes a call of any shape; of a stream of answers, only the first is awaited."""
    method, data = METHODS[path], request.SerializeToString()
    shape = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    try:
        answer = getattr(channel, shape)(path)(
            iter([data]) if method.client_streaming else data, timeout=DEADLINE_SECONDS
        )
        first = next(answer, b"") if method.server_streaming else answer
        if method.server_streaming:
            answer.cancel()
    except grpc.RpcError as error:
        return refusal(error)
    return Answer(grpc.StatusCode.OK, data=first)


def filled(descriptor: Descriptor, text: str, depth: int = 0) -> Message:
    """A message in which every text, however deep, is this one."""
    message: Any = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            value: Any = text
        elif field.message_type and depth < DEEPEST and not field.message_type.GetOptions().map_entry:
            value = filled(field.message_type, text, depth + 1)
        else:
            continue
        if field.is_repeated:
            getattr(message, field.name).append(value)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(value)
        else:
            setattr(message, field.name, value)
    return message


def one_at_a_time(descriptor: Descriptor, text: str) -> Iterator[Message]:
    """For each text of a request, a request in which only that is set; names also within their collections."""
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
            named = COLLECTIONS if field.name in {"name", "parent"} else ()
            for value in (text, *(f"{collection}/{text}" for collection in named)):
                yield GetMessageClass(descriptor)(**{field.name: value})


@pytest.mark.parametrize("path", METHODS)
def test_a_hostile_text_in_every_text_of_a_request(target, channel, path):
    for text in TEXTS.values():
        descriptor = METHODS[path].input_type
        for request in (filled(descriptor, text), *one_at_a_time(descriptor, text)):
            answer = ask(channel, path, request)
            assert answer.code not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}, (text, request)
            assert CANARY.encode() not in answer.data, (text, request)
            assert "Traceback" not in answer.text
    assert_serves(target.hk)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("field", ["issuing_authority", "subject_identifier", "peer", "page_token"])
def test_a_filter_finds_what_it_says_and_nothing_else(channel, field, name):
    answer = call(channel, f"{NOTICES}ListNotices", ListNoticesRequest(**{field: TEXTS[name]}))
    if answer.code == grpc.StatusCode.OK:
        assert not ListNoticesResponse.FromString(answer.data).notices
    else:
        assert answer.code == grpc.StatusCode.INVALID_ARGUMENT


def test_what_a_notice_says_comes_back_as_it_was_written_on_both_sides(target):
    for site, authority in ((target.hk, "SFC"), (target.kr, "FSS")):
        with site.client(authority) as client:
            said = client.get_notice("notices/hk-hostile").content
            assert [each.text for each in said.summary] == [TEXTS[name] for name in WRITABLE]
