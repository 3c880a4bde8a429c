import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.moments import LATEST_SECONDS
from gateway.supervision.envelopes.envelopes import acknowledged, approver_of, released, sealed_at, withdrawn
from gateway.supervision.rules.fields import field_violations
from gateway.supervision.rules.values import EARLIEST_SECONDS, timestamp_fault
from tests.supervision.samples import APPROVER, AUTHOR, HK_TO_KR, content, seal

WORDS = [LocalizedText(language_tag="en", text="Why.")]
MICROSECONDS = st.integers(EARLIEST_SECONDS * 1_000_000, LATEST_SECONDS * 1_000_000)

ENVELOPES = {
    "notice_released": released(seal(), "hk-1", content()),
    "notice_acknowledged": acknowledged(seal(), "kr-1", WORDS, "case 7"),
    "notice_withdrawn": withdrawn(seal(), "hk-1", WORDS),
}


@pytest.mark.parametrize("member", ENVELOPES)
def test_an_envelope_keeps_to_the_contract(member):
    envelope = ENVELOPES[member]
    assert envelope.WhichOneof("content") == member
    assert field_violations(envelope) == []


def test_an_envelope_carries_its_seal():
    envelope = released(seal(salt=b"s" * 16, author=APPROVER), "hk-1", content())
    assert envelope.salt == b"s" * 16
    assert envelope.origin == HK_TO_KR
    assert envelope.author == APPROVER


def test_an_envelope_names_who_released_it_if_anybody_had_to():
    assert approver_of(released(seal(), "hk-1", content())) is None
    envelope = released(seal(approver=APPROVER), "hk-1", content())
    assert (envelope.author, approver_of(envelope)) == (AUTHOR, APPROVER)
    assert field_violations(envelope) == []


@pytest.mark.parametrize("whom", ["author", "approver"])
def test_an_officer_is_one_line_of_bounded_length(whom):
    for officer in ("https://id.example#a\nb", "o" * 1025):
        envelope = released(
            seal(**{whom: Author(authority="SFC", client=AUTHOR.client, officer=officer)}), "hk-1", content()
        )
        assert [each.field for each in field_violations(envelope)] == [f"{whom}.officer"]


def test_each_act_carries_what_is_said():
    assert ENVELOPES["notice_released"].notice_released.content == content()
    assert ENVELOPES["notice_released"].notice_released.notice == "notices/hk-1"
    said = ENVELOPES["notice_acknowledged"].notice_acknowledged
    assert (said.notice, list(said.comment), said.case_reference) == ("notices/kr-1", WORDS, "case 7")
    why = ENVELOPES["notice_withdrawn"].notice_withdrawn
    assert (why.notice, list(why.explanation)) == ("notices/hk-1", WORDS)


def test_an_acknowledgement_need_say_nothing():
    assert field_violations(acknowledged(seal(), "kr-1")) == []


@given(MICROSECONDS)
def test_the_time_of_sealing_is_kept_to_the_microsecond(time):
    envelope = acknowledged(seal(sealed_at=time), "kr-1")
    assert timestamp_fault(envelope.sealed_at) is None
    assert sealed_at(envelope) == time


def test_what_is_finer_than_a_microsecond_is_cut_off():
    envelope = ENVELOPES["notice_withdrawn"]
    finer = type(envelope).FromString(envelope.SerializeToString())
    finer.sealed_at.nanos += 999
    assert sealed_at(finer) == sealed_at(envelope)
