"""Content is destroyed at both nodes once its day is past: it is nowhere any more, and all else still verifies."""

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Entity, LocalizedText
from sqlalchemy import Table, select, text, update

from gateway.carrier import Carrier
from gateway.commands.notices import carried_out
from gateway.errors import ContentDestroyed, Malformed, Unavailable
from gateway.identity.access import Caller
from gateway.ledger.steps import StoreReceipt
from gateway.store import database, logs, writing
from gateway.store.copying import copy_store
from gateway.store.database import Database, snapshot
from gateway.store.destroying import NO_DIGEST
from gateway.store.queries import NoticeFilter, list_notices, read_events, read_notice
from gateway.store.tables import heads, leaves, notice_identifiers, notices, requests, seals
from gateway.store.waiting import MAX_GROUP_WEIGHT
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.notice_messages import notice_message
from tests.store.stores import AUTHOR, CLIENT, HK_TO_KR, KR_TO_HK, NEXT_CERTIFIED, Opened, exchange, refused, settle
from tests.supervision.samples import content, handling, reference

LAST_DAY, NEXT_DAY = date(2026, 3, 31), date(2026, 4, 1)
CANARY = "A canary in the mine of Gwangmyeong"
LICENCE = "CANARY-4711"
CANARY_FIELD = bytes([len(CANARY)]) + CANARY.encode()  # as protobuf puts it after a tag
LARGE = 16_000  # characters: more than a page of either database


def kept_until(day: date = LAST_DAY, **changes: object) -> dict[str, object]:
    """The changes to a sample that make it one whose content is found again byte for byte."""
    return {
        "handling": handling(retain_until=Date(year=day.year, month=day.month, day=day.day)),
        "summary": [LocalizedText(language_tag="en", text=CANARY)],
        "subjects": [Entity(name=CANARY, licence_number=LICENCE)],
    } | changes


def found(store: Opened, what: str = CANARY) -> list[str]:
    """Where bytes are found: in the files of SQLite, in the rows of PostgreSQL."""
    if store.url.startswith("sqlite"):
        return [path.name for path in store.home.glob("node.db*") if what.encode() in path.read_bytes()]
    values = [(table.name, value) for table, rows in store.backup().items() for row in rows for value in row.values()]
    texts = [(name, value.decode("latin-1") if isinstance(value, bytes) else str(value)) for name, value in values]
    return [name for name, text in texts if what in text]


async def destroy(*stores: Opened, day: date = NEXT_DAY) -> None:
    for store in stores:
        await store.destroy(day)
    await settle(*stores)


@pytest.fixture
async def pair(hk: Opened, kr: Opened) -> tuple[Opened, Opened]:
    """Three notices, of which one may be kept until a day; it is acknowledged."""
    await hk.release("hk-1")
    await hk.release("hk-2", **kept_until())
    await hk.release("hk-3")
    await settle(hk, kr)
    await kr.acknowledge("hk-2")
    await settle(kr, hk)
    return hk, kr


async def message(store: Opened, notice_id: str) -> Notice:
    view = await store.read(read_notice, EVERYTHING, notice_id)
    parts = (view.released, view.acknowledged, view.withdrawn, view.destroyed, view.peer_destroyed)
    return notice_message(view.record, *(Envelope.FromString(data) if data else None for data in parts))


async def test_nothing_goes_up_to_the_last_day_and_all_after_it(pair):
    await destroy(*pair, day=LAST_DAY)
    assert all(found(store) for store in pair)
    await destroy(*pair)
    assert [found(store) for store in pair] == [[], []]
    assert [found(store, LICENCE) for store in pair] == [[], []]


async def test_what_has_no_day_or_a_later_one_stays(pair):
    hk, kr = pair
    await hk.release("hk-4", **kept_until(NEXT_DAY))
    await settle(hk, kr)
    await destroy(hk, kr)
    assert all(found(store) for store in pair)
    gone = [row["index"] for row in await hk.rows(leaves) if row["destroyed"]]
    assert len(gone) == 2  # the release and the acknowledgement of hk-2, each in its channel
    assert (await message(kr, "hk-1")).content == content()


