"""Has every call of both listeners told by the access journal: the one place that does, whatever the method.

What a call changes is told in the commit that changes it: ``store.committer`` takes the record of the call. All else
is told, and durable, before the caller is answered. What refusals are told, see ``journal.refusals``. Health checks
that are answered are not told: they come every few seconds, and name nothing but services and channels.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.message import Message
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.errors import GatewayError, Malformed
from gateway.identity.certificates.x509 import UNREADABLE
from gateway.identity.names import parse_identity
from gateway.journal.entries import CALL_RECORD, CallRecord, Entry, Requester
from gateway.journal.names import asked_in, refusals_in, request_id_of, told_in
from gateway.journal.refusals import Kind, Refusals
from gateway.logs import Log
from gateway.rpc.admission import CALLER, Admitted, Session
from gateway.rpc.status import reason_of
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction

T = TypeVar("T")

INTERVAL_SECONDS = 1.0  # after which equal refusals are told, and what is not signed is signed
PATIENCE_SECONDS = 1.0  # that a refusal waits for the store; then the caller is refused all the same
MAX_TOLD_AT_ONCE = 500  # messages of a stream that one entry tells

UNTOLD = "/grpc.health.v1.Health/"

_log = Log(__name__)


class Journaling:
    """Makes entries of calls.

    Args:
        committer: the one writer, which must be started before calls come
        on_refused: is told of each refusal: method, reason, the error's metadata
    """

    def __init__(self, committer: Committer, on_refused: Callable[[str, str, Mapping[str, str]], None]) -> None:
        self._committer, self._on_refused = committer, on_refused
        self._refusals = Refusals()
        self._told_unsigned = 0  # entries, as they were told last; none since all were signed

    # --- one call -------------------------------------------------------------------------------------------------

    def begin(self, session: Session, method: str) -> CallRecord:
        """Makes the record of a call: what it commits from now on is told under it."""
        record = CallRecord(_requester(session), method)
        CALL_RECORD.set(record)
        return record

    async def answered(self, record: CallRecord, answer: Message) -> None:
        """Tells of a call that is about to be answered, unless a commit of it did already.

        Raises:
            GatewayError: it could not be made durable, so the call must not be answered.
        """
        for reason in refusals_in(answer):
            self._count(record, reason)
            self._on_refused(record.method, reason, {})
        if not record.is_journaled and not record.method.startswith(UNTOLD):
            await self._committer.journal(record.entry(JournalEntry.ANSWERED, told_in(answer)))

    async def opened(self, record: CallRecord) -> None:
        """Tells that a stream of answers begins. Raises as ``answered``."""
        if not record.method.startswith(UNTOLD):
            await self._committer.journal(record.entry(JournalEntry.OPENED))

    async def told(self, record: CallRecord, messages: Iterable[Message]) -> None:
        """Tells what a part of a stream names, if it names anything. Raises as ``answered``."""
        if named := [name for message in messages for name in told_in(message)]:
            await self._committer.journal(record.entry(JournalEntry.TOLD, named))

    async def refused(self, record: CallRecord, error: GatewayError) -> None:
        """Tells of a refusal; never raises: a caller is refused in any case."""
        if caller := CALLER.get(None):
            record.requester = _of_client(record.requester, caller.authority, caller.officer)
        kind = Kind(record.requester, record.method, reason_of(error))
        self._on_refused(kind.method, kind.reason, error.metadata)
        first = self._refusals.take(kind, record.asked, record.request_id)
        if first:
            await self._write(first)

    def turned_away(self, session: Session, error: GatewayError) -> None:
        """Counts a call that no method was looked up for."""
        self._on_refused("", reason_of(error), error.metadata)
        self._count(CallRecord(_requester(session), ""), reason_of(error))

    def _count(self, record: CallRecord, reason: str) -> None:
        if first := self._refusals.take(Kind(record.requester, record.method, reason)):
            self._refusals.put_back(first)

    async def _write(self, *entries: Entry) -> None:
        """Makes entries durable, and waits for that a while; what cannot be written, however late, is counted again."""
        writing = asyncio.create_task(self._committer.journal(*entries))
        writing.add_done_callback(partial(self._written, entries))
        _, late = await asyncio.wait([writing], timeout=PATIENCE_SECONDS)
        if late:
            _log.warning("journal_slow")

    def _written(self, entries: Iterable[Entry], writing: asyncio.Task[None]) -> None:
        if writing.cancelled():  # with its loop
            return
        if error := writing.exception():
            _log.warning(
                "refusals_not_told", error=error.message if isinstance(error, GatewayError) else type(error).__name__
            )
            for entry in entries:
                self._refusals.put_back(entry)

    async def _sign(self) -> None:
        with suppress(GatewayError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._committer.submit(Transaction.sign_journal, bounded=False)  # also where it takes longer

    def _tell_unsigned(self, unsigned: int) -> None:
        """Tells it at first, and as it doubles: it may last for days."""
        if unsigned >= max(1, 2 * self._told_unsigned):
            _log.warning("journal_unsigned", entries=unsigned)
            self._told_unsigned = unsigned
        elif not unsigned:
            self._told_unsigned = 0

    # --- all calls ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Tells of counted refusals and signs, again and again, until it is cancelled."""
        is_told = False
        while True:
            try:
                await self.settle()
            except Exception as defect:  # noqa: BLE001 - the journal must not stay unsigned until the node is started anew
                if not is_told:
                    _log.defect("journal_not_settled", defect)
                is_told = True
            else:
                is_told = False
            await asyncio.sleep(INTERVAL_SECONDS)

    async def settle(self) -> None:
        """Tells of the refusals that were counted, and has the journal signed to its end."""
        entries = self._refusals.end()
        if entries:
            await self._write(*entries)
        if self._committer.latest().journal.unsigned:
            await self._sign()
        self._tell_unsigned(self._committer.latest().journal.unsigned)


