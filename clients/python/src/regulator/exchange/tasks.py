"""What asyncio leaves open: who is cancelled, as gRPC raises the same error for a call as for its caller; and waits."""

import asyncio
from contextlib import suppress


def is_cancelled() -> bool:
    """Whether the running task itself is being cancelled, rather than only the call it waits for."""
    task = asyncio.current_task()
    return bool(task and task.cancelling())


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Waits until an event is set, or so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