async def test_both_sides_say_when_and_by_which_certificate(pair):
    await destroy(*pair)
    for store, other in (pair, pair[::-1]):
        told = await message(store, "hk-2")
        assert not told.HasField("content")
        assert told.state == Notice.ACKNOWLEDGED
        assert told.author.authority == "SFC"
        assert (told.destruction.certificate.origin, told.peer_destruction.certificate.origin) == (
            store.outgoing,
            other.outgoing,
        )
        assert told.destruction.HasField("time")
        assert told.acknowledgement.case_reference == ""


async def test_a_certificate_names_each_envelope_by_its_hash(pair):
    hk, kr = pair
    before = {(row["channel"], row["index"]): row["hash"] for row in await kr.rows(leaves)}
    await destroy(*pair)
    view = await hk.read(read_notice, EVERYTHING, "hk-2")
    certificate = Envelope.FromString(view.peer_destroyed).content_destroyed
    channels = {state.origin: state.id for state in kr.committer.latest().states.values()}
    assert certificate.notice == "notices/hk-2"
    assert [(each.origin, each.index) for each in certificate.envelopes] == [(HK_TO_KR, 1), (KR_TO_HK, 0)]
    assert [each.leaf_hash for each in certificate.envelopes] == [
        before[channels[each.origin], each.index] for each in certificate.envelopes
    ]


async def test_it_is_told_once_for_each_side(pair):
    await destroy(*pair)
    await destroy(*pair)
    for store in pair:
        told = await store.read(read_events, EVERYTHING, 0, 100)
        details = sorted(each.detail for each in told if each.kind == Event.CONTENT_DESTROYED)
        assert details == ["at HK", "at KR"]


async def test_lists_and_rebuilds_cope(pair):
    hk, kr = pair
    await hk.release("hk-5", references=[reference(Reference.SUPERSEDES, "hk-3")], **kept_until())
    await settle(hk, kr)
    await destroy(hk, kr)
    for store in pair:
        before = [await store.rows(table) for table in (notices, notice_identifiers)]
        assert len(await store.read(list_notices, EVERYTHING, NoticeFilter(), None, 10)) == 4
        assert await store.read(list_notices, EVERYTHING, NoticeFilter(identifier=LICENCE), None, 10) == []
        await store.rebuilt()
        assert [await store.rows(table) for table in (notices, notice_identifiers)] == before
    assert (await message(kr, "hk-3")).superseded_by == "notices/hk-5"


async def test_a_later_acknowledgement_goes_too(hk: Opened, kr: Opened):
    await hk.release("hk-2", **kept_until())
    await settle(hk, kr)
    await hk.destroy(NEXT_DAY)  # Hong Kong's clock is ahead
    await kr.acknowledge("hk-2")
    await settle(hk, kr)
    await destroy(hk, kr)
    for store in (hk, kr):
        assert [row["destroyed"] for row in await store.rows(leaves)].count(True) == 2


async def test_what_the_peer_does_not_hold_yet_is_kept_until_it_does(hk: Opened, kr: Opened):
    await hk.release("hk-2", **kept_until())
    await hk.destroy(NEXT_DAY)
    assert found(hk)
    await settle(hk, kr)
    await destroy(hk, kr)
    assert [found(hk), found(kr)] == [[], []]


@pytest.mark.parametrize("size", [10, 3_000, LARGE])
async def test_no_byte_of_many_notices_stays_in_any_file(hk: Opened, kr: Opened, size: int):
    """Small ones share pages with others, large ones fill pages of their own."""
    for number in range(30):
        text = [LocalizedText(language_tag="en", text=f"{CANARY} {number} " + "x" * size)]
        changes = kept_until(summary=text) if number % 3 else {}
        await hk.release(f"hk-{number}", **changes)
    await settle(hk, kr)
    assert all(found(store) for store in (hk, kr))
    await destroy(hk, kr)
    assert [found(hk), found(kr)] == [[], []]
    await hk.release("hk-after")
    await hk.restart()
    await kr.restart()
    assert [found(hk), found(kr)] == [[], []]


async def test_a_request_is_not_told_from_another_one_any_more(hk: Opened, kr: Opened):
    caller, request_id = Caller(CLIENT, "SFC", frozenset()), "7a0c8a3e-1f5e-4f43-9f0e-2f3f5a8d6c11"

    def release(tx):
        tx.remember_request(CLIENT, request_id, bytes([7] * 32), "hk-2")
        return hk.seal_notice(tx, "hk-2", **kept_until())

    await hk.committer.submit(release)
    await settle(hk, kr)
    await destroy(hk, kr)
    assert [row["digest"] for row in await hk.rows(requests)] == [NO_DIGEST]
    error = await refused(hk.committer.submit(lambda tx: carried_out(tx, caller, request_id, bytes([7] * 32))))
    assert isinstance(error, ContentDestroyed)