def admitted(record: CallRecord, who: Admitted) -> None:
    """Adds to a record who was admitted."""
    if caller := who.caller:
        record.requester = _of_client(record.requester, caller.authority, caller.officer)


def asked(record: CallRecord, request: Message) -> None:
    """Adds to a record what its request names."""
    record.asked, record.request_id = asked_in(request), request_id_of(request)


async def batches(messages: AsyncIterator[T]) -> AsyncGenerator[Sequence[T], None]:
    """Gives what a stream has ready, as many messages at once, so that they cost one commit."""
    following = asyncio.ensure_future(anext(messages))
    try:
        while True:
            batch = [await following]
            following = asyncio.ensure_future(anext(messages))
            while len(batch) < MAX_TOLD_AT_ONCE:
                await asyncio.sleep(0)
                if not following.done() or following.cancelled() or following.exception():
                    break
                batch.append(following.result())
                following = asyncio.ensure_future(anext(messages))
            yield batch
    except StopAsyncIteration:
        return
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _requester(session: Session) -> Requester:
    pem, claimed = (_only(session, name) for name in ("x509_pem_cert", "peer_spiffe_id"))
    return _of_certificate(pem, claimed)


def _only(session: Mapping[str, Any], name: str) -> bytes:
    values = list(session.get(name, ()))
    return bytes(values[0]) if len(values) == 1 else b""


@lru_cache(1024)
def _of_certificate(pem: bytes, claimed: bytes) -> Requester:
    try:
        client = str(parse_identity(claimed.decode()))
    except (Malformed, UnicodeDecodeError):
        client = ""
    try:
        der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER) if pem else b""
    except UNREADABLE:
        der = pem  # what gRPC took for a certificate is told by the bytes that it showed
    return Requester(client, sha256(der).digest() if der else b"")


@lru_cache(1024)
def _of_client(shown: Requester, authority: str, officer: str) -> Requester:
    return Requester(shown.client, shown.certificate_sha256, authority, officer)
