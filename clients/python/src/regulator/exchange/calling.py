"""How a blocking call is made: on which connection, within which deadline, for whom, and when again."""

import copy
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from random import SystemRandom
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import grpc
from regulator.exchange import connection, traces
from regulator.exchange.connection import Rpc, Stubs
from regulator.exchange.errors import ClientClosed, ExchangeError, from_rpc_error
from regulator.exchange.methods import described_as
from regulator.exchange.pages import ItemT, Listing, PageRequest, PageT
from regulator.exchange.profile import Profile
from regulator.exchange.requests import request_id_of
from regulator.exchange.retry import Attempts
from regulator.exchange.tokens import Metadata, Token, bearer, token_of
from regulator.exchange.watch import Watch

P = ParamSpec("P")
RequestT = TypeVar("RequestT")
PageRequestT = TypeVar("PageRequestT", bound=PageRequest)
ResponseT = TypeVar("ResponseT")


def unary(
    rpc: Callable[[Stubs], Rpc[RequestT, ResponseT]], build: Callable[P, RequestT]
) -> Callable[Concatenate["Calling", P], ResponseT]:
    """A method that builds a request and gives its answer."""

    def method(self: "Calling", /, *args: P.args, **kwargs: P.kwargs) -> ResponseT:
        return self._call(rpc(self._stubs), build(*args, **kwargs))

    return described_as(build, method)


def listing(
    rpc: Callable[[Stubs], Rpc[PageRequestT, PageT]],
    build: Callable[P, PageRequestT],
    items: Callable[[PageT], Iterable[ItemT]],
) -> Callable[Concatenate["Calling", P], Listing[PageRequestT, PageT, ItemT]]:
    """A method that builds a request and gives an iterator over all it asks for."""

    def method(self: "Calling", /, *args: P.args, **kwargs: P.kwargs) -> Listing[PageRequestT, PageT, ItemT]:
        return Listing(build(*args, **kwargs), lambda request: self._call(rpc(self._stubs), request), items)

    return described_as(build, method)


class Calling:
    """A connection to a node, and the calls over it; ``client`` tells which there are."""

    def __init__(self, profile: Profile, token: Token | None = None) -> None:
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
        self._channel = grpc.secure_channel(
            profile.address, connection.credentials(profile), connection.options(profile)
        )
        self._stubs = Stubs(self._channel)
        self._dice = SystemRandom().random
        self._closed = threading.Event()
        self._watches: weakref.WeakSet[Watch] = weakref.WeakSet()
        self._lock = threading.Lock()  # a watch is either seen by close(), or not begun after it

    def acting_for(self, token: Token) -> Self:
        """Gives the same client with the token of an officer; both share one connection, and are closed together."""
        other = copy.copy(self)
        other._token = token  # noqa: SLF001 - its own
        return other

    def within(self, traceparent: str) -> Self:
        """Gives the same client with calls that belong to a trace; both share one connection, and are closed together.

        Without it, calls belong to the OpenTelemetry span within which they are made, if there is one.

        Args:
            traceparent: of the span that calls, as W3C Trace Context writes it.

        Raises:
            ValueError: it is not as it writes it.
        """
        other = copy.copy(self)
        other._traceparent = traces.checked(traceparent)  # noqa: SLF001 - its own
        return other

    def close(self) -> None:
        """Ends the watches and the connection; calls under way raise ``Cancelled``."""
        with self._lock:
            self._closed.set()
            for watch in self._watches:
                watch.close()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, rpc: Rpc[RequestT, ResponseT], request: RequestT) -> ResponseT:
        try:
            return self._attempts(
                lambda timeout_seconds: rpc(request, timeout=timeout_seconds, metadata=self._metadata())
            )
        except ExchangeError as failure:
            failure.request_id = request_id_of(request)
            raise connection.told(failure, request) from failure.__cause__
        except KeyboardInterrupt as stopped:
            if request_id := request_id_of(request):
                stopped.add_note(f"the write may be done all the same: repeat it with the request_id {request_id}")
            raise

    def _metadata(self) -> Metadata | None:
        sent = traces.sent_as(self._traceparent or traces.traceparent_of_now())
        return (*sent, *bearer(self._token())) if self._token else sent or None

    def _attempts(
        self,
        attempt: Callable[[float], ResponseT],
        deadline_seconds: float | None = None,
        max_attempts: int | None = None,
    ) -> ResponseT:
        """Carries out a call, again if need be; ``attempt`` is given the seconds that are left."""
        ends_at = time.monotonic() + (deadline_seconds or self._profile.deadline_seconds)
        attempts = Attempts(max_attempts or self._profile.max_attempts, ends_at)
        while True:
            self._check_open()
            try:
                return attempt(attempts.remaining_seconds(time.monotonic()))
            except grpc.RpcError as error:
                failure = from_rpc_error(error)
                wait_seconds = attempts.wait_seconds(failure, time.monotonic(), self._dice)
                if wait_seconds is None:
                    raise failure from error
            except ValueError:  # what gRPC says to a call on a channel that was closed just now
                self._check_open()
                raise
            self._closed.wait(wait_seconds)

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise ClientClosed("this client is closed")
