"""What a unit of work can write: batches of the peer, receipts, halts."""

import asyncio
from dataclasses import replace

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import BadInput, Halted, Malformed, StoreError
from gateway.ledger import batch as batch_module
from gateway.ledger.checkpoint import countersign
from gateway.ledger.steps import FORKED, SENDER_ROLLED_BACK, Halt
from gateway.store import prepared, writing
from gateway.store import transaction as module
from gateway.store.arriving import read_arrived, read_now
from gateway.store.event_queries import read_events
from gateway.store.logs import read_batch
from gateway.store.notice_queries import read_notice
from gateway.store.tables import events, halt_evidence, heads, leaves, notice_identifiers, notices
from gateway.supervision.destruction import remainder_of
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.envelopes import envelopes
from gateway.supervision.envelopes.frameworks import published
from gateway.supervision.envelopes.sharing import requested
from gateway.supervision.messages.notices import notice_message
from tests.ledger.samples import KR_SEAL
from tests.store.appending import TIME, append, batch_of, envelope, kinds
from tests.store.exchanging import exchange
from tests.store.stores import AUTHOR, DOMAINS, HK_TO_KR, KR_TO_HK, Opened, refused
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import APPROVER, content, handling, reference, seal

# --- sealing --------------------------------------------------------------------------------------------------------


async def test_an_envelope_carries_a_salt_that_no_other_has(hk: Opened):
    sealed = await hk.release("hk-1", "hk-2")
    salts = {each.envelope.salt for each in sealed}
    assert len(salts) == 2
    assert {len(salt) for salt in salts} == {16}


async def test_an_envelope_too_large_for_the_wire_is_refused(hk: Opened, monkeypatch):
    monkeypatch.setattr(module, "MAX_BATCH_BYTES", 200)
    assert isinstance(await refused(hk.release("hk-1")), BadInput)
    assert await hk.rows(leaves) == []


async def test_a_commit_too_large_for_one_batch_gets_a_head_for_each(hk: Opened, monkeypatch):
    monkeypatch.setattr(writing, "MAX_BATCH_ENVELOPES", 3)
    await hk.release(*(f"hk-{n}" for n in range(8)))
    assert [row["size"] for row in await hk.rows(heads)] == [3, 6, 8]


