"""Several replicas of Hong Kong's node on one PostgreSQL database: whatever happens to one, the others go on."""

from collections.abc import Iterator

import pytest

from tests.supervision.samples import content
from tests.support.nodes import eventually, running
from tests.support.postgresql import server
from tests.support.replicas import Replicated, found_replicas


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    with server(tmp_path_factory.getbasetemp().parent) as database:
        found = found_replicas(tmp_path_factory.mktemp("replicas"), database)
        with running(*found.replicas, found.kr):
            yield found


def test_any_replica_takes_what_any_client_asks(shared):
    a, b = shared.replicas
    with a.client("SFC") as at_a, b.client("SFC") as at_b:
        given = [each.create_notice(content(), recipient="KR").name for each in (at_a, at_b) * 3]
        for client in (at_a, at_b):
            assert {each.name for each in client.list_notices()} >= set(given)
            assert client.get_channel("hk-to-kr").size >= 6
        eventually(lambda: all(at_b.get_notice(each).HasField("receipt_time") for each in given))
        assert at_a.get_notice(given[0]) == at_b.get_notice(given[0])
