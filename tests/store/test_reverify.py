"""The verification of a whole store: it passes what writers wrote, and names what anybody else did."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.values_pb2 import Entity
from sqlalchemy import Connection, text

from gateway.errors import StoreError
from gateway.ledger.checkpoint import Checkpoint, countersign, sign_checkpoint
from gateway.ledger.steps import FORKED, SENDER_ROLLED_BACK, Halt
from gateway.store.database import Database, snapshot
from gateway.store.reverify import Report, verify_store
from gateway.store.reverify import report as report_module
from gateway.store.reverify.tree import Tree, hash_of_leaf
from gateway.store.tables import OF_PROCESSES, leaves, metadata
from gateway.store.waiting import MAX_GROUP_WEIGHT
from tests.ledger import oracle
from tests.ledger.samples import STRANGER_SEAL
from tests.store.stores import (
    AUTHOR,
    CLIENT,
    DOMAINS,
    HK_TO_KR,
    KR_TO_HK,
    NEXT_CERTIFIED,
    NOW,
    SEALS,
    Opened,
    check_verified,
    parties_of,
    settle,
)
from tests.supervision.framework_samples import assessment, day, pair, provision, version
from tests.supervision.samples import reference

FREE_ON_POSTGRESQL = "SET LOCAL session_replication_role = replica"


@pytest.fixture(scope="module")
def filled(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A store that is full, and made once: each test undoes what it damages."""
    hk = asyncio.run(fill(module_url, tmp_path_factory.mktemp("filled")))
    hk.database = Database(hk.url, hk.home)
    yield hk
    hk.database.close()
    check_verified(hk)


async def fill(url: str, folder: Path) -> Opened:
    """Makes Hong Kong's store, with a row in every table, and of every kind of act; its committer does not run."""
    hk, kr = (Opened.create(*each) for each in (("HK", url, folder / "hk"), ("KR", "sqlite:///node.db", folder / "kr")))
    await hk.release("hk-1", "hk-2", "hk-3", subjects=[Entity(name="Firm", licence_number="BCD-7")])
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    await kr.acknowledge("hk-1")
    await hk.release("hk-4", references=[reference(Reference.SUPERSEDES, "hk-2")])
    await hk.withdraw("hk-3")
    await fill_rules(hk)
    seal = NEXT_CERTIFIED["KR"]
    await kr.committer.submit(lambda tx: tx.rotate_seal(AUTHOR, seal), weight=MAX_GROUP_WEIGHT)
    await settle(kr, hk)
    await hk.release(*(f"hk-{n}" for n in range(5, 261)))  # beyond the first stored subtree
    await hk.committer.submit(lambda tx: tx.remember_request(CLIENT, "7", bytes(32), "hk-1"))
    await hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "an operator must look"))
    note, contrary = (
        hk.state().head.note,
        sign_checkpoint(Checkpoint(HK_TO_KR, 3, bytes(32)), SEALS["HK"], NOW // 1_000_000).note,
    )
    await hk.committer.submit(lambda tx: tx.halt(KR_TO_HK, Halt("OPERATOR", "a drill")))
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(FORKED, "two histories", (note, contrary))))
    assert hk.verify().findings == ()
    for store in (hk, kr):
        await store.close()
    return hk


async def fill_rules(hk: Opened) -> None:
    """Two versions of a framework, two assessments, and a provision that comes into force."""
    await hk.publish("hk-x", 1, version(provision("a", effective_from=day("2026-01-02")), provision("b")))
    await hk.publish("hk-x", 2, version(provision("a", effective_from=day("2026-01-02")), provision("c")))
    await hk.assess("hk-a1", assessment(pair=pair()))
    await hk.assess("hk-a2", assessment(pair=pair(), supersedes="assessments/hk-a1"))
    await hk.tell_days(date(2026, 1, 1))
    await hk.tell_days(date(2026, 1, 3))


def edit(connection: Connection, statement: str, **values) -> None:
    """Changes rows as an administrator can, who switches foreign keys off."""
    free = "PRAGMA defer_foreign_keys = ON" if "sqlite" in connection.dialect.name else FREE_ON_POSTGRESQL
    connection.execute(text(free))
    assert connection.execute(text(statement), values).rowcount > 0, "the statement must change something"


def damage(store: Opened, statement: str, **values) -> None:
    store.damaged = True
    with store.database.writer() as connection, connection.begin():
        edit(connection, statement, **values)


@contextmanager
def damaged(store: Opened, *statements: str) -> Iterator[Report]:
    """The report on a store with these edits, which are undone afterwards."""
    with store.database.writer() as connection, connection.begin() as transaction:
        for statement in statements:
            edit(connection, statement, **({"junk": b"junk"} if ":junk" in statement else {}))
        yield verify_store(connection, store.parties)
        transaction.rollback()