async def test_a_commit_of_too_many_bytes_gets_a_head_for_each_batch(hk: Opened, monkeypatch):
    (sealed,) = await hk.release("hk-0")
    size = len(sealed.envelope.SerializeToString())
    monkeypatch.setattr(writing, "MAX_BATCH_BYTES", 2 * size + size // 2)
    await hk.release(*(f"hk-{n}" for n in range(1, 6)))
    assert [row["size"] for row in await hk.rows(heads)] == [1, 3, 5, 6]


async def test_a_notice_that_supersedes_one_of_the_same_commit_changes_it(hk: Opened):
    await hk.committer.submit_all(
        [
            lambda tx: hk.seal_notice(tx, "hk-1"),
            lambda tx: hk.seal_notice(tx, "hk-2", references=[reference(Reference.SUPERSEDES, "hk-1")]),
        ]
    )
    first, second = await hk.rows(notices)
    assert (first["state"], first["superseded_by"], first["revision"]) == (Notice.SUPERSEDED, "hk-2", 2)
    assert second["state"] == Notice.RELEASED


# --- batches of the peer ----------------------------------------------------------------------------------------------


async def test_received_envelopes_are_stored_as_they_came_and_known_as_notices(kr: Opened):
    datas = [envelope(f"hk-{n}", n).SerializeToString() for n in range(3)]
    await append(kr, datas)
    assert [row["data"] for row in await kr.rows(leaves)] == datas
    assert [row["direction"] for row in await kr.rows(notices)] == [Notice.INCOMING] * 3
    assert await kinds(kr) == ["NOTICE_RECEIVED"] * 3


async def test_what_does_not_follow_on_the_log_is_refused(kr: Opened):
    verified = batch_of([envelope("hk-1").SerializeToString()])
    await kr.committer.submit(lambda tx: tx.append(HK_TO_KR, verified, read_now(verified)))
    again = await refused(kr.committer.submit(lambda tx: tx.append(HK_TO_KR, verified, read_now(verified))))
    assert isinstance(again, StoreError)
    assert kr.failures == [], "a refusal, and not a broken store"
    assert len(await kr.rows(leaves)) == 1


@pytest.mark.parametrize("data", [b"\xff\xff no envelope", b"", Envelope(origin=HK_TO_KR).SerializeToString()])
async def test_what_cannot_be_used_is_stored_told_and_blocks_nothing(kr: Opened, data):
    await append(kr, [data, envelope("hk-1").SerializeToString()])
    assert await kinds(kr) == ["ENVELOPE_UNSUPPORTED", "NOTICE_RECEIVED"]
    assert [row["index"] for row in await kr.rows(notices)] == [1]


@pytest.mark.parametrize(
    "sealed",
    [
        envelopes.released(seal(), "hk-\0", content()),
        envelopes.released(seal(), "hk-2", content(references=[reference(Reference.SUPERSEDES, "hk-\0")])),
        envelopes.acknowledged(seal(), "kr-\0", [], ""),
        envelopes.withdrawn(seal(), "hk-\0", []),
        requested(seal(), "notices/kr-\0/consents/12345678", [], 0, []),
    ],
    ids=["released", "reference", "acknowledged", "withdrawn", "sharing"],
)
async def test_a_name_with_a_nul_which_postgresql_has_in_no_text_is_told_and_blocks_nothing(kr: Opened, sealed):
    await append(kr, [sealed.SerializeToString(), envelope("hk-1", 1).SerializeToString()])
    assert await kinds(kr) == ["ENVELOPE_UNSUPPORTED", "NOTICE_RECEIVED"]


NO_DAY = Date(year=2**31 - 1, month=12, day=31)  # a number of it is too large for a column


@pytest.mark.parametrize(
    "sealed",
    [
        envelope("hk-2", 2, handling=handling(retain_until=NO_DAY)),
        published(seal(), "hk-x", 1, 0, version(provision(effective_from=NO_DAY))),
    ],
    ids=["retain_until", "effective_from"],
)
async def test_a_day_that_there_is_not_is_told_and_blocks_nothing(kr: Opened, sealed):
    await append(kr, [sealed.SerializeToString(), envelope("hk-1", 1).SerializeToString()])
    assert await kinds(kr) == ["ENVELOPE_UNSUPPORTED", "NOTICE_RECEIVED"]


def left(**changes) -> bytes:
    """What is left of an envelope, or what a peer calls so."""
    whole = envelope("hk-1")
    for name, value in changes.items():
        if isinstance(value, list):
            getattr(whole.notice_released.content, name)[:] = value
        else:
            setattr(whole.notice_released.content, name, value)
    return remainder_of(whole.SerializeToString())


@pytest.mark.parametrize(
    "data",
    [left(sectors=[2**31 - 1]), left(sectors=[-1]), left(issuing_authority="A" * 1000), left(urgency=999)],
    ids=["sector-too-large", "sector-below-0", "long-authority", "unknown-urgency"],
)
async def test_what_is_left_of_an_envelope_is_refused_with_values_that_the_contract_does_not_have(kr: Opened, data):
    """No hash proves it, and it comes from a peer: the writer must not end over it."""
    batch = replace(batch_of([envelope("hk-1").SerializeToString()]), envelopes=[data], destroyed=frozenset({0}))
    with pytest.raises(Malformed):
        await read_arrived(batch)
    assert kr.failures == []
    await append(kr, [envelope("hk-2", 1).SerializeToString()])


async def test_a_name_that_comes_again_is_told_as_unusable(kr: Opened):
    await append(kr, [envelope("hk-1").SerializeToString(), envelope("hk-1", 1).SerializeToString()])
    assert await kinds(kr) == ["NOTICE_RECEIVED", "ENVELOPE_UNSUPPORTED"]


async def test_notices_are_looked_up_in_portions_that_a_statement_takes(kr: Opened, monkeypatch):
    monkeypatch.setattr(prepared, "_SIZES", (1, 7))
    first = [envelope(f"hk-{n}", n).SerializeToString() for n in range(20)]
    await append(kr, first)
    withdrawing = [reference(Reference.WITHDRAWS, f"hk-{n}") for n in range(20)]
    await append(kr, [envelope("hk-x", 99, references=withdrawing).SerializeToString()])
    assert [row["state"] for row in await kr.rows(notices)] == [Notice.WITHDRAWN] * 20 + [Notice.RECEIVED]


async def test_more_references_than_sqlite_takes_parameters_pass(kr: Opened):
    """The largest batch: a thousand envelopes of 64 references each, to names that nobody has."""
    datas = [
        envelope(
            f"hk-{n}", n, references=[reference(Reference.RELATES_TO, f"hk-{n}-{other}") for other in range(64)]
        ).SerializeToString()
        for n in range(600)
    ]
    await append(kr, datas)
    assert kr.state(HK_TO_KR).log.size == 600


async def test_identifiers_are_stored_once_a_notice(hk: Opened):
    from regulator.exchange.v1.values_pb2 import Entity

    subjects = [Entity(name="A", licence_number="bcd-1"), Entity(name="B", licence_number="BCD-1")]
    await hk.release("hk-1", subjects=subjects)
    assert await hk.rows(notice_identifiers) == [{"identifier": "BCD-1", "sequence": 1}]


# --- receipts -----------------------------------------------------------------------------------------------------


async def test_a_receipt_delivers_what_it_covers(hk: Opened):
    await hk.release("hk-1", "hk-2")
    receipt = await hk.keep_receipt()
    assert hk.state().receipt == receipt
    view = await hk.read(read_notice, EVERYTHING, "hk-1")
    assert (view.record.state, view.record.receipt_time, view.record.revision) == (Notice.DELIVERED, receipt.time, 2)
    assert await kinds(hk) == ["NOTICE_RELEASED"] * 2 + ["NOTICE_DELIVERED"] * 2


async def test_only_what_no_receipt_covered_before_is_delivered_by_the_next(hk: Opened):
    await hk.release("hk-1")
    await hk.keep_receipt(TIME)
    await hk.release("hk-2")
    await hk.keep_receipt(TIME + 9)
    assert [row["receipt_time"] for row in await hk.rows(notices)] == [TIME, TIME + 9]
    assert (await kinds(hk)).count("NOTICE_DELIVERED") == 2


async def test_a_receipt_that_covers_no_more_changes_nothing(hk: Opened):
    await hk.release("hk-1")
    receipt = await hk.keep_receipt(TIME)
    before = [await hk.rows(table) for table in (heads, notices, events)]
    later = replace(receipt, time=receipt.time + 5)
    await hk.committer.submit(lambda tx: tx.keep_receipt(HK_TO_KR, later))
    assert [await hk.rows(table) for table in (heads, notices, events)] == before
    assert hk.state().receipt == receipt


@pytest.mark.parametrize("receipt_first", [True, False])
async def test_a_receipt_and_a_withdrawal_in_one_commit_both_count(hk: Opened, receipt_first):
    await hk.release("hk-1", "hk-2")
    works = [hk.keep_receipt(TIME), hk.withdraw("hk-1")]
    await asyncio.gather(*(works if receipt_first else reversed(works)))
    first, second = await hk.rows(notices)
    assert (first["state"], first["receipt_time"], first["revision"]) == (Notice.WITHDRAWN, TIME, 3)
    assert (second["state"], second["receipt_time"], second["revision"]) == (Notice.DELIVERED, TIME, 2)
    assert await kinds(hk) == ["NOTICE_RELEASED"] * 2 + ["NOTICE_WITHDRAWN"] + ["NOTICE_DELIVERED"] * 2


async def test_a_unit_sees_the_receipt_that_one_before_it_keeps(hk: Opened):
    await hk.release("hk-1")
    receipt = countersign(hk.state().head, DOMAINS["KR"], KR_SEAL, TIME)
    _, found = await hk.committer.submit_all(
        [lambda tx: tx.keep_receipt(HK_TO_KR, receipt), lambda tx: tx.find_notice("hk-1")]
    )
    assert (found.state, found.receipt_time, found.revision) == (Notice.DELIVERED, TIME, 2)


async def test_what_comes_back_with_its_receipt_in_one_commit_is_delivered(hk: Opened):
    verified = batch_of([envelope("hk-1").SerializeToString()])
    receipt = countersign(verified.head, DOMAINS["KR"], KR_SEAL, TIME)
    await hk.committer.submit_all(
        [lambda tx: tx.append(HK_TO_KR, verified, read_now(verified)), lambda tx: tx.keep_receipt(HK_TO_KR, receipt)]
    )
    assert [row["state"] for row in await hk.rows(notices)] == [Notice.DELIVERED]
    assert await kinds(hk) == ["NOTICE_RELEASED", "NOTICE_DELIVERED"]


async def test_heads_below_a_receipt_go_and_receipts_stay(hk: Opened):
    for n in range(3):
        await hk.release(f"hk-{n}")
    await hk.keep_receipt(TIME)
    await hk.release("hk-3")
    await hk.keep_receipt(TIME)
    assert [(row["size"], row["receipt_time"]) for row in await hk.rows(heads)] == [(3, TIME), (4, TIME)]


@pytest.mark.parametrize(("bound", "value"), [("MAX_BATCH_ENVELOPES", 2), ("MAX_BATCH_BYTES", 800)])
async def test_heads_stay_where_a_peer_that_lost_envelopes_needs_them(hk: Opened, monkeypatch, bound, value):
    """A receipt may come for more than one batch, after those between were lost with a stream."""
    monkeypatch.setattr(writing, bound, value)
    for n in range(5):
        await hk.release(f"hk-{n}")
    await hk.keep_receipt()
    assert [row["size"] for row in await hk.rows(heads)] == [1, 2, 3, 4, 5]
    batch = await hk.read(read_batch, hk.state().id, 1, 5)
    assert batch.first_index == 1


async def test_a_receiver_keeps_when_it_signed_and_tells_nobody(kr: Opened):
    await append(kr, [envelope("hk-1").SerializeToString()])
    receipt = countersign(kr.state(HK_TO_KR).head, DOMAINS["KR"], KR_SEAL, TIME + 3)
    await kr.committer.submit(lambda tx: tx.keep_receipt(HK_TO_KR, receipt))
    (row,) = await kr.rows(notices)
    assert (row["receipt_time"], row["state"]) == (TIME + 3, Notice.RECEIVED)
    assert await kinds(kr) == ["NOTICE_RECEIVED"]


# --- halts --------------------------------------------------------------------------------------------------------


async def test_a_halted_channel_seals_nothing_also_after_a_restart(hk: Opened):
    await hk.release("hk-1")
    note = hk.state().head.note
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(FORKED, "two histories", (note, note))))
    assert isinstance(await refused(hk.release("hk-2")), Halted)
    await hk.restart()
    assert hk.state().halt == Halt(FORKED, "two histories", (note, note))
    assert isinstance(await refused(hk.release("hk-2")), Halted)
    assert await kinds(hk) == ["NOTICE_RELEASED", "CHANNEL_HALTED"]


