"""``FrameworkService`` of real nodes: what is published here is known there, and what is refused changes nothing."""

import uuid

import grpc
import pytest
from regulator.exchange import AlreadyExists, InvalidRequest, NotAllowed, NotFound, Stale
from regulator.exchange.framework_requests import publish_version
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import (
    FrameworkChangeSet,
    FrameworkVersionContent,
    Parameter,
    Provision,
    ProvisionChange,
)
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, SECTOR_EXCHANGE, SECTOR_STABLECOIN_ISSUER

from gateway.supervision.files.frameworks import FrameworkFile, read_framework, write_framework
from tests.rpc.calls import REFUSAL_SECONDS, bad_input, client_files, connected, sizes, unharmed
from tests.rpc.frameworks import arrived, ids, told, unused_id
from tests.supervision.framework_samples import FILES, day, enlarged, parameter, provision, real, version
from tests.support.nodes import eventually

PUBLISH = "/regulator.exchange.v1.FrameworkService/PublishVersion"
ASSESS = "/regulator.exchange.v1.FrameworkService/Assess"


@pytest.fixture
def name() -> str:
    """The id of a framework that no other test has."""
    return unused_id()


# --- publish, peer, export ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jurisdiction", ["HK", "KR"])
def test_a_real_framework_arrives_as_it_was_published_and_its_export_is_the_file(nodes, jurisdiction):
    file = real(jurisdiction)
    here, there = (nodes.hk, nodes.kr) if jurisdiction == "HK" else (nodes.kr, nodes.hk)
    with here.client() as publisher, there.client() as peer:
        published = publisher.publish_version(file.framework_id, file.content).version
        assert (published.version, published.base_version, published.direction) == (1, 0, Notice.OUTGOING)
        assert published.provision_count == len(file.content.provisions)
        got = arrived(peer, file.framework_id)
        assert got.direction == Notice.INCOMING
        assert got.content == file.content
        exported = write_framework(FrameworkFile(file.framework_id, got.content))
        assert read_framework(exported) == read_framework(FILES[jurisdiction].read_bytes())
        size = sizes(here)
        again = publisher.publish_version(file.framework_id, read_framework(exported).content).version
        assert again.name == published.name
        assert sizes(here) == size, "what is published already is not published again"


def test_every_recipient_has_the_version_and_its_receipt_is_told(hkma, name):
    hkma.publish_version(name, version(provision()))
    deliveries = {each.recipient: each for each in hkma.get_version(name, 1).deliveries}
    assert set(deliveries) == {"KR", "SG"}
    eventually(
        lambda: (
            {each.recipient for each in hkma.get_version(name, 1).deliveries if each.HasField("receipt_time")} == {"KR"}
        )
    )


def test_a_version_that_some_lack_goes_to_them_alone_and_keeps_its_number(nodes, hkma, name):
    content = version(provision())
    hkma.publish_version(name, content, recipients=["KR"])
    before = sizes(nodes.hk)
    again = hkma.publish_version(name, content)
    assert again.version.version == 1
    assert sizes(nodes.hk) == before | {"channels/hk-to-sg": before["channels/hk-to-sg"] + 1}


def test_a_large_version_goes_in_one_call(hkma, fsc, name):
    content = enlarged(real("HK").content, 6000)
    for each in content.provisions:
        each.requirement[0].text += " And so on." * 40
    assert content.ByteSize() > 4 * 1024 * 1024, "gRPC's default limit"
    assert hkma.publish_version(name, content, recipients=["KR"]).version.provision_count == 6000
    assert arrived(fsc, name).content == content
    assert len(ids(fsc, name, page_size=1000)) == 6000