async def test_a_node_that_was_restored_from_before_gets_hashes_and_no_content(pair):
    """Each side in turn loses all, its certificate too; the other still knows the hashes, and that is enough."""
    hk, _ = pair
    for lost, other in (pair, pair[::-1]):
        emptied = lost_everything(lost)
        if lost is hk:
            await destroy(*pair)
        await lost.restore(emptied)
        for _ in range(3):
            await settle(lost, other)
        assert found(lost) == []
        assert [lost.state(each).log for each in (HK_TO_KR, KR_TO_HK)] == [
            other.state(each).log for each in (HK_TO_KR, KR_TO_HK)
        ]
        assert not (await message(lost, "hk-2")).HasField("content")


def lost_everything(store: Opened) -> dict[Table, list[dict[str, object]]]:
    """The rows of a node that is restored from before its first envelope."""
    kept = ("node", "channels", "seals")
    emptied = {table: rows if table.name in kept else [] for table, rows in store.backup().items()}
    emptied[seals] = [row for row in emptied[seals] if row["ordinal"] == 0]
    for row in emptied_rows(emptied):
        row |= {"size": 0, "edge": b"", "halt_reason": "", "halt_detail": ""}
    return emptied


def with_text(left: Envelope) -> bytes:
    left.notice_released.content.title.add(language_tag="en", text=CANARY)
    return left.SerializeToString(deterministic=True)


def with_salt(left: Envelope) -> bytes:
    left.salt = CANARY.encode()[:16]
    return left.SerializeToString(deterministic=True)


async def test_what_is_left_of_a_reply_that_came_back_first_is_taken_once_its_notice_is_there(pair):
    hk, kr = pair
    await destroy(*pair)
    before = (await message(hk, "hk-2")).state
    await hk.restore(lost_everything(hk))
    await exchange(kr, hk)  # the acknowledgement, of a notice that is not back yet
    await exchange(hk, kr)
    assert (await message(hk, "hk-2")).state == before == Notice.ACKNOWLEDGED


async def test_a_receiver_takes_hashes_below_a_head_that_its_sender_has_no_receipt_for(
    hk: Opened, kr: Opened, monkeypatch
):
    """Receipts get lost, and heads without one are kept where a batch could not go further, or the seal turns."""
    monkeypatch.setattr(logs, "MAX_BATCH_ENVELOPES", 2)
    monkeypatch.setattr(writing, "MAX_BATCH_ENVELOPES", 2)
    await hk.release("hk-1", **kept_until())
    await hk.release("hk-2", "hk-3")
    await hk.committer.submit(lambda tx: tx.rotate_seal(AUTHOR, NEXT_CERTIFIED["HK"]), weight=MAX_GROUP_WEIGHT)
    await hk.release("hk-5", **kept_until())
    with monkeypatch.context() as patch:
        patch.setitem(Carrier._effects, StoreReceipt, _lost)
        await exchange(hk, kr)
    assert (hk.state().receipted_size, kr.state(HK_TO_KR).log.size) == (0, 5)
    await settle(hk, kr)
    await destroy(hk, kr)
    unreceipted = [row["size"] for row in await hk.rows(heads) if row["channel"] == 1 and row["receipt_time"] is None]
    assert unreceipted == [1, 3, 4]
    await kr.restore(lost_everything(kr))
    await settle(hk, kr)
    assert kr.state(HK_TO_KR).log == hk.state().log
    assert found(kr) == []


async def test_a_receiver_that_lost_all_takes_hashes_before_what_it_never_countersigned(hk: Opened, kr: Opened):
    """A batch that held both would be refused, again and again: no receipt covers it."""
    await hk.release("hk-1", **kept_until())
    await hk.release("hk-2")
    await settle(hk, kr)
    await kr.restore(lost_everything(kr))
    await hk.destroy(NEXT_DAY)  # its certificate has no receipt
    await settle(hk, kr)
    assert kr.state(HK_TO_KR).log == hk.state().log
    assert hk.state().receipted_size == 3
    mine = kr.state(HK_TO_KR).id
    assert [row["destroyed"] for row in await kr.rows(leaves) if row["channel"] == mine] == [True, False, False]


