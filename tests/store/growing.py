"""What a read costs, in steps of SQLite's machine, which no clock disturbs."""

from collections.abc import Callable

from sqlalchemy import Connection

from gateway.store.database import snapshot
from tests.store.stores import Opened

MORE = 1.5  # times the steps that a tree of one level more may take

Read = Callable[[Connection], object]


def steps(store: Opened, read: Read) -> int:
    """Of SQLite's machine, as it carries out all that a read asks."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    with snapshot(store.url, store.home) as connection:
        read(connection)  # what is made once is made
        driver = connection.connection.driver_connection
        driver.set_progress_handler(step, 1)
        read(connection)
        driver.set_progress_handler(None, 0)
    return taken