def test_the_same_request_publishes_once(nodes, hkma, name):
    request_id = str(uuid.uuid4())
    first = hkma.publish_version(name, version(provision()), request_id=request_id)
    hkma.publish_version(name, version(provision("b")))
    with unharmed(nodes.hk):
        assert (
            hkma.publish_version(name, version(provision()), request_id=request_id).version.name == first.version.name
        )
        with pytest.raises(AlreadyExists) as caught:
            hkma.publish_version(name, version(provision("c")), request_id=request_id)
        told = hkma.publish_version(name, version(provision()), request_id=request_id.upper(), validate_only=True)
    assert told.version.name == first.version.name, "what it made, and not what it would make now"
    assert caught.value.reason == "REQUEST_ID_REUSED"


# --- change sets ------------------------------------------------------------------------------------------------


def test_a_change_set_makes_the_next_version(hkma, fsc, name):
    hkma.publish_version(name, version(provision("a"), provision("b")))
    changes = FrameworkChangeSet(
        base_version=1, upserts=[provision("c"), provision("a", topic="capital")], removals=["b"]
    )
    answer = hkma.publish_version(name, changes, request_id=(request_id := str(uuid.uuid4())))
    assert (answer.version.version, answer.version.base_version) == (2, 1)
    assert [each.id for each in arrived(fsc, name, 2).content.provisions] == ["a", "c"]
    assert hkma.publish_version(name, changes, request_id=request_id).version.version == 2, "idempotent"
    diff = fsc.diff_versions(name)
    assert (diff.old_version, diff.new_version) == (f"frameworks/{name}/versions/1", f"frameworks/{name}/versions/2")
    assert (diff.diff.added_count, diff.diff.removed_count, diff.diff.changed_count) == (1, 1, 1)


def test_a_stale_base_is_aborted_and_both_versions_are_named(nodes, hkma, name):
    for each in "ab":
        hkma.publish_version(name, version(provision(each)))
    with unharmed(nodes.hk), pytest.raises(Stale) as caught:
        hkma.publish_version(name, FrameworkChangeSet(base_version=1, removals=["a"]))
    assert caught.value.code == grpc.StatusCode.ABORTED
    assert caught.value.metadata["base_version"] == "1"
    assert caught.value.metadata["newest_version"] == "2"


def test_a_stale_etag_is_aborted(nodes, hkma, name):
    hkma.publish_version(name, version(provision()))
    etag = hkma.get_framework(name).etag
    hkma.publish_version(name, version(provision("b")), etag=etag)
    with unharmed(nodes.hk), pytest.raises(Stale):
        hkma.publish_version(name, version(provision("c")), etag=etag)


def test_a_change_of_what_is_not_known_is_not_found(hkma, name):
    with pytest.raises(NotFound):
        hkma.publish_version(name, FrameworkChangeSet(base_version=1, removals=["a"]))


def test_validate_only_shows_the_difference_and_seals_nothing(nodes, hkma, name):
    hkma.publish_version(name, version(provision("a"), provision("b")))
    with unharmed(nodes.hk):
        answer = hkma.publish_version(
            name, version(provision("a", topic="capital"), provision("c")), validate_only=True
        )
    assert (answer.version.version, answer.version.provision_count) == (2, 2)
    kinds = {each.provision: each.kind for each in answer.diff.provisions}
    assert kinds == {"a": ProvisionChange.CHANGED, "b": ProvisionChange.REMOVED, "c": ProvisionChange.ADDED}
    assert hkma.get_framework(name).latest_version == 1


# --- bad input --------------------------------------------------------------------------------------------------


def spoilt(**changes) -> FrameworkVersionContent:
    return version(provision(**changes))


