from regulator.exchange.v1.notice_pb2 import Reference

from tests.store.stores import Opened, settle
from tests.supervision.samples import reference


async def test_a_store_with_everything_in_it_verifies(hk: Opened, kr: Opened) -> None:
    await hk.release("hk-1", "hk-2", "hk-3")
    await hk.release("hk-4", references=[reference(Reference.SUPERSEDES, "hk-1")])
    await settle(hk, kr)
    await kr.acknowledge("hk-2")
    await hk.withdraw("hk-3")
    await settle(hk, kr)
    assert hk.verify().findings == ()
    print(hk.verify())
