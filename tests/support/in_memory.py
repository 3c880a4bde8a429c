"""Where tests write: in memory, if this machine has room for it there, since a disk would only make them wait.

Nodes sync whatever they store, some tens of times a test. What a sync is good for, no test of a process that is killed
can show: the machine's memory outlives it. That they do sync, and when, the tests of their system calls show
(``tests/crash/test_system_calls.py``), wherever the files are.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
LIMIT, USED = (Path("/sys/fs/cgroup") / f"memory.{name}" for name in ("max", "current"))  # of a container
PROCESSES_BYTES = 3 * 2**30  # of memory, for workers, nodes and databases
ROOM_BYTES = 2 * 2**30  # for files: a whole run takes less than half of it
LARGEST = "GATEWAY_LARGEST_BYTES"  # says that a file is tried which takes more


def write_in_memory() -> None:
    """Has this process, and all that it starts, make temporary files in memory; unless somebody said where."""
    if not {"TMPDIR", LARGEST} & os.environ.keys() and room_bytes(MEMORY) > ROOM_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # it is found anew


def room_bytes(folder: Path) -> int:
    """How much a file system in memory may grow beside what else takes memory; 0: it is none, or takes no programs."""
    mounted = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    options = [words[3].split(",") for words in mounted if words[1:3] == [str(folder), "tmpfs"]]
    if not options or "noexec" in options[-1] or not os.access(folder, os.W_OK):
        return 0
    memory = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    left = [int(memory["MemAvailable"].split()[0]) * 1024]
    if LIMIT.exists() and (limit := LIMIT.read_text().strip()) != "max":
        left.append(int(limit) - int(USED.read_text()))
    return max(0, min(shutil.disk_usage(folder).free, min(left) - PROCESSES_BYTES))
