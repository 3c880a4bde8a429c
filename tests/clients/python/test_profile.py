"""A profile is read whole or refused with the file, the setting, and what would be right."""

from dataclasses import FrozenInstanceError, replace

import pytest
from regulator.exchange import Client, ExchangeError, Profile, ProfileError


def rewrite(file, old, new):
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def refusal(file):
    with pytest.raises(ProfileError) as caught:
        Profile.load(file)
    assert caught.value.file == file
    assert str(caught.value).startswith(f"{file}: ")
    return caught.value


def test_a_profile_is_what_its_file_says(profile_file, profile):
    assert Profile.load(profile_file) == profile
    assert (profile.deadline_seconds, profile.max_attempts) == (10.0, None)


def test_optional_settings_are_read(profile_file):
    with profile_file.open("a", encoding="utf-8") as file:
        file.write("\ndeadline_seconds = 2.5\nmax_attempts = 1\n")
    loaded = Profile.load(str(profile_file))
    assert (loaded.deadline_seconds, loaded.max_attempts) == (2.5, 1)


def test_paths_count_from_the_file_and_not_from_where_one_stands(profile_file, profile, tmp_path, monkeypatch):
    folder = tmp_path / "with spaces"
    folder.mkdir()
    for name in ("ca", "certificate", "key"):
        source = getattr(profile, name)
        (folder / source.name).write_bytes(source.read_bytes())
        rewrite(profile_file, str(source), f"with spaces/{source.name}")
    monkeypatch.chdir(tmp_path.parent)
    loaded = Profile.load(profile_file)
    assert loaded.ca == folder / "ca.pem"
    with Client(loaded) as client:
        assert client.server_info().jurisdiction == "HK"


@pytest.mark.parametrize("name", ["address", "server_name", "ca", "certificate", "key"])
def test_a_missing_setting_is_named(profile_file, name):
    lines = profile_file.read_text(encoding="utf-8").splitlines()
    profile_file.write_text("\n".join(line for line in lines if not line.startswith(f"{name} ")), encoding="utf-8")
    error = refusal(profile_file)
    assert (error.key, error.fault) == (name, "is missing")


def test_an_unknown_setting_is_named_with_those_there_are(profile_file):
    rewrite(profile_file, "server_name", "servername")
    error = refusal(profile_file)
    assert error.key == "servername"
    assert "server_name" in error.fault


@pytest.mark.parametrize(
    ("setting", "key", "right"),
    [
        ('address = "127.0.0.1"', "address", "host:port"),
        ('address = "127.0.0.1:70000"', "address", "host:port"),
        ('address = "127.0.0.1:0"', "address", "host:port"),
        ('address = "https://127.0.0.1:7443"', "address", "host:port"),
        ("address = 7443", "address", "host:port"),
        ('server_name = "Gateway HK"', "server_name", "domain"),
        ('server_name = ""', "server_name", "domain"),
        ("server_name = true", "server_name", "domain"),
        ("deadline_seconds = 0", "deadline_seconds", "more than 0"),
        ("deadline_seconds = 3601", "deadline_seconds", "at most 3600"),
        ("deadline_seconds = nan", "deadline_seconds", "more than 0"),
        ("deadline_seconds = true", "deadline_seconds", "a number of seconds"),
        ('deadline_seconds = "10"', "deadline_seconds", "a number of seconds"),
        ("max_attempts = 0", "max_attempts", "from 1 to 10"),
        ("max_attempts = 11", "max_attempts", "from 1 to 10"),
        ("max_attempts = 2.0", "max_attempts", "whole number"),
        ("max_attempts = true", "max_attempts", "whole number"),
        ("ca = 5", "ca", "PEM file"),
        ('key = ""', "key", "PEM file"),
        ('certificate = "absent.pem"', "certificate", "there is none at"),
        ('ca = "."', "ca", "there is none at"),
    ],
)
def test_an_unfit_setting_is_named_with_what_would_be_right(profile_file, setting, key, right):
    lines = profile_file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(f"{key} ")]
    profile_file.write_text("\n".join([*kept, setting]), encoding="utf-8")
    error = refusal(profile_file)
    assert error.key == key
    assert right in error.fault


@pytest.mark.parametrize("address", ["[::1]:7443", "node.hk.example:443", "127.0.0.1:65535"])
def test_hosts_may_be_names_and_addresses_of_either_version(profile, address):
    assert replace(profile, address=address).address == address


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "cannot be read: No such file" in str(refusal(tmp_path / "absent.toml"))


@pytest.mark.parametrize("content", [b"address = ", b"\xff\xfe", b"= 3"])
def test_a_file_that_is_not_toml_is_named(tmp_path, content):
    file = tmp_path / "office.toml"
    file.write_bytes(content)
    assert "is not a TOML file" in str(refusal(file))


def test_a_profile_made_in_code_is_checked_too(profile):
    with pytest.raises(ProfileError, match="max_attempts: must be a whole number") as caught:
        replace(profile, max_attempts=99)
    assert caught.value.file is None
    assert isinstance(caught.value, ExchangeError)


def test_a_profile_does_not_change(profile):
    with pytest.raises(FrozenInstanceError):
        profile.max_attempts = 2
