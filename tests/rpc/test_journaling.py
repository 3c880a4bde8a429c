"""What is told of calls when the store cannot write, is slow, or is gone; and how streams are divided."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from types import SimpleNamespace

import pytest
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.notice_service_pb2 import Notice, SubmitNoticesResponse

from gateway.errors import AlreadyExists, NotFound, NotServed, Overloaded, StoreError, Unavailable
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_der
from gateway.journal.entries import CALL_RECORD, CallRecord, Entry, Requester
from gateway.rpc import journaling as module
from gateway.rpc.journaling import MAX_TOLD_AT_ONCE, Journaling, batches
from gateway.rpc.status import status_of
from tests.support.certificates import authority

GET = "/regulator.exchange.v1.NoticeService/GetNotice"
NOTICE = Notice(name="notices/hk-1")
_VERSION_3, _VERSION_8 = bytes.fromhex("a003020102"), bytes.fromhex("a003020107")  # of a certificate, in DER
_ROOT = authority(AuthorityKind.CLIENT).certificate
OF_NO_VERSION = ssl.DER_cert_to_PEM_cert(to_der(_ROOT).replace(_VERSION_3, _VERSION_8, 1)).encode()


class Writer:
    """Keeps entries, or fails as it is told to."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.refusals: list[tuple[str, str, Mapping[str, str]]] = []
        self.failure: Exception | None = None
        self.stuck = asyncio.Event()
        self.stuck.set()
        self.wrote = asyncio.Event()
        self.unsigned = 0
        self.asked, self.signed = asyncio.Event(), asyncio.Event()

    async def journal(self, *entries: Entry) -> None:
        await self.stuck.wait()
        if self.failure:
            raise self.failure
        self.entries += entries
        self.wrote.set()

    async def submit(self, _unit: object, **_keys: object) -> None:
        self.asked.set()
        if self.failure:
            raise self.failure
        self.unsigned = 0
        self.signed.set()

    def latest(self) -> SimpleNamespace:
        return SimpleNamespace(journal=SimpleNamespace(unsigned=self.unsigned))


@pytest.fixture
def writer() -> Writer:
    return Writer()


@pytest.fixture
def journaling(writer: Writer) -> Journaling:
    return Journaling(writer, lambda *told: writer.refusals.append(told))  # type: ignore[arg-type]


def record(method: str = GET) -> CallRecord:
    return CallRecord(Requester("spiffe://gateway.hk.example/SFC/desk"), method, asked=("notices/hk-1",))


# --- what cannot be written -----------------------------------------------------------------------------------------


async def test_an_answer_that_cannot_be_told_is_not_given(journaling: Journaling, writer: Writer):
    writer.failure = Unavailable("the store cannot write now")
    for tell in (
        journaling.answered(record(), NOTICE),
        journaling.opened(record()),
        journaling.told(record(), [NOTICE]),
    ):
        with pytest.raises(Unavailable):
            await tell


async def test_a_refusal_that_cannot_be_told_is_given_and_told_later(journaling: Journaling, writer: Writer):
    writer.failure = Unavailable("the store cannot write now")
    for _ in range(3):
        await journaling.refused(record(), NotFound("nothing"))
    await journaling.settle()
    assert writer.entries == []
    writer.failure = None
    await journaling.settle()
    (entry,) = writer.entries
    assert (entry.outcome, entry.count, entry.resources) == ("NOT_FOUND", 3, ("notices/hk-1",))


async def test_the_journal_is_signed_again_after_an_error_that_nobody_expected(
    journaling: Journaling, writer: Writer, monkeypatch, caplog
):
    """Else a node would leave it unsigned until it is started anew, and nobody would know."""
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 0)
    writer.unsigned, writer.failure = 3, KeyError("nobody expected this")
    running = asyncio.create_task(journaling.run())
    async with asyncio.timeout(60):
        for _ in range(3):
            writer.asked.clear()
            await writer.asked.wait()
        writer.failure = None
        await writer.signed.wait()
    running.cancel()
    assert [record.msg for record in caplog.records] == ["journal_not_settled"], "once, however often it fails"


