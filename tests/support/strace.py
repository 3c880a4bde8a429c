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
    """Follows the calls of a site's node on its database's files; ``inject`` as strace takes it."""
    files = [site.home.path / f"node.db{suffix}" for suffix in ("", "-wal", "-shm", "-journal")]
    paths = [option for file in files for option in ("-P", str(file))]
    injected = ["-e", f"inject={inject}"] if inject else []
    options = ["-f", "-qq", "-y", "-s", "8", "-e", f"trace={','.join(of)}", *paths, *injected, "-o", str(log)]
    process = subprocess.Popen(["strace", *options, "-p", str(site.pid)], stderr=subprocess.PIPE)
    try:
        eventually(lambda: _is_followed(site.pid) or process.poll() is not None)
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def calls_in(log: Path) -> list[Call]:
    """What was written down: calls that ended, in order."""
    found = (_CALL.match(line) for line in log.read_text().splitlines())
    return [Call(each[2], each[3], not each[4].startswith("-"), "INJECTED" in each[5]) for each in found if each]


def _is_followed(pid: int) -> bool:
    """Whether every thread of a process is."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            status = (task / "status").read_text()
        except FileNotFoundError:
            continue  # a thread that has ended
        if "TracerPid:\t0\n" in status:
            return False
    return True
