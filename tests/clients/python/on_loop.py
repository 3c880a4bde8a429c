"""Drives the asyncio client from blocking tests, so that both clients pass through the same ones."""

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

from regulator.exchange import AsyncClient

from tests.clients.python.fake_node import PATIENCE_SECONDS

_END = object()


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls on the loop, awaits what needs it, and wraps what is read with ``async for``."""

        async def call() -> Any:
            result = function(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        result = asyncio.run_coroutine_threadsafe(call(), self.loop).result(PATIENCE_SECONDS)
        return OnLoop(self, result) if isinstance(result, AsyncIterator | AsyncClient) else result

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self.loop.close()


class OnLoop(Iterator[Any]):
    """Something of asyncio with the methods of its blocking counterpart."""

    def __init__(self, loop: Loop, target: Any) -> None:
        self._loop = loop
        self._target = target

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        return (lambda *args, **kwargs: self._loop.run(value, *args, **kwargs)) if callable(value) else value

    def __next__(self) -> Any:
        item = self._loop.run(anext, self._target, _END)
        if item is _END:
            raise StopIteration
        return item

    def __enter__(self) -> Self:
        self._loop.run(self._target.__aenter__)
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.run(self._target.__aexit__, *error)
