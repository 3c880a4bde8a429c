"""What fault tests share."""

from collections.abc import Iterator

import pytest

from tests.support.postgresql import Server, server


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that tests may stop, if they start it again."""
    with server(tmp_path_factory.getbasetemp().parent) as running:
        yield running
