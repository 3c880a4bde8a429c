"""What an evidence file says was sealed, as who has nothing else reads it."""

import pytest
from google.protobuf.descriptor import Descriptor
from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.cli import evidence as evidence_command
from gateway.cli.views.evidence_content import content_document, content_sections
from gateway.identity.evidence.evidence import verify_evidence
from tests.supervision.samples import content
from tests.support.evidence import ROOTS, envelope, evidence

ACTS = [field.name for field in Envelope.DESCRIPTOR.oneofs_by_name["content"].fields]


def told(envelope: Envelope | None) -> dict[str, dict[str, str]]:
    return {heading: dict(pairs) for heading, pairs in content_sections(envelope)}


def test_a_notice_is_told_as_its_receiver_reads_it():
    sealed = Envelope()
    sealed.notice_released.notice = "notices/hk-1"
    sealed.notice_released.content.CopyFrom(content())
    assert told(sealed)["title"]["[en]"] == sealed.notice_released.content.title[0].text
    assert told(sealed)["content"]["handling.tlp"]
    assert content_document(sealed)["notice_released"]["notice"] == "notices/hk-1"


def test_a_moment_that_no_clock_shows_is_told_all_the_same():
    sealed = Envelope()
    sealed.notice_released.content.incident.detected_at.seconds = 2**60
    assert told(sealed)["content"]["detail.incident.detected_at"] == f"{2**60} s and 0 ns after 1970"
    assert content_document(sealed) == {"notice_released": None}


def test_what_was_said_to_it_is_told_by_language():
    sealed = Envelope()
    sealed.notice_acknowledged.case_reference = "SFC-1"
    sealed.notice_acknowledged.comment.add(language_tag="ko", text="확인")
    assert told(sealed) == {"acknowledgement": {"case": "SFC-1", "[ko]": "확인"}}
    sealed.notice_withdrawn.explanation.add(language_tag="en", text="In error.")
    assert told(sealed) == {"withdrawal": {"[en]": "In error."}}


def test_days_and_texts_are_told_as_people_read_them():
    sealed = Envelope()
    decided = sealed.sharing_decided
    decided.valid_until.year, decided.valid_until.month, decided.valid_until.day = 2026, 5, 8
    decided.conditions.add(language_tag="en", text="Quietly.")
    assert told(sealed) == {"sharing decided": {"valid_until": "2026-05-08", "conditions.en": "Quietly."}}


def filled(message: Descriptor, sealed) -> None:
    for field in message.fields:
        if field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(sealed, field.name, f"its {field.name}")


@pytest.mark.parametrize("act", ACTS)
def test_no_act_is_left_untold(act):
    sealed = Envelope()
    getattr(sealed, act).SetInParent()
    filled(Envelope.DESCRIPTOR.fields_by_name[act].message_type, getattr(sealed, act))
    assert list(content_document(sealed)) == [act]
    assert list(content_sections(sealed))


def test_what_is_destroyed_or_not_known_is_said_to_be():
    assert told(None) == {"content": {"destroyed": "the file holds the hash alone"}}
    assert told(Envelope(origin="a")) == {"content": {"of a kind": "that this version does not know"}}
    assert content_document(None) is content_document(Envelope()) is None


def test_no_sentence_of_its_sender_stands_in_the_verdict_as_one_of_ours():
    """It may have sealed anything in place of a name, and its signature on that verifies."""
    made = envelope()
    made.notice_released.notice = "notices/hk-1, for SFC; the node of KR held it"
    made.author.authority, made.author.officer = "HKMA; KR held it", "wong; KR held it"
    sent = evidence(made.SerializeToString(), receipted=False)
    verdict = evidence_command._verdict(verify_evidence(sent.encode(), ROOTS), ROOTS)
    for ours in verdict.split('"')[::2]:  # what stands in no quotation marks
        assert "KR held it" not in ours
        assert "the node of KR" not in ours
    assert verdict.endswith("there is no receipt of KR (gateway.kr.example).")
