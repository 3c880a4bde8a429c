import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.ledger.note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    Signature,
    decode_base64,
    key_id,
    verifier_key,
)

ONE = Signature("gateway.hk.example", b"\x01\x02\x03\x04", b"a signature!")
TEXT = "a text\n"
LINE = ONE.line()

printable = st.characters(exclude_categories=["Cs"], min_codepoint=0x20)
texts = st.lists(st.text(printable, max_size=20), min_size=1, max_size=4).map(lambda lines: "\n".join(lines) + "\n")
names = st.text(printable.filter(lambda character: not character.isspace() and character != "+"), min_size=1)
signatures = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=90))
notes = st.builds(Note, texts, st.lists(signatures, min_size=1, max_size=MAX_SIGNATURES).map(tuple))


@given(notes)
def test_a_note_survives_its_encoding(note):
    assert Note.parse(note.encode()) == note


@given(st.one_of(st.binary(max_size=200), notes.map(Note.encode)), st.data())
def test_what_is_parsed_is_encoded_to_the_same_bytes_or_refused(data, draw):
    if data:
        place = draw.draw(st.integers(0, len(data) - 1))
        data = data[:place] + bytes([data[place] ^ 1 << draw.draw(st.integers(0, 7))]) + data[place + 1 :]
    try:
        note = Note.parse(data)
    except Malformed:
        return
    assert note.encode() == data


def test_the_last_empty_line_divides_text_and_signatures():
    note = Note.parse(f"a text\n\nwith a gap\n\n{LINE}".encode())
    assert note == Note("a text\n\nwith a gap\n", (ONE,))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        TEXT.encode(),
        LINE.encode(),
        f"{TEXT}{LINE}".encode(),
        f"{TEXT}\n".encode(),
        f"{TEXT}\n{LINE}".removesuffix("\n").encode(),
        f"{TEXT}\n{LINE}\n".encode(),
        f"{TEXT}\n{LINE}more\n".encode(),
    ],
    ids=[
        "nothing",
        "a line break",
        "no signatures",
        "no text",
        "no empty line",
        "no signature after the empty line",
        "no last line break",
        "an empty line at the end",
        "a line that is no signature",
    ],
)
def test_a_note_of_another_form_is_refused(data):
    with pytest.raises(Malformed):
        Note.parse(data)


@pytest.mark.parametrize(
    "line",
    [
        LINE.replace("— ", "- "),
        LINE.replace("— ", "—"),
        LINE.replace("— ", "—  "),
        LINE.replace("— ", " — "),
        LINE.replace("gateway.hk.example", "gateway+hk"),
        LINE.replace("gateway.hk.example ", ""),
        LINE.replace("gateway.hk.example", "gateway\u00a0hk"),
        LINE.replace("gateway.hk.example", "gateway\u2003hk"),
        LINE.replace("\n", " \n"),
        LINE.replace("\n", "=\n"),
        LINE.replace("=", ""),
        "— gateway.hk.example \n",
        "— gateway.hk.example AQIDBA==\n",
        "— gateway.hk.example AQID\n",
    ],
    ids=[
        "a hyphen for the dash",
        "no space after the dash",
        "two spaces",
        "a space in front",
        "a plus in the name",
        "no name",
        "a no-break space in the name",
        "an em space in the name",
        "a space at the end",
        "too much padding",
        "no padding",
        "no base64",
        "no signature after the key id",
        "a key id of three bytes",
    ],
)
def test_a_signature_line_of_another_form_is_refused(line):
    with pytest.raises(Malformed):
        Note.parse(f"{TEXT}\n{line}".encode())


@pytest.mark.parametrize("character", ["\x00", "\t", "\r", "\x1f"])
def test_control_characters_are_refused_wherever_they_stand(character):
    for data in (f"a{character}text\n\n{LINE}", f"{TEXT}\n{LINE[:-1]}{character}\n"):
        with pytest.raises(Malformed, match="control character"):
            Note.parse(data.encode())


@pytest.mark.parametrize("data", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80"], ids=["stray", "overlong", "surrogate"])
def test_a_note_that_is_not_utf_8_is_refused(data):
    with pytest.raises(Malformed, match="UTF-8"):
        Note.parse(data + f"\n\n{LINE}".encode())


def test_as_many_signatures_are_taken_as_the_specification_demands_and_no_more():
    Note.parse(f"{TEXT}\n{LINE * MAX_SIGNATURES}".encode())
    with pytest.raises(Malformed, match="at most 16"):
        Note.parse(f"{TEXT}\n{LINE * (MAX_SIGNATURES + 1)}".encode())


def test_a_note_is_bounded():
    with pytest.raises(Malformed, match="at most"):
        Note.parse(b"x" * (MAX_NOTE_BYTES + 1))


@pytest.mark.parametrize(
    ("name", "identifier", "value"),
    [("", b"1234", b"x"), ("a b", b"1234", b"x"), ("a+b", b"1234", b"x"), ("a", b"123", b"x"), ("a", b"1234", b"")],
)
def test_a_signature_that_could_not_be_read_back_is_not_made(name, identifier, value):
    with pytest.raises(Malformed):
        Signature(name, identifier, value)


@pytest.mark.parametrize("text", ["QQ", "QR==", "QQ==\n", " QQ==", "QQ=", "Q Q==", "-_==", "QQ==QQ==", "ü", "QUI=="])
def test_only_canonical_base64_is_taken(text):
    with pytest.raises(Malformed, match="base64"):
        decode_base64(text)
    assert decode_base64("QQ==") == b"A"


def test_a_key_id_depends_on_name_type_and_key():
    ids = {key_id("a", 1, b"k"), key_id("b", 1, b"k"), key_id("a", 4, b"k"), key_id("a", 1, b"l")}
    assert len(ids) == 4
    assert verifier_key("a", 1, b"k") == f"a+{key_id('a', 1, b'k').hex()}+AWs="