async def test_a_refusal_does_not_wait_for_a_store_that_is_stuck(journaling: Journaling, writer: Writer, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    writer.stuck.clear()
    await journaling.refused(record(), NotFound("nothing"))


async def test_a_refusal_whose_slow_write_fails_in_the_end_is_told_later(
    journaling: Journaling, writer: Writer, monkeypatch
):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    writer.stuck.clear()
    await journaling.refused(record(), NotFound("nothing"))
    writer.failure = Unavailable("the store cannot write now")
    writer.stuck.set()
    await asyncio.sleep(0)
    writer.failure = None
    async with asyncio.timeout(60):
        while not writer.entries:
            await asyncio.sleep(0)
            await journaling.settle()
    assert [(each.outcome, each.count) for each in writer.entries] == [("NOT_FOUND", 1)]


async def test_a_refusal_whose_slow_write_succeeds_in_the_end_is_told_once(
    journaling: Journaling, writer: Writer, monkeypatch
):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    writer.stuck.clear()
    await journaling.refused(record(), NotFound("nothing"))
    writer.stuck.set()
    async with asyncio.timeout(60):
        await writer.wrote.wait()
    await journaling.settle()
    assert [(each.outcome, each.count) for each in writer.entries] == [("NOT_FOUND", 1)]


async def test_a_journal_that_cannot_be_signed_is_signed_later(journaling: Journaling, writer: Writer):
    writer.unsigned, writer.failure = 4, Unavailable("the seal cannot sign")
    await journaling.settle()
    assert writer.unsigned == 4
    writer.failure = None
    await journaling.settle()
    assert writer.unsigned == 0


async def test_a_journal_that_cannot_be_signed_for_long_is_told_as_it_doubles_and_not_every_second(
    journaling: Journaling, writer: Writer, caplog
):
    """Of a token that is away for a weekend a line a second would fill the disk, and hide all else."""
    for unsigned in (4, 4, 5, 7, 8, 9, 15, 16, 0, 1):
        writer.unsigned, writer.failure = unsigned, Unavailable("the seal cannot sign")
        await journaling.settle()
    told = [record.__dict__["fields"]["entries"] for record in caplog.records if record.msg == "journal_unsigned"]
    assert told == [4, 8, 16, 1]


async def test_every_refusal_is_counted_however_many_are_told_as_one(journaling: Journaling, writer: Writer):
    for _ in range(3):
        await journaling.refused(record(), Overloaded("full", limit="concurrent_calls"))
    await journaling.refused(record(), StoreError("the path /var/lib/node.db is gone"))
    journaling.turned_away({}, NotServed("there is no such method here"))
    assert [told[:2] for told in writer.refusals] == [(GET, "OVERLOADED")] * 3 + [(GET, "INTERNAL"), ("", "NOT_SERVED")]
    assert writer.refusals[0][2] == {"limit": "concurrent_calls"}


async def test_items_of_an_answer_that_are_refused_are_counted_too(journaling: Journaling, writer: Writer):
    refusal = SubmitNoticesResponse.Refusal(status=status_of(AlreadyExists("the name is taken")))
    await journaling.answered(record(), SubmitNoticesResponse(refusals=[refusal, refusal]))
    assert [told[:2] for told in writer.refusals] == [(GET, "ALREADY_EXISTS")] * 2


# --- what is told ---------------------------------------------------------------------------------------------------


async def test_what_a_commit_has_told_is_not_told_again(journaling: Journaling, writer: Writer):
    told = record()
    told.is_journaled = True
    await journaling.answered(told, NOTICE)
    assert writer.entries == []


async def test_an_error_inside_the_node_is_told_as_its_caller_is_told_it(journaling: Journaling, writer: Writer):
    await journaling.refused(record(), StoreError("the path /var/lib/node.db is gone"))
    assert [each.outcome for each in writer.entries] == ["INTERNAL"]


async def test_a_part_that_names_nothing_is_not_told(journaling: Journaling, writer: Writer):
    await journaling.told(record(), [Notice(), Notice()])
    assert writer.entries == []
    await journaling.told(record(), [Notice(), NOTICE])
    assert [each.step for each in writer.entries] == [JournalEntry.TOLD]


async def test_a_call_without_a_certificate_is_told_without_one(journaling: Journaling):
    begun = journaling.begin({}, GET)
    assert begun.requester == Requester()
    assert CALL_RECORD.get() is begun


@pytest.mark.parametrize(
    "pem",
    [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", OF_NO_VERSION],
    ids=["none", "no-certificate", "no-der", "of-a-version-that-is-none"],
)
async def test_whatever_is_shown_as_a_certificate_makes_a_record(journaling: Journaling, pem):
    begun = journaling.begin({"x509_pem_cert": [pem], "peer_spiffe_id": [b"spiffe://\xff"]}, GET)
    assert begun.requester.client == ""
    assert len(begun.requester.certificate_sha256) == (32 if pem else 0)


# --- how a stream is divided ----------------------------------------------------------------------------------------


async def parts_of(messages: AsyncIterator[int]) -> list[list[int]]:
    async with aclosing(batches(messages)) as parts:
        return [list(part) async for part in parts]


async def test_what_is_ready_is_told_together_and_in_order():
    async def stream() -> AsyncIterator[int]:
        for number in range(1300):
            if number in (100, 101):
                await asyncio.sleep(0.01)
            yield number

    parts = await parts_of(stream())
    assert [number for part in parts for number in part] == list(range(1300))
    assert [len(part) for part in parts][:2] == [100, 1]
    assert max(len(part) for part in parts) == MAX_TOLD_AT_ONCE


async def test_what_was_given_before_an_error_is_told_before_it():
    async def stream() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise NotFound("no more")

    parts = batches(stream())
    assert list(await anext(parts)) == [1, 2]
    with pytest.raises(NotFound):
        await anext(parts)


async def test_a_stream_that_is_left_is_closed():
    closed = asyncio.Event()

    async def stream() -> AsyncIterator[int]:
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            closed.set()

    async with aclosing(batches(stream())) as parts:
        assert list(await anext(parts)) == [1]
    assert closed.is_set()