def named(report: Report) -> set[str]:
    """The tables that the findings name."""
    return {finding.where.split()[0] for finding in report.findings}


async def test_an_empty_store_verifies(hk: Opened):
    report = hk.verify()
    assert report.findings == ()
    assert [each.envelopes for each in report.channels] == [0, 0]


async def test_the_report_counts_what_was_verified(hk: Opened, kr: Opened):
    await hk.release("hk-1", subjects=[Entity(name="Firm", licence_number="BCD-7")])
    await settle(hk, kr)
    await hk.release("hk-2")
    report = hk.verify()
    outgoing, incoming = report.channels
    assert (outgoing.origin, outgoing.envelopes, outgoing.heads) == (HK_TO_KR, 2, 2)
    assert (outgoing.receipts, outgoing.receipted) == (1, 1)
    assert (incoming.origin, incoming.envelopes) == (KR_TO_HK, 0)
    assert report.rows == {
        "seals": 4,
        "notices": 2,
        "notice_identifiers": 1,
        "events": 3,
        "requests": 0,
        "sharing_acts": 0,
        "attachments": 0,
        "attachment_totals": 0,
        "attachment_chunks": 0,
        "notice_attachments": 0,
    } | dict.fromkeys(RULES, 0)


RULES = ("framework_versions", "provisions", "assessments", "framework_events", "drafts", "draft_events")

