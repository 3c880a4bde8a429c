"""What a filter may name is found in either database, and only where who asks may see it."""

from regulator.exchange.v1.values_pb2 import Handling

from gateway.store import known
from gateway.supervision.disclosure import EVERYTHING, Scope
from tests.store.stores import Opened
from tests.supervision.assistance_samples import asking
from tests.supervision.framework_samples import provision, version
from tests.supervision.samples import handling


async def test_what_is_here_is_known_and_nothing_else(hk: Opened):
    red = handling(tlp=Handling.RED)
    await hk.release("hk-1", issuing_authority="OCI", handling=red)
    await hk.release("hk-2", assistance_request=asking(requested_authority="KDIC").assistance_request, handling=red)
    await hk.publish("hk-rules", 1, version(provision("p1", topic="quantum_risk")))
    for code in ("OCI", "KDIC"):
        assert await hk.read(known.is_authority_known, EVERYTHING, code)
        assert not await hk.read(known.is_authority_known, Scope(Handling.AMBER), code)
    assert not await hk.read(known.is_authority_known, EVERYTHING, "oci")
    assert [await hk.read(known.is_jurisdiction_known, each) for each in ("HK", "KR", "SG")] == [True, True, False]
    assert [await hk.read(known.is_topic_known, each) for each in ("quantum_risk", "capital")] == [True, False]
    names = [
        f"frameworks/{each}" for each in ("hk-rules/provisions/p1", "hk-rules/provisions/p2", "hk-x/provisions/p1")
    ]
    assert [await hk.read(known.is_provision_known, each) for each in names] == [True, False, False]
