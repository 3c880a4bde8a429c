"""What a day brings to the rules that are known: the provisions that come into force are told, each once."""

from collections.abc import Callable
from functools import partial

from google.type.date_pb2 import Date

from gateway.moments import date_of, day_at, day_of
from gateway.store.committer import Committer
from gateway.store.frameworks.coming import Coming, read_coming, read_told
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision.notices.records import Place
from gateway.supervision.projections.frameworks import in_force_events

AT_ONCE = 500  # provisions in one commit


async def tell_days(committer: Committer, readers: Readers, clock: Callable[[], int]) -> None:
    """Tells what came into force since it was told last, up to today (UTC): each provision once.

    The first time there is nothing to tell from: only the day is kept. What begins on or before the day on which
    its version comes is told by the event of that version.

    Args:
        committer: the one writer
        readers: of the store: it may take long to find what is to be told
        clock: microseconds since 1970
    """
    today, goes_on = date_of(day_at(clock())), True
    while goes_on:
        coming = await readers.run(read_coming, today, AT_ONCE)
        if coming.told.until >= day_of(today):
            return
        unit = partial(_tell, coming=coming, today=today)
        goes_on = await committer.submit(unit, weight=AT_ONCE, bounded=False)


def _tell(tx: Transaction, coming: Coming, today: Date) -> bool:
    """Tells some; False: that was all. Another replica may have told them meanwhile."""
    if read_told(tx.connection) != coming.told:
        return True
    for version, provision in coming.provisions:
        for event in in_force_events(version, [provision], date_of(coming.told.until), today):
            tx.tell_of_day(event, Place(version.origin, version.index))
    if len(coming.provisions) == AT_ONCE:
        return True
    tx.tell_until(today)
    return False