async def test_what_a_peer_destroyed_before_it_gave_it_back_is_no_finding(hk: Opened, kr: Opened):
    """It destroys at midnight; this node lost all before it had, and has its own day still to come."""
    await hk.release("hk-1", **kept_until())
    await settle(hk, kr)
    await kr.destroy(NEXT_DAY)
    await hk.restore(lost_everything(hk))
    await settle(hk, kr)
    await settle(kr, hk)
    assert [row["destroyed"] for row in await hk.rows(leaves) if row["channel"] == 1] == [True]
    assert hk.verify().findings == ()
    await hk.destroy(NEXT_DAY)
    assert (await message(hk, "hk-1")).HasField("destruction")


LIES: dict[str, Callable[[Envelope], bytes]] = {
    "content": with_text,
    "salt": with_salt,
    "a field that nobody knows": lambda left: left.SerializeToString() + b"\xfa\x7f" + CANARY_FIELD,
    "a field that is overwritten": lambda left: b"\x12" + CANARY_FIELD + left.SerializeToString(),
    "no act": lambda left: Envelope(origin=left.origin, sealed_at=left.sealed_at).SerializeToString(),
    "no envelope": lambda _: b"\xff",
}  # of what is left of an envelope


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("rolled_back", ["sender", "receiver"])
async def test_more_than_what_is_left_of_an_envelope_is_not_taken_from_a_peer(pair, rolled_back: str, lie: str):
    """No hash proves what is left, so its form is all that can be held against a peer that lies."""
    await destroy(*pair)
    lost, other = pair if rolled_back == "sender" else pair[::-1]
    smuggle(other, LIES[lie])
    await lost.restore(lost_everything(lost))
    error = await refused(exchange(*pair))
    assert isinstance(error, Malformed)
    assert lost.state(HK_TO_KR).log.size == 0
    assert found(lost) == []


@pytest.mark.parametrize("lie", LIES)
async def test_more_than_what_is_left_of_an_envelope_is_found_and_not_used(pair, lie: str):
    """As a version may have stored it that did not look."""
    hk, _ = pair
    await destroy(*pair)
    smuggle(hk, LIES[lie])
    assert any("has more than what is left" in str(each) for each in hk.verify().findings)
    await hk.rebuilt()
    assert [row["id"] for row in await hk.rows(notices)] == ["hk-1", "hk-3"]


def smuggle(store: Opened, lie: Callable[[Envelope], bytes]) -> None:
    """Puts more into the place of the envelope of hk-2, whose content is destroyed."""
    store.damaged = True
    here = (leaves.c.channel == store.state(HK_TO_KR).id) & (leaves.c.index == 1)
    with store.database.writer() as connection, connection.begin():
        left = Envelope.FromString(connection.execute(select(leaves.c.data).where(here)).scalar_one())
        connection.execute(update(leaves).where(here).values(data=lie(left)))


def emptied_rows(backup) -> list[dict[str, object]]:
    return next(rows for table, rows in backup.items() if table.name == "channels")


async def test_a_node_restored_from_before_the_day_destroys_again_what_it_certified(pair):
    hk, kr = pair
    backup = kr.backup()
    await destroy(hk, kr)
    await kr.restore(backup)
    assert found(kr)
    for _ in range(3):
        await settle(kr, hk)
    await kr.destroy(NEXT_DAY)
    assert found(kr) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE notices SET retain_until = 0 WHERE id = 'hk-2'",
        "UPDATE notices SET destroyed_index = 9 WHERE id = 'hk-2'",
        'UPDATE leaves SET data = (SELECT l.data FROM leaves l WHERE l.channel = 1 AND l."index" = 0) WHERE destroyed',
        "UPDATE leaves SET destroyed = (1 = 0)",
        'UPDATE leaves SET destroyed = (1 = 1) WHERE "index" = 0',
        "DELETE FROM events WHERE kind = 26",
    ],
)
async def test_what_is_left_is_verified(pair, damage: str):
    hk, _ = pair
    await destroy(*pair)
    assert not hk.verify().findings
    hk.execute(damage)
    assert hk.verify().findings


