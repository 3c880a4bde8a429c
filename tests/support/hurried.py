"""Runs ``gateway`` with little patience: ``python -m tests.support.hurried serve HOME``.

What a node looks at again and again, or lets last for a while before it is told, a test would only sit out. It shows
that this comes to pass; how long it takes in a node, the constants say.
"""

from gateway.cli import main
from gateway.identity.officers import key_sources
from gateway.identity.watched_files import WatchedFiles
from gateway.link import link
from gateway.rpc import peer_attachments
from gateway.telemetry import export

HURRIED = ("tests.support.hurried",)
SETTLE_SECONDS = 0.4  # longer than two looks at the files are apart


def hurry() -> None:
    """Has this process wait for tenths of a second where a node waits for seconds."""
    WatchedFiles.settle_seconds = SETTLE_SECONDS
    key_sources.RETRY_SECONDS = key_sources.SOONEST_SECONDS = 0.5
    link.COMPARE_SECONDS = 0.5
    peer_attachments.NO_ROOM_SECONDS = 0.5
    export.DELAY_SECONDS = 0.1


if __name__ == "__main__":
    hurry()
    main()
