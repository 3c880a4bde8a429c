"""A writer whose storage fails."""

from sqlalchemy.exc import OperationalError

from tests.store.stores import Opened


def fail_commit(hk: Opened, *, after: bool = False, message: str = "connection lost") -> None:
    """Lets the next commit fail: before it is done, or after it, when nobody hears of it any more."""
    connection = hk.committer._session._connection
    original = connection.commit

    def commit() -> None:
        if after:
            original()
        raise OperationalError("COMMIT", {}, Exception(message))

    connection.commit = commit
