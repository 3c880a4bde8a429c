"""A store that turns its seal, and one whose database was put back."""

from typing import Any

from sqlalchemy import Table

from gateway.ledger.origins import origin_of
from gateway.ledger.seals import CertifiedSeal
from gateway.store.recovery.awaiting import halt_outgoing
from gateway.store.waiting import MAX_GROUP_WEIGHT
from tests.store.stores import AUTHOR, CERTIFIED, DOMAINS, NEXT_CERTIFIED, Opened

HK_TO_SG = origin_of(DOMAINS["HK"], DOMAINS["SG"])
FIRST, SECOND = CERTIFIED["HK"], NEXT_CERTIFIED["HK"]


async def rotate(store: Opened, seal: CertifiedSeal | None = None) -> None:
    """To a seal whose keys it has; without one, to its next."""
    to = seal or NEXT_CERTIFIED[store.jurisdiction]
    await store.committer.submit(lambda tx: tx.rotate_seal(AUTHOR, to), weight=MAX_GROUP_WEIGHT)


async def put_back(hk: Opened, backup: dict[Table, list[dict[str, Any]]]) -> None:
    """The database is that of a backup, as a node finds that starts with it."""
    await hk.restore(backup)
    states = hk.committer.latest().states
    await hk.committer.submit(lambda tx: halt_outgoing(tx, states, "restored"))
