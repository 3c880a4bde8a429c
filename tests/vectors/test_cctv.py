"""C2SP's CCTV Ed25519 vectors: cases that RFC 8032 and FIPS 186-5 decide, or leave to the implementation.

The answers of ``cryptography`` (OpenSSL) are those that CCTV calls the most common: points R that are not canonical
and equations that hold only times the cofactor are refused, all else is taken. Nothing here rests on the cases that
are left open, since a seal's public key is certified and its holder signs for himself; but both ends of a channel
must answer alike, so the answers are held fast.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from gateway.errors import BadSignature
from gateway.ledger.checkpoint import _verify_ed25519

VECTORS = json.loads((Path(__file__).parent / "data" / "cctv_ed25519.json").read_text())
A, R = "low_order_A", "low_order_R"
PART_A, PART_R = "low_order_component_A", "low_order_component_R"
ODD_A, K = "non_canonical_A", "reencoded_k"

ACCEPTED = {  # every combination of flags that verifies
    frozenset(flags)
    for flags in (
        (),
        (A,),
        (R,),
        (PART_A,),
        (A, R),
        (A, PART_A),
        (R, PART_A),
        (PART_A, PART_R),
        (A, R, PART_A),
        (A, PART_A, PART_R),
        (R, PART_A, PART_R),
        (A, R, PART_A, PART_R),
        (A, ODD_A),
        (A, R, ODD_A),
        (A, PART_A, ODD_A),
        (A, R, PART_A, ODD_A),
        (A, PART_A, PART_R, ODD_A),
        (A, R, PART_A, PART_R, ODD_A),
        # Verified with the k of the bytes as they came. A key of low order makes little of k count, and in these
        # the k of the canonical bytes counts alike.
        (A, ODD_A, K),
        (A, PART_A, ODD_A, K),
        (A, PART_A, PART_R, ODD_A, K),
    )
}


def verdict(vector):
    try:
        _verify_ed25519(bytes.fromhex(vector["key"]), bytes.fromhex(vector["sig"]), vector["msg"].encode())
    except BadSignature:
        return "refused"
    return "accepted"


@pytest.fixture(scope="module")
def verdicts():
    """The set of answers to each combination of flags."""
    found = defaultdict(set)
    for vector in VECTORS:
        found[frozenset(vector["flags"] or ())].add(verdict(vector))
    return found


def test_a_combination_of_flags_has_one_answer(verdicts):
    assert (len(VECTORS), len(verdicts)) == (914, 66)
    assert all(len(answers) == 1 for answers in verdicts.values())


def test_exactly_the_listed_combinations_are_accepted(verdicts):
    assert {flags for flags, answers in verdicts.items() if answers == {"accepted"}} == ACCEPTED


@pytest.mark.parametrize("flag", ["non_canonical_R", "low_order_residue"])
def test_what_the_common_rule_refuses_is_refused(verdicts, flag):
    assert all(answers == {"refused"} for flags, answers in verdicts.items() if flag in flags)
