"""Fetches a small document over https: bounded in size and time, and from nowhere but where it was asked for."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Timer
from urllib.parse import urlsplit

from gateway.errors import ConfigError, Unavailable

PORT = 443


def fetch(url: str, ca: Path | None, max_bytes: int, timeout_seconds: float) -> bytes:
    """Gets what a URL holds: no redirect is followed, and no proxy is asked.

    Args:
        url: https
        ca: PEM file of the root that the server's certificate must come from; None: the system's roots
        max_bytes: of the document
        timeout_seconds: to reach the server, and again for its whole answer

    Raises:
        Unavailable: there is no answer in time, or another one than the document.
        ConfigError: the file of the root does not fit.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(
        str(parts.hostname), parts.port or PORT, timeout=timeout_seconds, context=_context(ca)
    )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with closing(connection):
        try:
            connection.connect()
            with _ending(connection.sock, timeout_seconds):
                connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
                with connection.getresponse() as answer:
                    return _body(answer, max_bytes)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"cannot be fetched: {str(error) or type(error).__name__}") from error


def _body(answer: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if answer.status != http.client.OK:
        raise Unavailable(f"cannot be fetched: the server answered {answer.status}")
    body = answer.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise Unavailable(f"cannot be fetched: it is larger than {max_bytes} bytes")
    if answer.length:  # that is still to come
        raise Unavailable("cannot be fetched: the answer is not whole")
    return body


@contextmanager
def _ending(wire: socket.socket, seconds: float) -> Iterator[None]:
    """Shuts a connection down after a time, whatever the other side dribbles until then."""
    timer = Timer(seconds, _shut_down, [wire])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut_down(wire: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(wire, socket.SHUT_RDWR)  # an SSLSocket's own would take its session from the reader


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{ca}: must be a PEM file of certificates: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
