"""Files that a peer's node holds and this one wants: those of the notices between the two, and no others.

The one that wants decides, so it takes only what it knows a notice for and has room for; the smallest rest comes first,
so no small file waits behind a large one for longer than a part takes. What this node lost itself, as by a restore from
an old backup, it wants back in the same way.
"""

from collections.abc import Callable
from functools import partial

from gateway.commands.acting import NodeItself, is_open
from gateway.commands.attachments.storage import Storage, there
from gateway.errors import Stale
from gateway.identity.pairing.parties import Parties
from gateway.moments import day_at
from gateway.store.attachments.queries import Wanted, read_wanted, read_whole
from gateway.store.committer import Committer
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import AttachmentRecord
from gateway.supervision.envelopes.envelopes import Actor, attachments_received

AT_ONCE = 100  # notices in one commit; files that are looked at to choose the next


class FromPeers:
    """What is wanted of peers, and what is told to them once it is here.

    Args:
        parties: who exchanges
        committer: the one writer
        readers: of the store
        storage: makes bytes durable
        clock: microseconds since 1970
    """

    def __init__(
        self,
        parties: Parties,
        committer: Committer,
        readers: Readers,
        storage: Storage,
        clock: Callable[[], int],
    ) -> None:
        self._parties, self._committer, self._readers = parties, committer, readers
        self._clock, self.storage = clock, storage
        self._node: Actor = NodeItself(parties.own.domain)

    def origin(self, peer: str) -> str:
        """Names the channel that comes from a peer."""
        return self._parties.origin_from(peer)

    async def wanted(self, peer: str, beside: int = 0) -> list[Wanted]:
        """Gives files that a peer's node may have and this one lacks, the smallest rest first.

        There are some, and so many more ``beside`` them, of which nothing can be had now.
        """
        return await self._readers.run(read_wanted, peer, day_at(self._clock()), AT_ONCE + beside)

    async def require_room(self, wanted: Wanted) -> None:
        """Passes if there is room now for a file, or it is kept; none is kept by this.

        Raises:
            BadInput: it is larger than files may be here.
            NoRoom: there is no room.
        """
        if wanted.number is None:
            await self.storage.require_room(wanted.owner, wanted.file.size_bytes)

    async def begin(self, wanted: Wanted) -> AttachmentRecord:
        """Gives what is here of a file whose bytes have begun to come, or keeps room for it.

        Raises:
            BadInput, NoRoom: as ``require_room``.
            Stale: what was here of it is dropped, or no notice names it any more.
        """

        def unit(tx: Transaction) -> AttachmentRecord:
            if wanted.number is not None:
                return there(tx, wanted.number)
            if not tx.files.is_named(wanted.owner, wanted.file):
                raise Stale("no notice names it any more")
            known = tx.files.declared(wanted.owner, wanted.file)  # another stream may have begun with it meanwhile
            return known[0] if known else self.storage.declare(tx, wanted.owner, wanted.file)

        return await self._committer.submit(unit, bounded=False)

    async def complete(self, wanted: Wanted) -> None:
        """Verifies a file all of which is here; raises as ``Storage.complete``."""
        await self.storage.complete(await self.begin(wanted))

    async def certify(self) -> None:
        """Seals, to their senders, that all files of notices are here; of a channel that has halted, later."""
        while ids := await self._readers.run(read_whole, AT_ONCE):
            if not await self._committer.submit(partial(self._certify, ids=ids), weight=len(ids), bounded=False):
                return

    def _certify(self, tx: Transaction, ids: list[str]) -> int:
        """Gives how many it sealed."""
        sealed = 0
        for each in ids:
            record = tx.find_notice(each)
            if record is None or record.attached_at or record.destroyed_at:
                continue
            origin = self._parties.origin_to(record.sender)
            if is_open(tx, origin):
                tx.seal(origin, self._node, partial(attachments_received, notice_id=each))
                sealed += 1
        return sealed
