"""Merkle proofs of RFC 9162: inclusion and consistency, made by the recursive definitions of the RFC."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from tests.conformance.cases import Subject
from tests.conformance.spelling import altered
from tests.ledger import oracle

LEAVES = [bytes([place]) * 3 for place in range(8)]
MOST = 2**63 - 1
BAD = "BAD_PROOF"


def _leaf(place: int) -> bytes:
    return oracle.mth(LEAVES[place : place + 1])


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def _included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> dict[str, Any]:
    return {
        "leaf_hash": leaf.hex(),
        "index": str(index),
        "size": str(size),
        "proof": [each.hex() for each in proof],
        "root": root.hex(),
    }


def inclusion() -> Subject:
    subject = Subject("inclusion", "Verify that a leaf stands at an index of a log (RFC 9162, section 2.1.3.2).")
    for index, size in ((0, 1), (0, 2), (1, 2), (0, 7), (2, 5), (4, 5), (6, 7), (3, 8)):
        name, root = f"leaf-{index}-of-{size}", oracle.mth(LEAVES[:size])
        proof = oracle.path(index, LEAVES[:size])
        subject.accept(name, f"index {index} of {size}", _included(_leaf(index), index, size, proof, root))
    siblings = [sha256(bytes([place])).digest() for place in range(63)]
    root = _leaf(0)
    for sibling in siblings:
        root = _node(root, sibling)
    subject.accept("first-of-most", "index 0 of 2^63 - 1, 63 hashes", _included(_leaf(0), 0, MOST, siblings, root))
    last = _leaf(1)
    for sibling in siblings[:62]:
        last = _node(sibling, last)
    given = _included(_leaf(1), MOST - 1, MOST, siblings[:62], last)
    subject.accept("last-of-most", "index 2^63 - 2 of 2^63 - 1, at the right edge", given)
    for name, differs, changes in _wrong_inclusions():
        good = _included(_leaf(2), 2, 5, oracle.path(2, LEAVES[:5]), oracle.mth(LEAVES[:5]))
        subject.refuse(name, "leaf-2-of-5", differs, BAD, {**good, **changes})
    alone = _included(_leaf(0), 0, 1, [_leaf(1)], _leaf(0))
    subject.refuse("hash-for-a-log-of-one", "leaf-0-of-1", "there is a hash, where none is needed", BAD, alone)
    return subject


def _wrong_inclusions() -> list[tuple[str, str, dict[str, Any]]]:
    proof = [each.hex() for each in oracle.path(2, LEAVES[:5])]
    inner = _node(_leaf(2), _leaf(3)).hex()
    many = [bytes(32).hex()] * 70
    return [
        ("no-hashes", "the proof is empty", {"proof": []}),
        ("last-hash-missing", "the last hash is missing", {"proof": proof[:-1]}),
        ("first-hash-missing", "the first hash is missing", {"proof": proof[1:]}),
        ("hash-too-many", "a hash follows", {"proof": [*proof, bytes(32).hex()]}),
        ("seventy-hashes", "there are more hashes than a log has levels", {"proof": many}),
        ("hashes-swapped", "two hashes have changed places", {"proof": [proof[1], proof[0], *proof[2:]]}),
        (
            "hash-altered",
            "one bit of a hash is turned",
            {"proof": [altered(bytes.fromhex(proof[0]), 5).hex(), *proof[1:]]},
        ),
        ("hash-of-31-bytes", "a hash lacks a byte", {"proof": [proof[0][:-2], *proof[1:]]}),
        ("hash-of-33-bytes", "a hash has a byte more", {"proof": [f"{proof[0]}00", *proof[1:]]}),
        ("root-altered", "one bit of the root is turned", {"root": altered(oracle.mth(LEAVES[:5]), 0).hex()}),
        ("root-of-another-size", "the root is that of six leaves", {"root": oracle.mth(LEAVES[:6]).hex()}),
        ("other-leaf", "the leaf is another one", {"leaf_hash": _leaf(3).hex()}),
        (
            "leaf-without-prefix",
            "the leaf is hashed without the prefix 0x00",
            {"leaf_hash": sha256(LEAVES[2]).hexdigest()},
        ),
        ("leaf-of-31-bytes", "the leaf hash lacks a byte", {"leaf_hash": _leaf(2).hex()[:-2]}),
        (
            "node-for-a-leaf",
            "an inner node passes for a leaf",
            {"leaf_hash": inner, "proof": proof[1:]},
        ),
        ("index-before", "the index is one less", {"index": "1"}),
        ("index-after", "the index is one more", {"index": "3"}),
        ("index-of-the-size", "the index is the size", {"index": "5"}),
        ("index-of-2-64-and-2", "the index is 2^64 + 2, which is 2 in 64 bits", {"index": str(2**64 + 2)}),
        ("size-less", "the size is four", {"size": "4"}),
        ("size-more", "the size is nine, with another height", {"size": "9"}),
        ("size-0", "the log is empty", {"size": "0"}),
        ("size-of-2-63", "the size is 2^63", {"size": str(2**63)}),
    ]


def _consistent(first: int, second: int) -> dict[str, Any]:
    return {
        "first_size": str(first),
        "second_size": str(second),
        "first_root": oracle.mth(LEAVES[:first]).hex(),
        "second_root": oracle.mth(LEAVES[:second]).hex(),
        "proof": [each.hex() for each in oracle.proof(first, LEAVES[:second])],
    }


def consistency() -> Subject:
    subject = Subject(
        "consistency", "Verify that a log of one size is a prefix of one of a later size (RFC 9162, section 2.1.4.2)."
    )
    for first, second in ((1, 1), (1, 2), (1, 8), (2, 3), (3, 7), (4, 8), (6, 8), (7, 7), (7, 8)):
        subject.accept(f"{first}-to-{second}", f"from {first} to {second} leaves", _consistent(first, second))
    for name, base, differs, changes in _wrong_consistencies():
        first, second = (int(each) for each in base.split("-to-"))
        subject.refuse(name, base, differs, BAD, {**_consistent(first, second), **changes})
    return subject


def _wrong_consistencies() -> list[tuple[str, str, str, dict[str, Any]]]:
    good, power = _consistent(3, 7), _consistent(4, 8)
    proof = good["proof"]
    other = altered(bytes.fromhex(good["second_root"]), 0).hex()
    return [
        ("no-hashes", "3-to-7", "the proof is empty", {"proof": []}),
        ("first-hash-missing", "3-to-7", "the first hash is missing", {"proof": proof[1:]}),
        ("last-hash-missing", "3-to-7", "the last hash is missing", {"proof": proof[:-1]}),
        ("hash-too-many", "3-to-7", "a hash follows", {"proof": [*proof, bytes(32).hex()]}),
        ("hashes-swapped", "3-to-7", "two hashes have changed places", {"proof": [proof[1], proof[0], *proof[2:]]}),
        (
            "hash-altered",
            "3-to-7",
            "one bit of a hash is turned",
            {"proof": [altered(bytes.fromhex(proof[0]), 9).hex(), *proof[1:]]},
        ),
        ("hash-of-31-bytes", "3-to-7", "a hash lacks a byte", {"proof": [proof[0][:-2], *proof[1:]]}),
        ("first-root-altered", "3-to-7", "the first root is another one", {"first_root": oracle.mth(LEAVES[:2]).hex()}),
        ("second-root-altered", "3-to-7", "one bit of the second root is turned", {"second_root": other}),
        ("sizes-swapped", "3-to-7", "the later size comes first", {"first_size": "7", "second_size": "3"}),
        ("first-size-more", "3-to-7", "the first size is one more", {"first_size": "4"}),
        ("second-size-more", "3-to-7", "the second size is nine, with another height", {"second_size": "9"}),
        ("first-size-0", "1-to-2", "the first size is 0", {"first_size": "0"}),
        (
            "first-root-in-the-proof",
            "4-to-8",
            "the first root stands in the proof, where the verifier has it",
            {"proof": [power["first_root"], *power["proof"]]},
        ),
        ("hash-between-equals", "7-to-7", "there is a hash, where none is needed", {"proof": [bytes(32).hex()]}),
        ("two-roots-of-one-size", "7-to-7", "the two roots of one size differ", {"second_root": other}),
        ("sizes-of-2-63", "7-to-7", "both sizes are 2^63", {"first_size": str(2**63), "second_size": str(2**63)}),
    ]
