"""Numbers that a caller may ask for, and a store may come to, are as wide as their columns on both databases."""

import pytest
from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import update

from gateway.errors import NotFound
from gateway.questions.filters import Filters
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.event_queries import read_events
from gateway.store.tables import events
from gateway.supervision.disclosure import EVERYTHING
from tests.store.stores import Opened

WIDE = 2**31


async def test_events_are_read_after_any_number_of_them(hk: Opened):
    await hk.committer.submit(lambda tx: tx.tell_node(Event.ALARM, "something"))
    with hk.database.writer() as connection, connection.begin():
        connection.execute(update(events).values(cursor=events.c.cursor + WIDE))
    with hk.database.readers.connect() as connection:
        assert [each.detail for each in read_events(connection, EVERYTHING, WIDE, 10)] == ["something"]
    hk.damaged = True


@pytest.mark.parametrize("number", [2**31, 2**32 - 1])
async def test_a_version_of_whatever_number_is_not_there(hk: Opened, number: int):
    questions = FrameworkQuestions(hk.readers, SealedTokens(bytes(32), bytes), Filters(hk.parties, hk.readers))
    with pytest.raises(NotFound):
        await questions.diff_versions(pb.DiffVersionsRequest(name="frameworks/hk-rules", new_version=number))
