"""Texts that are no TOML, each in its own way."""

import pytest

from gateway.errors import ConfigError
from gateway.identity.access.toml_text import read_toml, text_of, toml_of


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


@pytest.mark.parametrize(
    "text",
    ["", 'a "b" \\', "香港", "𠮷田", "\x7f", "\x00\t\n\x1f", "\u2028"],
    ids=lambda text: f"0x{text.encode().hex()}",
)
def test_a_text_is_written_so_that_it_is_read_as_it_was(text: str):
    assert read_toml(f"a = {toml_of(text)}\nb = {toml_of([text, 'c'])}") == {"a": text, "b": [text, "c"]}


def test_bytes_that_are_no_text_are_told_by_their_line():
    with pytest.raises(ConfigError, match="line 2: the byte 0xff"):
        text_of(b"a = 1\nb = \xff")
