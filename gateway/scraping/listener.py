"""Serves the page over HTTP/1.1, to this machine alone: one request a connection, few at once, none for long.

Who is on this machine may read it. A page in a browser on this machine may not: it would come under another host's
name, by which a name server can lead to this address (DNS rebinding).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from ipaddress import ip_address

import h11

from gateway.errors import Unavailable
from gateway.logs import Log

PATH = b"/metrics"
MAX_CONNECTIONS = 8
MAX_REQUEST_BYTES = 16 * 1024  # its head; a body is not read
TIMEOUT_SECONDS = 10.0  # of a whole connection
READ_BYTES = 4096

_log = Log(__name__)

Headers = Sequence[tuple[str, str]]


class MetricsListener:
    """Answers ``GET /metrics``, and nothing else.

    Args:
        make: makes the page for an Accept header; gives its type and text
    """

    def __init__(self, make: Callable[[str], Awaitable[tuple[str, bytes]]]) -> None:
        self._make = make
        self._open: dict[asyncio.StreamWriter, asyncio.Future[None]] = {}  # each with what tells its end
        self._server: asyncio.Server | None = None

    async def start(self, address: str) -> int:
        """Listens on ``host:port`` from now on; gives the port it took.

        Raises:
            Unavailable: it cannot.
        """
        host, _, port = address.rpartition(":")
        try:
            self._server = await asyncio.start_server(self._serve, host.strip("[]"), int(port))
        except OSError as error:
            raise Unavailable(f"metrics.listen: cannot listen on {address}: {error.strerror}") from error
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Ends, and with it all connections."""
        if self._server:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await asyncio.gather(*self._open.values())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended = self._open[writer] = asyncio.get_running_loop().create_future()
        try:
            if len(self._open) <= MAX_CONNECTIONS:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    writer.write(await self._answer(reader))
                    writer.close()
                    await writer.wait_closed()
        except (OSError, TimeoutError):
            pass  # who asked has gone, or is too slow
        except Exception as error:  # noqa: BLE001 - one scrape that fails must not end the others
            _log.defect("metrics_failed", error)
        finally:
            writer.transport.abort()  # of one that reads too slowly, too
            del self._open[writer]
            ended.set_result(None)

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_REQUEST_BYTES)
        try:
            request = await _request(connection, reader)
        except h11.RemoteProtocolError as error:
            return _response(connection, HTTPStatus(error.error_status_hint))
        headers = dict(request.headers)
        if not _is_here(headers.get(b"host", b"")):
            return _response(connection, HTTPStatus.MISDIRECTED_REQUEST)
        if request.target.partition(b"?")[0] != PATH:
            return _response(connection, HTTPStatus.NOT_FOUND)
        if request.method != b"GET":
            return _response(connection, HTTPStatus.METHOD_NOT_ALLOWED, [("Allow", "GET")])
        content_type, page = await self._make(headers.get(b"accept", b"").decode("latin-1"))
        return _response(connection, HTTPStatus.OK, [("Content-Type", content_type)], page)


async def _request(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Request:
    """Reads the head of a request.

    Raises:
        h11.RemoteProtocolError: it is none.
        OSError: the other side has gone.
    """
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Request):
            return event
        if isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("nothing was asked")
        connection.receive_data(await reader.read(READ_BYTES))


def _response(connection: h11.Connection, status: HTTPStatus, headers: Headers = (), body: bytes = b"") -> bytes:
    """The bytes of a response, after which the connection is closed."""
    more = [("Content-Length", str(len(body))), ("Connection", "close")]
    response = h11.Response(status_code=status, reason=status.phrase, headers=[*headers, *more])
    events = response, *([h11.Data(data=body)] if body else []), h11.EndOfMessage()
    return b"".join(connection.send(each) or b"" for each in events)


def _is_here(host: bytes) -> bool:
    """Whether a Host header names this machine, as who scrapes from here writes it."""
    name = host.decode("latin-1").rpartition(":")[0] or host.decode("latin-1")
    try:
        return name == "localhost" or ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
