"""``FrameworkService`` of real nodes: what is listed, page by page, of which day, and what differs."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from regulator.exchange import InvalidRequest, NotFound
from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.framework_pb2 import Provision
from regulator.exchange.v1.values_pb2 import SECTOR_EXCHANGE, LocalizedText

from tests.rpc.calls import FRAMEWORKS, call, client_files, connected
from tests.rpc.frameworks import arrived, ids, unused_id
from tests.supervision.framework_samples import day, english, provision, version
from tests.support.nodes import eventually


@pytest.fixture
def name() -> str:
    """The id of a framework that no other test has."""
    return unused_id()


def test_filters_must_all_hold(hkma, name):
    hkma.publish_version(
        name,
        version(
            provision("a"),
            provision("b", sector=SECTOR_EXCHANGE, title=english("Cold WALLETS")),
            provision("c", topic="capital", status=Provision.PROPOSED),
            provision("d", effective_to=day("2026-06-30")),
        ),
    )
    assert ids(hkma, name) == ["a", "b", "c", "d"]
    assert ids(hkma, name, sector=SECTOR_EXCHANGE) == ["b"]
    assert ids(hkma, name, topic="capital") == ["c"]
    assert ids(hkma, name, status=Provision.IN_FORCE) == ["a", "b", "d"]
    assert ids(hkma, name, text="cold wallets") == ["b"]
    assert ids(hkma, name, as_of=date(2026, 6, 30)) == ["a", "b", "d"]
    assert ids(hkma, name, as_of=date(2026, 7, 1)) == ["a", "b"]
    assert ids(hkma, name, as_of=date(2025, 1, 1)) == []
    assert ids(hkma, name, text="a", topic="capital", sector=SECTOR_EXCHANGE) == []
    with pytest.raises(InvalidRequest, match="jurisdiction: must be HK, whose framework it is"):
        ids(hkma, name, jurisdiction="KR")


def test_pages_stay_those_of_the_version_they_began_with(hkma, name):
    hkma.publish_version(name, version(*(provision(f"p{n}") for n in range(7))))
    pages = hkma.list_provisions(name, page_size=3).pages()
    first = next(pages)
    hkma.publish_version(name, version(*(provision(f"q{n}") for n in range(7))))
    found = [each for page in (first, *pages) for each in page.provisions]
    assert [each.provision.id for each in found] == [f"p{n}" for n in range(7)]
    assert {each.version for each in found} == {1}


def test_a_listing_goes_through_all_frameworks_by_name(hkma):
    everything = list(hkma.list_provisions(page_size=7))
    names = [each.name.split("/")[1] for each in everything]
    assert names == sorted(names)
    frameworks = list(hkma.list_frameworks(page_size=2))
    assert [each.name for each in frameworks] == sorted(each.name for each in frameworks)
    assert {each.name for each in hkma.list_frameworks(jurisdiction="HK")} <= {each.name for each in frameworks}
    counts = {each.name: hkma.get_version(each.name, each.latest_version).provision_count for each in frameworks}
    assert len(everything) == sum(counts.values())


def test_what_applied_and_what_was_known_are_two_questions(hkma, fsc, name):
    """Its publisher knows a version once it is sealed, its recipient once it has its receipt."""

    def received(number: int) -> datetime:
        arrived(fsc, name, number)
        delivery = lambda: fsc.get_version(name, number).deliveries[0]  # noqa: E731
        eventually(lambda: delivery().HasField("receipt_time"))
        return delivery().receipt_time.ToDatetime(UTC)

    hkma.publish_version(name, version(provision("old")))
    first = received(1)
    eventually(lambda: datetime.now(UTC) >= first + timedelta(seconds=1))  # receipts tell whole seconds
    hkma.publish_version(name, version(provision("new", effective_from=day("2026-02-01"))))
    sealed = hkma.get_version(name, 2).publish_time.ToDatetime(UTC)
    for client, since in ((hkma, sealed), (fsc, received(2))):
        assert ids(client, name) == ids(client, name, known_at=since) == ["new"]
        before = since - timedelta(microseconds=1)
        assert ids(client, name, known_at=before) == ["old"]
        assert ids(client, name, known_at=before - timedelta(days=1)) == []
        assert ids(client, name, as_of=date(2026, 1, 15)) == []
        assert ids(client, name, as_of=date(2026, 1, 15), known_at=before) == ["old"]


def test_diffs_come_in_pages_of_the_same_versions(hkma, name):
    hkma.publish_version(name, version(*(provision(f"p{n}") for n in range(5))))
    hkma.publish_version(name, version(*(provision(f"p{n}", topic="capital") for n in range(5))))
    first = hkma.diff_versions(name, page_size=2)
    hkma.publish_version(name, version(provision("z")))
    second = hkma.diff_versions(name, page_size=2, page_token=first.next_page_token)
    assert [each.provision for each in second.diff.provisions] == ["p2", "p3"]
    assert second.new_version == first.new_version
    assert second.diff.changed_count == 5
    whole = hkma.diff_versions(name, old=1, new=3)
    assert (whole.diff.added_count, whole.diff.removed_count) == (1, 5)


def test_a_client_that_sets_no_bound_takes_all_pages_and_one_that_does_what_is_larger(nodes, hkma, name):
    """gRPC's own is 4 MiB. What cannot be divided may be larger, and the Python client takes it."""
    long = [LocalizedText(language_tag=tag, text="𠀀" * 16_000) for tag in ("en", "ko", "zh", "ja", "fr", "de")]
    content = version(*(provision(f"p{n}", requirement=long) for n in range(12)))
    hkma.publish_version(name, content, recipients=["SG"])
    whole = pb.GetVersionRequest(name=f"frameworks/{name}/versions/1", view=pb.FrameworkVersion.FULL)
    with connected(nodes.hk, nodes.hk.back_office_port, client_files(nodes.hk, "HKMA")) as channel:
        listed = pb.ListProvisionsRequest(parent=f"frameworks/{name}", page_size=1000)
        provisions = all_pages(channel, "ListProvisions", listed, pb.ListProvisionsResponse)
        differing = pb.DiffVersionsRequest(name=f"frameworks/{name}", page_size=1000)
        diffs = all_pages(channel, "DiffVersions", differing, pb.DiffVersionsResponse)
        assert call(channel, f"{FRAMEWORKS}GetVersion", whole).code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [each.provision for page in provisions for each in page.provisions] == list(content.provisions)
    assert [each.new for page in diffs for each in page.diff.provisions] == list(content.provisions)
    assert (len(provisions), len(diffs)) == (2, 2)
    assert hkma.get_version(name, 1, full=True).content == content


def all_pages(channel: grpc.Channel, method: str, request: Message, answer: type[Message]) -> list[Any]:
    found, more = [], True
    while more:
        told = call(channel, f"{FRAMEWORKS}{method}", request)
        assert told.code == grpc.StatusCode.OK
        found.append(answer.FromString(told.data))
        request.page_token = found[-1].next_page_token
        more = bool(request.page_token)
    return found


@pytest.mark.parametrize("asked", [{"old": 9}, {"new": 9}, {"old": 9, "new": 1}])
def test_versions_that_are_not_there_do_not_differ(hkma, name, asked):
    hkma.publish_version(name, version(provision()))
    with pytest.raises(NotFound):
        hkma.diff_versions(name, **asked)
    with pytest.raises(NotFound):
        hkma.get_version(name, 9)
    with pytest.raises(NotFound):
        hkma.get_framework(f"{name}-other")
