"""Notices between two real nodes, through real clients."""

import uuid

from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.supervision.samples import content
from tests.support.nodes import AUTHORITIES, Site, eventually


def test_a_notice_is_delivered_acknowledged_and_the_same_on_both_sides(started_pair: tuple[Site, Site]) -> None:
    hk, kr = started_pair
    notice_id = f"hk-{uuid.uuid4()}"
    with hk.client("SFC") as sfc, kr.client("FSS") as fss:
        created = sfc.create_notice(content(), recipient="KR", notice_id=notice_id)
        assert created.state == Notice.RELEASED
        eventually(lambda: sfc.get_notice(notice_id).state == Notice.DELIVERED)
        arrived = fss.get_notice(notice_id)
        assert arrived.state == Notice.RECEIVED
        assert arrived.content == created.content
        fss.acknowledge_notice(notice_id, case_reference="FSS-7")
        eventually(lambda: sfc.get_notice(notice_id).state == Notice.ACKNOWLEDGED)
        assert sfc.get_notice(notice_id).acknowledgement.case_reference == "FSS-7"


def test_every_authority_of_the_jurisdiction_may_give_notices(started_pair: tuple[Site, Site]) -> None:
    hk, _ = started_pair
    for authority in AUTHORITIES["HK"]:
        with hk.client(authority) as client:
            created = client.create_notice(content(issuing_authority=authority), recipient="KR")
            assert created.author.authority == authority
