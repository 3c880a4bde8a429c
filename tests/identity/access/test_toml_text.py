"""Texts that are no TOML, each in its own way."""

import pytest

from gateway.errors import ConfigError
from gateway.identity.access.toml_text import read_toml, text_of


def test_a_document_is_read():
    assert read_toml('a = ["b", 1]') == {"a": ["b", 1]}


@pytest.mark.parametrize(
    "text",
    ["a = ", "a = 1\na = 2", "a = " + "[" * 5000, "a = " + "1" * 5000, "a = 2026-02-30"],
    ids=["unfinished", "twice", "nested too deeply", "too long a number", "no date"],
)
def test_what_cannot_be_read_is_told_as_such(text: str):
    with pytest.raises(ConfigError, match="not TOML"):
        read_toml(text)


def test_bytes_that_are_no_text_are_told_by_their_line():
    with pytest.raises(ConfigError, match="line 2: the byte 0xff"):
        text_of(b"a = 1\nb = \xff")
