"""The access journal in the store: committed with its act, signed, verified by code that its writer does not share."""

import asyncio

import pytest
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import insert, select, text, update

from gateway.errors import Corrupt, NotFound, Unavailable, Untrusted
from gateway.ledger.checkpoint import Checkpoint, open_checkpoint
from gateway.ledger.note import Note
from gateway.ledger.origins import journal_origin
from gateway.store.journal.queries import read_entries
from gateway.store.opening import check_journal
from gateway.store.tables import JOURNAL, channels, heads, leaves, node
from gateway.store.transaction import Transaction
from tests.ledger import oracle
from tests.ledger.samples import HK_SEAL
from tests.store.exchanging import exchange
from tests.store.journaling import CREATE, called, entry
from tests.store.stores import CLIENT, DOMAINS, SEALS, Opened, refused

ORIGIN = journal_origin(DOMAINS["HK"])


async def entries(store: Opened) -> list[JournalEntry]:
    return [JournalEntry.FromString(row["data"]) for row in await store.rows(leaves) if row["channel"] == JOURNAL]


async def journal_heads(store: Opened) -> list[bytes]:
    return [row["note"] for row in await store.rows(heads) if row["channel"] == JOURNAL]


# --- what is written ------------------------------------------------------------------------------------------------


async def test_an_act_is_told_in_its_own_commit_by_what_it_made(hk: Opened):
    record = await called(hk.release("hk-1", "hk-2"))
    (told,) = await entries(hk)
    assert record.is_journaled
    assert (told.step, told.outcome, told.method) == (JournalEntry.COMMITTED, "OK", CREATE)
    assert (told.client, told.certificate_sha256, told.authority) == (CLIENT, b"\x01" * 32, "SFC")
    assert (told.resources, told.request_id, told.count) == (["notices/hk-1", "notices/hk-2"], "a-request", 1)
    assert len(hk.commits) == 1


