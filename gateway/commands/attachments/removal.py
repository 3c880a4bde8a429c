"""What becomes of files that nothing names, of those that do not come, and of those that are dropped."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from gateway.commands.attachments.sight import drafted, file_of, naming
from gateway.commands.attachments.storage import sweep
from gateway.errors import Unavailable
from gateway.logs import Log
from gateway.moments import DAY_MICROS, MICROS, day_at
from gateway.news import wait_at_most
from gateway.questions.attachments import IDLE_SECONDS
from gateway.store.attachments.queries import read_idle
from gateway.store.attachments.unfinished import Patience, read_stalled
from gateway.store.committer import Committer
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import AttachmentRecord, Owner

AT_ONCE = 100  # files in one commit
SCRUB_PAUSE_SECONDS = 60.0  # from one scrub to the next, however many files are deleted: nothing is written meanwhile

_log = Log(__name__)


class Removal:
    """Drops files that nothing names and those that do not come, and deletes what is dropped.

    Args:
        committer: the one writer
        readers: of the store; they look through all files, so that the writer does not
        clock: microseconds since 1970
        dropped: set where a file is dropped
        unfinished_days: after which a file that is named is let go of, if no byte of it came
        on_let_go: told whose files were let go of, and how many
        scrubs: whether deleted bytes stay readable until the database is scrubbed: those of SQLite do, in its log
    """

    def __init__(
        self,
        committer: Committer,
        readers: Readers,
        clock: Callable[[], int],
        dropped: asyncio.Event,
        *,
        unfinished_days: int,
        on_let_go: Callable[[Owner, int], None] = lambda *_: None,
        scrubs: bool = True,
    ) -> None:
        self._committer, self._readers, self._clock, self._dropped = committer, readers, clock, dropped
        self._unfinished_days, self._on_let_go = unfinished_days, on_let_go
        self._scrubs, self._deleted = scrubs, asyncio.Event()

    async def clear(self) -> None:
        """Drops what nobody named in a day, and what is named and does not come."""
        await self._drop_idle()
        await self._let_go()

    async def _drop_idle(self) -> None:
        before, last = self._clock() - IDLE_SECONDS * MICROS, 0
        while numbers := await self._readers.run(read_idle, before, last, AT_ONCE):
            await self._committer.submit(partial(_drop_idle, before=before, numbers=numbers), bounded=False)
            last = numbers[-1]
            self._dropped.set()

    async def _let_go(self) -> None:
        """Drops what has not come in days, or cannot come any more; what is wanted still is asked for anew."""
        now, last = self._clock(), 0
        patience = Patience(now - self._unfinished_days * DAY_MICROS, day_at(now))
        while numbers := await self._readers.run(read_stalled, patience, last, AT_ONCE):
            unit = partial(_let_go, patience=patience, numbers=numbers)
            self._tell(await self._committer.submit(unit, bounded=False))
            last = numbers[-1]
            self._dropped.set()

    def _tell(self, gone: Sequence[AttachmentRecord]) -> None:
        for owner, files in Counter(each.owner for each in gone).items():
            stored = sum(each.stored_bytes for each in gone if each.owner == owner)
            _log.warning("files_let_go", owner=owner.authority or owner.peer, files=files, stored_bytes=stored)
            self._on_let_go(owner, files)

    async def sweep(self) -> None:
        """Deletes what is dropped, some chunks a commit: its room is nobody's until then."""
        self._dropped.clear()
        if await sweep(self._committer) and self._scrubs:
            self._deleted.set()

    async def scrub(self) -> None:
        """Leaves what was deleted in no place from which the database could give it.

        Raises:
            Unavailable: a reader keeps the database from it, or it does not answer; ask again.
        """
        if not self._deleted.is_set():
            return
        self._deleted.clear()
        is_done = False
        try:
            is_done = await self._committer.scrub()
        finally:
            if not is_done:
                self._deleted.set()
        if not is_done:
            raise Unavailable("a reader still uses a state in which the files were there")

    async def until_dropped(self, seconds: float) -> None:
        """Waits until a file is dropped, or so long."""
        await wait_at_most(self._dropped, seconds)

    async def until_deleted(self, seconds: float) -> None:
        """Waits until a file is deleted, or so long; but a while in any case."""
        await asyncio.sleep(SCRUB_PAUSE_SECONDS)
        await wait_at_most(self._deleted, seconds)


def _drop_idle(tx: Transaction, before: int, numbers: Sequence[int]) -> None:
    """Drops those of some files that are idle still, and that no draft or notice names, also of the same commit."""
    idle = tx.files.idle(before, numbers)
    named = {authority: drafted(tx, authority) for authority in {each.owner.authority for each in idle}}
    for each in idle:
        if file_of(each) not in named[each.owner.authority] and not naming(tx, each):
            tx.files.keep(each._replace(is_dropped=True))


def _let_go(tx: Transaction, patience: Patience, numbers: Sequence[int]) -> list[AttachmentRecord]:
    """Drops those of some files that do not come still, and gives them as they were."""
    gone = tx.files.stalled(patience, numbers)
    for each in gone:
        tx.files.keep(each._replace(is_dropped=True))
    return gone
