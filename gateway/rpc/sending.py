"""Sends an answer of a stream to its end, so that gRPC can send a status after it."""

import asyncio
from typing import Any

LAST_WRITE_SECONDS = 5.0  # that an answer under way may take once its stream is ended


async def send_to_its_end(data: bytes, context: Any) -> None:
    """Sends an answer, though the stream be ended meanwhile: gRPC sends no status after half a write."""
    writing = asyncio.ensure_future(context.write(data))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        if not context.cancelled():
            await asyncio.wait([writing], timeout=LAST_WRITE_SECONDS)
        writing.add_done_callback(_retrieve)  # one to a caller who has gone fails, sooner or later
        raise


def _retrieve(task: "asyncio.Future[None]") -> None:
    """Asks a task what became of it: what nobody asks for is logged as an error."""
    if not task.cancelled():
        task.exception()
