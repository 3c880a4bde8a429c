"""A channel halts as forked: the proof is there from that commit on, by itself, whoever found the fork and how."""

import asyncio
from collections.abc import Sequence

import pytest
from regulator.exchange.v1 import peer_service_pb2 as wire
from regulator.exchange.v1.evidence_service_pb2 import GetForkProofRequest
from sqlalchemy import delete

from gateway.carrier import Carrier, Message
from gateway.errors import BadInput, NotFound, WrongState
from gateway.identity.evidence.forks import ForkCheck, ProvenFork
from gateway.ledger import steps
from gateway.ledger.checkpoint import Checkpoint, sign_checkpoint
from gateway.ledger.receiver import ReceiverMachine
from gateway.ledger.steps import FORKED, RESTORED, SENDER_ROLLED_BACK, Halt
from gateway.questions.evidence import Proofs
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from gateway.store.forking import prove_halts, read_forks
from gateway.store.logs import read_batch
from gateway.store.tables import forks
from tests.store.exchanging import exchange, resources_of, settle
from tests.store.settlement import ROOTS
from tests.store.stores import HK_TO_KR, KR_TO_HK, NOW, SEALS, Opened, refused

TIME = NOW // 1_000_000


@pytest.fixture
async def forked(hk: Opened, kr: Opened) -> tuple[Opened, Opened]:
    """Hong Kong's store went back to what it was after three envelopes, and then sealed others than it had."""
    await hk.release("hk-1", "hk-2", "hk-3")
    await settle(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-4", "hk-5")
    await settle(hk, kr)
    await hk.restore(earlier)
    return hk, kr


async def proofs_of(store: Opened) -> Sequence[ProvenFork]:
    found = []
    for proof, found_at in await store.read(read_forks, HK_TO_KR):
        check = ForkCheck(proof, ROOTS)
        found.append(check.proven(tuple(check.steps())))
        assert found_at >= NOW
    return found


async def receive(store: Opened, *messages: wire.Hello | wire.Batch) -> None:
    """Has a store's receiver take what no machine of ours would send."""
    state, shared, outbox = store.state(HK_TO_KR), resources_of(store), asyncio.Queue[Message]()
    machine = ReceiverMachine(shared.seals(state), state.log, state.head, state.receipt, state.halt)
    carrier = Carrier(machine, state, shared, outbox.put)
    for event in (steps.Opened(), *messages):
        await carrier.feed(event)


def sizes(proven: ProvenFork) -> list[int]:
    return [head.checkpoint.size for head in proven.heads]


@pytest.mark.parametrize("count", [1, 2])
async def test_both_ends_keep_the_proof_of_a_fork_that_the_receiver_finds(forked, count, caplog):
    hk, kr = forked
    await hk.release(*(f"hk-other-{n}" for n in range(count)))
    await exchange(hk, kr)
    told = [each.getMessage() for each in caplog.records if each.name == "gateway.carrier"]
    assert [each.split()[0] for each in told] == ["channel_halted"] * 2, "both nodes' logs tell it, once"
    assert hk.state().halt.reason == kr.state(HK_TO_KR).halt.reason == FORKED
    for store in (hk, kr):
        (proven,) = await proofs_of(store)
        assert sizes(proven) == [3 + count, 5]


async def test_a_sender_that_finds_the_fork_itself_keeps_the_proof(forked):
    hk, kr = forked
    await hk.release("hk-other-1", "hk-other-2", "hk-other-3")
    await exchange(hk, kr)
    (proven,) = await proofs_of(hk)
    assert sizes(proven) == [5, 6]
    assert kr.state(HK_TO_KR).halt is None


async def test_a_fork_that_a_larger_batch_shows_is_proven_though_the_other_history_is_not_kept(forked):
    hk, kr = forked
    await hk.release("hk-other-1", "hk-other-2", "hk-other-3")
    await receive(kr, wire.Hello(versions=[1], origin=HK_TO_KR), await hk.read(read_batch, hk.state().id, 3, 6))
    (proven,) = await proofs_of(kr)
    assert sizes(proven) == [5, 6]
    await kr.restart()
    assert kr.state(HK_TO_KR).halt.prefix.root, "what the halt tells its sender is there after a restart"


async def test_a_sender_that_lost_both_histories_keeps_the_proof_that_it_was_told(forked):
    hk, kr = forked
    earlier = hk.backup()
    await hk.release("hk-other-1")
    await exchange(hk, kr)
    await hk.restore(earlier)
    await exchange(hk, kr)
    (proven,) = await proofs_of(hk)
    assert sizes(proven) == [4, 5]


async def test_the_certificates_are_those_of_the_seals_that_signed(forked):
    hk, _ = forked
    contrary = sign_checkpoint(Checkpoint(HK_TO_KR, 2, bytes(32)), SEALS["HK"], TIME)
    own = hk.state().head.note
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(FORKED, "two histories", (own, contrary.note))))
    (proven,) = await proofs_of(hk)
    assert (sizes(proven), proven.seals) == ([2, 3], 1)


