"""What all tests share: a pair of nodes that run, and property tests that do not care how fast the machine is."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.nodes import Site, found_pair, running

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def started_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    """Hong Kong and Korea as two processes, for tests that leave no trace others would stumble over."""
    hk, kr = found_pair(tmp_path_factory.mktemp("pair"))
    with running(hk, kr):
        yield hk, kr
