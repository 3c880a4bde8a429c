"""What tests of replicas share: a server of their own, which they may stop."""

from collections.abc import Iterator

import pytest

from tests.support.postgresql import Server, server


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.getbasetemp().parent) as running_server:
        yield running_server
