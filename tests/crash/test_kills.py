"""kill -9 of both nodes at random, under load: nothing that was answered is lost, doubled, or untold in the journal."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.killing import AUTHORS, Load, check, is_settled, kill_at_random, log_of, under_load
from tests.rpc.journals import entries_of
from tests.support.long_form import long_form
from tests.support.nodes import Site, eventually, found_pair, running


def check_journal(site: Site, loads: list[Load]) -> None:
    """Every answered act and read is told, by client, method and name."""
    told = Counter(
        (entry.client, entry.method.rpartition("/")[2], name)
        for entry in entries_of(site)
        for name in entry.resources
        if entry.outcome == "OK"
    )
    for load in (load for load in loads if load.site is site):
        client = f"spiffe://{site.domain}/{AUTHORS[site.jurisdiction]}/office"
        acts = [(client, "CreateNotice", name) for name in load.answered]
        reads = Counter((client, "GetNotice", name) for name in load.read)
        assert [act for act in acts if not told[act]] == []
        assert {read: count for read, count in reads.items() if told[read] < count} == {}


def run_kills(tmp_path: Path, kills: int, seed: int) -> None:
    hk, kr = found_pair(tmp_path)
    with running(hk, kr):
        with under_load(hk, kr) as loads:
            kill_at_random(hk, kr, loads, kills, seed)
        for site in (hk, kr):
            eventually(lambda site=site: is_settled(site))
        answered = {load.site.jurisdiction: [] for load in loads}
        for load in loads:
            answered[load.site.jurisdiction] += load.answered
        for sender, recipient in ((hk, kr), (kr, hk)):
            with recipient.client() as client:
                arrived = {notice.name for notice in client.list_notices(direction=2, page_size=1000)}
            assert set(answered[sender.jurisdiction]) <= arrived
            assert len(set(answered[sender.jurisdiction])) == len(answered[sender.jurisdiction])
    for sender, recipient in ((hk, kr), (kr, hk)):
        origin = f"{sender.domain}/to/{recipient.domain}"
        assert log_of(sender, origin) == log_of(recipient, origin)
        check_journal(sender, loads)
        check(sender)


@pytest.mark.timeout(900)
def test_fifty_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    run_kills(tmp_path, kills=50, seed=int(os.environ.get("GATEWAY_SEED", "2026")))


@long_form
def test_many_kills_under_load_lose_and_double_nothing(tmp_path: Path) -> None:
    run_kills(tmp_path, kills=int(os.environ["GATEWAY_KILLS"]), seed=int(os.environ.get("GATEWAY_SEED", "1")))
