"""Which acts need approval, and who is another identity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkVersionContent, Provision
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import ApprovalRequired, NotAllowed
from gateway.supervision.approval import (
    ActKind,
    ApprovalRule,
    Proposed,
    asking_rule,
    proposed_assessment,
    proposed_notice,
    proposed_version,
    proposed_withdrawal,
    require_another,
    require_approval,
)
from gateway.supervision.notices.handling import TLP_ORDER
from tests.supervision.samples import content, handling, record, reference

ACTS, KINDS = st.sampled_from(ActKind), st.sampled_from([kind for kind in Notice.Kind.values() if kind])
LABELS, URGENCIES = st.sampled_from(TLP_ORDER), st.sampled_from([NoticeContent.ROUTINE, NoticeContent.IMMEDIATE])
SECTORS = st.frozensets(st.sampled_from([sector for sector in Sector.values() if sector]), max_size=3)
PROPOSED = st.builds(
    Proposed,
    ACTS,
    KINDS,
    LABELS | st.just(Handling.TLP_UNSPECIFIED),
    URGENCIES | st.just(NoticeContent.URGENCY_UNSPECIFIED),
    SECTORS | st.none(),
)
RULES = st.builds(
    ApprovalRule,
    st.sampled_from(["one", "two", "three"]),
    st.frozensets(ACTS, max_size=3),
    st.frozensets(KINDS, max_size=3),
    LABELS | st.just(Handling.TLP_UNSPECIFIED),
    URGENCIES | st.just(NoticeContent.URGENCY_UNSPECIFIED),
    SECTORS,
)
CLERK = Author(authority="SFC", client="spiffe://hk.example/SFC/office")


@given(PROPOSED)
def test_a_rule_without_conditions_covers_everything(proposed):
    assert ApprovalRule("all").covers(proposed)


@given(RULES, PROPOSED)
def test_a_rule_covers_what_meets_each_of_its_conditions_alone(rule, proposed):
    alone = [
        ApprovalRule("x", acts=rule.acts),
        ApprovalRule("x", kinds=rule.kinds),
        ApprovalRule("x", tlp=rule.tlp),
        ApprovalRule("x", urgency=rule.urgency),
        ApprovalRule("x", sectors=rule.sectors),
    ]
    assert rule.covers(proposed) == all(each.covers(proposed) for each in alone)


@given(RULES, LABELS, LABELS)
def test_a_narrower_label_never_escapes_a_rule_that_a_wider_one_does_not(rule, one, other):
    wider, narrower = sorted((one, other), key=TLP_ORDER.index)
    proposed = [Proposed(ActKind.CREATE_NOTICE, tlp=label, sectors=rule.sectors) for label in (wider, narrower)]
    assert rule.covers(proposed[1]) or not rule.covers(proposed[0])


@given(RULES, PROPOSED)
def test_an_act_of_which_no_sector_is_known_escapes_no_rule_by_its_sector(rule, proposed):
    unknown = Proposed(proposed.act, proposed.kind, proposed.tlp, proposed.urgency, None)
    assert rule.covers(unknown) or not rule.covers(proposed)


@given(st.lists(RULES, max_size=4), st.lists(PROPOSED, max_size=3))
def test_the_first_rule_that_covers_any_part_of_an_act_is_named(rules, proposed):
    covering = [rule.name for rule in rules if any(rule.covers(each) for each in proposed)]
    assert asking_rule(rules, proposed) == (covering[0] if covering else "")


@given(st.lists(RULES, max_size=4), st.lists(PROPOSED, max_size=3))
def test_what_nobody_asks_for_and_what_somebody_approved_passes(rules, proposed):
    require_approval(rules, proposed, CLERK)
    if rule := asking_rule(rules, proposed):
        with pytest.raises(ApprovalRequired) as refused:
            require_approval(rules, proposed, None)
        assert refused.value.metadata == {"rule": rule}
    else:
        require_approval(rules, proposed, None)


def test_a_label_that_is_not_there_is_below_every_label():
    assert not ApprovalRule("x", tlp=Handling.CLEAR).covers(Proposed(ActKind.ASSESS))
    assert not ApprovalRule("x", urgency=NoticeContent.ROUTINE).covers(Proposed(ActKind.ASSESS))


# --- no way around ------------------------------------------------------------------------------------------------


def acts_of(made: NoticeContent) -> list[tuple[ActKind, int]]:
    earlier = record(tlp=Handling.RED)
    return [(each.act, each.tlp) for each in proposed_notice(made, lambda _: earlier)]


def test_a_notice_is_a_new_notice_and_what_it_does_to_others():
    assert acts_of(content()) == [(ActKind.CREATE_NOTICE, Handling.AMBER)]
    related = content(references=[reference(Reference.RELATES_TO, "hk-1")])
    assert acts_of(related) == [(ActKind.CREATE_NOTICE, Handling.AMBER)]
    withdrawing = content(references=[reference(Reference.WITHDRAWS, "hk-1")])
    assert acts_of(withdrawing) == [
        (ActKind.CREATE_NOTICE, Handling.AMBER),
        (ActKind.WITHDRAW_NOTICE, Handling.RED),
    ]
    superseding = content(references=[reference(Reference.SUPERSEDES, "hk-1")])
    assert acts_of(superseding) == [
        (ActKind.CREATE_NOTICE, Handling.AMBER),
        (ActKind.SUPERSEDE_NOTICE, Handling.AMBER),
        (ActKind.SUPERSEDE_NOTICE, Handling.RED),
    ]


def test_a_notice_in_place_of_a_narrower_one_is_no_way_around_the_label():
    mild = content(handling=handling(tlp=Handling.GREEN), references=[reference(Reference.SUPERSEDES, "hk-1")])
    rule = ApprovalRule("red", tlp=Handling.RED)
    assert asking_rule([rule], [*proposed_notice(mild, lambda _: record(tlp=Handling.RED))]) == "red"
    assert asking_rule([rule], [*proposed_notice(mild, lambda _: record(tlp=Handling.GREEN))]) == ""


def test_what_a_withdrawal_is_follows_from_the_notice():
    taken = record(tlp=Handling.RED, kind=Notice.INCIDENT)
    assert [(each.act, each.kind) for each in proposed_withdrawal(taken)] == [
        (ActKind.WITHDRAW_NOTICE, Notice.INCIDENT)
    ]


def test_a_version_is_of_the_sectors_of_its_provisions_and_an_assessment_of_its_area():
    made = FrameworkVersionContent(provisions=[Provision(sector=Sector.SECTOR_CUSTODY)])
    assert next(proposed_version(made)).sectors == {Sector.SECTOR_CUSTODY}
    replacing = next(proposed_version(made, [Sector.SECTOR_DEALING]))
    assert replacing.sectors == {Sector.SECTOR_CUSTODY, Sector.SECTOR_DEALING}
    area = AssessmentContent(area=AssessmentContent.Area(sector=Sector.SECTOR_DEALING))
    assert next(proposed_assessment(area)).sectors == {Sector.SECTOR_DEALING}
    assert next(proposed_assessment(AssessmentContent(pair=AssessmentContent.ProvisionPair()))).sectors is None


# --- who is another one -------------------------------------------------------------------------------------------


def identity(client: str, officer: str = "") -> Author:
    return Author(authority="SFC", client=f"spiffe://hk.example/SFC/{client}", officer=officer)


@pytest.mark.parametrize(
    ("author", "reviewer"),
    [
        (identity("office"), identity("desk")),
        (identity("office", "id#wong"), identity("office", "id#chan")),
        (identity("office", "id#wong"), identity("desk", "id#chan")),
        (identity("office", "id#wong"), identity("desk")),
        (identity("office"), identity("desk", "id#chan")),
    ],
)
def test_two_identities(author, reviewer):
    require_another(author, reviewer)


@pytest.mark.parametrize(
    ("author", "reviewer"),
    [
        (identity("office"), identity("office")),
        (identity("office", "id#wong"), identity("office", "id#wong")),
        (identity("office", "id#wong"), identity("desk", "id#wong")),
        (identity("office", "id#wong"), identity("office")),
        (identity("office"), identity("office", "id#chan")),
    ],
)
def test_one_identity_or_not_known_to_be_two(author, reviewer):
    with pytest.raises(NotAllowed):
        require_another(author, reviewer)


@given(st.sampled_from("ab"), st.sampled_from(["", "x", "y"]), st.sampled_from("ab"), st.sampled_from(["", "x", "y"]))
def test_who_reviews_whom_is_the_same_both_ways(client, officer, other_client, other_officer):
    one, other = identity(client, officer), identity(other_client, other_officer)
    outcomes = []
    for author, reviewer in ((one, other), (other, one)):
        try:
            require_another(author, reviewer)
        except NotAllowed:
            outcomes.append("refused")
        else:
            outcomes.append("passed")
    assert outcomes[0] == outcomes[1]
    assert one != other or outcomes[0] == "refused"
