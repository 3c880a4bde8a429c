"""A node on PostgreSQL whose calls on the server's socket fail, or kill it, while it stores an act or what comes in.

A call that fails ends the connection, and nothing else; what became of its commit is found when there is another one.
Where libpq cannot send it waits to hear why, and a server that lives does not say: then the node gives it up.
"""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.crash.test_system_calls import KILL, Pair
from tests.support.long_form import long_form
from tests.support.nodes import Site, running
from tests.support.postgresql import Server
from tests.support.replicas import found_pair_on
from tests.support.strace import TALKING, needs_strace, traced_talk

pytestmark = needs_strace

RESET, BROKEN = "error=ECONNRESET", "error=EIO"


@pytest.fixture(scope="module")
def own_pair(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("talk")
    hk, kr = found_pair_on(postgresql, folder)
    with running(hk, kr):
        pair = Pair(hk, kr, folder / "strace")
        pair.office.insist()
        yield pair


def written(pair: Pair, site: Site) -> list[str]:
    """What the one that writes of a site's threads says for a notice and its receipt, a line a call."""
    pair.rest()
    with traced_talk(site, pair.log):
        pair.office.insist()
        pair.rest()
    lines = pair.log.read_text().splitlines()
    writer, _ = Counter(line.split()[0] for line in lines).most_common(1)[0]
    return [line for line in lines if re.match(rf"{writer} +\w+\(", line)]


def number_of_commit(lines: list[str], call: str) -> int:
    """Which call of a kind sends the first COMMIT, or hears what became of it."""
    commit = next(place for place, line in enumerate(lines) if "COMMIT" in line and "sendto" in line)
    return sum(f" {call}(" in line for line in lines[: commit + 2])


def hit(pair: Pair, victim: Site, call: str, number: int, fault: str) -> None:
    """Has one notice given, and the n-th such call of each thread fail; passes if all holds in the end."""
    pair.rest()
    with traced_talk(victim, pair.log, inject=f"{call}:{fault}:when={number}"):
        request_id, answered = pair.work_until_hit(victim)
        if fault == KILL:
            victim.wait_for_end()
    if fault == KILL:
        victim.start()
    pair.settle(request_id, answered)
    assert victim.process.poll() is None, "a lost connection is no reason to end"


@pytest.mark.parametrize(
    ("victim", "call", "fault"),
    [("hk", "recvfrom", RESET), ("hk", "sendto", BROKEN), ("kr", "sendto", KILL)],
)
def test_a_commit_of_which_nobody_hears_loses_and_doubles_nothing(own_pair: Pair, victim, call, fault) -> None:
    site = getattr(own_pair, victim)
    hit(own_pair, site, call, number_of_commit(written(own_pair, site), call), fault)


@long_form
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("fault", [KILL, RESET, BROKEN])
@pytest.mark.parametrize("victim", ["hk", "kr"])
def test_every_call_of_a_notice_and_its_receipt_may_fail(own_pair: Pair, victim, fault) -> None:
    site = getattr(own_pair, victim)
    lines = written(own_pair, site)
    for call in TALKING:
        for number in range(1, sum(f" {call}(" in line for line in lines) + 1):
            hit(own_pair, site, call, number, fault)
