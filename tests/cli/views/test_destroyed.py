"""How content that is destroyed is told, for people and for programs."""

from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.cli import evidence
from gateway.cli.views import notice as notice_view
from gateway.identity.evidence.evidence import verify_evidence
from tests.identity.evidence.test_evidence import ORIGIN, ROOTS, both_in_one_log, hash_alone, without_content

CERTIFIED = Notice.Destruction(
    time=Timestamp(seconds=1_767_225_600), certificate=Notice.Position(origin=ORIGIN, index=7)
)
DESTROYED = Notice(
    name="notices/hk-1",
    sender="HK",
    recipient="KR",
    author=Author(authority="SFC", client="spiffe://gateway.hk.example/SFC/office"),
    destruction=CERTIFIED,
    peer_destruction=CERTIFIED,
)


def test_a_notice_without_content_is_told_by_what_is_left():
    assert notice_view.row(DESTROYED)[-1] == "(content destroyed)"
    assert notice_view.row(DESTROYED)[1] == "SFC"
    told = dict(notice_view.sections(DESTROYED))
    assert told["content"] == [("destroyed here", f"2026-01-01 00:00:00Z, certified in {ORIGIN}, index 7")]
    assert told["at the peer"] == [("destroyed", f"2026-01-01 00:00:00Z, certified in {ORIGIN}, index 7")]
    assert "title" not in told


def test_for_programs_the_notice_is_null_and_the_certificates_are_named():
    document = notice_view.document(DESTROYED)
    assert document["notice"] is None
    assert document["destruction"] == {"time": "2026-01-01T00:00:00Z", "origin": ORIGIN, "index": 7}
    assert document["destruction"] == document["peer_destruction"]


def test_evidence_says_that_the_content_is_destroyed_and_who_certified_it():
    proven = verify_evidence(without_content().encode(), ROOTS)
    verdict = evidence._verdict(proven, ROOTS)
    assert "HK (gateway.hk.example) sealed an envelope whose content is destroyed" in verdict
    assert "CONTENT DESTROYED: HK (gateway.hk.example) certified at 2026-01-01 09:00:00 UTC" in verdict
    document = evidence._document(proven, ROOTS)
    assert (document["content_destroyed"], document["act"], document["sealed_at"]) == (True, None, None)
    assert document["destroyed_by"] == "spiffe://gateway.hk.example/node"


def test_evidence_without_a_certificate_does_not_claim_one():
    verdict = evidence._verdict(verify_evidence(without_content(destruction=b"").encode(), ROOTS), ROOTS)
    assert verdict.endswith("CONTENT DESTROYED: so it is said; there is no certificate of it here.")


def test_of_a_receipt_for_the_hash_it_is_not_said_that_there_was_none_for_the_content_before():
    """One may have been lost on its way: the sender certifies what it knows, and a later one covers that as well."""
    proven = verify_evidence(hash_alone(*both_in_one_log()), ROOTS)
    verdict = evidence._verdict(proven, ROOTS)
    assert "the node of KR (gateway.kr.example) held its hash at 2026-01-01 09:01:01 UTC. This is no receipt" in verdict
    assert "for the content: HK (gateway.hk.example) certified that it had none for it." in verdict
    assert evidence._document(proven, ROOTS)["hash_alone"]