BAD_VERSIONS = {
    "effective_to before effective_from": (
        spoilt(effective_to=day("2025-12-31")),
        "content.provisions[0].effective_to",
    ),
    "unknown currency": (
        spoilt(parameters=[parameter("1", "QQQ")]),
        "content.provisions[0].parameters[0].unit",
    ),
    "duplicate ids": (version(provision("a"), provision("a")), "content.provisions[1].id"),
    "unit of another kind": (
        spoilt(parameters=[parameter("1", "week", Parameter.PERCENTAGE)]),
        "content.provisions[0].parameters[0].unit",
    ),
    "unknown topic": (spoilt(topic="made_up"), "content.provisions[0].topic"),
    "another jurisdiction's header": (version(provision(), jurisdiction="KR"), "content.header.jurisdiction"),
    "no header": (FrameworkVersionContent(provisions=[provision()]), "content.header"),
    "removal of what is not there": (
        FrameworkChangeSet(base_version=1, removals=["nowhere"]),
        "change_set.removals[0]",
    ),
    "order that is none": (FrameworkChangeSet(base_version=1, provision_order=["z"]), "change_set.provision_order[0]"),
    "base 0": (FrameworkChangeSet(removals=["a"]), "change_set.base_version"),
}


@pytest.mark.parametrize("case", BAD_VERSIONS)
def test_a_bad_version_is_refused_at_its_field_and_changes_nothing(nodes, hkma, name, case):
    content, field = BAD_VERSIONS[case]
    hkma.publish_version(name, version(provision("a")))
    with unharmed(nodes.hk), pytest.raises(InvalidRequest) as caught:
        hkma.publish_version(name, content)
    assert field in [each.field for each in caught.value.violations]
    assert hkma.get_framework(name).latest_version == 1


def test_too_many_provisions_are_refused(nodes, name):
    short = FrameworkVersionContent(header=version().header, provisions=[Provision(id=f"p{n}") for n in range(100_000)])
    with (
        unharmed(nodes.hk),
        nodes.hk.spending(REFUSAL_SECONDS),
        connected(nodes.hk, nodes.hk.back_office_port, client_files(nodes.hk, "HKMA")) as channel,
    ):
        assert "content.provisions" in bad_input(channel, PUBLISH, publish_version(name, short))


@pytest.mark.parametrize(("framework", "recipients"), [("kr-x", []), ("hk-x", ["JP"]), ("hk-x", ["HK"])])
def test_what_is_not_the_own_or_for_no_peer_is_refused(nodes, hkma, framework, recipients):
    with unharmed(nodes.hk), pytest.raises(InvalidRequest):
        hkma.publish_version(framework, version(provision()), recipients=recipients)


def test_an_authority_that_the_header_does_not_name_may_not_publish(nodes, name):
    with nodes.hk.client("FSTB") as client, unharmed(nodes.hk), pytest.raises(NotAllowed):
        client.publish_version(name, version(provision()))


# --- events -----------------------------------------------------------------------------------------------------


def test_a_watcher_filters_on_jurisdiction_sector_and_topic(nodes, hkma, fsc, name):
    hkma.publish_version(
        name, version(provision(topic="penalties", sector=SECTOR_CUSTODY), provision("b", topic="audit"))
    )
    arrived(fsc, name)
    full = f"frameworks/{name}"
    for filters in ({"topic": "penalties"}, {"sector": SECTOR_CUSTODY}, {"jurisdiction": "HK", "topic": "audit"}):
        (event,) = [each for each in told(nodes.kr, **filters) if each.framework == full]
        assert event.kind == Event.FRAMEWORK_VERSION_RECEIVED
        assert (event.jurisdiction, event.framework_version) == ("HK", 1)
        assert list(event.topics) == ["audit", "penalties"]
        assert set(event.sectors) == {SECTOR_CUSTODY, SECTOR_STABLECOIN_ISSUER}
    for filters in ({"topic": "taxation"}, {"jurisdiction": "KR"}, {"topic": "penalties", "sector": SECTOR_EXCHANGE}):
        assert full not in {each.framework for each in told(nodes.kr, **filters)}
    published = (Event.FRAMEWORK_VERSION_PUBLISHED,)
    mine = [each for each in told(nodes.hk, kinds=published, jurisdiction="HK") if each.framework == full]
    assert len(mine) == 2, "one a recipient"