async def test_what_the_node_does_by_itself_is_not_told(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await exchange(hk, kr)
    assert await entries(hk) == await entries(kr) == []


async def test_what_writes_nothing_is_left_to_whoever_answers(hk: Opened):
    assert not (await called(hk.committer.submit(lambda tx: tx.find_notice("hk-1")))).is_journaled
    assert await entries(hk) == []


async def test_a_refused_unit_leaves_no_entry_and_others_of_its_call_do(hk: Opened):
    def refuse(tx: Transaction) -> None:
        hk.seal_notice(tx, "hk-half")
        raise NotFound("not there")

    assert not (await called(refused(hk.committer.submit(refuse)))).is_journaled
    await called(hk.committer.submit_all([refuse, lambda tx: hk.seal_notice(tx, "hk-1")]))
    assert [each.resources for each in await entries(hk)] == [["notices/hk-1"]]


async def test_calls_that_share_a_commit_have_an_entry_each(hk: Opened):
    await asyncio.gather(*(called(hk.release(f"hk-{n}")) for n in range(5)), hk.committer.journal(entry(9)))
    assert sorted(each.resources[0] for each in await entries(hk)) == [f"notices/hk-{n}" for n in (0, 1, 2, 3, 4, 9)]


async def test_every_entry_has_a_salt_of_its_own_and_its_time(hk: Opened):
    for number in range(3):
        await hk.committer.journal(entry(number), entry(number))
    told = await entries(hk)
    assert len({each.salt for each in told}) == 6
    assert all(len(each.salt) == 16 for each in told)
    times = [each.time.ToMicroseconds() for each in told]
    assert times == sorted(times)
    assert len(set(times)) == 3, "a commit has one time"


async def test_what_is_not_durable_is_not_answered(hk: Opened):
    await hk.committer.stop()
    assert isinstance(await refused(hk.committer.journal(entry())), Unavailable)
    hk.write_on()
    assert await entries(hk) == []


# --- what is signed -------------------------------------------------------------------------------------------------


async def test_it_is_signed_once_a_second_and_when_somebody_asks(hk: Opened):
    signed = set()
    for number in range(10):  # a quarter of a second each
        await hk.committer.journal(entry(number))
        signed |= {*await journal_heads(hk)}
        assert len(await journal_heads(hk)) == 1
    assert len(signed) == 3
    assert hk.committer.latest().journal.unsigned > 0
    await hk.committer.submit(Transaction.sign_journal)
    assert hk.committer.latest().journal.unsigned == 0
    (note,) = await journal_heads(hk)
    data = [row["data"] for row in await hk.rows(leaves)]
    assert open_checkpoint(note, ORIGIN, HK_SEAL.public).checkpoint == Checkpoint(ORIGIN, 10, oracle.mth(data))


async def test_a_signature_that_is_not_needed_is_not_made(hk: Opened):
    await hk.committer.submit(Transaction.sign_journal)
    assert await journal_heads(hk) == []
    await hk.committer.journal(entry())
    before = await journal_heads(hk)
    await hk.committer.submit(Transaction.sign_journal)
    assert await journal_heads(hk) == before


async def test_a_seal_that_cannot_sign_keeps_nobody_from_reading(hk: Opened, monkeypatch):
    def expired(_message: bytes) -> bytes:
        raise Untrusted("the certificate is not valid any more")

    with monkeypatch.context() as patch:
        patch.setattr(SEALS["HK"], "sign_ed25519", expired)
        await hk.committer.journal(entry(1))
        await hk.committer.journal(entry(2))
        assert hk.committer.latest().journal.unsigned == 2
    await hk.committer.journal(entry(3))
    assert hk.committer.latest().journal.unsigned == 0


async def test_it_goes_on_after_a_restart(hk: Opened):
    for number in range(300):
        await hk.committer.journal(entry(number))
    before = hk.committer.latest().journal
    await hk.restart()
    assert hk.committer.latest().journal == before
    await hk.committer.journal(entry())
    assert len(await entries(hk)) == 301


async def test_a_rebuild_keeps_it(hk: Opened):
    await called(hk.release("hk-1"))
    before = await entries(hk)
    await hk.rebuilt()
    assert await entries(hk) == before


async def test_two_writers_are_found_out(hk: Opened, kind: str):
    if kind == "postgresql":
        pytest.skip("there writers take turns")
    second = hk.new_committer()
    second.start()
    await hk.committer.journal(entry(1))
    assert isinstance(await refused(second.journal(entry(2))), Unavailable)
    await second.stop()
    assert [each.resources for each in await entries(hk)] == [["notices/hk-1"]]
    assert hk.failures, "the node of the second writer ends"


# --- what is verified -----------------------------------------------------------------------------------------------


async def filled(hk: Opened, count: int = 300) -> None:
    await asyncio.gather(*(hk.committer.journal(entry(number)) for number in range(count)))
    await hk.committer.submit(Transaction.sign_journal)
    report = hk.verify()
    assert (report.findings, report.journal.entries, report.journal.signed) == ((), count, count)


@pytest.mark.parametrize(
    "edit",
    [
        'UPDATE leaves SET data = data WHERE channel = 0 AND "index" = 290',
        'UPDATE leaves SET hash = (SELECT max(hash) FROM leaves) WHERE channel = 0 AND "index" < 2',
        'DELETE FROM leaves WHERE channel = 0 AND "index" = 7',
        'DELETE FROM leaves WHERE channel = 0 AND "index" = 299',
        'UPDATE leaves SET "index" = 300 WHERE channel = 0 AND "index" = 8',
        'UPDATE leaves SET destroyed = TRUE WHERE channel = 0 AND "index" = 5',
        "DELETE FROM leaves WHERE channel = 0",
        "DELETE FROM heads WHERE channel = 0",
        "UPDATE heads SET size = 299 WHERE channel = 0",
        "DELETE FROM subtrees WHERE channel = 0",
        "UPDATE channels SET size = 299 WHERE id = 0",
        "UPDATE channels SET origin = 'gateway.sg.example/journal' WHERE id = 0",
        "UPDATE channels SET halt_reason = 'FORKED' WHERE id = 0",
    ],
)  # fmt: skip
async def test_whatever_is_edited_is_found(hk: Opened, edit):
    await filled(hk)
    if "data = data" in edit:
        altered = (await entries(hk))[290]
        altered.client = "spiffe://gateway.hk.example/SFC/somebody-else"
        hk.damaged = True
        with hk.database.writer() as connection, connection.begin():
            statement = text('UPDATE leaves SET data = :data WHERE channel = 0 AND "index" = 290')
            connection.execute(statement, {"data": altered.SerializeToString()})
    else:
        hk.execute(edit)
    assert hk.verify().findings


async def test_a_journal_that_was_cut_and_made_whole_without_the_seal_is_found(hk: Opened):
    """An administrator can make every table fit, but not sign."""
    await filled(hk, 3)
    data = [row["data"] for row in await hk.rows(leaves)]
    hk.damaged = True
    with hk.database.writer() as connection, connection.begin():
        connection.execute(text('DELETE FROM leaves WHERE channel = 0 AND "index" = 2'))
        edge = oracle.mth(data[:2])
        connection.execute(text("UPDATE channels SET size = 2, edge = :edge WHERE id = 0"), {"edge": edge})
    assert any("covers more than the log holds" in str(each) for each in hk.verify().findings)
    with pytest.raises(Corrupt):
        check_journal(hk.database, HK_SEAL.public)


async def test_entries_that_were_added_without_the_seal_are_found_until_the_node_signs_them(hk: Opened):
    """As after a kill, when the last second is not signed: docs/journal.md says what that leaves open."""
    await filled(hk, 3)
    await add_forged(hk)
    (finding,) = hk.verify().findings
    assert "is under no signed head" in str(finding)
    await hk.restart()
    await hk.committer.submit(Transaction.sign_journal)
    report = hk.verify()
    assert (report.findings, report.journal.signed) == ((), 4)


async def test_a_replica_takes_them_for_those_of_another_one(replicas):
    one, other = replicas
    await filled(one, 3)
    await add_forged(one)
    await other.committer.follow()
    await other.committer.submit(Transaction.sign_journal)
    report = other.verify()
    assert (report.findings, report.journal.signed) == ((), 4)


async def add_forged(store: Opened) -> None:
    """Adds an entry as an administrator of the database can, who knows what a commit writes."""
    data = [row["data"] for row in await store.rows(leaves)]
    forged = entry().encode(b"f" * 16, next(store.clock) + 2_000_000)
    leaf = {"channel": JOURNAL, "index": len(data), "hash": oracle.mth([forged]), "data": forged, "destroyed": False}
    grown = {
        "size": len(data) + 1,
        "edge": oracle.mth([*data, forged]),
        "version": select(node.c.version + 1).scalar_subquery(),
    }
    store.damaged = True
    with store.database.writer() as connection, connection.begin():
        connection.execute(insert(leaves), [leaf])
        connection.execute(update(channels).where(channels.c.id == JOURNAL).values(grown))
        connection.execute(update(node).values(version=node.c.version + 1))


@pytest.mark.parametrize(
    "edit",
    [
        "DELETE FROM channels WHERE id = 0",
        'DELETE FROM leaves WHERE channel = 0 AND "index" = 2',
        "UPDATE heads SET size = 4 WHERE channel = 0",
        "UPDATE channels SET size = 2 WHERE id = 0",
    ],
)
async def test_a_node_does_not_start_on_a_journal_that_contradicts_itself(hk: Opened, edit):
    await filled(hk, 3)
    if "DELETE FROM channels" in edit:
        hk.execute("DELETE FROM leaves WHERE channel = 0", "DELETE FROM heads WHERE channel = 0", edit)
    elif "heads" in edit:
        hk.damaged = True
        with hk.database.writer() as connection, connection.begin():
            (note,) = connection.scalars(select(heads.c.note).where(heads.c.channel == JOURNAL))
            other = Note(Note.parse(note).text.replace("\n3\n", "\n2\n"), Note.parse(note).signatures).encode()
            connection.execute(heads.update().where(heads.c.channel == JOURNAL).values(note=other))
    else:
        hk.execute(edit)
    with pytest.raises(Corrupt):
        check_journal(hk.database, HK_SEAL.public)


async def test_a_journal_under_another_seal_is_not_started_on(hk: Opened):
    await filled(hk, 3)
    check_journal(hk.database, HK_SEAL.public)
    with pytest.raises(Corrupt, match="does not verify"):
        check_journal(hk.database, SEALS["KR"].public)


async def test_an_export_ends_where_the_rest_of_the_journal_is_not_there(hk: Opened):
    await filled(hk, 3)
    hk.execute('DELETE FROM leaves WHERE channel = 0 AND "index" = 2')
    with hk.database.readers.connect() as connection:
        assert len(read_entries(connection, 0, 3, 100_000)) == 2
        with pytest.raises(Corrupt, match="2 to 3 of the access journal"):
            read_entries(connection, 2, 3, 100_000)


async def test_it_is_not_among_the_channels(hk: Opened):
    await hk.committer.journal(entry())
    assert JOURNAL in [row["id"] for row in await hk.rows(channels)]
    assert ORIGIN not in hk.committer.latest().states
