"""``ListNotices``: pages that stay as they are while notices arrive, and filters that all hold."""

import uuid
from datetime import UTC, datetime, timedelta

from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest, ListNoticesResponse, Notice

from tests.rpc.calls import NOTICES, call, client_files, connected
from tests.supervision.samples import content
from tests.support.nodes import Site


def give(site: Site, licence: str, count: int = 1, **changes: object) -> list[str]:
    """Gives notices that are about the holder of a licence; their names."""
    about = content(subjects=[values.Entity(name="A", licence_number=licence)], **changes)
    with site.client("SFC") as client:
        return [client.create_notice(about, recipient="KR").name for _ in range(count)]


def listed(site: Site, licence: str, **filters: object) -> list[str]:
    with site.client("SFC") as client:
        return [each.name for each in client.list_notices(subject_identifier=licence, **filters)]


def licence() -> str:
    return uuid.uuid4().hex.upper()


def test_pages_stay_as_they_are_while_notices_arrive(nodes):
    number = licence()
    given = give(nodes.hk, number, 7)
    seen, token = [], ""
    with connected(nodes.hk, nodes.hk.back_office_port, client_files(nodes.hk, "SFC")) as channel:
        while True:
            request = ListNoticesRequest(subject_identifier=number, page_size=2, page_token=token)
            page = ListNoticesResponse.FromString(call(channel, f"{NOTICES}ListNotices", request).data)
            seen += [each.name for each in page.notices]
            assert len(page.notices) <= 2
            give(nodes.hk, number)  # arrives before what is listed, and moves nothing
            if not (token := page.next_page_token):
                break
    assert seen == given[::-1]


def test_a_page_size_above_the_largest_is_the_largest(nodes):
    number = licence()
    given = give(nodes.hk, number, 3)
    assert listed(nodes.hk, number, page_size=2**31 - 1) == given[::-1]


def test_the_newest_comes_first_and_identifiers_are_found_in_any_letter_case(nodes):
    number = licence()
    given = give(nodes.hk, number, 3)
    assert listed(nodes.hk, number) == listed(nodes.hk, number.lower()) == given[::-1]
    assert listed(nodes.hk, number[:-1]) == []


def test_filters_must_all_hold(nodes):
    number = licence()
    (name,) = give(nodes.hk, number, sectors=[values.SECTOR_CUSTODY])
    right = {
        "direction": Notice.OUTGOING,
        "kind": Notice.POLICY_STATEMENT,
        "issuing_authority": "SFC",
        "sector": values.SECTOR_CUSTODY,
        "peer": "KR",
        "release_time_from": datetime.now(UTC) - timedelta(minutes=1),
        "release_time_before": datetime.now(UTC) + timedelta(minutes=1),
    }
    wrong = {
        "direction": Notice.INCOMING,
        "kind": Notice.INCIDENT,
        "issuing_authority": "HKMA",
        "sector": values.SECTOR_DEALING,
        "peer": "SG",
        "release_time_from": right["release_time_before"],
        "release_time_before": right["release_time_from"],
        "state": Notice.WITHDRAWN,
    }
    assert listed(nodes.hk, number, **right) == [name]
    for key, value in wrong.items():
        assert listed(nodes.hk, number, **right | {key: value}) == [], key
