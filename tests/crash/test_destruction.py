"""kill -9 of both nodes while they destroy content: what is past is destroyed all the same, once, and all else fits."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.crash.killing import check
from tests.pair.test_destruction import files_with, kept_for_a_day
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.offline import give

COUNT = 60
ROUNDS = 3


@pytest.fixture
def own_pair(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path)
    give(hk, "KR", {f"hk-past-{n}": content(**kept_for_a_day()) for n in range(COUNT)})
    with running(hk, kr):
        yield hk, kr


def states(site: Site) -> list[Notice]:
    with site.client() as client:
        return list(client.list_notices(page_size=1000))


@pytest.mark.timeout(300)
def test_kills_keep_nothing_from_being_destroyed(own_pair: tuple[Site, Site]) -> None:
    hk, _ = own_pair
    with hk.client("SFC") as client:
        client.create_notice(content(), recipient="KR", notice_id="hk-kept")
    eventually(lambda: all(each.state == Notice.DELIVERED for each in states(hk)))

    for _ in range(ROUNDS):  # a node destroys as it starts: so it is killed as soon as it serves
        for site in own_pair:
            site.kill()
        for site in own_pair:
            site.start()

    for site in own_pair:
        eventually(lambda site=site: sum(each.HasField("destruction") for each in states(site)) == COUNT)
        eventually(lambda site=site: sum(each.HasField("peer_destruction") for each in states(site)) == COUNT)
        eventually(lambda site=site: files_with(site) == [])
    for site in own_pair:
        site.stop()
        check(site)
        assert files_with(site) == []
