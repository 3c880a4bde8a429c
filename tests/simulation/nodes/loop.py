"""An event loop on which no real time passes: it goes from one timer to the next, the same way for the same seed.

What is given to an executor is done on the loop itself, a drawn time later, so that nothing runs beside anything.
What is done for a node is done in one of its lives (``LIFE``): once that is over, nothing is done for it any more.
"""

import asyncio
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from contextvars import ContextVar, copy_context
from functools import partial
from random import Random
from threading import Thread
from typing import IO, Any, TypeVar

T = TypeVar("T")

LONGEST_WORK_SECONDS = 0.004  # of an executor, but for those moments in which the disk is slow
SLOW_WORK_SECONDS = 1.5
HEARD_WITHIN_SECONDS = 5.0  # after a task ended with an error, whoever waits for it hears of that


class Died(BaseException):
    """The node's process ended here, as by kill -9. No code of the node catches it."""


class Stalled(Exception):
    """Nothing is left that could ever happen."""


class Life:
    """One run of a node's process.

    Attributes:
        disk: that it uses
        is_over: nothing that is done in it counts any more
        tasks: all that were begun in it, in order
        lock: the file by which it keeps others from its home
        failed: tasks that ended with an error not long before, and when
    """

    def __init__(self, disk: Any, on_death: Callable[["Life"], None]) -> None:
        self.disk = disk
        self.is_over = False
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.lock: IO[str] | None = None
        self.failed: list[tuple[float, asyncio.Task[Any]]] = []
        self._on_death = on_death

    def die(self) -> None:
        """Ends it, here and now."""
        if not self.is_over:
            self.is_over = True
            self._on_death(self)
        raise Died

    def require(self) -> None:
        """Goes no further in a life that is over."""
        if self.is_over:
            raise Died

    async def bury(self) -> None:
        """Ends the tasks: what they clean up counts no more, but no task may hang in it."""
        for _ in range(10):
            left = [task for task in self.tasks if not task.done() and task is not asyncio.current_task()]
            if not left:
                self._hear_errors()
                return
            for task in left:
                task.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        raise AssertionError(f"tasks of a dead node do not end: {left}")

    def note(self, task: "asyncio.Task[Any]") -> None:
        """A task has ended."""
        self.tasks.pop(task, None)
        if not task.cancelled() and task._exception is not None:  # type: ignore[attr-defined]  # asking counts as heard
            now = task.get_loop().time()
            self.failed = [each for each in self.failed if each[0] > now - HEARD_WITHIN_SECONDS] + [(now, task)]

    def _hear_errors(self) -> None:
        """Whoever would have heard of the last ones is no more."""
        for _, task in self.failed:
            task.exception()
        self.failed.clear()


