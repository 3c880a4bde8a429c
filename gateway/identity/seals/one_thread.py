"""Calls of a library that may be slow, or hang: one after another on one thread, and nobody waits for ever.

A call of foreign code cannot be ended from outside. One that does not come back keeps its thread, which then takes no
further call: who asks is told so at once. The thread does not keep the process from ending.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from gateway.errors import Unavailable

T = TypeVar("T")


class OneThread:
    """A thread that makes the calls of a token."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._late: Future[Any] | None = None  # a call that nobody waits for any more
        Thread(target=self._serve, name="token", daemon=True).start()

    def run(self, work: Callable[[], T], seconds: float) -> T:
        """Makes a call, and gives what it gives or raises what it raises.

        Raises:
            Unavailable: it does not come back in so many seconds, or one before it still has not.
        """
        if os.getpid() != self._process:  # threads do not come along, and PKCS#11 is none of a child's
            raise Unavailable("the token cannot be used in a process that was forked")
        if self._late and not self._late.done():  # in the same words for as long as it is so
            raise Unavailable("the token still has not answered")
        call: Future[T] = Future()
        self._calls.put((work, call))
        try:
            return call.result(seconds)
        except TimeoutError:
            if call.done():  # in this very moment; or it is what was called that raised this
                return call.result()
            if not call.cancel():
                self._late = call
            raise Unavailable(f"the token did not answer in {seconds:g} s") from None

    def _serve(self) -> None:
        while True:
            work, call = self._calls.get()
            if not call.set_running_or_notify_cancel():
                continue
            try:
                call.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is raised where the call was asked for
                call.set_exception(error)
            del work, call