# --- halts that are no equivocation ---------------------------------------------------------------------------------


def proofs(store: Opened) -> Proofs:
    return Proofs(store.readers, Bulletin(store.committer.latest(), Backlog({}, lambda: 0, lambda *_: None)))


@pytest.mark.parametrize(
    ("halt", "said"),
    [
        (None, "has not halted"),
        (Halt(RESTORED, "restored"), "nobody did anything wrong"),
        (Halt(SENDER_ROLLED_BACK, "behind"), "that is one history"),
        (Halt("OPERATOR", "a drill"), "proves nothing to a third person"),
    ],
    ids=lambda value: getattr(value, "reason", ""),
)
async def test_where_there_is_no_fork_the_answer_says_what_the_halt_shows(hk, halt, said):
    await hk.release("hk-1")
    if halt:
        evidence = (hk.state().head.note,) if halt.reason == SENDER_ROLLED_BACK else ()
        await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(halt.reason, halt.detail, evidence)))
    error = await refused(proofs(hk).get_fork_proof(GetForkProofRequest(origin=HK_TO_KR)))
    assert isinstance(error, WrongState)
    assert said in error.message
    assert not await proofs_of(hk)


async def test_a_halt_with_notes_that_contradict_nothing_proves_nothing(hk):
    await hk.release("hk-1")
    note = hk.state().head.note
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(FORKED, "two histories", (note, note))))
    assert hk.state().halt.reason == FORKED
    assert "proves nothing" in (await refused(proofs(hk).get_fork_proof(GetForkProofRequest(origin=HK_TO_KR)))).message


# --- what is given out ----------------------------------------------------------------------------------------------


async def test_a_proof_is_given_by_its_number_and_the_newest_without_one(forked):
    hk, kr = forked
    await hk.release("hk-other-1")
    await exchange(hk, kr)
    for number in (0, 1):
        given = await proofs(kr).get_fork_proof(GetForkProofRequest(origin=HK_TO_KR, number=number))
        assert (given.number, given.count) == (1, 1)
        assert given.file_name == "gateway.hk.example-to-gateway.kr.example.fork-1.proof"
        assert [given.proof] == [proof for proof, _ in await kr.read(read_forks, HK_TO_KR)]
        assert given.found_time.ToMicroseconds() >= NOW
    for wrong, kind in (
        ({"number": 2}, BadInput),
        ({"origin": "a/to/b"}, NotFound),
        ({"origin": KR_TO_HK}, WrongState),
    ):
        request = GetForkProofRequest(**{"origin": HK_TO_KR, **wrong})
        assert isinstance(await refused(proofs(kr).get_fork_proof(request)), kind)


async def test_the_proof_of_a_halt_of_an_earlier_version_is_made_by_an_upgrade(forked):
    hk, kr = forked
    await hk.release("hk-other-1")
    await exchange(hk, kr)
    kept = await kr.read(read_forks, HK_TO_KR)
    with kr.database.writer() as connection, connection.begin():
        connection.execute(delete(forks))
        for _ in range(2):
            prove_halts(connection, NOW)
    assert [proof for proof, _ in await kr.read(read_forks, HK_TO_KR)] == [proof for proof, _ in kept]
