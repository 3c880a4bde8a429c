"""The listener of metrics answers one question, asked from this machine, and bounds whoever asks otherwise."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.errors import Unavailable
from gateway.scraping import listener as module
from gateway.scraping.listener import MAX_CONNECTIONS, MAX_REQUEST_BYTES, MetricsListener

TEXT = b"up 1\n"


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a condition; fails once its time is over."""
    async with asyncio.timeout(60):
        while not await condition():  # noqa: ASYNC110 - what is waited for is the other side's doing
            await asyncio.sleep(0.01)


class Scraped:
    """A listener that runs; what it was asked to make is kept."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.failure: Exception | None = None
        self.listener = MetricsListener(self._make)
        self.port = 0

    async def _make(self, accept: str) -> tuple[str, bytes]:
        self.accepted.append(accept)
        if self.failure:
            raise self.failure
        return "text/plain; version=0.0.4", TEXT

    async def says(self, request: bytes) -> bytes:
        """What it answers to bytes, until it closes the connection."""
        async with asyncio.timeout(60):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(request)
            try:
                return await reader.read()
            except ConnectionResetError:  # it was closed before it was read from
                return b""
            finally:
                writer.close()


@pytest.fixture
async def scraped() -> AsyncIterator[Scraped]:
    running = Scraped()
    running.port = await running.listener.start("127.0.0.1:0")
    yield running
    await running.listener.stop()


def get(path: str = "/metrics", host: str = "127.0.0.1:9464", method: str = "GET", more: str = "") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n".encode()


@pytest.mark.parametrize("host", ["127.0.0.1:9464", "localhost:9464", "localhost", "[::1]:9464", "127.0.0.1"])
async def test_the_page_is_given_to_who_asks_from_here(scraped, host):
    head, _, body = (await scraped.says(get(host=host))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Type: text/plain; version=0.0.4" in head
    assert body == TEXT


async def test_the_accept_header_is_handed_on(scraped):
    await scraped.says(get(more="Accept: application/openmetrics-text; version=1.0.0\r\n"))
    await scraped.says(get(path="/metrics?name=x"))
    assert scraped.accepted == ["application/openmetrics-text; version=1.0.0", ""]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (get(path="/"), b"404 Not Found"),
        (get(path="/metrics/"), b"404 Not Found"),
        (get(method="POST"), b"405 Method Not Allowed"),
        (get(method="HEAD"), b"405 Method Not Allowed"),
        (get(host="rebound.example:9464"), b"421 Misdirected Request"),
        (get(host="192.0.2.1"), b"421 Misdirected Request"),
        (get(host=""), b"421 Misdirected Request"),
        (b"GET /metrics HTTP/1.1\r\n\r\n", b"400 Bad Request"),
        (b"rubbish\r\n\r\n", b"400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400 Bad Request"),  # TLS
        (b"GET /metrics HTTP/1.1\r\n" + b"x" * (MAX_REQUEST_BYTES + 1), b"431 "),
    ],
)
async def test_all_else_is_refused(scraped, request_bytes, status):
    answer = await scraped.says(request_bytes)
    assert answer.startswith(b"HTTP/1.1 " + status), answer
    assert scraped.accepted == []


async def test_who_says_nothing_is_not_waited_for(scraped, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.05)
    assert await scraped.says(b"GET /metrics") == b""


async def test_few_are_served_at_once_and_others_once_these_have_gone(scraped):
    idle = [await asyncio.open_connection("127.0.0.1", scraped.port) for _ in range(MAX_CONNECTIONS)]

    async def is_refused() -> bool:
        return await scraped.says(get()) == b""

    async def is_answered() -> bool:
        return (await scraped.says(get())).startswith(b"HTTP/1.1 200")

    await until(is_refused)
    for _, writer in idle:
        writer.close()
    await until(is_answered)


async def test_a_page_that_cannot_be_made_ends_that_connection_alone(scraped, caplog):
    scraped.failure = RuntimeError("broken")
    assert await scraped.says(get()) == b""
    assert "metrics_failed" in caplog.text
    scraped.failure = None
    assert (await scraped.says(get())).endswith(TEXT)


async def test_an_address_that_is_taken_may_be_free_another_time(scraped):
    with pytest.raises(Unavailable, match=r"metrics.listen: cannot listen on 127.0.0.1"):
        await MetricsListener(scraped._make).start(f"127.0.0.1:{scraped.port}")


async def test_it_ends_though_somebody_is_connected(scraped):
    asking = asyncio.create_task(scraped.says(b"GET /metrics"))

    async def is_open() -> bool:
        return bool(scraped.listener._open)

    await until(is_open)
    await scraped.listener.stop()
    assert await asking == b""


async def test_who_does_not_read_is_not_waited_for(scraped, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(f"{__name__}.TEXT", b"x" * 50_000_000)
    _, writer = await asyncio.open_connection("127.0.0.1", scraped.port, limit=10)
    writer.write(get())

    async def is_over() -> bool:
        return bool(scraped.accepted) and not scraped.listener._open

    await until(is_over)
    writer.close()
