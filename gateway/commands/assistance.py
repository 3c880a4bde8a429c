"""What a node does by itself about requests for assistance; they are asked and answered by notices."""

from collections.abc import Callable
from functools import partial

from regulator.exchange.v1.event_service_pb2 import Event

from gateway.ledger.merkle import MAX_SIZE
from gateway.moments import day_at
from gateway.store.assistance.rows import read_overdue
from gateway.store.committer import Committer
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision.notices.records import Place
from gateway.supervision.outcomes import EventContent

AT_ONCE = 500


async def tell_overdue(committer: Committer, readers: Readers, clock: Callable[[], int]) -> None:
    """Tells of each request whose day is past and whose case is not closed, once.

    Args:
        committer: the one writer
        readers: of the store: it may take long to find what is to be told
        clock: microseconds since 1970
    """
    today, after = day_at(clock()), 0
    while found := await readers.run(read_overdue, today, after, MAX_SIZE, AT_ONCE):
        last = found[-1].sequence
        await committer.submit(partial(_tell, today=today, after=after, last=last), weight=AT_ONCE, bounded=False)
        after = last


def _tell(tx: Transaction, today: int, after: int, last: int) -> None:
    """Tells of some; another replica may have told them meanwhile."""
    for _, request in read_overdue(tx.connection, today, after, last, AT_ONCE):
        if record := tx.find_notice(request):
            event = EventContent(Event.ASSISTANCE_OVERDUE, record.id, notice_kind=record.kind)
            tx.tell_of_day(event, Place(record.origin, record.index))
