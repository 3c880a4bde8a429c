"""What the migrations of files make of rows that were there before."""

from datetime import date
from typing import Any

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.store.tables import attachment_totals, events, notice_attachments, notices
from gateway.supervision import destruction
from gateway.supervision.attachments import Attached, Owner
from tests.store.attaching import BYTES, FROM_KR, declared, named, stored, storing
from tests.store.exchanging import settle
from tests.store.stores import Opened, downgrade, refused
from tests.supervision.samples import handling

BEFORE_FILES, BEFORE_DELIVERY, BEFORE_TOTALS, BEFORE_NUMBERS = "0015", "0013", "0014", "0019"
FILES = [named(), named(b"more", "b.pdf")]
PAGE = 1000  # notices that a migration reads at once


async def test_what_files_amount_to_is_counted_where_there_are_files(hk: Opened):
    await stored(hk)
    await stored(hk, FROM_KR, end=2)
    await declared(hk, Owner(authority="HKMA"), Attached(bytes(32), 9))
    dropped = await declared(hk, file=Attached(bytes(32), 5))
    await storing(hk).add(dropped.number, 0, b"lies!")
    await refused(storing(hk).complete(dropped._replace(stored_bytes=5)))
    before = await hk.rows(attachment_totals)
    await hk.committer.stop()
    downgrade(hk.database, BEFORE_TOTALS)
    hk.database.migrate()
    assert await hk.rows(attachment_totals) == before
    size = len(BYTES)
    assert {row["authority"] or row["peer"]: tuple(row.values())[2:] for row in before} == {
        "SFC": (1, size, 0, 0, 0),
        "KR": (0, 0, 1, size, size - 7),
        "HKMA": (0, 0, 1, 9, 0),
    }
    hk.write_on()


async def test_the_number_of_the_newest_file_is_known_where_there_are_files(hk: Opened):
    newest = [await declared(hk, file=Attached(bytes(32), size)) for size in (5, 9)][-1]
    await hk.committer.stop()
    downgrade(hk.database, BEFORE_NUMBERS)
    hk.database.migrate()
    hk.write_on()
    assert (await declared(hk)).number == newest.number + 1


# --- a notice with files is delivered only with them ------------------------------------------------------------------


def until(day: date) -> dict[str, Any]:
    return {"handling": handling(retain_until=Date(year=day.year, month=day.month, day=day.day))}


def referring(relation: Reference.Relation.ValueType, to: str) -> dict[str, Any]:
    return {"references": [Reference(notice=f"notices/{to}", relation=relation)]}


def forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was left of a destroyed notice did not say how many files it had."""
    leave = destruction._without_content

    def without_count(content: NoticeContent) -> NoticeContent:
        left = leave(content)
        left.ClearField("attachments")
        return left

    monkeypatch.setattr(destruction, "_without_content", without_count)


async def filled(hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notices with files, and without, in every state, of which no receiver has said that it holds the files."""
    forgetting(monkeypatch)
    await hk.release("hk-plain", "hk-plain-acknowledged")
    await hk.release("hk-one", attachments=FILES[:1])
    await hk.release("hk-two", "hk-acknowledged", "hk-withdrawn", "hk-superseded", attachments=FILES)
    await hk.release("hk-destroyed", attachments=FILES, **until(date(2026, 1, 2)))
    await kr.release("kr-two", "kr-acknowledged", attachments=FILES, issuing_authority="FSC")
    await settle(hk, kr)
    for each in ("hk-plain-acknowledged", "hk-acknowledged"):
        await kr.acknowledge(each)
    await hk.acknowledge("kr-acknowledged")
    await hk.withdraw("hk-withdrawn")
    await hk.release("hk-new", attachments=FILES, **referring(Reference.SUPERSEDES, "hk-superseded"))
    await hk.destroy(date(2026, 1, 3))
    await settle(hk, kr)
    await hk.release("hk-waiting", attachments=FILES)
    await hk.release("hk-plain-waiting")


def made_older(hk: Opened, revision: str) -> None:
    """Gives the database the form of a revision, and what its nodes wrote: a receipt delivered whatever it covered."""
    downgrade(hk.database, revision)
    with hk.database.writer() as connection, connection.begin():
        for statement in (
            notices.update()
            .where(notices.c.receipt_time.is_not(None), notices.c.state == Notice.RELEASED)
            .values(state=Notice.DELIVERED),
            events.update().where(events.c.kind == Event.NOTICE_RECEIPTED).values(kind=Event.NOTICE_DELIVERED),
        ):
            connection.execute(statement)


@pytest.mark.parametrize("revision", [BEFORE_FILES, BEFORE_DELIVERY])
async def test_notices_of_before_are_as_they_would_be_now(hk: Opened, kr: Opened, monkeypatch, revision: str):
    await filled(hk, kr, monkeypatch)
    before = {table: await hk.rows(table) for table in (notices, events, notice_attachments)}
    await hk.committer.stop()
    made_older(hk, revision)
    hk.database.migrate()
    hk.write_on()
    (of_destroyed,) = [row for row in before[notices] if row["id"] == "hk-destroyed"]
    of_destroyed |= {"attachment_count": 0, "state": Notice.DELIVERED}  # nobody knows that it had any
    for row in before[events]:
        if (row["notice"], row["kind"]) == ("hk-destroyed", Event.NOTICE_RECEIPTED):
            row["kind"] = Event.NOTICE_DELIVERED
    for table, rows in before.items():
        assert await hk.rows(table) == rows
    states = {row["id"]: row["state"] for row in before[notices]}
    assert (states["hk-plain"], states["hk-one"], states["kr-two"]) == (
        Notice.DELIVERED,
        Notice.RELEASED,
        Notice.RECEIVED,
    )
    assert len(set(states.values())) == 6, "every state is among them"
    assert hk.verify().findings == ()
    await settle(hk, kr)


@pytest.mark.parametrize("kind", ["sqlite"])
async def test_files_of_more_notices_than_are_read_at_once_are_found(hk: Opened):
    ids = [f"hk-{number}" for number in range(PAGE + 2)]
    await hk.release(*ids, attachments=FILES[:1])
    await hk.release("hk-last", attachments=FILES)
    before = await hk.rows(notice_attachments)
    await hk.committer.stop()
    downgrade(hk.database, BEFORE_FILES)
    hk.database.migrate()
    hk.write_on()
    assert len(before) == PAGE + 4
    assert await hk.rows(notice_attachments) == before
    assert {row["attachment_count"] for row in await hk.rows(notices)} == {1, 2}
