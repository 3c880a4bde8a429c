import pytest
from hypothesis import given
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.framework_pb2 import AssessmentContent, Provision
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import SECTOR_EXCHANGE, SECTOR_STABLECOIN_ISSUER

from gateway.supervision.envelopes import frameworks as envelopes
from gateway.supervision.notices.records import ChannelEnds, Place
from gateway.supervision.outcomes import Context, EventContent, Outcome, Unusable
from gateway.supervision.projections import frameworks as projection
from gateway.supervision.projections.frameworks import MAX_TOPICS
from gateway.supervision.rules.fields import field_violations
from gateway.supervision.sharing.records import NO_DOSSIER
from tests.supervision.framework_samples import (
    assessment,
    assessment_record,
    day,
    english,
    pair,
    parameter,
    provision,
    version,
    version_record,
    versions,
)
from tests.supervision.samples import AT_KR, FROM_HK, HK_TO_KR, seal
from tests.support.properties import examples

KNOWN = {"hk-1": assessment_record()}


def context(envelope: Envelope, channel: ChannelEnds = FROM_HK, newest=None, known=None) -> Context:
    find = {"hk-x": newest}.get if newest else {}.get
    return Context(envelope, Place(HK_TO_KR, 7), channel, {}.get, find, (known or {}).get, lambda _: NO_DOSSIER)


def publication(content=None, framework_id: str = "hk-x", number: int = 1, base: int = 0) -> Envelope:
    return envelopes.published(seal(), framework_id, number, base, content or version(provision()))


def judgement(assessment_id: str = "hk-2", **changes) -> Envelope:
    return envelopes.assessed(seal(), assessment_id, assessment(**changes))


def refused(rule, known: Context) -> str:
    with pytest.raises(Unusable) as caught:
        rule(known)
    assert caught.value.outcome == Outcome.INVALID
    return caught.value.reason


# --- envelopes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("envelope", "member"),
    [(publication(), "framework_version_published"), (judgement(), "framework_assessed")],
)
def test_an_envelope_keeps_to_the_contract(envelope, member):
    assert envelope.WhichOneof("content") == member
    assert field_violations(envelope) == []
    assert (envelope.origin, envelope.author.authority) == (HK_TO_KR, "SFC")


def test_a_publication_carries_the_whole_version():
    act = publication(number=3, base=2).framework_version_published
    assert (act.framework, act.version, act.base_version) == ("frameworks/hk-x", 3, 2)
    assert act.content == version(provision())


@pytest.mark.parametrize(("number", "base"), [(0, 0), (1, 1), (1, 2), (10**9, 0)])
def test_a_version_comes_after_its_base(number, base):
    assert field_violations(publication(number=number, base=base)) != []


# --- versions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "direction", "kind"),
    [
        (FROM_HK, Notice.OUTGOING, Event.FRAMEWORK_VERSION_PUBLISHED),
        (AT_KR, Notice.INCOMING, Event.FRAMEWORK_VERSION_RECEIVED),
    ],
)
def test_a_version_is_recorded_and_told(channel, direction, kind):
    content = version(provision("a"), provision("b", sector=SECTOR_EXCHANGE, topic="capital"), provision("c"))
    found = projection.published(context(publication(content, number=4, base=2), channel))
    assert found.versions == (
        version_record(version=4, base_version=2, direction=direction, index=7, provision_count=3),
    )
    assert found.events == (
        EventContent(
            kind,
            jurisdiction="HK",
            framework_id="hk-x",
            version=4,
            sectors=(SECTOR_EXCHANGE, SECTOR_STABLECOIN_ISSUER),
            topics=("capital", "reserve_assets"),
        ),
    )


def test_a_version_need_not_follow_the_last_one_at_once():
    newest = version_record(version=2)
    assert projection.published(context(publication(number=9, base=8), newest=newest)).versions


@pytest.mark.parametrize("number", [1, 2])
def test_a_version_is_newer_than_the_last_one_of_its_channel(number):
    reason = refused(projection.published, context(publication(number=number), newest=version_record(version=2)))
    assert reason == f"frameworks/hk-x: version {number} comes after version 2"


def test_a_framework_is_its_senders():
    assert "hk-" in refused(projection.published, context(publication(framework_id="kr-x")))
    assert "must be HK" in refused(projection.published, context(publication(version(jurisdiction="KR"))))


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (version(provision("a"), provision("a")), "provisions[1].id"),
        (version(provision(parameters=[parameter("1", "HKD")] * 2)), "provisions[0].parameters[1].key"),
    ],
)
def test_what_stands_twice_cannot_be_used(content, field):
    assert field in refused(projection.published, context(publication(content)))


