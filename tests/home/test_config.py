"""The configuration as a file."""

from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.home.config import Config


def test_a_file_that_is_no_text_is_told_by_its_name_and_line(tmp_path: Path):
    path = tmp_path / "config.toml"
    path.write_bytes(b'[node]\njurisdiction = "\xff"\n')
    with pytest.raises(ConfigError, match=r"config\.toml: line 2: the byte 0xff is not UTF-8"):
        Config.load(path)


def test_a_file_that_is_not_there_is_told_with_what_makes_one(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"config\.toml: No such file or directory; make a home with gateway init"):
        Config.load(tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('module = "/usr/lib/token.so"', "pkcs11: module and pin_file belong together"),
        ('pin_file = "keys/pin"', "pkcs11: module and pin_file belong together"),
        ('module = "token.so"\npin_file = "keys/pin"', "pkcs11.module: must be an absolute path"),
        ("sign_seconds = 60", "pkcs11.sign_seconds: "),
        ('pin = "1234"', "pkcs11.pin: "),
    ],
)
def test_what_says_how_a_token_is_reached_is_whole_and_holds_no_pin(text: str, said: str):
    faults = (f"{each.field}: {each.description}" for each in Config.faults(f"[pkcs11]\n{text}"))
    (told,) = (each for each in faults if each.startswith("pkcs11"))
    assert told.startswith(said)
