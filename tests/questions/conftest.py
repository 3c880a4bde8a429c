"""A store of Hong Kong's, to be asked. Whether what is written verifies, the tests of ``store`` tell."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.stores import Opened


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Opened]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield store
    await store.close()
