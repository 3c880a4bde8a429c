import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.identity.officers.issuer_keys import MAX_KEYS, IssuerKeys
from gateway.identity.officers.rules import Algorithm
from tests.support.issuers import Issuer, new_key, public_jwk

RSA_ALGORITHMS = {each for each in Algorithm if each[0] in "RP"}


def parse(*keys, allowed=tuple(Algorithm)):
    return IssuerKeys.parse(json.dumps({"keys": keys}).encode(), allowed)


def bare(algorithm, **changes):
    return {**public_jwk(algorithm, new_key(algorithm)), "kid": "k", **changes}


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_is_found_for_its_algorithm_and_no_other(algorithm):
    issuer = Issuer(keys={})
    issuer.add("k", algorithm)
    keys = IssuerKeys.parse(issuer.jwks(), list(Algorithm))
    assert {each for each in Algorithm if keys.find("k", each)} == {algorithm}
    assert keys.find("j", algorithm) is None
    for never in ("none", "HS256", "ES256K", ""):
        assert keys.find("k", never) is None


def test_a_key_that_does_not_say_its_algorithm_is_for_those_of_its_kind():
    keys = parse(bare("RS256"))
    assert {each for each in Algorithm if keys.find("k", each)} == RSA_ALGORITHMS
    assert keys.find("k", "RS256").algorithm_name == "RS256"
    assert keys.find("k", "PS256").algorithm_name == "PS256"


def test_a_token_without_kid_is_for_the_one_key_there_is():
    assert parse(bare("ES256")).find(None, "ES256")
    assert parse(bare("ES256"), bare("RS256", kid="j")).find(None, "ES256")
    assert parse(bare("ES256"), bare("ES256", kid="j")).find(None, "ES256") is None


def test_two_keys_of_one_name_are_none():
    assert parse(bare("ES256"), bare("ES256")).find("k", "ES256") is None


def test_keys_for_something_else_are_left_out():
    other = [bare("ES256", use="enc"), bare("RS256", alg="RSA-OAEP"), {"kty": "XY"}, {}, bare("ES256", kid=7), "no key"]
    keys = parse(bare("EdDSA", alg="Ed25519"), *other)
    assert keys.find("k", "EdDSA")
    assert not keys.find("k", "ES256")
    assert not keys.find("k", "RS256")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b"\xff",
        b"[]",
        b"{}",
        b'{"keys": 5}',
        b'{"keys": []}',
        json.dumps({"keys": [bare("ES256", kid=str(number)) for number in range(MAX_KEYS + 1)]}).encode(),
        json.dumps({"keys": [bare("ES256", x="AA")]}).encode(),
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "k"}]}).encode(),
        json.dumps({"keys": [bare("ES256", d="AAAA")]}).encode(),
    ],
    ids=["empty", "half", "deep", "bytes", "list", "no keys", "number", "none", "many", "point", "secret", "private"],
)
def test_what_is_no_set_of_public_keys_is_refused(data):
    with pytest.raises(Malformed):
        IssuerKeys.parse(data, list(Algorithm))


def test_a_set_without_a_key_for_what_is_allowed_is_refused():
    with pytest.raises(Malformed, match="no key for an algorithm that is allowed"):
        parse(bare("ES256"), allowed=[Algorithm.RS256])


def test_a_short_key_is_taken_and_verifies_nothing():
    """What is too short is refused with the token, see ``test_officers``."""
    weak = rsa.generate_private_key(65537, 1024)
    assert parse({**public_jwk("RS256", weak), "kid": "k"}).find("k", "RS256")


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_keys_or_one_documented_error(data):
    with pytest.raises(Malformed):
        IssuerKeys.parse(data, list(Algorithm))
