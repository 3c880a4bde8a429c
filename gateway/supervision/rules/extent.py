"""What a message holds beyond the contract: lists longer than it allows, and fields that it does not have."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from gateway.errors import Violation

LARGE_ITEMS = 1000  # of one list: a message with so many takes long to look into

ROOT = "request"  # the path of a message that lies in no other one


def long_lists(message: Message, path: str = "") -> Iterator[Violation]:
    """Every list with more items than its ``max_items``; what lies in such a list is not looked at.

    It comes before any other rule is asked of what a peer sent, so it looks only where there may be such a list.
    """
    for name, most, is_repeated, leads_on in _bounded(message.DESCRIPTOR):
        if not is_repeated:
            if message.HasField(name):
                yield from long_lists(getattr(message, name), _below(path, name))
            continue
        items = getattr(message, name)
        if most is not None and len(items) > most:
            yield Violation(_below(path, name), f"must hold at most {most} items")
        elif leads_on:
            for place, item in enumerate(items):
                yield from long_lists(item, f"{_below(path, name)}[{place}]")


def parts_of(message: Message, path: str = "") -> Iterator[tuple[Message, str]]:
    """A message in parts, each with its path: without the items of its large lists, then each of these.

    protovalidate holds up every thread while it looks at one message, and at a version of a framework it looks seconds.
    """
    present = [way for way in _large_lists(message.DESCRIPTOR) if _list_in(message, way)]
    if not present:
        yield message, path
        return
    rest = type(message)()
    rest.CopyFrom(message)
    for way in present:
        del _list_in(rest, way)[:]
    yield rest, path
    for way in present:
        name = _below(path, ".".join(way))
        yield from ((item, f"{name}[{place}]") for place, item in enumerate(_list_in(message, way)))


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


class _Bounded(NamedTuple):
    """A field in which, or below which, a list has a ``max_items``."""

    name: str
    most: int | None
    is_repeated: bool
    leads_on: bool


@cache
def _bounded(descriptor: Descriptor) -> tuple[_Bounded, ...]:
    return tuple(_bounded_fields(descriptor, frozenset()))


def _bounded_fields(descriptor: Descriptor, above: frozenset[str]) -> Iterator[_Bounded]:
    """``above``: message types in which this one lies; of one that lies in itself nothing more is asked."""
    for field in descriptor.fields:
        of_list = _rules(field).repeated
        most = of_list.max_items if of_list.HasField("max_items") else None
        kind, here = field.message_type, above | {descriptor.full_name}
        leads_on = bool(kind and kind.full_name not in here and any(True for _ in _bounded_fields(kind, here)))
        if most is not None or leads_on:
            yield _Bounded(field.name, most, field.is_repeated, leads_on)


@cache
def _large_lists(descriptor: Descriptor) -> tuple[tuple[str, ...], ...]:
    """The ways to lists of messages that the contract lets have ``LARGE_ITEMS``, by the names of fields."""
    found: list[tuple[str, ...]] = []
    for field in descriptor.fields:
        if field.message_type and not field.is_repeated:
            found += ((field.name, *further) for further in _large_lists(field.message_type))
        elif field.message_type and _rules(field).repeated.max_items >= LARGE_ITEMS:
            found.append((field.name,))
    return tuple(found)


def _list_in(message: Message, way: Sequence[str]) -> Any:
    """The list at the end of a way; empty if what it lies in is not there."""
    *outer, last = way
    for name in outer:
        if not message.HasField(name):
            return ()
        message = getattr(message, name)
    return getattr(message, last)


def _rules(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[validate_pb2.field]


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