LIFE: ContextVar[Life | None] = ContextVar("life", default=None)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop.

    Attributes:
        slowness: how likely it is that work of an executor takes long
        leapt_seconds: that nobody lived through
    """

    def __init__(self, random: Random) -> None:
        self._virtual = 0.0
        self._random = random
        self.slowness = self.leapt_seconds = 0.0
        super().__init__(_Skipping(self))
        self._clock_resolution = 1e-9
        self._ready = _Ready()
        self.set_task_factory(_in_life)

    def time(self) -> float:
        return self._virtual

    def pause(self, life: "Life", seconds: float) -> None:
        """A process stands still; what is under way to it, or from it, is not lost."""
        self._ready.paused.append(life)
        self.call_later(seconds, self.go_on, life)

    def stands_still(self, life: "Life") -> bool:
        return life in self._ready.paused

    def go_on(self, life: "Life") -> None:
        """It does; or it has ended, which nothing can keep it from."""
        if life in self._ready.paused:
            self._ready.paused.remove(life)
        held, self._ready.held = self._ready.held, []
        self._ready.extend(held)  # what still may not run is held again

    def skip(self, seconds: float) -> None:
        """Goes on to the next timer."""
        self._virtual += seconds

    def leap(self, seconds: float) -> None:
        """So much time passes at once, as where all machines sleep; what was to be done meanwhile is done then."""
        self._virtual += seconds
        self.leapt_seconds += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":  # type: ignore[override]
        future: asyncio.Future[Any] = self.create_future()
        self.call_later(self._work_seconds(), self._carry_out, future, executor, partial(func, *args))
        return future

    def _work_seconds(self) -> float:
        longest = SLOW_WORK_SECONDS if self._random.random() < self.slowness else LONGEST_WORK_SECONDS
        return self._random.uniform(0, longest / 2)

    def _carry_out(self, future: "asyncio.Future[Any]", executor: Any, work: Callable[[], Any]) -> None:
        life = LIFE.get()
        if future.cancelled() or (life and life.is_over):  # before it began, as in a pool of threads
            return
        if life and not life.disk.is_free(executor):
            self.call_later(self._work_seconds(), self._carry_out, future, executor, work)
            return
        try:
            result = work()
        except Died:
            return
        except Exception as error:  # noqa: BLE001 - for whoever waits for it
            self.call_later(self._work_seconds(), _settle, future, None, error)
        else:
            self.call_later(self._work_seconds(), _settle, future, result, None)
        finally:
            if life:
                life.disk.left(executor)


def run_beside(work: Coroutine[Any, Any, Any]) -> Any:
    """In the place of ``asyncio.run``: what a process does on a loop of its own while nothing else goes on in it."""
    life = LIFE.get()
    if life is None:
        return asyncio.run(work)
    ended: list[asyncio.Future[Any]] = []
    thread = Thread(target=copy_context().run, args=[_run_whole, work, ended])
    thread.start()
    thread.join()
    life.require()
    return ended[0].result()


def _run_whole(work: Coroutine[Any, Any, Any], ended: "list[asyncio.Future[Any]]") -> None:
    loop = VirtualLoop(Random(0))  # how long it takes counts for nobody
    try:
        task = loop.create_task(work)
        with suppress(Exception, Died):  # whoever waits for it is told; ``Stalled``, where its process died in it
            loop.run_until_complete(task)
        if left := asyncio.all_tasks(loop):
            for each in left:
                each.cancel()
            loop.run_until_complete(asyncio.wait(left))
        ended.append(task)
    finally:
        loop.close()


def in_a_process(act: Callable[[], T]) -> T:
    """Does something as a process of its own would, which nothing here goes on beside; raises as it does."""
    done: Future[T] = Future()

    def do() -> None:
        try:
            done.set_result(act())
        except Exception as error:  # noqa: BLE001 - for whoever asked
            done.set_exception(error)

    process = Thread(target=do)
    process.start()
    process.join()
    return done.result()


class Inline:
    """An executor that does at once what it is given."""

    def submit(self, work: Callable[..., Any], *args: Any) -> "Result":
        return Result(work(*args))

    def shutdown(self) -> None:
        """There is nothing to end."""


class Result:
    """Of work that is done."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class _Ready(deque[asyncio.Handle]):
    """Callbacks that are due; those of a process that stands still wait."""

    def __init__(self) -> None:
        super().__init__()
        self.paused: list[Life] = []
        self.held: list[asyncio.Handle] = []

    def popleft(self) -> asyncio.Handle:
        handle = super().popleft()
        life = handle._context.get(LIFE) if self.paused else None  # type: ignore[attr-defined]
        if life is None or life.is_over or life not in self.paused:
            return handle
        self.held.append(handle)
        return _NOTHING


class _Nothing:
    """A callback that need not run."""

    _cancelled = True


_NOTHING: Any = _Nothing()


class _Skipping(selectors.SelectSelector):
    """Waits for nothing: no file is ever ready, and time passes in one step."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stalled("no timer is set, and no callback is ready")
        if timeout > 0:
            self._loop.skip(timeout)
        return []


def _settle(future: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    life = LIFE.get()
    if future.done() or (life and life.is_over):
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(result)


def _in_life(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **options: Any
) -> "asyncio.Task[Any]":
    task = asyncio.Task(coroutine, loop=loop, **options)
    context = options.get("context")
    life = context.get(LIFE) if context else LIFE.get()
    if life:
        life.tasks[task] = None
        task.add_done_callback(life.note)
    return task
