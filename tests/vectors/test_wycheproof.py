"""Wycheproof's Ed25519 and ML-DSA-44 verification vectors, through the functions that checkpoints are verified by."""

import json
from pathlib import Path

import pytest

from gateway.errors import BadSignature, Malformed
from gateway.ledger.checkpoint import (
    ED25519_KEY_BYTES,
    ML_DSA_44_KEY_BYTES,
    SealPublic,
    _verify_ed25519,
    _verify_ml_dsa_44,
)

DATA = Path(__file__).parent / "data"


def ed25519_cases():
    for group in json.loads((DATA / "wycheproof_ed25519.json").read_text())["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        yield from ((key, case) for case in group["tests"])


def ml_dsa_44_cases():
    for group in json.loads((DATA / "wycheproof_ml_dsa_44_verify.json").read_text())["testGroups"]:
        key = bytes.fromhex(group["publicKey"])
        yield from ((key, case) for case in group["tests"])


def expect(verify, key, case):
    message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
    if case["result"] == "valid":
        verify(key, signature, message)
    else:
        with pytest.raises(BadSignature):
            verify(key, signature, message)


def test_ed25519():
    cases = list(ed25519_cases())
    assert len(cases) == 151
    for key, case in cases:
        expect(_verify_ed25519, key, case)


def test_ml_dsa_44_with_the_empty_context_that_notes_are_signed_with():
    cases = [(key, case) for key, case in ml_dsa_44_cases() if not case.get("ctx")]
    for key, case in cases:
        if len(key) == ML_DSA_44_KEY_BYTES:
            expect(_verify_ml_dsa_44, key, case)
    flags = {flag for _, case in cases for flag in case["flags"]}
    assert flags == {
        "BoundaryCondition",
        "IncorrectPublicKeyLength",
        "IncorrectSignatureLength",
        "InfinityNormViolation",
        "InvalidHintsEncoding",
        "InvalidPrivateKey",
        "InvalidSignature",
        "ManySteps",
        "ModifiedSignature",
        "ValidSignature",
        "ZeroPublicKey",
    }


def test_a_public_key_of_another_length_is_no_seal():
    keys = [key for key, case in ml_dsa_44_cases() if "IncorrectPublicKeyLength" in case["flags"]]
    assert len(keys) == 4
    for key in keys:
        with pytest.raises(Malformed):
            SealPublic(bytes(ED25519_KEY_BYTES), key)


def test_ml_dsa_44_signatures_made_for_another_context_are_refused():
    """Valid for their context; a note's context is empty."""
    cases = [(key, case) for key, case in ml_dsa_44_cases() if case.get("ctx")]
    assert {case["result"] for _, case in cases} == {"valid", "invalid"}
    for key, case in cases:
        expect(_verify_ml_dsa_44, key, case | {"result": "invalid"})
