"""``FrameworkService`` of real nodes: what is published here is known there, and what is refused changes nothing."""

import itertools
import time
import uuid
from datetime import UTC, date, datetime, timedelta

import grpc
import pytest
from google.type.date_pb2 import Date
from regulator.exchange import AlreadyExists, Client, InvalidRequest, NotAllowed, NotFound, Stale, WrongState
from regulator.exchange.framework_requests import publish_version
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import (
    AssessmentContent,
    Comparison,
    FrameworkChangeSet,
    FrameworkVersionContent,
    Parameter,
    Provision,
    ProvisionChange,
)
from regulator.exchange.v1.framework_service_pb2 import FrameworkVersion
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, SECTOR_EXCHANGE, SECTOR_STABLECOIN_ISSUER

from gateway.supervision.framework_files import FrameworkFile, read_framework, write_framework
from tests.rpc.calls import REFUSAL_SECONDS, bad_input, client_files, connected, sizes, unharmed
from tests.supervision.framework_samples import (
    FILES,
    assessment,
    day,
    english,
    enlarged,
    pair,
    parameter,
    provision,
    real,
    version,
)
from tests.support.nodes import Site, eventually

PUBLISH = "/regulator.exchange.v1.FrameworkService/PublishVersion"
ASSESS = "/regulator.exchange.v1.FrameworkService/Assess"
NUMBERS = itertools.count(1)


@pytest.fixture
def name() -> str:
    """The id of a framework that no other test has."""
    return f"hk-t{next(NUMBERS)}"


@pytest.fixture
def hkma(nodes):
    with nodes.hk.client("HKMA") as client:
        yield client


@pytest.fixture
def fsc(nodes):
    with nodes.kr.client("FSC") as client:
        yield client


def arrived(client: Client, framework: str, number: int = 1) -> FrameworkVersion:
    """The version as the peer knows it, once it does."""

    def known() -> bool:
        try:
            client.get_version(framework, number)
        except NotFound:
            return False
        return True

    eventually(known)
    return client.get_version(framework, number, full=True)


def ids(client: Client, framework: str, **filters) -> list[str]:
    return [each.provision.id for each in client.list_provisions(framework, **filters)]


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


# --- listings ---------------------------------------------------------------------------------------------------


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
    assert ids(hkma, name, jurisdiction="KR") == []


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
    hkma.publish_version(name, version(provision("old")))
    arrived(fsc, name)
    eventually(lambda: fsc.get_version(name, 1).deliveries[0].HasField("receipt_time"))
    time.sleep(1.1)  # the receiver's clock, which a receipt tells in whole seconds, moves on
    between = datetime.now(UTC)
    time.sleep(1.1)
    hkma.publish_version(name, version(provision("new", effective_from=day("2026-02-01"))))
    arrived(fsc, name, 2)
    eventually(lambda: fsc.get_version(name, 2).deliveries[0].HasField("receipt_time"))
    for client in (hkma, fsc):
        assert ids(client, name) == ["new"]
        assert ids(client, name, known_at=between) == ["old"]
        assert ids(client, name, known_at=between - timedelta(days=1)) == []
        assert ids(client, name, as_of=date(2026, 1, 15)) == []
        assert ids(client, name, as_of=date(2026, 1, 15), known_at=between) == ["old"]


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


@pytest.mark.parametrize("asked", [{"old": 9}, {"new": 9}, {"old": 9, "new": 1}])
def test_versions_that_are_not_there_do_not_differ(hkma, name, asked):
    hkma.publish_version(name, version(provision()))
    with pytest.raises(NotFound):
        hkma.diff_versions(name, **asked)
    with pytest.raises(NotFound):
        hkma.get_version(name, 9)
    with pytest.raises(NotFound):
        hkma.get_framework(f"{name}-other")


# --- comparison and assessments -----------------------------------------------------------------------------------


def publish_pair(nodes, name: str, *, topic: str = "reserve_assets") -> str:
    """A framework of either side, each known to both; gives the name of Korea's."""
    other = name.replace("hk-", "kr-")
    with nodes.hk.client("HKMA") as hk, nodes.kr.client("FSC") as kr:
        hk.publish_version(name, version(provision(topic=topic)))
        kr.publish_version(other, version(provision("b", topic=topic), jurisdiction="KR", authorities=["FSC"]))
        arrived(kr, name)
        arrived(hk, other)
    return other


