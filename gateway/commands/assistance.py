"""What a node does by itself about requests for assistance; they are asked and answered by notices."""

from collections.abc import Callable
from functools import partial

from regulator.exchange.v1.event_service_pb2 import Event

from gateway.moments import day_at
from gateway.store.assistance.rows import read_overdue
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction
from gateway.supervision.notices.records import Place
from gateway.supervision.outcomes import EventContent

AT_ONCE = 500


async def tell_overdue(committer: Committer, clock: Callable[[], int]) -> None:
    """Tells of each request whose day is past and whose case is not closed, once.

    Args:
        committer: the one writer
        clock: microseconds since 1970
    """
    today = day_at(clock())
    while await committer.submit(partial(_tell, today=today), weight=AT_ONCE, bounded=False) == AT_ONCE:
        pass


def _tell(tx: Transaction, today: int) -> int:
    """Tells of some; gives how many they were."""
    found = [record for each in read_overdue(tx.connection, today, AT_ONCE) if (record := tx.find_notice(each))]
    for record in found:
        event = EventContent(Event.ASSISTANCE_OVERDUE, record.id, notice_kind=record.kind)
        tx.tell_of_day(event, Place(record.origin, record.index))
    return len(found)
