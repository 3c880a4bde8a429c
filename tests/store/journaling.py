"""Calls and their entries in the access journal, without a listener."""

import asyncio

from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.journal.entries import CALL_RECORD, CallRecord, Entry, Requester
from tests.store.stores import CLIENT

WHO = Requester(CLIENT, b"\x01" * 32, "SFC")
CREATE = "/regulator.exchange.v1.NoticeService/CreateNotice"


def entry(number: int = 0) -> Entry:
    return Entry(WHO, "/p.S/Get", JournalEntry.ANSWERED, resources=(f"notices/hk-{number}",))


async def under(record: CallRecord, work):
    """Awaits what is done for a call."""
    CALL_RECORD.set(record)
    return await work


async def called(work) -> CallRecord:
    record = CallRecord(WHO, CREATE, request_id="a-request")
    await asyncio.create_task(under(record, work))
    return record
