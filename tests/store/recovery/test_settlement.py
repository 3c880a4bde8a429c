"""A forked channel goes on: what its sender gives up, what comes back, and that nothing is wrong with either store."""

import itertools
import uuid
from datetime import date

import pytest
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import (
    BadInput,
    BadProof,
    BadSignature,
    GatewayError,
    LostCommits,
    Malformed,
    SealUnavailable,
    StoreError,
    Unavailable,
    WrongState,
)
from gateway.identity.evidence.forks import ForkCheck
from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.settlement import Settlement
from gateway.ledger.steps import FORKED, RESTORED, SENDER_ROLLED_BACK, Halt
from gateway.moments import MICROS
from gateway.store.destroying import NO_DIGEST
from gateway.store.forking import read_forks
from gateway.store.recovery.settlement import Branch, give_up_branch
from gateway.store.tables import drafts, events, framework_events, leaves, node, notices, requests
from tests.store.carrying import state_of
from tests.store.drafting import Drafting, notice_draft, withdrawal_draft
from tests.store.exchanging import exchange, settle
from tests.store.settlement import LATER, ROOTS, fork_apart, given_up, kept
from tests.store.stores import (
    CERTIFIED,
    CLIENT,
    DOMAINS,
    HK_TO_KR,
    NOW,
    RANDOM,
    SEALS,
    Opened,
)
from tests.supervision.framework_samples import assessment, day, pair, provision, version


async def refused(work, kind: type[GatewayError], said: str) -> None:
    with pytest.raises(kind, match=said):
        await work


def same(one: Opened, other: Opened) -> bool:
    mine, theirs = one.state(HK_TO_KR), other.state(HK_TO_KR)
    return mine.log == theirs.log and mine.halt is None and theirs.halt is None


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_a_receipt_that_is_yet_to_be_made_waits_for_the_time_of_the_seals_certificates(hk, kr):
    before = (CERTIFIED["KR"].not_before - 1) * MICROS
    for store in (hk, kr):
        store.clock = itertools.count(before + MICROS, 1)
    earlier = hk.backup()
    await hk.release("hk-1")
    kr.clock = itertools.count(before, 1)
    await refused(exchange(hk, kr), SealUnavailable, "begin at")
    await hk.restore(earlier)
    await hk.release("hk-other")
    await exchange(hk, kr)
    assert (kr.state(HK_TO_KR).halt.reason, kr.state(HK_TO_KR).receipt) == (FORKED, None)
    await refused(kept(kr, at=before), SealUnavailable, "begin at")
    assert kr.state(HK_TO_KR).halt.reason == FORKED
    assert (await kept(kr, at=before + 2 * MICROS)).goes_on
    assert kr.state(HK_TO_KR).halt is None


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 300])
async def test_the_receivers_history_goes_on_and_the_proof_stays(hk, kr, count):
    await fork_apart(hk, kr, min(count, 2))
    if count > 2:  # a branch with a stored subtree, and beyond the receiver's log
        await hk.committer.submit(lambda tx: tx.reopen(HK_TO_KR))
        await hk.release(*(f"hk-more-{n}" for n in range(count)))
        await exchange(hk, kr)
    assert hk.state().halt.reason == kr.state(HK_TO_KR).halt.reason == FORKED
    branches: list[Branch] = []
    size, root = hk.state().log.size, kr.state(HK_TO_KR).log.root()
    settlement = await kept(kr)
    done = await given_up(hk, settlement, branches)
    assert (done.first, done.count, done.drafts) == (3, size - 3, 0)
    assert [leaf.index for leaf in branches[0].leaves] == [*range(3, size)]
    assert hk.state().halt.reason == SENDER_ROLLED_BACK
    assert {row["id"] for row in await hk.rows(notices)} == {"hk-1", "hk-2", "hk-3", "kr-1"}
    assert hk.verify().findings == kr.verify().findings == ()

    await settle(hk, kr)
    assert same(hk, kr)
    assert hk.state().log.root() == root
    assert {row["id"] for row in await hk.rows(notices)} == {f"hk-{n}" for n in range(1, 6)} | {"kr-1"}
    await hk.release("hk-6")
    await settle(hk, kr)
    await kr.acknowledge("hk-6")
    await settle(hk, kr)
    assert same(hk, kr)
    for store in (hk, kr):
        await store.rebuilt()
        assert store.verify().findings == ()
        for proof, _ in await store.read(read_forks, HK_TO_KR):
            assert [*ForkCheck(proof, ROOTS).steps()]


