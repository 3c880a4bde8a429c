"""The token of an officer for whom a system acts, sent with each call."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from regulator.exchange.errors import ProfileError

MAX_TOKEN_BYTES = 8192

Metadata: TypeAlias = tuple[tuple[str, str], ...]

Token: TypeAlias = Callable[[], str]
"""Gives a token that is valid now; it is asked before each attempt of a call, and whatever it raises ends the call."""

AsyncToken: TypeAlias = Callable[[], str | Awaitable[str]]
"""The same for asyncio."""


def bearer(token: str) -> Metadata:
    """How a token is sent (RFC 6750, section 2.1)."""
    return (("authorization", f"Bearer {token}"),)


def token_of(file: Path) -> Token:
    """Gives what reads a token from a file, each time anew: whoever signs the officer in may replace it."""

    def read() -> str:
        try:
            with file.open("rb") as opened:
                data = opened.read(MAX_TOKEN_BYTES + 1)
        except OSError as error:
            raise ProfileError("token", f"{file} cannot be read: {error.strerror}") from error
        token = data.decode("ascii", errors="replace").strip()
        if not token or len(data) > MAX_TOKEN_BYTES or not token.isascii() or not token.isprintable() or " " in token:
            raise ProfileError("token", f"{file} must hold one token, of at most {MAX_TOKEN_BYTES} bytes")
        return token

    return read
