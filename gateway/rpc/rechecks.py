"""Asks again while a call is under way whether its caller still may.

A stream ends soon once it may no more, also one on which nothing happens. A call that answers once is asked for
wherever it had to wait.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.errors import GatewayError

RECHECK_SECONDS = 0.4


@asynccontextmanager
async def rechecked(ask: Callable[[], object]) -> AsyncIterator[None]:
    """Ends what is done within by the error that ``ask`` raises, soon after it begins to raise one.

    Args:
        ask: passes as long as the stream may go on; is called on the loop, and must not wait
    """
    loop = asyncio.get_running_loop()
    refused: list[GatewayError] = []
    timer: asyncio.TimerHandle

    def look() -> None:
        nonlocal timer
        try:
            ask()
        except GatewayError as error:
            refused.append(error)
            scope.reschedule(loop.time())
        else:
            timer = loop.call_later(RECHECK_SECONDS, look)

    timer = loop.call_later(RECHECK_SECONDS, look)
    try:
        async with asyncio.timeout(None) as scope:
            yield
    except TimeoutError as error:
        raise (refused[0] if refused else error) from None
    finally:
        timer.cancel()


def now_and_then(ask: Callable[[], object]) -> Callable[[], None]:
    """Gives what asks only where it was not asked for a while; it counts as asked now."""
    clock = asyncio.get_running_loop().time
    since = clock()

    def look() -> None:
        nonlocal since
        if clock() - since >= RECHECK_SECONDS:
            since = clock()
            ask()

    return look
