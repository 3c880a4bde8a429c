"""The compiled rules against what they stand for: protovalidate, the rules on values, the search for unknown fields."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import protovalidate
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1 import notice_pb2, notice_service_pb2, values_pb2
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_service_pb2 import PublishVersionRequest
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice

from gateway.rpc.server import SERVICES
from gateway.supervision.envelopes.envelopes import acknowledged, released
from gateway.supervision.files.notices import read_notices
from gateway.supervision.rules.compiled import keeps_all_rules, keeps_field_rules
from gateway.supervision.rules.extent import unknown_fields
from gateway.supervision.rules.value_rules import value_violations
from tests.supervision.framework_samples import DATA, real
from tests.supervision.samples import arbitrary, content, contents, seal
from tests.support.properties import examples

# They have rules over several fields.
NOT_TOLD = (values_pb2.Instrument.DESCRIPTOR, notice_pb2.Incident.DESCRIPTOR, AssistanceAnswer.DESCRIPTOR)
VALIDATOR = protovalidate.Validator()
MUTATIONS = 200  # of each sample, in each run of the suite: some thousands in all

TEXTS = [
    *[
        "",
        "\n",
        "\0",
        " ",
        "a",
        "A\n",
        "a\x7f",
        "\u200b",
        "\u202e",
        "香港",
        "é",
        "HKMA",
        "HKMA\n",
        "hk",
        "HK\n",
        "XHKG\n",
    ],
    *["en", "en-US\n", "EN", "zh-Hant-HK", "notices/hk-1", "notices/hk-1\n", "notices/hk-" + "1" * 61],
    *["x" * length for length in (17, 64, 65, 513, 1025, 16_384, 16_385)],
    *["한" * 16_384, "spiffe://", "http://a", "a/b", "a\\b", "text/plain", "Text/plain", "1.5", "1e9"],
    *["a.example", "a.example.", "-a.example", "a-.example", "a_b.example", "1.2.3.4", "a.1", "x" * 64 + ".example"],
    *["x." * 127 + "y", "x." * 126 + "yz"],
    *["123e4567-e89b-42d3-a456-426614174000" + rest for rest in ("", "0", "\n")],
    "00000000-0000-0000-0000-000000000000",
    *["5493001KJTIIGC8Y1R12", "5493001KJTIIGC8Y1R13", "US0378331005"],
]
NUMBERS = [0, 1, 2, 3, 7, 8, 99, 1200, 1201, 10_000, 10_001, 999_999_999, 10**9, 2**31 - 1]


def is_valid(message: Message) -> bool:
    try:
        return not VALIDATOR.collect_violations(message)
    except protovalidate.EvaluationError:
        return False


def told_as_they_are(message: Message) -> tuple[bool, bool]:
    """What the compiled rules say; fails if that is more than is true."""
    fields, everything = keeps_field_rules(message), keeps_all_rules(message)
    assert fields <= is_valid(message), message
    if everything:
        assert is_valid(message), message
        assert not value_violations(message, ""), message
        assert not list(unknown_fields(message)), message
    return fields, everything


# --- messages that are nearly right -------------------------------------------------------------------------------


def samples() -> list[Message]:
    """Valid ones: each real notice as a request and sealed, other acts, a version of a framework."""
    contents = [each.content for each in read_notices((DATA / "notices.json").read_bytes())]
    made: list[Message] = [request(each) for each in [content(), *contents]]
    made += [released(seal(), "hk-1", each) for each in contents]
    made.append(acknowledged(seal(), "hk-1", content().title, "A-1"))
    made.append(notice_service_pb2.WithdrawNoticeRequest(name="notices/hk-1", explanation=content().title))
    made.append(notice_service_pb2.SupersedeNoticeRequest(name="notices/hk-1", content=content()))
    version = real("HK").content
    del version.provisions[5:]
    made.append(PublishVersionRequest(parent="frameworks/hk-stablecoins", content=version))
    return made


def request(of: notice_pb2.NoticeContent) -> CreateNoticeRequest:
    return CreateNoticeRequest(
        notice=Notice(recipient="KR", content=of), request_id="123e4567-e89b-42d3-a456-426614174000", notice_id="hk-1"
    )


def places(message: Message) -> Iterator[Message]:
    """Every message that is set at or below one."""
    yield message
    for field, value in message.ListFields():
        if field.message_type:
            for each in value if field.is_repeated else [value]:
                yield from places(each)


def mutate(message: Message, chance: random.Random) -> None:
    """Changes one field somewhere, or adds one that nobody knows."""
    place = chance.choice(list(places(message)))
    if not place.DESCRIPTOR.fields or chance.random() < 0.03:
        place.MergeFromString(b"\xfa\x3f\x01x")  # field 1023
        return
    field = chance.choice(place.DESCRIPTOR.fields)
    if chance.random() < 0.2:
        place.ClearField(field.name)
    elif field.is_repeated:
        values = getattr(place, field.name)
        for _ in range(chance.choice([1, 1, 1, 2, 17, 65, 257])):
            if field.message_type:
                values.add().CopyFrom(chance.choice(values))
            else:
                values.append(
                    chance.choice(list(values)) if values and chance.random() < 0.3 else scalar(field, chance)
                )
    elif field.message_type:
        getattr(place, field.name).SetInParent()
    else:
        setattr(place, field.name, scalar(field, chance))


def scalar(field: FieldDescriptor, chance: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        return chance.choice(TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes(chance.choice([0, 15, 16, 17, 31, 32, 33]))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return chance.random() < 0.5
    return chance.choice(NUMBERS)


def untold(message: Message) -> bool:
    return any(each.DESCRIPTOR in NOT_TOLD for each in places(message))


# --- tests --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(len(samples())))
def test_no_change_of_a_valid_message_is_told_to_be_right_unless_it_is(place):
    sample, chance = samples()[place], random.Random(place)
    assert is_valid(sample)
    for _ in range(MUTATIONS):
        changed = type(sample)()
        changed.CopyFrom(sample)
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            mutate(changed, chance)
        told_as_they_are(changed)


@pytest.mark.parametrize(
    "put",
    [
        lambda made, text: made.notice.content.title.add(language_tag="ko", text=text),
        lambda made, text: made.notice.content.title.add(language_tag=text, text="a"),
        lambda made, text: made.notice.content.subjects.add(name=text, jurisdiction="HK"),
        lambda made, text: made.notice.content.subjects.add(name="a", lei=text),
        lambda made, text: made.notice.content.subjects.add(name="a", licence_number=text),
        lambda made, text: made.notice.content.investor_alert.domains.append(text),
        lambda made, text: setattr(made.notice.content, "issuing_authority", text),
        lambda made, text: setattr(made, "request_id", text),
    ],
)
def test_no_text_is_told_to_be_right_unless_it_is(put: Callable[[CreateNoticeRequest, str], object]):
    for text in TEXTS:
        made = request(content(investor_alert=notice_pb2.InvestorAlert(reason=1, domains=["www.example.com"])))
        assert told_as_they_are(made) == (True, True)
        put(made, text)
        told_as_they_are(made)


@given(contents())
def test_valid_contents_are_told_to_be_right_but_for_what_has_rules_over_several_fields(drawn):
    made = request(drawn)
    fields, everything = told_as_they_are(made)
    assert fields == everything == (not untold(made))


@given(arbitrary(Envelope.DESCRIPTOR))
def test_whatever_an_envelope_holds(drawn):
    told_as_they_are(drawn)


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_whatever_a_request_holds(service):
    @examples(10)
    @given(st.tuples(*(arbitrary(method.input_type) for method in service.methods)))
    def try_each(drawn):
        for each in drawn:
            told_as_they_are(each)

    for method in service.methods:
        told_as_they_are(GetMessageClass(method.input_type)())
    try_each()