DAMAGES = {
    "seals": [
        "UPDATE seals SET above = above + 1 WHERE ordinal = 1",
        "UPDATE seals SET above = 1 WHERE ordinal = 0 AND channel = 2",
        "UPDATE seals SET ordinal = 7 WHERE ordinal = 1",
        "UPDATE seals SET rotated_index = rotated_index + 1 WHERE ordinal = 1",
        "UPDATE seals SET rotated_channel = NULL, rotated_index = NULL WHERE ordinal = 1",
        "UPDATE seals SET ed25519_certificate = :junk WHERE channel = 1 AND ordinal = 0",
        "DELETE FROM seals WHERE ordinal = 1 AND NOT cosigner",
        "DELETE FROM seals WHERE ordinal = 1 AND cosigner",
        "DELETE FROM seals WHERE channel = 2",
    ],
    "node": ["UPDATE node SET jurisdiction = 'SG'", "UPDATE node SET domain = 'x.example'", "DELETE FROM node"],
    "channels": [
        "UPDATE channels SET size = size + 1 WHERE id = 1",
        "UPDATE channels SET edge = :junk WHERE id = 1",
        "UPDATE channels SET sender = 'SG' WHERE id = 1",
        "UPDATE channels SET recipient = 'SG' WHERE id = 2",
        "UPDATE channels SET outgoing = NOT outgoing WHERE id = 2",
        "UPDATE channels SET halt_reason = '' WHERE id = 2",
        "UPDATE channels SET halt_detail = 'another' WHERE id = 1",
        "UPDATE channels SET origin = 'a.example/to/b.example' WHERE id = 1",
    ],
    "forks": [
        "UPDATE forks SET number = 2",
        "UPDATE forks SET proof = :junk",
        "UPDATE forks SET channel = 2",
        "DELETE FROM forks",
    ],
    "halt_evidence": [
        "DELETE FROM halt_evidence WHERE ordinal = 0",
        "DELETE FROM halt_evidence WHERE ordinal = 1",
        "UPDATE halt_evidence SET note = :junk WHERE ordinal = 1",
        "UPDATE halt_evidence SET channel = 2",
    ],
    "leaves": [
        'UPDATE leaves SET data = :junk WHERE channel = 1 AND "index" = 0',
        'UPDATE leaves SET data = :junk WHERE channel = 2 AND "index" = 1',
        'UPDATE leaves SET hash = :junk WHERE channel = 1 AND "index" = 3',
        'DELETE FROM leaves WHERE channel = 1 AND "index" = 130',
        'UPDATE leaves SET "index" = 900 WHERE channel = 1 AND "index" = 0',
    ],
    "subtrees": [
        "UPDATE subtrees SET hash = :junk",
        "DELETE FROM subtrees",
        'UPDATE subtrees SET "index" = 1',
        "UPDATE subtrees SET level = 16",
        'INSERT INTO subtrees (channel, level, "index", hash) VALUES (2, 8, 0, :junk)',
    ],
    "heads": [
        "UPDATE heads SET note = :junk WHERE channel = 1",
        "UPDATE heads SET receipt_time = receipt_time + 1 WHERE receipt_time IS NOT NULL",
        "UPDATE heads SET receipt_time = 5 WHERE channel = 1 AND receipt_time IS NULL",
        "UPDATE heads SET receipt_time = NULL WHERE channel = 1 AND receipt_time IS NOT NULL",
        "UPDATE heads SET size = size - 1 WHERE channel = 1",
        "DELETE FROM heads WHERE channel = 1 AND receipt_time IS NULL",
        "UPDATE heads SET size = 9000 WHERE channel = 1 AND receipt_time IS NULL",
    ],
    "notices": [
        *(
            f"UPDATE notices SET {column} = {column} + 1 WHERE id = 'hk-1'"
            for column in ("direction", "state", "kind", "sectors", "urgency", "tlp", "released_at", "revision")
        ),
        *(
            f"UPDATE notices SET {column} = 'XX' WHERE id = 'hk-1'"
            for column in ("sender", "recipient", "issuing_authority", "superseded_by", "withdrawn_by")
        ),
        *(
            f"UPDATE notices SET {column} = 9 WHERE id = 'hk-1'"
            for column in (
                "receipt_time",
                "acknowledged_channel",
                "acknowledged_index",
                "withdrawn_channel",
                "withdrawn_index",
            )
        ),
        "UPDATE notices SET \"index\" = 9000 WHERE id = 'hk-1'",
        "UPDATE notices SET receipt_time = NULL WHERE id = 'hk-2'",
        "UPDATE notices SET id = 'hk-other' WHERE id = 'hk-5'",
        "UPDATE notices SET sequence = 9000 WHERE id = 'hk-200'",
        "DELETE FROM notices WHERE id = 'hk-200'",
        "DELETE FROM notices WHERE id = 'hk-260'",
    ],
    "notice_identifiers": [
        "DELETE FROM notice_identifiers WHERE sequence = 1",
        "UPDATE notice_identifiers SET identifier = 'XYZ' WHERE sequence = 2",
        "INSERT INTO notice_identifiers (identifier, sequence) VALUES ('XYZ', 9)",
    ],
    "events": [
        *(f"DELETE FROM events WHERE cursor = {cursor}" for cursor in (1, 4, 100)),
        *(
            f"UPDATE events SET {column} = {column} + 1 WHERE cursor = 1"
            for column in ("kind", "notice_kind", '"index"')
        ),
        "UPDATE events SET notice = 'hk-2' WHERE cursor = 1",
        "UPDATE events SET detail = 'another' WHERE cursor = 1",
        "UPDATE events SET channel = 2 WHERE cursor = 1",
        "UPDATE events SET channel = NULL WHERE cursor = 1",
        f"UPDATE events SET channel = 1 WHERE kind = {Event.ALARM}",
        f"UPDATE events SET detail = 'by notices/hk-9' WHERE kind = {Event.NOTICE_SUPERSEDED}",
        "UPDATE events SET cursor = 9000 WHERE cursor = 100",
        "UPDATE events SET cursor = 0 WHERE cursor = 2",
        f"DELETE FROM events WHERE kind = {Event.NOTICE_DELIVERED}",
        f"DELETE FROM events WHERE kind = {Event.NOTICE_ACKNOWLEDGED}",
    ],
    "framework_versions": [
        *(
            f"UPDATE framework_versions SET {column} = {column} + 1 WHERE version = 2"
            for column in ("version", "base_version", "direction", "provision_count", '"index"', "sealed_at")
        ),
        *(
            f"UPDATE framework_versions SET {column} = 'XX' WHERE version = 1"
            for column in ("framework", "jurisdiction", "recipient")
        ),
        "UPDATE framework_versions SET receipt_time = 9 WHERE version = 1",
        "UPDATE framework_versions SET channel = 2 WHERE version = 1",
        "UPDATE framework_versions SET cursor = 9000 WHERE version = 1",
    ],
    "provisions": [
        *(
            f"UPDATE provisions SET {column} = {column} + 1 WHERE id = 'b'"
            for column in ("sector", "status", "effective_from", "ordinal")
        ),
        *(f"UPDATE provisions SET {column} = 'XX' WHERE id = 'b'" for column in ("id", "topic")),
        "UPDATE provisions SET data = (SELECT data FROM provisions WHERE id = 'c') WHERE id = 'b'",
        "DELETE FROM provisions WHERE id = 'b'",
        "UPDATE provisions SET cursor = 9000 WHERE id = 'b'",
        "DELETE FROM provisions",
    ],
    "assessments": [
        *(
            f"UPDATE assessments SET {column} = {column} + 1 WHERE id = 'hk-a1'"
            for column in ("direction", "sector", "outcome", "sealed_at")
        ),
        *(
            f"UPDATE assessments SET {column} = 'XX' WHERE id = 'hk-a1'"
            for column in (
                "id",
                "assessor",
                "recipient",
                "topic",
                "first_provision",
                "second_provision",
                "supersedes",
                "superseded_by",
            )
        ),
        "UPDATE assessments SET superseded_by = ''",
        "UPDATE assessments SET \"index\" = 9000 WHERE id = 'hk-a1'",
        "UPDATE assessments SET receipt_time = 9 WHERE id = 'hk-a1'",
        "UPDATE assessments SET cursor = 9000 WHERE id = 'hk-a1'",
        "DELETE FROM assessments WHERE id = 'hk-a2'",
        "DELETE FROM assessments",
    ],
    "framework_events": [
        *(
            f"UPDATE framework_events SET {column} = {column} + 1 WHERE provision = 'a'"
            for column in ("version", "sectors")
        ),
        *(
            f"UPDATE framework_events SET {column} = 'XX' WHERE {where}"
            for column in ("jurisdiction", "framework", "provision", "assessment", "topics")
            for where in ("provision = 'a'", "version = 1", "assessment = 'hk-a1'")
        ),
        "DELETE FROM framework_events WHERE version = 1",
        "DELETE FROM framework_events",
        "UPDATE framework_events SET cursor = 1 WHERE version = 1",
    ],
    "told_days": [
        "DELETE FROM told_days",
        "UPDATE told_days SET until = 20260101",
        "INSERT INTO told_days (until) VALUES (20260201)",
    ],
    "requests": ["UPDATE requests SET notice = 'hk-none'", "UPDATE requests SET digest = :junk"],
}


