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


NODE = '[node]\njurisdiction = "HK"\ndomain = "gateway.hk.example"\ndisplay_name = "HK"\nauthorities = ["SFC"]\n'
LISTENERS = '[back_office]\nlisten = "127.0.0.1:7401"\n[peer]\nlisten = "127.0.0.1:7402"\n'


def test_a_file_that_may_not_be_read_is_not_told_as_one_that_is_not_there(tmp_path: Path):
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(ConfigError, match=r"config\.toml cannot be read: Is a directory$"):
        Config.load(tmp_path / "config.toml")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_a_database_that_nothing_would_keep_is_refused(url: str):
    with pytest.raises(ConfigError, match=r"database\.url: must be sqlite:///FILE"):
        Config.parse(f'{NODE}{LISTENERS}[database]\nurl = "{url}"\n')


@pytest.mark.parametrize(
    ("listeners", "said"),
    [
        (LISTENERS.replace("7402", "7401"), "peer: listen must be another address than back_office.listen"),
        (LISTENERS.replace("127.0.0.1:7402", "0.0.0.0:7401"), "peer: listen must be another address"),
        (f'{LISTENERS}[metrics]\nlisten = "127.0.0.1:7402"\n', "metrics: listen must be another address than peer"),
    ],
)
def test_two_listeners_at_one_address_are_refused(listeners: str, said: str):
    assert Config.faults(NODE + LISTENERS) == []
    (fault,) = Config.faults(NODE + listeners)
    assert f"{fault.field}: {fault.description}".startswith(said)


def test_two_listeners_with_one_port_of_different_addresses_are_none_at_one():
    assert Config.faults(NODE + LISTENERS.replace("127.0.0.1:7402", "127.0.0.2:7401")) == []
