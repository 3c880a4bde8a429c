"""Finds what a message of the contract names, by its descriptor alone: a new method needs nothing here.

A name is the value of a field that the contract calls ``name`` or ``parent``, or after the collection that the value
is in (``notice`` for ``notices/...``), and that has the form of a resource name: so no text of a caller passes for
one. An answer that has a name stands for what it is of; only of one that has none are the messages in it asked, one
level deep. Where nothing is named, the place in a channel counts (``origin`` and ``index``). ``content`` is never read.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

_NAME = re.compile(r"(?:[a-z][A-Za-z]{0,31}/[A-Za-z0-9._-]{1,64}/)*([a-z][A-Za-z]{0,31})/[A-Za-z0-9._-]{1,64}")
_ORIGIN = re.compile(r"[a-z0-9.-]{1,120}/(?:to/[a-z0-9.-]{1,120}|journal)")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MAX_NAME_CHARACTERS = 512
_ANY_COLLECTION = frozenset({"name", "parent"})


@dataclass(frozen=True, slots=True)
class _Plan:
    """Where a type of message may hold names: fields of text, fields of messages, a place."""

    names: tuple[tuple[str, str], ...]  # the field, and the one collection that it may name; empty: any
    messages: tuple[tuple[str, bool], ...]  # the field, and whether it is repeated
    refusals: tuple[tuple[str, bool], ...]  # of these messages, those whose type has a ``google.rpc.Status``
    has_origin: bool
    has_index: bool


def asked_in(request: Message) -> tuple[str, ...]:
    """Gives what a request names by its own fields: what a caller wrote into the messages in it, nobody may read."""
    return tuple(_named_or_placed(request, _plan(request.DESCRIPTOR)))


def told_in(answer: Message) -> Iterator[str]:
    """Gives what an answer, or a message of a stream of answers, names; the same name may come again."""
    plan = _plan(answer.DESCRIPTOR)
    found = list(_own(answer, plan)) or [
        name for part in _parts(answer, plan.messages) for name in _named_or_placed(part, _plan(part.DESCRIPTOR))
    ]
    yield from found or _place(answer, plan)


def request_id_of(request: Message) -> str:
    """Gives a request's ``request_id``; empty: it has none, or one that is no UUID."""
    found = getattr(request, "request_id", "")
    return found if _UUID.fullmatch(found) else ""


def refusals_in(answer: Message) -> Iterator[str]:
    """Gives the reason of each refusal that an answer tells as a ``google.rpc.Status``."""
    for part in _parts(answer, _plan(answer.DESCRIPTOR).refusals):
        for field, value in part.ListFields():
            if field.message_type is Status.DESCRIPTOR:
                yield from _reasons(value)


def _named_or_placed(message: Message, plan: _Plan) -> Iterable[str]:
    return list(_own(message, plan)) or _place(message, plan)


def _own(message: Message, plan: _Plan) -> Iterator[str]:
    for field, collection in plan.names:
        value = getattr(message, field)
        match = _NAME.fullmatch(value) if value and len(value) <= _MAX_NAME_CHARACTERS else None
        if match and collection in ("", match[1]):
            yield value


def _place(message: Any, plan: _Plan) -> Iterator[str]:
    if plan.has_origin and _ORIGIN.fullmatch(message.origin):
        yield f"{message.origin}#{message.index}" if plan.has_index else message.origin


def _parts(message: Message, fields: Iterable[tuple[str, bool]]) -> Iterator[Message]:
    for field, is_repeated in fields:
        if is_repeated:
            yield from getattr(message, field)
        elif message.HasField(field):
            yield getattr(message, field)


@cache
def _plan(descriptor: Descriptor) -> _Plan:
    fields = [field for field in descriptor.fields if field.name != "content"]
    texts = [field.name for field in fields if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated]
    messages = [field for field in fields if field.message_type and not field.message_type.GetOptions().map_entry]
    return _Plan(
        tuple((name, "" if name in _ANY_COLLECTION else _collection(name)) for name in texts),
        tuple((field.name, field.is_repeated) for field in messages),
        tuple((field.name, field.is_repeated) for field in messages if _tells_refusals(field.message_type)),
        has_origin="origin" in texts,
        has_index=any(field.name == "index" for field in fields),
    )


def _tells_refusals(descriptor: Descriptor | None) -> bool:
    return descriptor is not None and any(field.message_type is Status.DESCRIPTOR for field in descriptor.fields)


def _collection(field: str) -> str:
    """``sharing_request`` is in ``sharingRequests``."""
    first, *others = field.split("_")
    return "".join([first, *map(str.capitalize, others)]) + "s"


def _reasons(status: Status) -> Iterator[str]:
    info = ErrorInfo()
    yield next((info.reason for detail in status.details if detail.Unpack(info)), "UNKNOWN")