@pytest.mark.parametrize("table", DAMAGES)
def test_every_edit_of_a_row_is_found_and_its_table_named(filled: Opened, table):
    for statement in DAMAGES[table]:
        with damaged(filled, statement) as report:
            assert table in named(report), statement


def test_every_table_is_damaged_by_some_test():
    elsewhere = {"drafts", "draft_events", "sharing_acts"}  # in test_drafts.py and test_sharing.py
    elsewhere |= {"attachments", "attachment_totals", "attachment_chunks", "notice_attachments"}  # in test_attachments
    assert set(DAMAGES) | elsewhere | OF_PROCESSES == set(metadata.tables)


def test_a_table_without_its_rows_is_found(filled: Opened):
    for table in ("subtrees", "heads", "events", "notices", "notice_identifiers"):
        with damaged(filled, f"DELETE FROM {table}") as report:
            assert table in named(report)


def test_a_log_without_its_leaves_is_found(filled: Opened):
    with damaged(filled, "DELETE FROM leaves") as report:
        assert {"channels", "heads", "subtrees", "notices", "events"} <= named(report)


def test_rows_of_a_channel_that_is_not_there_are_found(filled: Opened):
    with damaged(filled, "DELETE FROM channels WHERE id = 2") as report:
        lost = [finding.where for finding in report.findings if "channels that are not there" in finding.what]
    assert lost == ["leaves", "heads", "events"]


def test_swapped_envelopes_are_found_though_each_has_its_hash(filled: Opened):
    swap = [(0, 9000), (1, 0), (9000, 1)]
    moves = [f'UPDATE leaves SET "index" = {new} WHERE channel = 1 AND "index" = {old}' for old, new in swap]
    with damaged(filled, *moves) as report:
        assert {"channels", "heads", "subtrees", "notices"} <= named(report)


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
    hk.committer._random = lambda _count: next(salts)
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


def test_all_findings_are_given_up_to_a_bound(filled: Opened, monkeypatch):
    everything = "UPDATE leaves SET hash = :junk"
    with damaged(filled, everything) as report:
        assert [finding.where.split()[0] for finding in report.findings] == ["leaves"] * 268
    monkeypatch.setattr(report_module, "MAX_FINDINGS", 5)
    with damaged(filled, everything) as report:
        assert (len(report.findings), report.left_out) == (5, 263)


async def test_tables_that_are_gone_are_told_as_a_store_that_cannot_be_read(hk: Opened):
    hk.execute("DROP TABLE requests")
    with pytest.raises(StoreError, match="cannot be read"):
        hk.verify()


def test_the_tree_is_that_of_the_rfc():
    datas, tree, completed = [str(n).encode() for n in range(70)], Tree(), []
    for size, data in enumerate(datas, 1):
        completed += tree.add(hash_of_leaf(data))
        assert tree.root() == oracle.mth(datas[:size])
    assert (3, 4, oracle.mth(datas[32:40])) in completed
    assert Tree().root() == oracle.mth([])
