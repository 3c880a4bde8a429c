"""The end of the pairing, as a store of either side keeps it."""

from gateway.identity.pairing.end import Ending
from gateway.store.pairings import keep_ending
from tests.store.stores import HK_TO_KR, KR_TO_HK, Opened

ENDED = Ending(1_770_000_000, "Chan", "the memorandum ended")
RESUMED = ENDED.resumed(1_770_000_100)
ORIGINS = (HK_TO_KR, KR_TO_HK)


async def keep(store: Opened, ending: Ending) -> bool:
    peer = {"HK": "KR", "KR": "HK"}[store.jurisdiction]
    return await store.committer.submit(lambda tx: keep_ending(tx, peer, ORIGINS, ending))
