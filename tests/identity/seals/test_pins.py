import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.identity.seals.pins import Pin

NOW = datetime(2026, 11, 29, 8, tzinfo=UTC)
SERIAL = "f3749c87"


@pytest.fixture
def pin(tmp_path) -> Pin:
    made = Pin(tmp_path / "pin", tmp_path / "pin refused.json")
    write(made, b"1234\n")
    return made


def write(pin: Pin, content: bytes, mode: int = 0o600) -> None:
    pin.file.write_bytes(content)
    pin.file.chmod(mode)


def begin(pin: Pin, said: str = "1234", serial: str = SERIAL, *, is_count_low: bool = False) -> None:
    pin.begin(said, serial, NOW, is_count_low=is_count_low)


@pytest.mark.parametrize("content", [b"1234", b"1234\n", b"1234\r\n"])
def test_the_pin_is_the_one_line_of_its_file(pin, content):
    write(pin, content)
    assert pin.read() == "1234"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604])
def test_a_file_that_others_can_read_is_refused_and_says_what_to_do(pin, mode):
    write(pin, b"1234\n", mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        pin.read()


@pytest.mark.parametrize("content", [b"", b"\n", b"12\n34\n", b"1" * 256, b"\xff", b"12\x0034"])
def test_what_is_no_pin_is_refused_and_not_quoted(pin, content):
    write(pin, content)
    with pytest.raises(ConfigError) as raised:
        pin.read()
    assert "12" not in raised.value.message.replace(str(pin.file), "")


def test_a_refused_pin_is_never_tried_again_whoever_asks(pin):
    begin(pin)
    told = pin.was_refused("1234", SERIAL, NOW).message
    assert str(pin.file) in told
    assert f"rm '{pin.memory}'" in told
    for again in (pin, Pin(pin.file, pin.memory)):
        with pytest.raises(ConfigError, match="is not tried again"):
            begin(again)


def test_another_pin_is_tried_and_so_is_the_same_one_on_another_token(pin):
    begin(pin)
    pin.was_refused("1234", SERIAL, NOW)
    begin(pin, serial="other")
    pin.was_refused("1234", SERIAL, NOW)
    begin(pin, "4321")


def test_an_operator_may_have_it_tried_again(pin):
    begin(pin)
    pin.was_refused("1234", SERIAL, NOW)
    pin.memory.unlink()
    begin(pin)


def test_what_was_taken_is_forgotten(pin):
    begin(pin)
    pin.was_taken()
    assert not pin.memory.exists()
    pin.was_taken()


def test_a_try_whose_end_nobody_saw_counts_as_refused_if_the_token_saw_a_wrong_pin(pin):
    begin(pin)  # and the process ends here
    begin(pin)
    with pytest.raises(ConfigError, match="is not tried again"):
        begin(pin, is_count_low=True)


def test_a_wrong_pin_of_others_does_not_keep_the_right_one_from_being_tried(pin):
    begin(pin, is_count_low=True)


def test_what_cannot_be_remembered_is_not_tried(pin, tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        begin(Pin(pin.file, tmp_path / "nowhere" / "memory"))


def test_what_is_remembered_gives_no_pin_away_and_is_its_owners_alone(pin):
    begin(pin)
    pin.was_refused("1234", SERIAL, NOW)
    assert pin.memory.stat().st_mode & 0o777 == 0o600
    said = json.loads(pin.memory.read_bytes())
    assert said.pop("digest") != said.pop("salt")
    assert said == {"serial": SERIAL, "outcome": "refused", "at": "2026-11-29T08:00:00+00:00"}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"salt": 1}', '{"salt": "zz", "digest": "", "outcome": ""}'])
def test_a_memory_that_is_damaged_lets_nothing_be_tried(pin, content):
    pin.memory.write_text(content)
    pin.memory.chmod(0o600)
    with pytest.raises(ConfigError, match="is damaged"):
        begin(pin)


def test_a_memory_is_not_made_where_none_was(pin):
    assert not Path(pin.memory).exists()