async def test_a_halted_channel_keeps_what_may_be_evidence(pair):
    from gateway.ledger.steps import FORKED, Halt

    hk, _ = pair
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(FORKED, "two histories", (hk.state().head.note,) * 2)))
    await hk.destroy(NEXT_DAY)
    assert found(hk)


async def test_a_reader_of_an_older_state_delays_the_end_of_it(pair, kind: str):
    """PostgreSQL keeps dead rows as long as somebody may see them, and no query of ours can."""
    hk, _ = pair
    with hk.database.readers.connect() as reader:
        reader.execute(select(leaves)).all()
        if kind == "sqlite":
            assert isinstance(await refused(hk.destroy(NEXT_DAY)), Unavailable)
            assert found(hk)
    await hk.destroy(NEXT_DAY)
    assert found(hk) == []


async def test_the_dead_rows_of_every_table_that_held_content_are_vacuumed(pair, kind: str):
    """Also of drafts, of which a release leaves a row with the content behind."""
    if kind == "sqlite":
        pytest.skip("SQLite leaves none")
    hk, _ = pair
    await hk.destroy(NEXT_DAY)
    counted = text("SELECT relname FROM pg_stat_user_tables WHERE schemaname = current_schema() AND vacuum_count > 0")
    async with asyncio.timeout(60):
        while True:
            with hk.database.readers.connect() as connection:
                if {"leaves", "notice_identifiers", "requests", "drafts"} <= set(connection.scalars(counted)):
                    return
            await asyncio.sleep(0.1)


async def test_a_node_that_ended_before_it_scrubbed_does_so_at_its_next_start(pair, monkeypatch):
    hk, _ = pair
    with monkeypatch.context() as patch:
        patch.setattr(hk.committer, "scrub", _killed)
        with pytest.raises(RuntimeError, match="killed"):
            await hk.destroy(NEXT_DAY)
    await hk.destroy(NEXT_DAY)  # as a new process: nothing is left to destroy
    assert found(hk) == []


@pytest.mark.parametrize(("message", "ends"), [("database or disk is full", False), ("disk I/O error", True)])
async def test_a_scrub_at_which_the_database_fails_is_tried_again_or_ends_the_node(pair, monkeypatch, message, ends):
    """As a commit that fails; else the chore that destroys would end without a word, and with it all destruction."""
    hk, _ = pair
    if not hk.url.startswith("sqlite"):
        pytest.skip("the messages are SQLite's")
    with monkeypatch.context() as patch:
        patch.setattr(database, "_checkpointed", lambda _connection: _fail(message))
        assert isinstance(await refused(hk.destroy(NEXT_DAY)), Unavailable)
    assert bool(hk.failures) is ends
    if not ends:
        await hk.release("hk-4")
        await hk.destroy(NEXT_DAY)
        assert found(hk) == []


def _fail(message: str) -> None:
    raise sqlite.OperationalError(message)


async def test_what_is_destroyed_is_sent_from_memory_no_more_also_before_it_is_scrubbed(pair, monkeypatch):
    hk, _ = pair
    assert hk.committer.recent.batch(HK_TO_KR, 0, 3) is not None
    with monkeypatch.context() as patch:
        patch.setattr(hk.committer, "scrub", _killed)
        with pytest.raises(RuntimeError, match="killed"):
            await hk.destroy(NEXT_DAY)
    assert hk.committer.recent.batch(HK_TO_KR, 0, 3) is None


async def _lost(*_: object) -> None:
    pass


async def _killed() -> bool:
    raise RuntimeError("killed")


def copied(store: Opened, folder: Path) -> bytes:
    """The bytes of a backup's database, made now."""
    folder.mkdir()
    database = Database("sqlite:///node.db", folder)
    with snapshot(store.url, store.home) as source:
        copy_store(source, database)
    database.close()
    assert [path.name for path in folder.glob("node.db*")] == ["node.db"]
    return (folder / "node.db").read_bytes()


async def test_a_backup_that_is_made_later_does_not_hold_it(pair, tmp_path):
    assert CANARY.encode() in copied(pair[0], tmp_path / "before")
    await destroy(*pair)
    later = copied(pair[0], tmp_path / "after")
    assert CANARY.encode() not in later
    assert LICENCE.encode() not in later
