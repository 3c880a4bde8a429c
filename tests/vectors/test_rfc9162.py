"""The reference tree of Certificate Transparency: eight leaves, their roots, and proofs (RFC 6962 and RFC 9162)."""

import pytest

from gateway.ledger.merkle import EMPTY_ROOT
from gateway.ledger.proof import verify_consistency, verify_inclusion
from gateway.ledger.tiles import consistency_proof, inclusion_proof, root_of
from tests.ledger import oracle
from tests.ledger.samples import log_of
from tests.ledger.stored import StoredTree

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
G = "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f"
INCLUSIONS = {  # (index, size)
    (0, 1): [],
    (0, 8): [A, B, C],
    (5, 8): [D, E, ROOTS[4].hex()],
    (2, 3): [ROOTS[2].hex()],
    (1, 5): [ROOTS[1].hex(), B, D],
}
CONSISTENCIES = {  # (first, second)
    (1, 1): [],
    (1, 8): [A, B, C],
    (6, 8): [F, E, ROOTS[4].hex()],
    (2, 5): [B, D],
    (6, 7): [F, G, ROOTS[4].hex()],
}
TREE = StoredTree(LEAVES)


def hashes(proof):
    return tuple(bytes.fromhex(node) for node in proof)


@pytest.mark.parametrize("size", range(9))
def test_the_roots(size):
    assert log_of(LEAVES[:size]).root() == root_of(TREE.read, size) == oracle.mth(LEAVES[:size]) == ROOTS[size]
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size"), INCLUSIONS)
def test_the_inclusion_proofs(index, size):
    proof = hashes(INCLUSIONS[index, size])
    assert inclusion_proof(TREE.read, index, size) == proof
    verify_inclusion(TREE.levels[0][index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize(("first", "second"), CONSISTENCIES)
def test_the_consistency_proofs(first, second):
    proof = hashes(CONSISTENCIES[first, second])
    assert consistency_proof(TREE.read, first, second) == proof
    verify_consistency(first, second, ROOTS[first], ROOTS[second], proof)
