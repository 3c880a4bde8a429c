"""Starts nodes and commands soon: one process has imported what they need, and each is forked from it.

To import takes three quarters of a node's start, and nearly all of a command's time. What is forked is a process of its
own all the same, with its own signals, files, settings and end. gRPC is imported before the fork, and does nothing
before it.
"""

import atexit
import gc
import json
import os
import runpy
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, Self

MAX_REQUEST_BYTES = 2**20
COMMAND_SECONDS = 120  # more than a command takes, whatever else the machine does
NUMBER = struct.Struct("q")  # what is told of a process: its pid, and last its exit code
TLS_SETTING = "GRPC_SSL_CIPHER_SUITES"  # gRPC has read it; ``gateway`` has set it


class Forked:
    """A process, with the part of ``subprocess.Popen`` that tests need."""

    def __init__(self, told: int, stdout: IO[str]) -> None:
        self.stdout, self.returncode = stdout, None
        self._told = told
        self.pid = self._next(None)
        assert self.pid, "it was not forked"

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end; gives its exit code, which is negative if a signal ended it."""
        if self.returncode is None:
            code = self._next(timeout)
            assert code is not None, "whoever forks has ended, and this process may run on"
            self.returncode = code
            os.close(self._told)
        return self.returncode

    def _next(self, timeout: float | None) -> int | None:
        waiting = select.poll()  # unlike select, also for descriptors from 1024 on
        waiting.register(self._told, select.POLLIN)
        if not waiting.poll(None if timeout is None else timeout * 1000):
            raise subprocess.TimeoutExpired("gateway", timeout or 0)
        data = os.read(self._told, NUMBER.size)
        return int(NUMBER.unpack(data)[0]) if data else None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.wait()


@cache
def _forker() -> socket.socket:
    """A way to the one process that forks for this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forking", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def forked(
    command: Sequence[str],
    stderr: IO[Any],
    environment: Mapping[str, str],
    folder: Path | None = None,
    stdin: int | None = None,
) -> Forked:
    """Starts a module with arguments, in this folder or where this process is. Without stdin it has none."""
    where = str(folder or Path.cwd())
    request = json.dumps({"command": list(command), "environment": dict(environment), "folder": where})
    told, tell = os.pipe()
    out, into = os.pipe()
    given = [] if stdin is None else [stdin]
    try:
        socket.send_fds(_forker(), [request.encode()], [into, stderr.fileno(), tell, *given])
    finally:
        os.close(tell)
        os.close(into)
    return Forked(told, os.fdopen(out))


def finished(
    *arguments: str | Path, folder: Path | None = None, stdin: int | None = None
) -> "subprocess.CompletedProcess[str]":
    """Runs ``gateway`` with these arguments to its end. One that does not end is killed."""
    with tempfile.TemporaryFile("w+") as stderr:
        with forked(["gateway", *map(str, arguments)], stderr, os.environ, folder, stdin) as process:
            killing = threading.Timer(COMMAND_SECONDS, process.kill)
            killing.start()
            said = process.stdout.read()
            code = process.wait(COMMAND_SECONDS)
            killing.cancel()
        stderr.seek(0)
        return subprocess.CompletedProcess(("gateway", *arguments), code, said, stderr.read())


# --- the process that forks ---------------------------------------------------------------------------------------


class _Forking:
    """Forks on request, and tells each end; ``run`` returns in what is forked, and when the tests are over."""

    def __init__(self, control: socket.socket) -> None:
        self._control, self._selector = control, selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)
        self._running: dict[int, tuple[int, int]] = {}  # by what tells of a process's end: its pid, and whom to tell

    def run(self) -> Mapping[str, Any] | None:
        """Gives what the process that was forked is to do; None: nothing, this is still the one that forks."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is not self._control:
                    self._ended(key.fd)
                    continue
                data, files, _, _ = socket.recv_fds(self._control, MAX_REQUEST_BYTES, 4)
                if not data:
                    return None
                if self._fork(*files):
                    return dict(json.loads(data))

    def _fork(self, stdout: int, stderr: int, tell: int, *stdin: int) -> bool:
        """Gives whether this is what was forked."""
        pid = os.fork()
        if pid:
            for file in (stdout, stderr, *stdin):
                os.close(file)
            os.write(tell, NUMBER.pack(pid))
            ending = os.pidfd_open(pid)
            self._running[ending] = (pid, tell)
            self._selector.register(ending, selectors.EVENT_READ)
            return False
        for file in stdin:
            os.dup2(file, sys.__stdin__.fileno())
        os.dup2(stdout, sys.__stdout__.fileno())
        os.dup2(stderr, sys.__stderr__.fileno())
        self._selector.close()
        self._control.close()
        others = [fd for ending, (_, told) in self._running.items() for fd in (ending, told)]
        for file in (stdout, stderr, tell, *stdin, *others):
            os.close(file)
        return True

    def _ended(self, ending: int) -> None:
        pid, tell = self._running.pop(ending)
        self._selector.unregister(ending)
        os.close(ending)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(BrokenPipeError):  # nobody asks
            os.write(tell, NUMBER.pack(code))
        os.close(tell)


def _run(control: int) -> None:
    from gateway.cli import serve  # noqa: F401 - what a node imports

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the tests, and for the nodes
    gc.collect()
    gc.freeze()  # what is imported is no garbage: else each process looks at all of it as it starts, and as it ends
    asked = _Forking(socket.socket(fileno=control)).run()
    if asked:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        setting = os.environ[TLS_SETTING]
        os.environ.clear()
        os.environ.update(asked["environment"] | {TLS_SETTING: setting})
        os.chdir(asked["folder"])
        sys.argv = asked["command"]
        runpy.run_module(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    _run(int(sys.argv[1]))
