"""Runs a node as ``gateway`` does, and tells where the time of its main thread goes, by samples.

``python -m tests.benchmarks.sampler FILE serve HOME``: SIGUSR1 begins to sample, the next one writes the stacks to
FILE, one a line: microseconds, then ``module:function`` from the outermost call to the innermost.

The system sends a signal for every so many milliseconds of the processor, and each sample counts for what the thread
has used since the one before: so neither waiting nor what others do on the machine is in the figures. Python looks
at signals where a function begins too: what was used before that belongs to its caller.
"""

import dis
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

from gateway.cli import main

INTERVAL_SECONDS = 0.001  # of the process's time
ROOT = Path(__file__).parents[2]

_RESUME = dis.opmap["RESUME"]


class Sampler:
    def __init__(self, path: Path) -> None:
        self._path, self._stacks, self._before = path, Counter[tuple[CodeType, ...]](), 0

    def turn(self, _number: int, _frame: FrameType | None) -> None:
        """Begins, or ends and writes."""
        if self._before:
            signal.setitimer(signal.ITIMER_PROF, 0)
            lines = (f"{nanos // 1000} {';'.join(map(_name, stack))}\n" for stack, nanos in self._stacks.items())
            self._path.write_text("".join(lines))
            self._before = 0
        else:
            self._stacks.clear()
            self._before = time.thread_time_ns()
            signal.setitimer(signal.ITIMER_PROF, INTERVAL_SECONDS, INTERVAL_SECONDS)

    def take(self, _number: int, frame: FrameType | None) -> None:
        used = time.thread_time_ns() - self._before
        if frame and frame.f_code.co_code[frame.f_lasti] == _RESUME:
            frame = frame.f_back
        stack = []
        while frame:
            stack.append(frame.f_code)
            frame = frame.f_back
        self._stacks[tuple(reversed(stack))] += used
        self._before = time.thread_time_ns()


def _name(code: CodeType) -> str:
    path = Path(code.co_filename)
    module = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-2:])
    return f"{module}:{code.co_qualname}"


if __name__ == "__main__":
    sampler = Sampler(Path(sys.argv.pop(1)))
    signal.signal(signal.SIGUSR1, sampler.turn)
    signal.signal(signal.SIGPROF, sampler.take)
    main()
