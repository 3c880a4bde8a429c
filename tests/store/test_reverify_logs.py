"""The verification of a store's logs: what an administrator without keys changes, and what no honest node signs."""

import pytest

from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.steps import SENDER_ROLLED_BACK, Halt
from gateway.store.database import snapshot
from gateway.store.reverify import verify_store
from gateway.store.reverify.tree import Tree, hash_of_leaf
from gateway.store.tables import leaves
from tests.ledger import oracle
from tests.ledger.samples import STRANGER_SEAL
from tests.store.damages import damage, named
from tests.store.stores import DOMAINS, HK_TO_KR, SEALS, Opened, parties_of


async def test_a_history_rewritten_with_all_its_hashes_lacks_the_signature(hk: Opened):
    """An administrator who computes everything anew, and has no key."""
    await hk.release("hk-1")
    data = (await hk.release("hk-2"))[0].envelope.SerializeToString().replace(b"What happened.", b"Nothing at all")
    tree = Tree()
    for each in ((await hk.rows(leaves))[0]["data"], data):
        tree.add(hash_of_leaf(each))
    forged = sign_checkpoint(Checkpoint(HK_TO_KR, 2, tree.root()), STRANGER_SEAL, 1_767_225_601)
    damage(hk, 'UPDATE leaves SET data = :data, hash = :hash WHERE "index" = 1', data=data, hash=hash_of_leaf(data))
    damage(hk, "UPDATE channels SET edge = :edge WHERE id = 1", edge=tree.edge())
    damage(hk, "UPDATE heads SET note = :note WHERE size = 2", note=forged.note)
    (finding,) = hk.verify().findings
    assert (finding.where, finding.what) == (f"heads {HK_TO_KR} 2", f"is signed by another key of {HK_TO_KR}")


@pytest.mark.parametrize("line", [1, 2, 3, 4])
async def test_a_receipt_is_found_false_if_any_of_its_four_signatures_is(hk: Opened, line):
    await hk.release("hk-1")
    receipt = await hk.keep_receipt()
    lines = receipt.note.split(b"\n")
    place = len(lines) - 6 + line
    changed = b"B" if lines[place][-10:-9] == b"A" else b"A"
    lines[place] = lines[place][:-10] + changed + lines[place][-9:]
    damage(hk, "UPDATE heads SET note = :note", note=b"\n".join(lines))
    (finding,) = [each for each in hk.verify().findings if each.where.startswith("heads")]
    assert "does not verify" in finding.what


async def test_a_receipt_that_somebody_else_countersigned_is_found(hk: Opened):
    hk.damaged = True
    await hk.release("hk-1")
    receipt = countersign(hk.state().head, DOMAINS["KR"], STRANGER_SEAL, 5)
    await hk.committer.submit(lambda tx: tx.keep_receipt(HK_TO_KR, receipt))
    assert [str(each) for each in hk.verify().findings] == [
        f"heads {HK_TO_KR} 1: is signed by another key of {DOMAINS['KR']}"
    ]


async def test_a_receipt_whose_two_cosignatures_bear_different_times_is_found(hk: Opened):
    """Each of them verifies; the time of one is not that of the receipt."""
    await hk.release("hk-1")
    receipt = await hk.keep_receipt()
    later = countersign(hk.state().head, DOMAINS["KR"], SEALS["KR"], receipt.time + 5)
    lines = [*receipt.note.splitlines()[:-1], later.note.splitlines()[-1]]
    damage(hk, "UPDATE heads SET note = :note", note=b"\n".join(lines) + b"\n")
    (finding,) = [each for each in hk.verify().findings if each.where.startswith("heads")]
    assert finding.what == "its two cosignatures bear different times"


async def test_receipts_whose_time_goes_back_are_found(hk: Opened):
    hk.damaged = True
    await hk.release("hk-1")
    await hk.keep_receipt(1_000)
    await hk.release("hk-2")
    await hk.keep_receipt(999)
    (finding,) = hk.verify().findings
    assert finding.where == f"heads {HK_TO_KR} 2"
    assert "before an earlier one" in finding.what


async def test_a_salt_used_twice_is_found(hk: Opened):
    hk.damaged = True
    salts = iter([bytes(16)] * 3)
    hk.committer._session._random = lambda _count: next(salts)
    await hk.release("hk-1", "hk-2")
    (finding,) = hk.verify().findings
    assert (finding.where, finding.expected) == (f"leaves {HK_TO_KR} 1", "16 random bytes")


async def test_evidence_of_a_rolled_back_sender_is_signed_by_all_whose_lines_it_has(hk: Opened):
    await hk.release("hk-1")
    receipt, head = await hk.keep_receipt(), hk.state().head
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(SENDER_ROLLED_BACK, "behind", (receipt.note,))))
    assert hk.verify().findings == ()
    damage(hk, "UPDATE halt_evidence SET note = :note", note=head.note)
    assert hk.verify().findings == ()
    for note in (countersign(head, DOMAINS["KR"], STRANGER_SEAL, 5).note, receipt.note[:-1]):
        damage(hk, "UPDATE halt_evidence SET note = :note", note=note)
        assert named(hk.verify()) == {"halt_evidence"}


async def test_a_channel_of_nobody_who_is_paired_is_named(hk: Opened):
    await hk.release("hk-1")
    alone = parties_of("HK")
    with snapshot(hk.url, hk.home) as connection:
        report = verify_store(connection, type(alone)(alone.own, {}))
    assert f"channels {HK_TO_KR}" in [finding.where for finding in report.findings]


def test_the_tree_is_that_of_the_rfc():
    datas, tree, completed = [str(n).encode() for n in range(70)], Tree(), []
    for size, data in enumerate(datas, 1):
        completed += tree.add(hash_of_leaf(data))
        assert tree.root() == oracle.mth(datas[:size])
    assert (3, 4, oracle.mth(datas[32:40])) in completed
    assert Tree().root() == oracle.mth([])
