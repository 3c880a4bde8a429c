import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_pb2 import AssessmentContent, FrameworkVersionContent
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import BadInput, NotAllowed
from gateway.supervision.acts.notices import check_release
from gateway.supervision.disclosure import EVERYTHING, Scope, check_within, discloses, within
from gateway.supervision.envelopes import envelopes
from gateway.supervision.envelopes import frameworks as rules
from gateway.supervision.notices.handling import TLP_ORDER, covers
from tests.supervision.samples import FROM_HK, content, handling, record, reference, seal

SECTORS = st.frozensets(st.sampled_from(Sector.values()[1:]))
LABELS = st.sampled_from(TLP_ORDER)
SCOPES = st.builds(Scope, LABELS, SECTORS)


@given(SCOPES, LABELS, SECTORS)
def test_a_scope_sees_what_its_clearance_covers_in_a_sector_of_its_own(scope, label, sectors):
    meets = not scope.sectors or bool(scope.sectors & sectors)
    assert scope.sees(label, sectors) == (covers(scope.clearance, label) and meets)
    assert set(scope.labels) == {each for each in TLP_ORDER if covers(scope.clearance, each)}


@given(SCOPES, LABELS, SECTORS, LABELS)
def test_a_higher_clearance_never_sees_less(scope, label, sectors, clearance):
    if covers(clearance, scope.clearance) and scope.sees(label, sectors):
        assert Scope(clearance, scope.sectors).sees(label, sectors)


@given(SCOPES)
def test_only_red_for_all_sectors_sees_everything(scope):
    assert scope.is_unlimited == (scope == EVERYTHING)


@given(SCOPES, LABELS, SECTORS)
def test_what_is_not_seen_is_not_found(scope, label, sectors):
    known = record(tlp=label, sectors=tuple(sectors))
    found = within(scope, {"hk-1": known}.get)("hk-1")
    assert found == (known if scope.sees(label, sectors) else None)
    assert within(scope, {}.get)("hk-1") is None


@given(SCOPES, LABELS, st.sets(st.sampled_from(Sector.values()[1:]), min_size=1))
def test_an_envelope_is_seen_by_the_label_of_its_notice(scope, label, sectors):
    given_content = content(handling=handling(tlp=label), sectors=list(sectors))
    find = {"hk-1": record(tlp=label, sectors=tuple(sectors))}.get
    for envelope in (
        envelopes.released(seal(), "hk-1", given_content),
        envelopes.acknowledged(seal(), "hk-1"),
        envelopes.withdrawn(seal(), "hk-1", []),
    ):
        assert discloses(envelope, scope, find) == scope.sees(label, sectors)


@given(SCOPES)
def test_what_has_no_label_is_seen_only_by_who_may_see_everything(scope):
    for envelope in (None, Envelope(), envelopes.acknowledged(seal(), "hk-9"), envelopes.withdrawn(seal(), "hk-9", [])):
        assert discloses(envelope, scope, {}.get) == scope.is_unlimited
    unlabelled = envelopes.released(seal(), "hk-1", content(handling=Handling()))
    assert discloses(unlabelled, scope, {}.get) == scope.is_unlimited


@given(SCOPES)
def test_rules_bear_no_label(scope):
    version = rules.published(seal(), "hk-stablecoins", 1, 0, FrameworkVersionContent())
    assert discloses(version, scope, {}.get)
    assert discloses(rules.assessed(seal(), "hk-1", AssessmentContent()), scope, {}.get)


@given(SCOPES, LABELS, st.sets(st.sampled_from(Sector.values()[1:]), min_size=1))
def test_nobody_writes_what_it_could_not_read_again(scope, label, sectors):
    written = content(handling=handling(tlp=label), sectors=list(sectors))
    if scope.sees(label, sectors):
        check_within(written, scope, "notice.content")
        return
    with pytest.raises(NotAllowed) as refused:
        check_within(written, scope, "notice.content")
    field = "sectors" if covers(scope.clearance, label) else "handling.tlp"
    assert f"notice.content.{field} " in refused.value.message


@pytest.mark.parametrize("relation", [Reference.SUPERSEDES, Reference.WITHDRAWS])
def test_a_reference_to_what_is_not_seen_is_refused_in_the_words_for_what_is_not_there(relation):
    find = {"hk-red": record(id="hk-red", tlp=Handling.RED)}.get
    words = set()
    for other in ("hk-red", "hk-none"):
        referring = content(references=[reference(relation, other)])
        with pytest.raises(BadInput) as refused:
            check_release("hk-2", referring, FROM_HK, find, Scope(Handling.AMBER))
        words.add(refused.value.message)
    assert len(words) == 1
