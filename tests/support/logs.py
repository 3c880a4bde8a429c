"""Lines of a node's log, told from everything else."""

import json
import re
from collections.abc import Iterator

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z (INFO|WARNING|ERROR|CRITICAL) [\w.]+ [a-z_]+( .*)?")


def events(log: str, form: str = "text") -> Iterator[str]:
    """The event of each line; fails at a line that is none of ours, or that acts on a terminal."""
    for line in log.splitlines():
        assert line.isascii()
        assert line.isprintable(), ascii(line)
        if form == "json":
            read = json.loads(line)
            assert {"time", "level", "logger", "event"} <= read.keys()
            yield read["event"]
        else:
            assert LINE.fullmatch(line), line
            yield line.split()[3]
