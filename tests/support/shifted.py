"""Runs ``gateway`` with a clock of its own: ``python -m tests.support.shifted serve HOME``.

It is ahead of the machine's by the seconds that stand in the file that ``SHIFT_FILE`` names, at every moment anew; and
it is compared with a peer's soon.
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.cli import main
from gateway.moments import MICROS
from gateway.node import node
from tests.support.hurried import hurry

SHIFT_FILE = "TESTS_SHIFT_FILE"


def shift_seconds() -> int:
    """How far the clock is ahead now."""
    path = Path(os.environ[SHIFT_FILE])
    return int(path.read_text() or 0) if path.exists() else 0


if __name__ == "__main__":
    hurry()
    micros = node._micros
    node._now = lambda: datetime.now(UTC) + timedelta(seconds=shift_seconds())
    node._micros = lambda: micros() + shift_seconds() * MICROS
    main()
