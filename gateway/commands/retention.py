"""Destroys content once the day is past up to which it may be kept, and certifies that to the peer."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from gateway.commands.acting import NodeItself, is_open
from gateway.commands.attachments.storage import sweep
from gateway.errors import SealUnavailable, Unavailable
from gateway.identity.pairing.parties import Parties
from gateway.ledger.withholding import MAX_CERTIFIED
from gateway.moments import day_at
from gateway.store.committer import Committer
from gateway.store.destroying import read_past
from gateway.store.logs import read_uncertified
from gateway.store.readers import Readers
from gateway.store.transaction import Transaction
from gateway.supervision import destruction
from gateway.supervision.envelopes.envelopes import Actor
from gateway.supervision.notices.records import NoticeRecord

AT_ONCE = 100  # notices in one commit, of three envelopes or so each


class Retention:
    """Destroys what may not be kept any more.

    Args:
        parties: who exchanges
        committer: the one writer
        readers: of the store
        clock: microseconds since 1970
    """

    def __init__(self, parties: Parties, committer: Committer, readers: Readers, clock: Callable[[], int]) -> None:
        self._parties, self._committer, self._readers, self._clock = parties, committer, readers, clock
        self._node: Actor = NodeItself(parties.own.domain)
        self._owes_scrub = True  # also at the start: it may have ended between a commit and its scrub

    async def destroy_past(self) -> None:
        """Destroys the content of every notice whose day is past, and certifies it in the same commit.

        Left for the next time are notices of which an envelope is without receipt, unless the pairing has ended, and
        those of a channel that takes nothing: one that has halted, and what it holds may be evidence; or the time is in
        doubt.

        Raises:
            Unavailable: a reader keeps the database from being scrubbed of it, or it does not answer; ask again soon.
        """
        await self._countersign()
        today, after = day_at(self._clock()), 0
        while past := await self._readers.run(read_past, today, after, AT_ONCE):
            after, ids = past[-1][0], [notice_id for _, notice_id in past]
            await self._committer.submit(partial(self._forget_files, ids=ids, today=today), bounded=False)
            # First, also what a try that was cut short had let go of: a certificate says that nothing is left.
            self._owes_scrub |= await sweep(self._committer)
            await self._destroy_page(ids, today)
        if self._owes_scrub and not await self._committer.scrub():
            raise Unavailable("a reader still uses a state in which the content was there")
        self._owes_scrub = False

    async def _destroy_page(self, ids: Sequence[str], today: int) -> None:
        def destroy_all(tx: Transaction) -> None:
            for notice_id in ids:
                record = tx.find_notice(notice_id)
                if record:
                    self._destroy(tx, record, today)

        await self._committer.submit(destroy_all, weight=len(ids), bounded=False)

    async def _countersign(self) -> None:
        """Gives receipts for what came from peers whose pairing has ended: then one says that the content was here.

        They have none where the seal could not sign as it came. No stream makes them before the two are paired again.
        """
        for origin, state in self._committer.latest().states.items():
            if state.ended and not state.ends.outgoing and state.receipted_size < state.log.size and not state.halt:
                with suppress(SealUnavailable):  # then the content stays until it can
                    await self._committer.submit(partial(self._receipt, origin=origin), bounded=False)

    def _receipt(self, tx: Transaction, origin: str) -> None:
        state = tx.channel(origin)
        if state.head and not read_uncertified(tx.connection, state):
            tx.give_receipt(origin, state.head)

    def _forget_files(self, tx: Transaction, ids: Sequence[str], today: int) -> None:
        """Lets go of the files of what is to be destroyed."""
        for each in ids:
            record = tx.find_notice(each)
            if record and self._due(tx, record, today) and tx.files.are_named_by(each):
                tx.files.forget(each)
                self._owes_scrub = True

    def _destroy(self, tx: Transaction, record: NoticeRecord, today: int) -> None:
        origin, wanted = self._certifying(record), self._due(tx, record, today)
        receipted = tx.channel(origin).receipted_size
        for first in range(0, len(wanted), MAX_CERTIFIED):
            some = wanted[first : first + MAX_CERTIFIED]
            certificate = partial(destruction.certificate, destroyed_id=record.id, leaves=some, receipted=receipted)
            tx.seal(origin, self._node, certificate)
            self._owes_scrub = True

    def _due(self, tx: Transaction, record: NoticeRecord, today: int) -> Sequence[destruction.Leaf]:
        """The envelopes of a notice that are to be destroyed now; none while it cannot be certified."""
        places = destruction.places_of(record, tx.find_dossier(record.id))
        leaves = [leaf for place in places if (leaf := tx.leaf(place))]
        receipted = {place.origin: tx.channel(place.origin).receipted_size for place in places}
        origin = self._certifying(record)
        ended = tx.channel(origin).ended is not None
        wanted = destruction.may_destroy(record, leaves, receipted, today, origin, ended=ended)
        return wanted if len(leaves) == len(places) and is_open(tx, origin) else ()

    def _certifying(self, record: NoticeRecord) -> str:
        """The channel of ours to the other party of a notice."""
        return self._parties.origin_to(
            record.recipient if record.sender == self._parties.jurisdiction else record.sender
        )
