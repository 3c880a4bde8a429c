import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.supervision.envelopes import acknowledged, released, sealed_at, withdrawn
from gateway.supervision.fields import field_violations
from gateway.supervision.values import EARLIEST_SECONDS, LATEST_SECONDS, timestamp_fault
from tests.supervision.samples import HK_TO_KR, content, seal

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
    envelope = released(seal(salt=b"s" * 16, authority="HKMA", client="spiffe://hk.example/HKMA/x"), "hk-1", content())
    assert envelope.salt == b"s" * 16
    assert envelope.origin == HK_TO_KR
    assert (envelope.author.authority, envelope.author.client) == ("HKMA", "spiffe://hk.example/HKMA/x")


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
