"""How late the event loop is: what a caller waits for beside the node's work for itself."""

import asyncio
from collections.abc import Callable

LOOK_SECONDS = 1.0


async def watch_lateness(on_late: Callable[[float], None]) -> None:
    """Tells by how many seconds the loop came late, again and again, until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + LOOK_SECONDS
        await asyncio.sleep(LOOK_SECONDS)
        on_late(max(0.0, loop.time() - due))
