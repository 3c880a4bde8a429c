import pytest
from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.values_pb2 import Handling

from gateway.supervision.notices.handling import TLP_ORDER, covers, handling_violations
from tests.supervision.samples import handling, handlings

EVENT = Date(year=2026, month=5, day=8)
LABELS = st.sampled_from(TLP_ORDER)


def violations(**changes):
    return list(handling_violations(handling(**changes), EVENT, "handling"))


def test_the_order_holds_every_label_once():
    assert sorted(TLP_ORDER) == Handling.Tlp.values()[1:]
    assert TLP_ORDER[0] == Handling.CLEAR
    assert TLP_ORDER[-1] == Handling.RED


@given(LABELS, LABELS)
def test_a_clearance_covers_its_label_and_those_before_it(clearance, label):
    assert covers(clearance, label) == (TLP_ORDER.index(label) <= TLP_ORDER.index(clearance))


@pytest.mark.parametrize("label", [Handling.TLP_UNSPECIFIED, 6, -1])
def test_no_clearance_covers_a_label_that_is_not_known(label):
    assert not any(covers(clearance, label) for clearance in (*TLP_ORDER, label))


@pytest.mark.parametrize("clearance", [Handling.TLP_UNSPECIFIED, 6, -1])
def test_a_clearance_that_is_not_known_covers_nothing(clearance):
    assert not any(covers(clearance, label) for label in TLP_ORDER)


@given(handlings())
def test_handling_that_agrees_with_itself_passes(agreeing):
    assert list(handling_violations(agreeing, EVENT, "handling")) == []


@pytest.mark.parametrize("tlp", [Handling.RED, Handling.AMBER_STRICT])
def test_what_is_for_the_recipient_alone_cannot_be_passed_on_freely(tlp):
    (violation,) = violations(tlp=tlp, onward_sharing=Handling.ALLOWED)
    assert violation.field == "handling.onward_sharing"
    assert violation.description == f"must be CONSENT_REQUIRED or PROHIBITED under TLP {Handling.Tlp.Name(tlp)}"


@pytest.mark.parametrize("sharing", [Handling.CONSENT_REQUIRED, Handling.PROHIBITED])
def test_what_is_public_cannot_be_held_back(sharing):
    (violation,) = violations(tlp=Handling.CLEAR, onward_sharing=sharing)
    assert violation.description == "must be ALLOWED under TLP CLEAR"


def test_content_cannot_have_to_go_before_what_it_tells_happened():
    (violation,) = violations(retain_until=Date(year=2026, month=5, day=7))
    assert (violation.field, violation.description) == (
        "handling.retain_until",
        "must not be before event_date",
    )
    assert violations(retain_until=EVENT) == []


def test_values_that_are_not_given_contradict_nothing():
    assert list(handling_violations(Handling(), EVENT, "handling")) == []
