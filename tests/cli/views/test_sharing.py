"""How the passing on of a notice is told to people."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.sharing_pb2 import ThirdParty
from regulator.exchange.v1.sharing_service_pb2 import Share

from gateway.cli.views.sharing import summary

NAME = "notices/hk-1/shares/5c0e"


@pytest.mark.parametrize(("covered", "said"), [(True, ""), (False, ", NOT COVERED by its handling or a consent")])
def test_a_notices_own_view_says_which_share_nothing_covers(covered, said):
    share = Share(
        name=NAME,
        recipients=[ThirdParty(organisation="FINMA", jurisdiction="CH")],
        covered=covered,
        share_time=Timestamp(seconds=1_767_225_600),
    )
    assert summary([], [share]) == [("5c0e", f"shared 2026-01-01 00:00:00Z with FINMA (CH){said}")]
