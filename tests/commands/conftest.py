"""Back offices of two jurisdictions that exchange what is sealed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.commands.offices import ASKS, DECIDES, Office, day
from tests.store.exchanging import settle
from tests.store.stores import Opened, check_verified
from tests.supervision.samples import handling


@pytest.fixture
async def offices(tmp_path: Path) -> AsyncIterator[tuple[Office, Office]]:
    """Hong Kong gave hk-1, which Korea may pass on with consent."""
    stores = [Opened.create(each, "sqlite:///node.db", tmp_path / each) for each in ("HK", "KR")]
    await stores[0].release("hk-1", handling=handling(retain_until=day(20260630)))
    await settle(*stores)
    yield Office(stores[0], DECIDES), Office(stores[1], ASKS)
    for store in stores:
        await store.close()
        check_verified(store)
