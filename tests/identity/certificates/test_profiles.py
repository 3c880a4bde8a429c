import tomllib
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.identity.certificates import profiles as module
from gateway.identity.certificates.profiles import KeyKind, parse_profiles, profiles

TEXT = (Path(__file__).parents[3] / "certs" / "profiles.toml").read_text("utf-8")


def test_the_profiles_of_the_repository_are_those_in_use():
    assert profiles() == parse_profiles(TEXT)


def test_only_keys_that_tls_takes_are_certified_for_tls():
    assert profiles().node.keys == profiles().client.keys == profiles().authority.keys == (KeyKind.ECDSA_P256,)


def test_sealing_shares_no_purpose_with_tls():
    sealing = set(profiles().seal.extended_key_usage)
    assert sealing
    assert sealing.isdisjoint(profiles().node.extended_key_usage + profiles().client.extended_key_usage)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("days = 3652", "days = 0"),
        ("days = 3652", "days = 36520"),
        ('["ecdsa-p256"]', '["rsa"]'),
        ('["ecdsa-p256"]', "[]"),
        ("key_usage", "key_usages"),
        ('"crl_sign"', '"sign_all"'),
        ('"2.25.161946100687852673715010035385083088912"', '"sealing"'),
        ('issuer = "client"', 'issuer = "anybody"'),
        ("[client]", "[customer]"),
        ("backdate_minutes = 5", "backdate_minutes = -1"),
        ("[node]", "[node"),
    ],
)
def test_a_profile_that_breaks_the_form_is_refused(old, new):
    assert old in TEXT
    with pytest.raises(ConfigError, match=r"profiles\.toml"):
        parse_profiles(TEXT.replace(old, new))


def test_a_package_brings_its_own_profiles(tmp_path, monkeypatch):
    (tmp_path / "profiles.toml").write_text(TEXT.replace("days = 397", "days = 90"))
    monkeypatch.setattr(module, "files", lambda package: tmp_path)
    assert module.profiles.__wrapped__().node.days == 90
    assert tomllib.loads(TEXT)["node"]["days"] == 397