async def test_what_the_receiver_replied_to_what_both_histories_have_counts_again_once_that_is_back(hk, kr):
    """All above the newest receipt is given up, also what comes back then; of replies nobody else tells."""
    await hk.release("hk-1")
    earlier = hk.backup()  # its receipt is not there yet
    await exchange(hk, kr)
    await hk.release("hk-2")
    await exchange(hk, kr)
    await hk.restore(earlier)
    await hk.release("hk-other")
    await kr.acknowledge("hk-1")
    await exchange(kr, hk)
    assert await state_of(hk, "hk-1") == Notice.ACKNOWLEDGED
    await exchange(hk, kr)
    assert (await given_up(hk, await kept(kr))).first == 0
    assert hk.verify().findings == ()
    await settle(hk, kr)
    assert same(hk, kr)
    assert await state_of(hk, "hk-1") == Notice.ACKNOWLEDGED
    assert hk.verify().findings == kr.verify().findings == ()
    cursors = await hk.rows(events)
    await hk.rebuilt()
    assert await hk.rows(events) == cursors
    assert hk.verify().findings == ()


async def test_if_the_sender_gives_nothing_up_the_channel_halts_again_and_nothing_is_lost(hk, kr):
    await fork_apart(hk, kr)
    await kept(kr)
    assert kr.state(HK_TO_KR).halt is None
    await hk.committer.submit(lambda tx: tx.reopen(HK_TO_KR))  # as no operator should
    await exchange(hk, kr)
    assert kr.state(HK_TO_KR).halt.reason == FORKED
    assert [row["index"] for row in await kr.rows(leaves) if row["channel"] == kr.state(HK_TO_KR).id] == [*range(5)]
    assert len(await kr.read(read_forks, HK_TO_KR)) == 2
    await given_up(hk, await kept(kr))
    await settle(hk, kr)
    assert same(hk, kr)


async def test_a_fork_that_the_sender_found_alone_is_settled_with_its_proof(hk, kr):
    await fork_apart(hk, kr, 3)
    assert kr.state(HK_TO_KR).halt is None
    await refused(kept(kr), WrongState, "give --proof")
    (proof, _), *_ = await hk.read(read_forks, HK_TO_KR)
    settlement = await kept(kr, shown=ForkProof.parse(proof))
    assert [each for each, _ in await kr.read(read_forks, HK_TO_KR)] == [proof], "Korea keeps it, too"
    await given_up(hk, settlement)
    await settle(hk, kr)
    assert same(hk, kr)


