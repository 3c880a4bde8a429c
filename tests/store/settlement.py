"""Two stores whose channel forked, and what the operators of both do with it while their nodes are stopped."""

import asyncio
from dataclasses import replace

from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.settlement import Settlement
from gateway.store.recovery.settlement import Branch, GivenUp, give_up_branch, keep_history
from tests.store.exchanging import exchange, settle
from tests.store.stores import DOMAINS, NOW, RANDOM, SEALS, Opened, keyring
from tests.support.seals import node_authority

LATER = NOW + 3_600_000_000
ROOTS = [node_authority(DOMAINS["HK"]).certificate]


async def fork_apart(hk: Opened, kr: Opened, count: int = 1) -> None:
    """Hong Kong's store goes back to what it was after three envelopes, seals others than it had, and is found out."""
    await hk.release("hk-1", "hk-2", "hk-3")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-4", "hk-5")
    await settle(hk, kr)
    await hk.restore(earlier)
    if count:
        await hk.release(*(f"hk-other-{n}" for n in range(count)))
        await exchange(hk, kr)


async def kept(store: Opened, name: str = "hk-to-kr", shown: ForkProof | None = None, at: int = LATER) -> Settlement:
    await store.committer.stop()
    try:
        keys = keyring(store.jurisdiction)
        keep = lambda: keep_history(store.database, keys, name, shown, clock=lambda: at, random=RANDOM.randbytes)  # noqa: E731
        return await asyncio.to_thread(keep)
    finally:
        store.write_on()


async def given_up(store: Opened, settlement: Settlement, branches: list[Branch] | None = None) -> GivenUp:
    """What becomes of it; ``branches`` takes what was kept before, with its envelopes."""

    def keep(branch: Branch) -> None:
        if branches is not None:
            branches.append(replace(branch, leaves=iter([*branch.leaves])))

    seal = SEALS[store.jurisdiction]
    await store.committer.stop()
    try:
        return give_up_branch(store.database, store.parties, lambda _: seal, settlement, keep, LATER, RANDOM.randbytes)
    finally:
        store.write_on()
