"""Nothing is covered without a consent in force, whatever was asked for and decided: against a naive model."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.values_pb2 import Handling

from gateway.supervision.notices.records import Place
from gateway.supervision.sharing.coverage import Passing, consent_fault, covers, handling_fault
from gateway.supervision.sharing.records import NO_DOSSIER, ConsentRecord, DecisionRecord, Dossier, Recipient
from tests.supervision.samples import HK_TO_KR, KR_TO_HK, record

MAS, JFSA, FINMA = Recipient("MAS", "SG"), Recipient("JFSA", "JP"), Recipient("FINMA", "CH")
TODAY = 20260131
USES = (Handling.SUPERVISION, Handling.ENFORCEMENT)

WHOM = st.frozensets(st.sampled_from([MAS, JFSA, FINMA]), min_size=1)
AUTHORITIES = st.sampled_from(["FSC", "FSS"])
DAYS = st.sampled_from([0, 20251231, TODAY - 1, TODAY, TODAY + 1, 20270101])
CONSENTS = st.sampled_from(["c1", "c2"])
DECISIONS = st.tuples(CONSENTS, st.booleans(), DAYS)
SHARING = st.sampled_from(Handling.OnwardSharing.values()[1:])


@dataclass
class Model:
    """Everything as it was said, and nothing else."""

    asked: dict[str, tuple[str, frozenset[Recipient], int]] = field(default_factory=dict)
    said: dict[str, list[tuple[bool, int]]] = field(default_factory=dict)

    def allows(self, passing: Passing, consent: str) -> bool:
        if not self.said.get(consent):
            return False
        granted, until = self.said[consent][-1]
        authority, whom, use = self.asked[consent]
        named = all(each in whom for each in passing.recipients)
        return granted and (until == 0 or until >= passing.day) and named and (authority, use) == passing_key(passing)


def passing_key(passing: Passing) -> tuple[str, int]:
    return passing.authority, passing.use


def dossier(asked: dict, decisions: list) -> tuple[Dossier, Model]:
    model, made = Model(asked), NO_DOSSIER
    for consent, (authority, whom, use) in asked.items():
        made = made.adding(ConsentRecord("hk-1", consent, authority, whom, use, Place(KR_TO_HK, 0)))
    for consent, granted, until in decisions:
        if consent in asked:
            told = model.said.setdefault(consent, [])
            told.append((granted, until))
            place = Place(HK_TO_KR, len(told))
            made = made.adding(DecisionRecord("hk-1", consent, len(told), granted, until, place))
    return made, model


ASKED = st.dictionaries(CONSENTS, st.tuples(AUTHORITIES, WHOM, st.sampled_from(USES)))
PASSING = st.builds(Passing, AUTHORITIES, WHOM, st.sampled_from(USES), st.just(TODAY))


@given(ASKED, st.lists(DECISIONS, max_size=8), PASSING, CONSENTS)
def test_no_share_without_consent_in_force(asked, decisions, passing, consent):
    known, model = dossier(asked, decisions)
    notice = record(onward_sharing=Handling.CONSENT_REQUIRED, permitted_uses=USES)
    newest = known.newest(consent)
    number = newest.number if newest else 0
    assert covers(notice, known, passing, consent, number) == model.allows(passing, consent)
    assert not covers(notice, known, passing, "", 0)


@given(ASKED, st.lists(DECISIONS, max_size=8), PASSING, CONSENTS, st.integers(0, 9), SHARING)
def test_what_is_prohibited_nothing_covers(asked, decisions, passing, consent, number, sharing):
    known, _ = dossier(asked, decisions)
    notice = record(onward_sharing=Handling.PROHIBITED, permitted_uses=USES)
    assert not covers(notice, known, passing, consent, number)
    assert not covers(notice, known, passing, "", 0)
    other = record(onward_sharing=sharing, permitted_uses=(Handling.POLICY_MAKING,))
    assert not covers(other, known, passing, consent, number)


@given(PASSING)
def test_what_is_allowed_needs_no_consent(passing):
    notice = record(onward_sharing=Handling.ALLOWED, permitted_uses=USES)
    assert covers(notice, NO_DOSSIER, passing, "", 0)
    assert not covers(notice, NO_DOSSIER, passing, "c1", 1)


@given(ASKED, st.lists(DECISIONS, min_size=1, max_size=8), PASSING, CONSENTS)
def test_a_later_refusal_changes_nothing_of_what_an_earlier_grant_covered(asked, decisions, passing, consent):
    known, _ = dossier(asked, decisions)
    notice = record(onward_sharing=Handling.CONSENT_REQUIRED, permitted_uses=USES)
    newest = known.newest(consent)
    if newest and covers(notice, known, passing, consent, newest.number):
        revoked = DecisionRecord("hk-1", consent, newest.number + 1, False, 0, Place(HK_TO_KR, 99))
        later = known.adding(revoked)
        assert covers(notice, later, passing, consent, newest.number)
        assert not covers(notice, later, passing, consent, newest.number + 1)


CONSENT = ConsentRecord("hk-1", "c1", "FSC", frozenset({MAS}), Handling.SUPERVISION, Place(KR_TO_HK, 0))
GRANT = DecisionRecord("hk-1", "c1", 1, True, TODAY, Place(HK_TO_KR, 1))
REFUSAL = DecisionRecord("hk-1", "c1", 1, False, 0, Place(HK_TO_KR, 1))


@pytest.mark.parametrize(
    ("decision", "passing", "fault"),
    [
        (GRANT, Passing("FSC", frozenset({MAS}), Handling.SUPERVISION, TODAY), None),
        (None, Passing("FSC", frozenset({MAS}), Handling.SUPERVISION, TODAY), "nothing is decided on it yet"),
        (REFUSAL, Passing("FSC", frozenset({MAS}), Handling.SUPERVISION, TODAY), "it is refused"),
        (GRANT, Passing("FSC", frozenset({MAS}), Handling.SUPERVISION, TODAY + 1), "it was granted up to 2026-01-31"),
        (GRANT, Passing("FSS", frozenset({MAS}), Handling.SUPERVISION, TODAY), "it is for FSC"),
        (GRANT, Passing("FSC", frozenset({MAS, JFSA}), Handling.SUPERVISION, TODAY), "it is for other recipients"),
        (GRANT, Passing("FSC", frozenset({MAS}), Handling.ENFORCEMENT, TODAY), "it is for SUPERVISION"),
    ],
)
def test_it_is_said_why_a_consent_covers_not(decision, passing, fault):
    assert consent_fault(CONSENT, decision, passing) == fault


def test_it_is_said_what_handling_permits():
    notice = record(onward_sharing=Handling.ALLOWED, permitted_uses=USES)
    assert handling_fault(notice, Handling.POLICY_MAKING) == "its permitted uses are SUPERVISION, ENFORCEMENT"
    assert handling_fault(notice, Handling.SUPERVISION) is None
