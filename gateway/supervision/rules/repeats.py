"""What is told twice: entries of a list that are the same, or would be taken for the same.

Two entries may share a name or an identifier: a firm trades under several names. They must differ in something.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from google.protobuf.message import Message
from google.type.decimal_pb2 import Decimal as ProtoDecimal
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import Attachment

from gateway.errors import Violation
from gateway.supervision.rules.values import decimal_fault

Key = Callable[[Any], object]


def _whole(item: Message) -> bytes:
    return item.SerializeToString(deterministic=True)


def _folded_name(item: Attachment) -> str:
    """Some file systems know no capital letters."""
    return item.file_name.casefold()


def _number(item: ProtoDecimal) -> object:
    return item.value if decimal_fault(item) else Decimal(item.value)


# By the list's field, what makes two of its entries the same.
_OF_CONTENT: Mapping[str, Key] = {
    "subjects": _whole,
    "instruments": _whole,
    "sources": _whole,
    "attachments": _folded_name,
}
_OF_DETAIL: Mapping[str, Mapping[str, Key]] = {
    "licensing_action": {"conditions": _whole},
    "product_notification": {"leverage_factors": _number},
}


def repeated_in(content: NoticeContent, path: str) -> Iterator[Violation]:
    """Every entry of ``content``, which stands at ``path``, that says what an earlier one of its list said."""
    yield from _in_lists(content, _OF_CONTENT, path)
    detail = content.WhichOneof("detail")
    if detail and (keys := _OF_DETAIL.get(detail)):
        yield from _in_lists(getattr(content, detail), keys, f"{path}.{detail}")


def repeats(keys: Iterable[object], path: str, field: str = "") -> Iterator[Violation]:
    """Every key of a list at ``path`` that an earlier entry has; it is of an entry's ``field``, empty: of all of it."""
    within, of = (f".{field}", "that of ") if field else ("", "")
    places: dict[object, int] = {}
    for place, key in enumerate(keys):
        if (earlier := places.setdefault(key, place)) != place:
            yield Violation(f"{path}[{place}]{within}", f"must be another than {of}{path}[{earlier}]")


def _in_lists(message: Message, keys: Mapping[str, Key], path: str) -> Iterator[Violation]:
    for name, key in keys.items():
        items = getattr(message, name)
        if len(items) > 1:
            yield from repeats(map(key, items[:]), f"{path}.{name}")