async def test_a_sender_that_has_the_history_that_goes_on_gives_nothing_up(hk, kr):
    """Its disk was put back once more, to the history that the receiver holds."""
    await hk.release("hk-1", "hk-2")
    await settle(hk, kr)
    contrary = sign_checkpoint(Checkpoint(HK_TO_KR, 1, bytes(32)), SEALS["HK"], NOW // 1_000_000)
    await hk.release("hk-3")
    for store in (hk, kr):
        halt = Halt(FORKED, "two histories", (store.state(HK_TO_KR).head.note, contrary.note))
        await store.committer.submit(lambda tx, halt=halt: tx.halt(HK_TO_KR, halt))
    done = await given_up(hk, await kept(kr))
    assert done.count == 0
    assert hk.state().halt.reason == RESTORED
    await settle(hk, kr)
    assert same(hk, kr)
    assert hk.state().receipted_size == 3, "what had no receipt is delivered now"


# --- what goes with a branch ------------------------------------------------------------------------------------------


async def test_requests_that_made_what_is_given_up_can_be_made_again(hk, kr):
    await fork_apart(hk, kr, 0)

    def give(tx):
        hk.seal_notice(tx, "hk-other-1")
        tx.remember_request(CLIENT, "1", bytes(32), "hk-other-1")

    await hk.committer.submit(give)
    await hk.committer.submit(lambda tx: tx.remember_request(CLIENT, "2", bytes(32), "hk-1"))
    await hk.acknowledge("kr-1")
    await hk.committer.submit(lambda tx: tx.remember_request(CLIENT, "3", bytes(32), "kr-1"))
    await exchange(hk, kr)
    await given_up(hk, await kept(kr))
    assert [row["notice"] for row in await hk.rows(requests)] == ["hk-1"]
    assert {row["id"]: row["state"] for row in await hk.rows(notices)}["kr-1"] == Notice.RECEIVED
    await settle(hk, kr)
    await hk.acknowledge("kr-1")
    await settle(hk, kr)
    assert same(hk, kr)


async def test_drafts_that_became_what_is_given_up_have_expired(hk, kr):
    await fork_apart(hk, kr, 0)
    drafting = Drafting(hk)
    approved = [
        await drafting.approve(await drafting.pending(each))
        for each in (notice_draft("hk-other-1"), withdrawal_draft("hk-1"))
    ]
    waiting = await drafting.pending(notice_draft("hk-other-2"))
    await exchange(hk, kr)
    assert (await given_up(hk, await kept(kr))).drafts == 2
    states = {row["id"]: row["state"] for row in await hk.rows(drafts)}
    assert [states[each.name.removeprefix("drafts/")] for each in (*approved, waiting)] == [
        Draft.EXPIRED,
        Draft.EXPIRED,
        Draft.PENDING_APPROVAL,
    ]
    assert hk.verify().findings == ()
    await settle(hk, kr)
    assert same(hk, kr)


async def test_of_a_draft_that_became_what_is_given_up_no_digest_is_left_that_lets_one_try_out_what_it_said(hk, kr):
    await fork_apart(hk, kr, 0)
    drafting, asked = Drafting(hk), str(uuid.uuid4())
    draft = await drafting.create(notice_draft("hk-other-1"), request_id=asked)
    await drafting.approve(await drafting.submit(draft))
    await exchange(hk, kr)
    await given_up(hk, await kept(kr))
    assert {bytes(row["digest"]) for row in await hk.rows(requests) if row["notice"] == draft.name} == {NO_DIGEST}


async def test_events_of_what_is_given_up_keep_their_cursors_and_tell_nothing(hk, kr):
    await fork_apart(hk, kr, 0)
    before = [row["cursor"] for row in await hk.rows(events)]
    await hk.publish("hk-x", 1, version(provision("a", effective_from=day("2026-01-02"))))
    await hk.assess("hk-a1", assessment(pair=pair()))
    await hk.tell_days(date(2026, 1, 1))
    await hk.tell_days(date(2026, 1, 3))
    await exchange(hk, kr)
    told = len(await hk.rows(events))
    await given_up(hk, await kept(kr))
    after = await hk.rows(events)
    assert [row["cursor"] for row in after] == [*range(1, len(after) + 1)]
    withdrawn = [row for row in after[len(before) : told] if row["kind"] == Event.ENVELOPE_GIVEN_UP]
    assert len(withdrawn) == 3, "a version, an assessment, a provision in force"
    assert {(row["notice"], row["detail"]) for row in withdrawn} == {("", "")}
    assert await hk.rows(framework_events) == []
    assert [row["kind"] for row in after[told:]] == [Event.ALARM, Event.CHANNEL_HALTED]
    await settle(hk, kr)
    await hk.publish("hk-x", 1, version(provision("a", effective_from=day("2026-01-02"))))
    await settle(hk, kr)
    assert same(hk, kr)


async def test_cursors_and_page_tokens_of_before_mean_nothing_any_more(hk, kr):
    await fork_apart(hk, kr)
    (before,) = await hk.rows(node)
    await given_up(hk, await kept(kr))
    (after,) = await hk.rows(node)
    assert before["token_key"] != after["token_key"]
    assert after["version"] > before["version"]


async def test_a_replica_that_runs_meanwhile_ends_and_starts_anew_from_what_is_left(hk, kr, kind, tmp_path):
    """All of them should be stopped, and nobody can see to that from here."""
    if kind == "sqlite":
        pytest.skip("one process has it")
    await fork_apart(hk, kr)
    settlement = await kept(kr)
    (tmp_path / "hk-b").mkdir()
    other = Opened.open("HK", hk.url, tmp_path / "hk-b")
    assert other.state().log.size == 4
    await given_up(hk, settlement)
    await refused(other.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "it is there")), Unavailable, "write")
    assert [type(each) for each in other.failures] == [LostCommits]
    await other.restart()
    await settle(other, kr)
    await other.release("hk-6")
    await settle(other, kr)
    assert same(other, kr)
    await other.close()
    await hk.restart()


