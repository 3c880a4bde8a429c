"""Cuts a stream of notices into the messages of ``SubmitNotices``."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

from regulator.exchange.requests import with_request_id
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, SubmitNoticesRequest

MAX_CHUNK = 1000  # requests in one message, by the contract
MAX_CHUNK_BYTES = 1024 * 1024  # a message is not filled further; one large notice may exceed it alone


class Chunker:
    """Gathers requests until a message is full, by number or by bytes."""

    def __init__(self, chunk: int) -> None:
        if not 1 <= chunk <= MAX_CHUNK:
            raise ValueError(f"chunk must be from 1 to {MAX_CHUNK}")
        self._chunk = chunk
        self._message = SubmitNoticesRequest()
        self._size_bytes = 0

    def add(self, request: CreateNoticeRequest) -> Iterator[SubmitNoticesRequest]:
        """Takes a request; gives the message that it did not fit into any more, if so."""
        size_bytes = request.ByteSize()
        if len(self._message.requests) >= self._chunk or self._size_bytes + size_bytes > MAX_CHUNK_BYTES:
            yield from self.rest()
        self._message.requests.append(with_request_id(request))
        self._size_bytes += size_bytes

    def rest(self) -> Iterator[SubmitNoticesRequest]:
        """Gives what is gathered, if anything is, and begins anew."""
        if self._message.requests:
            yield self._message
        self._message, self._size_bytes = SubmitNoticesRequest(), 0


class Chunks:
    """The messages of one attempt. ``failure`` is what the source raised: gRPC itself would hide it."""

    def __init__(self, requests: Iterable[CreateNoticeRequest], chunk: int) -> None:
        self._requests = requests
        self._chunker = Chunker(chunk)
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[SubmitNoticesRequest]:
        """Each message once; the source is read as the node takes them."""
        try:
            for request in self._requests:
                yield from self._chunker.add(request)
            yield from self._chunker.rest()
        except Exception as failure:
            self.failure = failure
            raise


class AsyncChunks:
    """``Chunks`` for asyncio, of a source of either kind."""

    def __init__(
        self, requests: Iterable[CreateNoticeRequest] | AsyncIterable[CreateNoticeRequest], chunk: int
    ) -> None:
        self._requests = requests
        self._chunker = Chunker(chunk)
        self.failure: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[SubmitNoticesRequest]:
        """Each message once; the source is read as the node takes them."""
        try:
            async for request in _each(self._requests):
                for message in self._chunker.add(request):
                    yield message
            for message in self._chunker.rest():
                yield message
        except Exception as failure:
            self.failure = failure
            raise


async def _each(
    requests: Iterable[CreateNoticeRequest] | AsyncIterable[CreateNoticeRequest],
) -> AsyncIterator[CreateNoticeRequest]:
    if isinstance(requests, AsyncIterable):
        async for request in requests:
            yield request
    else:
        for request in requests:
            yield request
