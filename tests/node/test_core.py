"""What a node takes for its own as its store is opened."""

from collections.abc import AsyncIterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Corrupt, WrongState
from gateway.node.core import Ground
from gateway.store.opening import check_journal
from tests.store.journaling import entry
from tests.store.rotating import SECOND, rotate
from tests.store.stores import Opened


@pytest.fixture
async def hk(tmp_path: Path) -> AsyncIterator[Opened]:
    store = Opened.create("HK", "sqlite:///node.db", tmp_path / "hk")
    yield store
    await store.close()


def ground_of(hk: Opened, **known: Any) -> Ground:
    return Ground(**{**{each.name: None for each in fields(Ground)}, "parties": hk.parties, **known})


def none_is_prepared() -> Any:
    raise WrongState("no seal is prepared")


async def test_a_journal_that_another_replica_signed_with_the_seal_that_is_prepared_here_is_started_on(
    hk: Opened,
) -> None:
    """This one was away as that came into force, and a database that is put back tells it no more."""
    await rotate(hk)
    await hk.committer.journal(entry(1))
    await hk.committer.submit(lambda tx: tx.sign_journal())
    check_journal(hk.database, ground_of(hk, prepared_seal=lambda: (SECOND, None)).own_seals())
    with pytest.raises(Corrupt, match="does not verify"):
        check_journal(hk.database, ground_of(hk, prepared_seal=none_is_prepared).own_seals())
