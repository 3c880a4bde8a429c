"""The verification of a whole store: it passes what writers wrote, and names what anybody else did."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.values_pb2 import Entity

from gateway.errors import StoreError
from gateway.ledger.checkpoint import Checkpoint, sign_checkpoint
from gateway.ledger.steps import FORKED, Halt
from gateway.store.database import Database
from gateway.store.reverify import report as report_module
from gateway.store.tables import OF_PROCESSES, metadata
from tests.store.damages import DAMAGES, RULES, UNTOLD, damaged, named
from tests.store.exchanging import settle
from tests.store.rotating import rotate
from tests.store.stores import CLIENT, HK_TO_KR, KR_TO_HK, NEXT_CERTIFIED, NOW, SEALS, Opened, check_verified
from tests.supervision.framework_samples import assessment, day, pair, provision, version
from tests.supervision.samples import reference


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
    await rotate(kr, seal)
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
        "assistance": 0,
        "events": 3,
        "requests": 0,
        "sharing_acts": 0,
        "attachments": 0,
        "attachment_totals": 0,
        "attachment_chunks": 0,
        "notice_attachments": 0,
    } | dict.fromkeys(RULES, 0)


@pytest.mark.parametrize("table", DAMAGES)
def test_every_edit_of_a_row_is_found_and_its_table_named(filled: Opened, table):
    for statement in DAMAGES[table]:
        with damaged(filled, statement) as report:
            assert table in named(report), statement


@pytest.mark.parametrize("table", UNTOLD)
def test_an_edit_of_what_no_log_holds_is_not_found(filled: Opened, table):
    """What is found some day is to be taken out of docs/security.md, which says that it is not."""
    for statement in UNTOLD[table]:
        with damaged(filled, statement) as report:
            assert report.findings == (), statement


def test_every_table_is_damaged_by_some_test():
    elsewhere = {"drafts", "draft_events", "sharing_acts"}  # in test_drafts.py and test_sharing.py
    elsewhere |= {"assistance"}  # in test_assistance.py
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
