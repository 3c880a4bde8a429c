"""What a store of the kit compiles for its database, the next one need not compile again."""

from collections.abc import Iterator

import pytest

from tests.store.compiling import compiled_once


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    with compiled_once():
        yield
