"""Tells the two cancellations of asyncio apart: gRPC raises the same error for a call as for its caller."""

import asyncio


def is_cancelled() -> bool:
    """Whether the running task itself is being cancelled, rather than only the call it waits for."""
    task = asyncio.current_task()
    return bool(task and task.cancelling())
