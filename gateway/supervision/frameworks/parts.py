"""Divides an area of a comparison that is too large to be told at once."""

from collections.abc import Iterator
from typing import TypeVar

from google.protobuf.message import Message
from regulator.exchange.v1.framework_pb2 import Comparison

M = TypeVar("M", bound=Message)

_LISTS = {
    Comparison.Cell.DESCRIPTOR.full_name: ("first", "second", "parameters", "assessments"),
    Comparison.AlignedParameter.DESCRIPTOR.full_name: ("first", "second"),
}
"""What can be divided, by its name: the lists in it, in the order in which they are told."""


def divided(whole: M, max_bytes: int) -> Iterator[M]:
    """Gives a message in parts of at most so many bytes each, or of one item; what is in no list stands in all of them.

    The parts of a cell, merged in their order, have the same items in the same order as the cell; a figure that is too
    large by itself comes as several.
    """
    lists = _LISTS.get(whole.DESCRIPTOR.full_name, ())
    if not lists or whole.ByteSize() <= max_bytes:
        yield whole
        return
    frame = type(whole)()
    frame.CopyFrom(whole)
    for name in lists:
        frame.ClearField(name)
    part, used_bytes, is_begun = _copied(frame), frame.ByteSize(), False
    for name in lists:
        for item in getattr(whole, name):
            for piece in divided(item, max_bytes):
                size = piece.ByteSize()
                if is_begun and used_bytes + size > max_bytes:
                    yield part
                    part, used_bytes = _copied(frame), frame.ByteSize()
                getattr(part, name).append(piece)
                used_bytes, is_begun = used_bytes + size, True
    yield part


def _copied(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
