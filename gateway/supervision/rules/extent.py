"""What a message holds beyond the contract: lists longer than it allows, and fields that it does not have."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from gateway.errors import Violation

ROOT = "request"  # the path of a message that lies in no other one


def long_lists(message: Message, path: str = "") -> Iterator[Violation]:
    """Every list with more items than its ``max_items``; what lies in such a list is not looked at."""
    limits = _limits(message.DESCRIPTOR)
    for field, value in message.ListFields():
        name = f"{path}.{field.name}" if path else field.name
        if field.is_repeated and len(value) > limits.get(field.name, len(value)):
            yield Violation(name, f"must hold at most {limits[field.name]} items")
        else:
            for place, below in _messages(field, value, name):
                yield from long_lists(below, place)


def unknown_fields(message: Message, path: str = "") -> Iterator[Violation]:
    """Every message, at or below ``message``, that holds a field which the contract does not have.

    What is sealed must have been checked, and what was asked must have been understood: so a request holds
    nothing unknown. An envelope may: it is stored as it came, and comes from a node that may be newer.
    """
    if not _holds_unknown(message):
        return
    yield from own_unknown_fields(message, path)
    for field, value in message.ListFields():
        name = f"{path}.{field.name}" if path else field.name
        for place, below in _messages(field, value, name):
            yield from unknown_fields(below, place)


def own_unknown_fields(message: Message, path: str = "") -> Iterator[Violation]:
    """The same of ``message`` alone, without what lies in it."""
    if unknown := UnknownFieldSet(message):
        yield Violation(path or ROOT, f"holds field {unknown[0].field_number}, which this version does not know")


def _holds_unknown(message: Message) -> bool:
    copy = type(message)()
    copy.CopyFrom(message)
    copy.DiscardUnknownFields()
    return copy.ByteSize() != message.ByteSize()


def _messages(field: FieldDescriptor, value: Any, name: str) -> Iterator[tuple[str, Message]]:
    """The messages in a field, each with its path."""
    if field.message_type is None:
        return
    if field.is_repeated:
        yield from ((f"{name}[{place}]", item) for place, item in enumerate(value))
    else:
        yield name, value


@cache
def _limits(descriptor: Descriptor) -> Mapping[str, int]:
    """The lists of a message type that have a ``max_items``."""
    rules = {field.name: field.GetOptions().Extensions[validate_pb2.field] for field in descriptor.fields}
    return {name: rule.repeated.max_items for name, rule in rules.items() if rule.repeated.HasField("max_items")}