def test_topics_and_currencies_that_are_not_known_here_are_taken_as_they_are():
    content = version(provision(topic="made_up_later", parameters=[parameter("1", "QQQ")]))
    assert projection.published(context(publication(content), AT_KR)).events[0].topics == ("made_up_later",)


def test_an_event_tells_so_many_topics_and_no_more():
    content = version(*(provision(f"p{n}", topic=f"t{n}") for n in range(200)))
    assert len(projection.published(context(publication(content))).events[0].topics) == MAX_TOPICS


@examples(40)
@given(versions())
def test_both_nodes_record_the_same_but_for_the_direction(content):
    envelope = publication(content)
    ours, theirs = (projection.published(context(envelope, channel)).versions[0] for channel in (FROM_HK, AT_KR))
    assert ours.provision_count == theirs.provision_count == len(content.provisions)
    assert (ours.sealed_at, ours.origin, ours.index) == (theirs.sealed_at, theirs.origin, theirs.index)


# --- coming into force --------------------------------------------------------------------------------------


def test_a_provision_that_comes_into_force_is_told():
    provisions = [
        provision("a", effective_from=day("2026-07-02"), topic="capital"),
        provision("b", effective_from=day("2026-07-01")),
        provision("c", effective_from=day("2026-07-02"), status=Provision.PROPOSED),
    ]
    found = list(
        projection.in_force_events(version_record(version=3), provisions, day("2026-07-01"), day("2026-07-03"))
    )
    assert found == [
        EventContent(
            Event.PROVISION_IN_FORCE,
            jurisdiction="HK",
            framework_id="hk-x",
            version=3,
            provision_id="a",
            sectors=(SECTOR_STABLECOIN_ISSUER,),
            topics=("capital",),
            detail="from 2026-07-02",
        )
    ]


# --- assessments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channel", "direction"), [(FROM_HK, Notice.OUTGOING), (AT_KR, Notice.INCOMING)])
def test_an_assessment_is_recorded_and_told(channel, direction):
    found = projection.assessed(context(judgement(), channel))
    assert found.assessments == (assessment_record(id="hk-2", direction=direction, index=7),)
    (event,) = found.events
    assert (event.kind, event.jurisdiction, event.assessment_id) == (Event.FRAMEWORK_ASSESSED, "HK", "hk-2")
    assert (event.sectors, event.topics, event.detail) == ((SECTOR_STABLECOIN_ISSUER,), ("reserve_assets",), "")


def test_an_assessment_of_a_pair_names_both_in_order():
    found = projection.assessed(context(judgement(pair=pair()))).assessments[0]
    assert found.provisions == ("frameworks/hk-x/provisions/a", "frameworks/kr-x/provisions/b")
    assert (found.sector, found.topic) == (0, "")


def test_a_later_assessment_takes_the_place_of_an_earlier_one():
    act = judgement(supersedes="assessments/hk-1", outcome=AssessmentContent.DIVERGENT)
    found = projection.assessed(context(act, known=KNOWN))
    new, old = found.assessments
    assert (new.id, new.supersedes, new.outcome) == ("hk-2", "hk-1", AssessmentContent.DIVERGENT)
    assert old == assessment_record(superseded_by="hk-2")
    assert [each.detail for each in found.events] == ["takes the place of assessments/hk-1"]


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        assessment_record(superseded_by="hk-9"),
        assessment_record(topic="capital"),
        assessment_record(origin="gateway.kr.example/to/gateway.hk.example"),
    ],
)
def test_it_takes_no_other_place(earlier):
    act = judgement(supersedes="assessments/hk-1")
    found = projection.assessed(context(act, known={"hk-1": earlier} if earlier else {}))
    assert [each.id for each in found.assessments] == ["hk-2"]


@pytest.mark.parametrize(
    ("envelope", "words"),
    [
        (judgement("kr-2"), "must begin with the sender's jurisdiction: hk-"),
        (judgement("hk-1"), "the name is taken"),
        (judgement(second_jurisdiction="SG"), "must be about HK and KR"),
        (judgement(first_jurisdiction="SG"), "must be about HK and KR"),
        (judgement(pair=pair("kr-x/provisions/a", "kr-x/provisions/b")), "content.pair.first"),
    ],
)
def test_an_assessment_is_its_senders_and_about_the_two(envelope, words):
    assert words in refused(projection.assessed, context(envelope, known=KNOWN))


def test_reasons_are_sealed_with_the_assessment():
    act = judgement(reasons=english("Since.")).framework_assessed
    assert list(act.content.reasons) == english("Since.")
