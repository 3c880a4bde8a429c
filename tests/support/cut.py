"""Runs ``gateway``, and a signal ends it at a step of its databases: ``python -m tests.support.cut migrate HOME URL``.

``CUT`` tells where: the signal, before or after, how many such steps come first, how the step begins, and which one
after it is meant: ``SIGKILL after 2 INSERT INTO leaves; COMMIT``. They are those of SQLite and PostgreSQL alike.
"""

import os
import signal

from gateway.cli import main
from tests.support.faulty import Fault, Steps, faulty
from tests.support.faulty_server import faulty_server

CUT = "TESTS_CUT"

if __name__ == "__main__":
    name, when, passes, what = os.environ[CUT].split(maxsplit=3)
    steps = Steps(lambda: os.kill(os.getpid(), signal.Signals[name]))
    what, _, then = what.partition("; ")
    steps.arm(int(passes), {"before": Fault.KILLED, "after": Fault.KILLED_AFTER}[when], what=what, then=then)
    with faulty(steps), faulty_server(steps):
        main()
