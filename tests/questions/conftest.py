"""A store of Hong Kong's, to be asked."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.stores import Opened, check_verified


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Opened]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield store
    await store.close()
    check_verified(store)