# --- what is refused --------------------------------------------------------------------------------------------------


async def test_what_is_not_agreed_on_and_signed_by_both_is_refused(hk, kr):
    await fork_apart(hk, kr)
    await refused(kept(hk), BadInput, "leads to here")
    await refused(kept(kr, "kr-to-sg"), BadInput, "hk-to-kr, kr-to-hk")
    await refused(kept(hk, "kr-to-hk"), WrongState, "no fork")

    settlement, head = await kept(kr), kr.state(HK_TO_KR).head
    forged = countersign(head, DOMAINS["KR"], SEALS["HK"], NOW // 1_000_000).note
    for wrong, kind in (
        (Settlement(forged, settlement.given_up), GatewayError),
        (Settlement(settlement.goes_on, settlement.goes_on), Malformed),
        (Settlement(settlement.goes_on, head.note), BadProof),
        (Settlement(settlement.goes_on, settlement.given_up.replace(b"\n4\n", b"\n3\n", 1)), BadSignature),
    ):
        with pytest.raises(kind):
            await given_up(hk, wrong)
    assert hk.state().halt.reason == FORKED

    await refused(given_up(kr, settlement), BadInput, "is HK's")
    await given_up(hk, settlement)
    await refused(given_up(hk, settlement), WrongState, "nothing to give up")


async def test_nothing_below_a_receipt_is_given_up(hk, kr):
    await fork_apart(hk, kr, 0)
    old = hk.state().receipt
    await hk.release("hk-other-1")
    await exchange(hk, kr)
    settlement = await kept(kr)
    await refused(given_up(hk, Settlement(old.note, settlement.given_up)), WrongState, "old one")
    assert hk.state().log.size == 4


async def test_a_branch_that_cannot_be_kept_is_not_given_up(hk, kr):
    await fork_apart(hk, kr)
    settlement = await kept(kr)
    before = hk.backup()

    def full(_: Branch) -> None:
        raise StoreError("the disk is full")

    await hk.committer.stop()
    with pytest.raises(StoreError, match="disk is full"):
        give_up_branch(hk.database, hk.parties, lambda _: SEALS["HK"], settlement, full, LATER, RANDOM.randbytes)
    assert hk.backup() == before
    hk.write_on()


def test_a_settlement_has_one_form():
    made = Settlement(b"text\n\nlines\n", b"other\n\nlines\n")
    assert Settlement.parse(made.encode()) == made
    for wrong in (
        b"",
        made.encode() + b"\n",
        made.encode()[:-1] + b"\n\nmore\n",
        made.encode().replace(b"@v1", b"@v2"),
    ):
        with pytest.raises(Malformed):
            Settlement.parse(wrong)
