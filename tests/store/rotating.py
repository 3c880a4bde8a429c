"""A store that turns its seal, and one whose database was put back."""

from typing import Any

from sqlalchemy import Table

from gateway.commands.seals import SealCommands
from gateway.ledger.origins import origin_of
from gateway.ledger.seals import CertifiedSeal
from gateway.ledger.steps import RESTORED, Halt
from gateway.store.recovery.awaiting import halt_outgoing
from gateway.store.waiting import MAX_GROUP_WEIGHT
from tests.ledger.samples import FixedSeal
from tests.store.exchanging import settle
from tests.store.pairing import ENDED, keep
from tests.store.stores import (
    AUTHOR,
    CERTIFIED,
    DOMAINS,
    HK_TO_KR,
    NEXT,
    NEXT_CERTIFIED,
    Opened,
)
from tests.support.seals import certified

HK_TO_SG = origin_of(DOMAINS["HK"], DOMAINS["SG"])
FIRST, SECOND = CERTIFIED["HK"], NEXT_CERTIFIED["HK"]
THIRD_KEYS = FixedSeal("hk third")
THIRD = certified(THIRD_KEYS, DOMAINS["HK"])


async def rotate(store: Opened, seal: CertifiedSeal | None = None) -> None:
    """To a seal whose keys it has; without one, to its next."""
    to = seal or NEXT_CERTIFIED[store.jurisdiction]
    await store.committer.submit(lambda tx: tx.rotate_seal(AUTHOR, to), weight=MAX_GROUP_WEIGHT)


async def put_back(hk: Opened, backup: dict[Table, list[dict[str, Any]]]) -> None:
    """The database is that of a backup, as a node finds that starts with it."""
    await hk.restore(backup)
    states = hk.committer.latest().states
    await hk.committer.submit(lambda tx: halt_outgoing(tx, states, "restored"))


# --- a channel that has halted, and whose pairing has ended ---


async def left(hk: Opened, kr: Opened, reason: str = RESTORED) -> None:
    """Korea has one notice, waits for another one, and its pairing has ended; the channel to it has halted."""
    await hk.pair_with("SG")
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    await hk.release("hk-2")
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(reason, "a drill")))
    await keep(hk, ENDED)


def commands(store: Opened) -> tuple[SealCommands, list[bool]]:
    """What looks after the seal, and what it said of it to the files."""
    told: list[bool] = []

    class Bulletin:
        @property
        def commit(self) -> object:
            return store.committer.latest()

    made = SealCommands(
        store.parties,
        store.committer,
        Bulletin(),  # type: ignore[arg-type]
        store.keyring,
        lambda: (SECOND, NEXT["HK"]),
        lambda _, *, is_told: told.append(is_told),
    )
    return made, told


def seals_to(store: Opened, origin: str) -> list[CertifiedSeal]:
    return [span.seal for span in store.state(origin).seals.sender.spans]
