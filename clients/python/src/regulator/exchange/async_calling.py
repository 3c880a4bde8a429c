"""How a call of asyncio is made: on which connection, within which deadline, for whom, and when again."""

import asyncio
import copy
import time
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from random import SystemRandom
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from grpc import StatusCode, aio
from regulator.exchange import connection, traces
from regulator.exchange.async_watch import AsyncWatch
from regulator.exchange.connection import AsyncStubs, Rpc
from regulator.exchange.errors import Cancelled, ClientClosed, ExchangeError, from_rpc_error
from regulator.exchange.methods import described_as
from regulator.exchange.pages import AsyncListing, ItemT, PageRequest, PageT
from regulator.exchange.profile import Profile
from regulator.exchange.requests import request_id_of
from regulator.exchange.retry import Attempts
from regulator.exchange.tasks import is_cancelled, wait_at_most
from regulator.exchange.tokens import AsyncToken, Metadata, bearer, token_of

P = ParamSpec("P")
RequestT = TypeVar("RequestT")
PageRequestT = TypeVar("PageRequestT", bound=PageRequest)
ResponseT = TypeVar("ResponseT")


def unary(
    rpc: Callable[[AsyncStubs], Rpc[RequestT, Awaitable[ResponseT]]], build: Callable[P, RequestT]
) -> Callable[Concatenate["AsyncCalling", P], Coroutine[Any, Any, ResponseT]]:
    """A method that builds a request and gives its answer."""

    async def method(self: "AsyncCalling", /, *args: P.args, **kwargs: P.kwargs) -> ResponseT:
        return await self._call(rpc(self._stubs), build(*args, **kwargs))

    return described_as(build, method)


def listing(
    rpc: Callable[[AsyncStubs], Rpc[PageRequestT, Awaitable[PageT]]],
    build: Callable[P, PageRequestT],
    items: Callable[[PageT], Iterable[ItemT]],
) -> Callable[Concatenate["AsyncCalling", P], AsyncListing[PageRequestT, PageT, ItemT]]:
    """A method that builds a request and gives an iterator over all it asks for."""

    def method(self: "AsyncCalling", /, *args: P.args, **kwargs: P.kwargs) -> AsyncListing[PageRequestT, PageT, ItemT]:
        return AsyncListing(build(*args, **kwargs), lambda request: self._call(rpc(self._stubs), request), items)

    return described_as(build, method)


class AsyncCalling:
    """A connection to a node, and the calls over it; ``async_client`` tells which there are."""

    def __init__(self, profile: Profile, token: AsyncToken | None = None) -> None:
        """Connects with the first call.

        Args:
            profile: where the node is, and who calls.
            token: gives the token of the officer for whom the system acts; None: as the profile says.

        Raises:
            ProfileError: a file of the profile does not fit.
        """
        if not isinstance(profile, Profile):
            raise TypeError("a client is made with a profile, such as Profile.load(path) gives")
        self._profile = profile
        self._token = token or (token_of(profile.token) if profile.token else None)
        self._traceparent = ""
        self._channel = aio.secure_channel(
            profile.address, connection.credentials(profile), connection.options(profile)
        )
        self._stubs = AsyncStubs(self._channel)
        self._dice = SystemRandom().random
        self._closed = asyncio.Event()
        self._watches: weakref.WeakSet[AsyncWatch] = weakref.WeakSet()

    def acting_for(self, token: AsyncToken) -> Self:
        """Gives the same client with the token of an officer; both share one connection, and are closed together."""
        other = copy.copy(self)
        other._token = token  # noqa: SLF001 - its own
        return other

    def within(self, traceparent: str) -> Self:
        """Gives the same client with calls that belong to a trace, as ``Client.within`` does."""
        other = copy.copy(self)
        other._traceparent = traces.checked(traceparent)  # noqa: SLF001 - its own
        return other

    async def close(self) -> None:
        """Ends the watches and the connection; calls under way raise ``Cancelled``."""
        self._closed.set()
        for watch in self._watches:
            await watch.close()
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(self, rpc: Rpc[RequestT, Awaitable[ResponseT]], request: RequestT) -> ResponseT:
        async def attempt(timeout_seconds: float) -> ResponseT:
            return await rpc(request, timeout=timeout_seconds, metadata=await self._metadata())

        try:
            return await self._attempts(attempt)
        except ExchangeError as failure:
            failure.request_id = request_id_of(request)
            raise connection.told(failure, request) from failure.__cause__

    async def _metadata(self) -> Metadata | None:
        sent = traces.sent_as(self._traceparent or traces.traceparent_of_now())
        if self._token is None:
            return sent or None
        token = self._token()
        return (*sent, *bearer(token if isinstance(token, str) else await token))

    async def _attempts(
        self,
        attempt: Callable[[float], Awaitable[ResponseT]],
        deadline_seconds: float | None = None,
        max_attempts: int | None = None,
    ) -> ResponseT:
        """Carries out a call, again if need be; ``attempt`` is given the seconds that are left."""
        ends_at = time.monotonic() + (deadline_seconds or self._profile.deadline_seconds)
        attempts = Attempts(max_attempts or self._profile.max_attempts, ends_at)
        while True:
            self._check_open()
            try:
                with self._until_closed():
                    return await attempt(attempts.remaining_seconds(time.monotonic()))
            except aio.AioRpcError as error:
                failure = from_rpc_error(error)
                wait_seconds = attempts.wait_seconds(failure, time.monotonic(), self._dice)
                if wait_seconds is None:
                    raise failure from error
            await wait_at_most(self._closed, wait_seconds)

    @contextmanager
    def _until_closed(self) -> Iterator[None]:
        """Raises ``Cancelled`` for a call that ends because the client is closed."""
        try:
            yield
        except asyncio.CancelledError:
            if self._closed.is_set() and not is_cancelled():
                raise Cancelled("the client was closed during the call", StatusCode.CANCELLED) from None
            raise

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ClientClosed("this client is closed")
