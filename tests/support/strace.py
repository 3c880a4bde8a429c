"""Makes system calls of a running process fail, or kill it, by strace; and tells which calls it made."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.nodes import Site, eventually

STORING = ("pwrite64", "fsync", "fdatasync", "ftruncate", "unlink")  # of SQLite, on its files
TALKING = ("sendto", "recvfrom")  # of libpq, with the server; gRPC uses others
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)(.*)$")


def why_not() -> str:
    """Why strace cannot be used here; empty: it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    child = subprocess.Popen(["sleep", "60"])
    try:
        tried = subprocess.run(
            ["timeout", "-s", "INT", "0.3", "strace", "-qq", "-e", "trace=none", "-p", str(child.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        child.kill()
        child.wait()
    return f"strace may not attach here: {tried.stderr.strip()}" if "attach" in tried.stderr else ""


needs_strace = pytest.mark.skipif(bool(_why := why_not()), reason=_why or "strace is here")


@dataclass(frozen=True, slots=True)
class Call:
    """One system call, as strace wrote it down. ``was_made``: it did what it does, and did not fail."""

    name: str
    arguments: str
    was_made: bool
    is_injected: bool


@contextmanager
def traced(site: Site, log: Path, *, inject: str = "", of: Sequence[str] = STORING) -> Iterator[None]:
    """Follows the calls of a site's node on its database's files; ``inject`` as strace takes it, for each thread."""
    files = [site.home.path / f"node.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]
    paths = [option for file in files for option in ("-P", str(file))]
    with _following(["-f", *paths, "-p", str(site.pid)], _tasks(site.pid), log, inject, of):
        yield


@contextmanager
def traced_talk(site: Site, log: Path, *, inject: str = "") -> Iterator[None]:
    """Follows what a site's node says to PostgreSQL: by all threads that are there but the loop's, which does not."""
    threads = [task for task in _tasks(site.pid) if task.name != str(site.pid)]
    which = [option for task in threads for option in ("-p", task.name)]
    with _following(which, threads, log, inject, TALKING):
        yield


@contextmanager
def _following(which: list[str], tasks: list[Path], log: Path, inject: str, of: Sequence[str]) -> Iterator[None]:
    injected = ["-e", f"inject={inject}"] if inject else []
    options = ["-qq", "-y", "-s", "12", "-e", f"trace={','.join(of)}", *injected, "-o", str(log)]
    process = subprocess.Popen(["strace", *options, *which], stderr=subprocess.PIPE)
    try:
        eventually(lambda: all(map(_is_followed, tasks)) or process.poll() is not None)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def calls_in(log: Path) -> list[Call]:
    """What was written down: calls that ended, in order."""
    found = (_CALL.match(line) for line in log.read_text().splitlines())
    return [Call(each[2], each[3], not each[4].startswith("-"), "INJECTED" in each[5]) for each in found if each]


def was_injected(log: Path) -> bool:
    """Whether a call was made to fail, also one that was written down in two lines."""
    return "(INJECTED)" in log.read_text()


def _tasks(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _is_followed(task: Path) -> bool:
    """Whether a thread is, or has ended."""
    try:
        return "TracerPid:\t0\n" not in (task / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
