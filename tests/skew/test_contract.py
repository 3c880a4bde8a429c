"""What an earlier version said means the same now: no field, number, type or method of its contract has changed."""

from collections.abc import Iterator
from itertools import chain

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.descriptor_pool import Default
from regulator.exchange.v1 import envelope_pb2, peer_service_pb2  # noqa: F401 - they are in the pool then

from tests.skew.earlier import files


def messages_in(messages: dict[str, Descriptor]) -> Iterator[Descriptor]:
    for each in messages.values():
        yield each
        yield from messages_in(each.nested_types_by_name)


MESSAGES = [each for file in files() for each in messages_in(file.message_types_by_name)]
ENUMS = [
    *chain.from_iterable(file.enum_types_by_name.values() for file in files()),
    *chain.from_iterable(each.enum_types_by_name.values() for each in MESSAGES),
]


def meaning(field: FieldDescriptor) -> tuple[object, ...]:
    """What its bytes mean, and which of several it is."""
    kind = field.message_type or field.enum_type
    choice = field.containing_oneof.name if field.containing_oneof else ""
    return field.name, field.number, field.type, kind.full_name if kind else "", field.is_repeated, choice


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: each.full_name)
def test_every_field_of_a_message_is_what_it_was(message: Descriptor) -> None:
    now = Default().FindMessageTypeByName(message.full_name)
    for field in message.fields:
        assert meaning(field) == meaning(now.fields_by_number[field.number])


@pytest.mark.parametrize("enum", ENUMS, ids=lambda each: each.full_name)
def test_every_value_of_an_enum_is_what_it_was(enum: EnumDescriptor) -> None:
    now = Default().FindEnumTypeByName(enum.full_name)
    for value in enum.values:
        assert now.values_by_number[value.number].name == value.name


def test_every_method_of_the_peer_service_is_what_it_was() -> None:
    (service,) = chain.from_iterable(file.services_by_name.values() for file in files())
    now = Default().FindServiceByName(service.full_name)
    for method in service.methods:
        same = now.methods_by_name[method.name]
        for side in ("input_type", "output_type"):
            assert getattr(same, side).full_name == getattr(method, side).full_name


def test_that_version_lacks_what_came_later() -> None:
    """Else nothing here would show anything."""
    known = {field.full_name for each in MESSAGES for field in each.fields}
    later = {
        "ExchangeRequest.traced",
        "Hello.receipt",
        "Batch.destroyed",
        "Halted.prefix_root",
        "Envelope.seal_rotated",
    }
    assert known.isdisjoint(f"regulator.exchange.v1.{name}" for name in later)