async def test_a_halt_stops_one_direction_only(hk: Opened):
    await hk.committer.submit(lambda tx: tx.halt(KR_TO_HK, Halt("OPERATOR", "a drill")))
    await hk.release("hk-1")
    assert hk.state(KR_TO_HK).halt.reason == "OPERATOR"


async def test_the_first_reason_stays_but_for_a_fork(hk: Opened):
    await hk.release("hk-1")
    receipt, note = await hk.keep_receipt(), hk.state().head.note
    for halt in (
        Halt(SENDER_ROLLED_BACK, "first", (receipt.note,)),
        Halt("OPERATOR", "second"),
        Halt(FORKED, "third", (note, note)),
        Halt(SENDER_ROLLED_BACK, "fourth", (receipt.note,)),
    ):
        await hk.committer.submit(lambda tx, halt=halt: tx.halt(HK_TO_KR, halt))
    assert hk.state().halt.detail == "third"
    assert len(await hk.rows(halt_evidence)) == 2
    assert (await kinds(hk)).count("CHANNEL_HALTED") == 2


async def test_a_channel_that_is_opened_again_keeps_no_evidence(hk: Opened):
    await hk.release("hk-1")
    receipt = await hk.keep_receipt()
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(SENDER_ROLLED_BACK, "behind", (receipt.note,))))
    await hk.committer.submit(lambda tx: tx.reopen(HK_TO_KR))
    await hk.committer.submit(lambda tx: tx.reopen(HK_TO_KR))  # it is open
    assert await hk.rows(halt_evidence) == []
    assert (await kinds(hk))[-1] == "CHANNEL_RECOVERED"
    await hk.release("hk-2")


async def test_an_alarm_is_an_event_of_the_channel(hk: Opened):
    await hk.committer.submit(lambda tx: tx.tell(HK_TO_KR, Event.PEER_ROLLED_BACK, "the peer holds less"))
    (event,) = await hk.read(read_events, EVERYTHING, 0, 10)
    assert (event.origin, event.index, event.detail) == (HK_TO_KR, 0, "the peer holds less")


def test_the_bounds_of_a_batch_are_those_of_the_wire():
    assert writing.MAX_BATCH_ENVELOPES == batch_module.MAX_BATCH_ENVELOPES
    assert writing.MAX_BATCH_BYTES == module.MAX_BATCH_BYTES == batch_module.MAX_BATCH_BYTES


async def test_an_envelope_names_its_author_and_who_approved_it(hk, kr):
    await hk.committer.submit(
        lambda tx: tx.seal(
            hk.outgoing, AUTHOR, lambda made: envelopes.released(made, "hk-1", content()), approver=APPROVER
        )
    )
    await exchange(hk, kr)
    for store in (hk, kr):
        view = await store.read(read_notice, EVERYTHING, "hk-1")
        told = notice_message(view.record, Envelope.FromString(view.released))
        assert (told.author, told.approver) == (AUTHOR, APPROVER)
