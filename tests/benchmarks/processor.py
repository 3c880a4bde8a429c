"""What a process uses: of the processor by its threads, fair also where others keep the machine busy; and of memory."""

from collections import Counter
from pathlib import Path

MAIN = "main thread"


def used_micros(pid: int) -> Counter[str]:
    """Microseconds since its start, by the name of the thread; threads of one name are taken together."""
    used = Counter[str]()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name, nanos = (task / "comm").read_text().strip(), int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            continue
        used[MAIN if task.name == str(pid) else name] += nanos // 1000
    return used


def resident_mb(pid: int) -> float:
    """Memory that is in use now."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024  # KiB, see proc(5)
