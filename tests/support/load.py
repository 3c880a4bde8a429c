"""Back offices that go on working while something is done to their node."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from regulator.exchange import Client, ExchangeError

from tests.supervision.samples import content
from tests.support.nodes import AUTHORITIES, Site, eventually

CALLS_A_CONNECTION = 20


@dataclass
class Work:
    """What back offices of one node did.

    Attributes:
        given: the names of their notices
        failures: of calls; there must be none
        connections: that each of their threads has opened
    """

    site: Site
    recipient: str
    given: list[str] = field(default_factory=list)
    failures: list[ExchangeError] = field(default_factory=list)
    connections: Counter[str] = field(default_factory=Counter)

    def all_reconnect(self) -> None:
        """Waits until nobody uses a connection that was open before."""
        before = dict(self.connections)
        eventually(lambda: all(self.connections[name] > count for name, count in before.items()), 60)


def _work(work: Work, ended: threading.Event, seconds_between: float) -> None:
    """Calls at a rate, again and again on a new connection; nothing is tried twice."""
    profile = replace(work.site.profile(AUTHORITIES[work.site.jurisdiction][1]), max_attempts=1)
    due = time.monotonic()
    while not ended.is_set():
        with Client(profile) as client:
            work.connections[threading.current_thread().name] += 1
            for _ in range(CALLS_A_CONNECTION):
                due = max(due + seconds_between, time.monotonic() - 1)
                if ended.wait(max(0.0, due - time.monotonic())):
                    return
                _call(client, work)


def _call(client: Client, work: Work) -> None:
    authority = AUTHORITIES[work.site.jurisdiction][1]
    try:
        notice = client.create_notice(content(issuing_authority=authority), recipient=work.recipient)
        work.given.append(notice.name)
        assert client.get_notice(notice.name).name == notice.name
    except ExchangeError as error:
        work.failures.append(error)


@contextmanager
def working(*sites: Site, calls_per_second: float, threads: int = 2) -> Iterator[Sequence[Work]]:
    """Two nodes' back offices work until the end of the block. Each second they make so many calls at each node."""
    one, other = sites
    works = [Work(one, other.jurisdiction), Work(other, one.jurisdiction)]
    ended = threading.Event()
    between = 2 * threads / calls_per_second  # each round makes two calls
    running = [threading.Thread(target=_work, args=(work, ended, between)) for work in works for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield works
    finally:
        ended.set()
        for thread in running:
            thread.join()


def check_delivered(work: Work, peer: Site) -> bool:
    """Whether everything that was given has arrived and is receipted."""
    wanted = set(work.given)
    with work.site.client() as sender, peer.client() as receiver:
        code, other = work.site.jurisdiction.lower(), peer.jurisdiction.lower()
        channel = sender.get_channel(f"{code}-to-{other}")
        if channel.receipted_size < channel.size:
            return False
        return wanted <= {each.name for each in receiver.list_notices(page_size=1000)}
