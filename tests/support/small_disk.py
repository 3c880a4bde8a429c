"""A file system of a test's own, in memory, which can be filled to the last page and emptied again."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")  # tmpfs gives nothing less


@dataclass(frozen=True)
class SmallDisk:
    """One that is mounted."""

    path: Path

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def leave(self, free_bytes: int) -> None:
        """Takes all of its room but that; a file of nobody's grows or shrinks for it."""
        ballast = self.path / "ballast"
        size = ballast.stat().st_size if ballast.exists() else 0
        wanted = max(0, size + self.free_bytes - free_bytes) // PAGE_BYTES * PAGE_BYTES
        with ballast.open("ab") as file:
            file.truncate(min(size, wanted))
            if wanted > size:
                os.posix_fallocate(file.fileno(), size, wanted - size)

    def empty(self) -> None:
        """Gives all room back that nobody uses."""
        (self.path / "ballast").unlink(missing_ok=True)


@contextmanager
def small_disk(folder: Path, size_bytes: int) -> Iterator[SmallDisk]:
    """Mounts one in a new folder."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@cache
def why_not() -> str:
    """Why none can be mounted here; empty: one can."""
    if os.geteuid():
        return "only root may mount a file system"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, text=True, check=False
    )
    return f"no file system may be mounted here: {tried.stderr.strip()}" if tried.returncode else ""


needs_small_disk = pytest.mark.skipif(bool(_why := why_not()), reason=_why or "one can be mounted")