def cell(comparison: Comparison, topic: str, sector: int = SECTOR_STABLECOIN_ISSUER) -> Comparison.Cell:
    return next(each for each in comparison.cells if (each.sector, each.topic) == (sector, topic))


def test_both_sides_compare_alike(nodes, hkma, fsc, name):
    publish_pair(nodes, name, topic="audit")
    mine = hkma.compare_jurisdictions("HK", "KR", as_of=date(2026, 5, 1))
    assert cell(mine, "audit").coverage == Comparison.Cell.BOTH
    theirs = fsc.compare_jurisdictions("HK", "KR", as_of=date(2026, 5, 1))
    assert cell(mine, "audit").first == cell(theirs, "audit").first
    assert mine.as_of == Date(year=2026, month=5, day=1)
    early = hkma.compare_jurisdictions("HK", "KR", as_of=date(2001, 1, 1))
    assert {each.coverage for each in early.cells} <= {Comparison.Cell.NEITHER}
    unknown = hkma.compare_jurisdictions("HK", "KR", known_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert not unknown.cells
    assert hkma.compare_jurisdictions("HK", "KR").HasField("as_of")


def test_an_assessment_travels_and_has_a_history(nodes, hkma, fsc, name):
    other = publish_pair(nodes, name, topic="outsourcing")
    judged = pair(f"{name}/provisions/a", f"{other}/provisions/b")
    first = hkma.assess(assessment(pair=judged))
    assert first.name.startswith("assessments/hk-")
    second = hkma.assess(
        assessment(pair=judged, supersedes=first.name, outcome=AssessmentContent.DIVERGENT), assessment_id=f"{name}-2"
    )
    wanted = {"provision": judged.first}
    eventually(lambda: [each.name for each in fsc.list_assessments(**wanted)] == [second.name])
    history = list(fsc.list_assessments(show_superseded=True, page_size=1, **wanted))
    assert [each.name for each in history] == [second.name, first.name]
    assert history[1].superseded_by == second.name
    assert history[0].content == second.content
    standing = cell(fsc.compare_jurisdictions("KR", "HK"), "outsourcing").assessments
    assert [(each.name, each.assessor) for each in standing] == [(second.name, "HK")]
    eventually(lambda: next(hkma.list_assessments(**wanted)).HasField("receipt_time"))
    with pytest.raises(WrongState):
        hkma.assess(assessment(pair=judged, supersedes=first.name))


def test_an_assessment_is_made_once(nodes, hkma, name):
    request_id = str(uuid.uuid4())
    made = hkma.assess(assessment(), assessment_id=f"{name}-a", request_id=request_id)
    with unharmed(nodes.hk):
        again = hkma.assess(assessment(), assessment_id=f"{name}-a", request_id=request_id)
        assert (again.name, again.position) == (made.name, made.position)
        with pytest.raises(AlreadyExists):
            hkma.assess(assessment(), assessment_id=f"{name}-a")
        assert hkma.assess(assessment(), assessment_id=f"{name}-b", validate_only=True).name == f"assessments/{name}-b"


@pytest.mark.parametrize(
    "content",
    [
        assessment(second_jurisdiction="JP"),
        assessment(first_jurisdiction="SG"),
        assessment(reasons=[]),
        assessment(pair=pair("hk-nowhere/provisions/a", "kr-nowhere/provisions/b")),
        assessment(supersedes="assessments/hk-nowhere"),
    ],
)
def test_a_bad_assessment_is_refused(nodes, hkma, content):
    with unharmed(nodes.hk), pytest.raises(InvalidRequest):
        hkma.assess(content)


# --- events -----------------------------------------------------------------------------------------------------


def told(site: Site, **filters) -> list[Event]:
    found = []
    with site.client() as client, client.watch_events(**filters) as watch:
        for response in watch:
            if not response.HasField("event"):
                return found
            found.append(response.event)
    raise AssertionError("the watch ended by itself")


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


def test_an_assessment_is_told_with_its_area(nodes, hkma, name):
    made = hkma.assess(assessment(), assessment_id=f"{name}-told")
    (event,) = [each for each in told(nodes.hk, topic="reserve_assets") if each.assessment == made.name]
    assert (event.kind, event.jurisdiction) == (Event.FRAMEWORK_ASSESSED, "HK")
