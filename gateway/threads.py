"""Work that takes long, on another thread, for as long as a call that asked for it may hold something for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


async def to_its_end(work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
    """Does a work on another thread. Who hangs up meanwhile keeps what it holds until the work is done.

    No thread can be stopped: if a turn were given back at once, who hangs up each time would have any number of them.
    """
    return await awaited_to_its_end(asyncio.to_thread(work, *arguments))


async def awaited_to_its_end(doing: Coroutine[Any, Any, T]) -> T:
    """Likewise, of what waits for a work on another thread."""
    working = asyncio.ensure_future(doing)
    try:
        await asyncio.wait([working])
    except asyncio.CancelledError:
        await asyncio.wait([working])
        working.exception()  # nobody is there to be told
        raise
    return working.result()
