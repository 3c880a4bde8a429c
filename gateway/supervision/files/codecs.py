"""Codecs between the JSON of files and the messages of the contract: each reads and writes one kind of value.

A file's form is a table of these (``notice_form``), so both directions come from the same line. Readers
raise ``BadInput`` with the JSON path (``notices[3].handling.tlp``) and what would be right; objects and lists
tell all that is wrong in them. Writers expect messages that keep to the rules.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from gateway.errors import BadInput, Violation
from gateway.supervision.rules.fields import MAX_VIOLATIONS

FILE = "file"  # the path of what concerns the file as a whole


@dataclass(frozen=True, slots=True)
class Codec:
    """One kind of value: ``read`` takes JSON and its path, ``write`` gives JSON, ``form`` tells how it is written.

    A list has the codec of its items, an object the message that it is for, and its fields.
    """

    read: Callable[[Any, str], Any]
    write: Callable[[Any], Any]
    form: str
    item: "Codec | None" = None
    message: type[Message] | None = None
    fields: tuple["Field", ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One key of an object. A key whose value is ``null`` counts as absent."""

    key: str
    codec: Codec
    always: bool = False  # written even if the message has nothing there


def path_of(path: str, key: str) -> str:
    """The path of ``key`` in the object at ``path``, which is empty for the outermost object."""
    return f"{path}.{key}" if path else key


def sorted_out(value: Any, path: str, keys: Iterable[str]) -> tuple[dict[str, Any], list[Violation]]:
    """Gives the entries of a JSON object under ``keys``, without nulls, and a violation for each other key.

    Raises:
        BadInput: it is no object.
    """
    known = tuple(keys)
    if not isinstance(value, dict):
        raise BadInput.of(path, f"must be an object, with keys of {', '.join(known)}")
    words = f"is not known here; known are {', '.join(known)}"
    strange = [Violation(path_of(path, key), words) for key in value if key not in known][:MAX_VIOLATIONS]
    return {key: item for key, item in value.items() if key in known and item is not None}, strange


def entries(value: Any, path: str, keys: Iterable[str]) -> dict[str, Any]:
    """The entries of a JSON object without nulls; raises if it is none, or has other keys than ``keys``."""
    given, strange = sorted_out(value, path, keys)
    if strange:
        raise BadInput(strange)
    return given


@contextmanager
def gathering(violations: list[Violation]) -> Iterator[None]:
    """Adds what a reader raises to ``violations``, and goes on."""
    try:
        yield
    except BadInput as bad:
        violations += bad.violations


def obj(message: type[Message], *fields: Field) -> Codec:
    """An object for a message; the fields of both have the same names."""

    def read(value: Any, path: str) -> Message:
        given, strange = sorted_out(value, path, (field.key for field in fields))
        return message(**read_fields(fields, given, path, strange))

    return Codec(read, lambda value: write_fields(fields, value), "an object", message=message, fields=fields)


def read_fields(
    fields: Iterable[Field], given: dict[str, Any], path: str, before: Iterable[Violation] = ()
) -> dict[str, Any]:
    """The message fields for the entries that ``fields`` speak of; raises what is wrong with them, after ``before``."""
    violations = list(before)
    found: dict[str, Any] = {}
    for field in fields:
        if field.key in given:
            with gathering(violations):
                found[field.key] = field.codec.read(given[field.key], path_of(path, field.key))
    if violations:
        raise BadInput(violations)
    return found


def write_fields(fields: Iterable[Field], message: Message) -> dict[str, Any]:
    """The entries for a message: what is set, and what is always written, ``null`` where that is unset."""
    written: dict[str, Any] = {}
    for field in fields:
        value = getattr(message, field.key)
        if message.DESCRIPTOR.fields_by_name[field.key].has_presence:
            if message.HasField(field.key):
                written[field.key] = field.codec.write(value)
            elif field.always:
                written[field.key] = None
        elif value or field.always:
            written[field.key] = field.codec.write(value)
    return written


def listing(item: Codec) -> Codec:
    """A list of one kind of value."""

    def read(value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise BadInput.of(path, "must be a list")
        violations: list[Violation] = []
        found = []
        for place, each in enumerate(value):
            with gathering(violations):
                found.append(item.read(each, f"{path}[{place}]"))
        if violations:
            raise BadInput(violations)
        return found

    return Codec(read, lambda values: [item.write(each) for each in values], "a list", item)


def mapping(value: Codec, pair: type[Message], key_name: str, value_name: str, form: str) -> Codec:
    """An object for a list of pairs, such as language tag and text; the keys are free."""

    def read(given: Any, path: str) -> list[Message]:
        if not isinstance(given, dict):
            raise BadInput.of(path, f"must be {form}")
        found = entries(given, path, given)
        items = read_fields((Field(key, value) for key in found), found, path)
        return [pair(**{key_name: key, value_name: item}) for key, item in items.items()]

    def write(pairs: Iterable[Message]) -> dict[str, Any]:
        return {getattr(each, key_name): value.write(getattr(each, value_name)) for each in pairs}

    return Codec(read, write, form)


def parse(text: str | bytes, form: str = "an object") -> dict[str, Any]:
    """The JSON object that a file holds; raises if it holds none, and tells its ``form``, or if it fits no message."""
    try:
        document = json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse)
        dump(document).encode()  # an escaped half of a character would fit into no message
    except UnicodeError as error:
        raise BadInput.of(FILE, "must be valid Unicode") from error
    except RecursionError as error:
        raise BadInput.of(FILE, "must not be nested so deeply") from error
    except ValueError as error:
        raise BadInput.of(FILE, f"must be JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadInput.of(FILE, f"must be {form}")
    return document


def dump(document: Any) -> str:
    """The text of a file, its keys in the order given."""
    return json.dumps(document, ensure_ascii=False, indent=1)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")
