"""Any message of the contract as people read it, where no view of its own tells it."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

_OF_A_DAY = ("year", "month", "day")
_OF_A_TEXT = {"language_tag", "text"}


def pairs_of(message: Message) -> list[tuple[str, str]]:
    """All that a message says, a line a value: a day as one, a text by its language."""
    said = MessageToDict(message, preserving_proto_field_name=True)
    return [item for key, value in said.items() for item in flat(key, _plain(value))]


def flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Gives the leaves of a JSON value, named by their paths; lists of plain values on one line."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from flat(f"{name}.{key}", item)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for place, item in enumerate(value, 1):
            yield from flat(f"{name} {place}", item)
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    elif value is not None:
        yield name, {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        if value and all(isinstance(each, dict) and each.keys() == _OF_A_TEXT for each in value):
            return {each["language_tag"]: each["text"] for each in value}
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "year" in value and value.keys() <= set(_OF_A_DAY):
        return "-".join(f"{value[part]:02}" for part in _OF_A_DAY if part in value)
    return {key: _plain(each) for key, each in value.items()}
