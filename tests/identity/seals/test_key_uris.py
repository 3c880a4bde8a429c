from pathlib import Path

import pytest

from gateway.errors import Malformed
from gateway.identity.seals.key_uris import KeyUri

WHOLE = (
    "pkcs11:token=The%20Software%20PKCS%2311%20Token;serial=2f;object=seal%20%E5%8D%B0;id=%01%AB;type=private"
    "?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/gateway/pin"
)


def test_a_uri_tells_token_key_module_and_pin_file():
    uri = KeyUri.parse(WHOLE)
    assert uri == KeyUri(
        "The Software PKCS#11 Token",
        "2f",
        "seal 印",
        b"\x01\xab",
        Path("/usr/lib/softhsm/libsofthsm2.so"),
        Path("/etc/gateway/pin"),
    )
    assert uri.token_told() == "The Software PKCS#11 Token (serial 2f)"


def test_it_is_written_as_it_is_read_but_for_what_differs_between_machines():
    uri = KeyUri.parse(WHOLE)
    assert str(uri) == WHOLE.partition("?")[0]
    again = KeyUri.parse(str(uri))
    assert (again.token, again.serial, again.object, again.id) == (uri.token, uri.serial, uri.object, uri.id)
    assert again.module_path is again.pin_source is None


@pytest.mark.parametrize("written", ["file:///etc/pin", "file:/etc/pin", "/etc/pin", "%2Fetc%2Fpin"])
def test_a_file_is_named_by_its_path_or_a_uri_of_it(written):
    assert KeyUri.parse(f"pkcs11:token=a?pin-source={written}").pin_source == Path("/etc/pin")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "RFC 7512"),
        ("token=a", "RFC 7512"),
        ("pkcs11:token=a b", "RFC 7512"),
        ("pkcs11:token=é", "RFC 7512"),
        ("pkcs11:token=" + "a" * 3000, "RFC 7512"),
        ("pkcs11:", "which token"),
        ("pkcs11:object=a", "which token"),
        ("pkcs11:token", "each once"),
        ("pkcs11:token=", "each once"),
        ("pkcs11:token=a;token=b", "each once"),
        ("pkcs11:token=%4", "each once"),
        ("pkcs11:token=%zz", "each once"),
        ("pkcs11:token=%FF", "UTF-8"),
        ("pkcs11:token=%0A", "cannot be shown"),
        ("pkcs11:token=" + "a" * 33, "at most 32 bytes"),
        ("pkcs11:serial=" + "a" * 17, "at most 16 bytes"),
        ("pkcs11:token=a;type=public", "is private"),
        ("pkcs11:token=a;manufacturer=b", "manufacturer"),
        ("pkcs11:token=a?module-name=b", "module-name"),
        ("pkcs11:token=a?pin-source=pin", "absolute"),
        ("pkcs11:token=a?pin-source=|cat%20pin", "absolute"),
        ("pkcs11:token=a?pin-source=file://elsewhere/pin", "absolute"),
    ],
)
def test_what_is_no_such_name_is_refused_and_says_why(text, said):
    with pytest.raises(Malformed, match=said):
        KeyUri.parse(text)


@pytest.mark.parametrize("text", ["pkcs11:token=a?pin-value=1234", "pkcs11:token=a;pin-value=1234"])
def test_a_pin_in_a_uri_is_refused_and_not_told_again(text):
    with pytest.raises(Malformed, match="never stands in a URI") as raised:
        KeyUri.parse(text)
    assert "1234" not in str(raised.value)
