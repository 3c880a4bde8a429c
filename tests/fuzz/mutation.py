"""Hypothesis strategies that change a good input as its format is made: lines, base64 within them, fields, values."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_ODD_TEXTS = ("", "\0", "\ud7ff", "a" * 300, "../..", "0", "-1", "1e999", "9" * 20, "\u202e", "香港")
_ODD_VALUES: Sequence[Any] = (None, True, -1, 2**63, 1e308, [], {}, [[]], "")

Mutation = Callable[[bytes], bytes]


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """One to four changes of one input, each of any kind that its form allows."""
    kinds = [_bytes(), _lines(), _within_base64(), _json()]
    return st.lists(st.one_of(kinds), min_size=1, max_size=4).map(lambda changes: _apply(data, changes))


def _apply(data: bytes, changes: Sequence[Mutation]) -> bytes:
    for change in changes:
        data = change(data)
    return data


def _bytes() -> st.SearchStrategy[Mutation]:
    """Bytes that are put in, taken out, altered, or said again."""

    def at(place: float, length: int, new: bytes) -> Mutation:
        def change(data: bytes) -> bytes:
            start = int(place * len(data))
            return data[:start] + new + data[start + length :]

        return change

    places = st.floats(0, 1, exclude_max=True)
    return st.builds(at, places, st.sampled_from([0, 1, 1, 4, 64, 1000]), st.binary(max_size=8))


def _lines() -> st.SearchStrategy[Mutation]:
    """Lines that are left out, said twice, changed in order, or replaced."""

    def at(first: float, second: float, what: str) -> Mutation:
        def change(data: bytes) -> bytes:
            lines = data.split(b"\n")
            one, other = int(first * len(lines)), int(second * len(lines))
            match what:
                case "drop":
                    del lines[one]
                case "swap":
                    lines[one], lines[other] = lines[other], lines[one]
                case "copy":
                    lines.insert(other, lines[one])
                case _:
                    lines[one] = what.encode()
            return b"\n".join(lines)

        return change

    whats = st.sampled_from(["drop", "swap", "copy", *_ODD_TEXTS])
    places = st.floats(0, 1, exclude_max=True)
    return st.builds(at, places, places, whats)


def _within_base64() -> st.SearchStrategy[Mutation]:
    """A change of what some base64 in the input holds, encoded again: so it gets past the reader of base64."""

    def at(place: float, inner: Mutation) -> Mutation:
        def change(data: bytes) -> bytes:
            found = list(_BASE64.finditer(data))
            if not found:
                return inner(data)
            match = found[int(place * len(found))]
            try:
                decoded = base64.b64decode(match[0], altchars=b"-_" if re.search(b"[-_]", match[0]) else None)
            except binascii.Error:
                return inner(data)
            return data[: match.start()] + base64.b64encode(inner(decoded)) + data[match.end() :]

        return change

    return st.builds(at, st.floats(0, 1, exclude_max=True), _bytes())


def _json() -> st.SearchStrategy[Mutation]:
    """A value somewhere in a JSON document that becomes another one, or goes."""

    def at(path: Sequence[float], value: Any) -> Mutation:
        def change(data: bytes) -> bytes:
            try:
                document = json.loads(data)
            except (ValueError, RecursionError):
                return data
            if isinstance(document, dict | list):
                _replace(document, path, value)
            return json.dumps(document, ensure_ascii=False, indent=2).encode("utf-8", "replace")

        return change

    paths = st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=6)
    return st.builds(at, paths, st.sampled_from([*_ODD_VALUES, *_ODD_TEXTS]))


def _replace(document: Any, path: Sequence[float], value: Any) -> None:
    """Goes down as far as the path or the document leads, and puts the value there."""
    for depth, step in enumerate(path, 1):
        keys = list(document) if isinstance(document, dict) else list(range(len(document)))
        if not keys:
            return
        key = keys[int(step * len(keys))]
        if depth == len(path) or not isinstance(document[key], dict | list):
            document[key] = value
            return
        document = document[key]
