"""The end of a pairing with Korea, as a store of Hong Kong keeps it."""

from gateway.identity.pairing.end import Ending
from gateway.store.pairings import keep_ending
from tests.store.stores import HK_TO_KR, KR_TO_HK, Opened

ENDED = Ending(1_770_000_000, "Chan", "the memorandum ended")
RESUMED = ENDED.resumed(1_770_000_100)
ORIGINS = (HK_TO_KR, KR_TO_HK)


async def keep(store: Opened, ending: Ending) -> bool:
    return await store.committer.submit(lambda tx: keep_ending(tx, "KR", ORIGINS, ending))
