"""Requests from bytes: what cannot be read is refused by the name of the field that is wrong."""

from collections.abc import Iterator
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from gateway.errors import BadInput

M = TypeVar("M", bound=Message)

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5  # wire types (protobuf encoding, "Message structure")
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_MAX_DEPTH = 32  # no message of the contract is nested so deeply
_MAX_FIELDS = 20_000  # that are looked at for a bad text: a few milliseconds, whatever was sent


def decode(kind: type[M], data: bytes) -> M:
    """Reads a message.

    Raises:
        BadInput: it is not one, or holds a text that is not UTF-8; names the field as far as it can be told.
    """
    try:
        return kind.FromString(data)
    except DecodeError as error:
        field = _first_bad_text(data, kind.DESCRIPTOR, "", _MAX_DEPTH, iter(range(_MAX_FIELDS)))
        if field:
            raise BadInput.of(field, "must be valid UTF-8") from error
        raise BadInput.of("request", f"must be a serialized {kind.DESCRIPTOR.full_name}") from error


def _first_bad_text(data: bytes, descriptor: Any, path: str, depth: int, budget: Iterator[int]) -> str:
    """The path of the first text that is no UTF-8; empty if what is wrong lies elsewhere, or past the budget."""
    for number, value in _delimited_fields(data, budget):
        field = descriptor.fields_by_number.get(number)
        if field is None or depth == 0:
            continue
        name = f"{path}.{field.name}" if path else field.name
        if field.message_type:
            if found := _first_bad_text(value, field.message_type, name, depth - 1, budget):
                return found
        elif field.type == FieldDescriptor.TYPE_STRING and not _is_utf8(value):
            return name
    return ""


def _delimited_fields(data: bytes, budget: Iterator[int]) -> Iterator[tuple[int, bytes]]:
    """Number and bytes of each length-delimited field, up to the first that cannot be read or the budget's end."""
    position = 0
    while position < len(data) and next(budget, None) is not None:
        tag, position = _varint(data, position)
        wire_type = tag & 7
        if wire_type == _DELIMITED:
            length, position = _varint(data, position)
            yield tag >> 3, data[position : position + length]
            position += length
        elif wire_type == _VARINT:
            _, position = _varint(data, position)
        elif wire_type in _FIXED_BYTES:
            position += _FIXED_BYTES[wire_type]
        else:
            return


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A varint and the position after it; past the end there are zeros."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[position] if position < len(data) else 0
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            break
    return value, position


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
