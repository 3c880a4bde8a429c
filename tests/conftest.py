"""Fixtures that many tests share: a pair of nodes that run."""

from collections.abc import Iterator

import pytest

from tests.support.nodes import Site, found_pair, running


@pytest.fixture(scope="session")
def started_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    """Hong Kong and Korea as two processes, for tests that leave no trace others would stumble over."""
    hk, kr = found_pair(tmp_path_factory.mktemp("pair"))
    with running(hk, kr):
        yield hk, kr
