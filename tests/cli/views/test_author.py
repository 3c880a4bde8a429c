from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.cli.views.author import author_document, released_by, who
from gateway.cli.views.notice import document, sections
from tests.supervision.samples import content

CLERK = Author(authority="SFC", client="spiffe://hk.example/SFC/office", officer="https://id.sfc.example#wong")
DESK = Author(authority="SFC", client="spiffe://hk.example/SFC/desk")


def test_an_officer_is_named_with_the_system_that_acted_for_him():
    assert who(CLERK) == "spiffe://hk.example/SFC/office for https://id.sfc.example#wong"
    assert who(DESK) == "spiffe://hk.example/SFC/desk"
    assert author_document(CLERK) == {"authority": "SFC", "client": CLERK.client, "officer": CLERK.officer}
    assert author_document(DESK) == {"authority": "SFC", "client": DESK.client, "officer": None}
    assert author_document(Author()) is None


def test_who_approved_is_told_only_where_somebody_had_to():
    assert released_by(DESK, Author()) == DESK.client
    assert released_by(CLERK, DESK) == f"{who(CLERK)}, approved by {DESK.client}"


def test_a_notice_and_its_withdrawal_tell_their_authors_and_approvers():
    taken = Notice.Withdrawal(author=DESK, approver=CLERK)
    notice = Notice(name="notices/hk-1", content=content(), author=CLERK, approver=DESK, withdrawal=taken)
    told = document(notice)
    assert (told["author"], told["approver"]) == (author_document(CLERK), author_document(DESK))
    assert told["withdrawal"]["approver"] == author_document(CLERK)
    shown = {heading: dict(pairs) for heading, pairs in sections(notice)}
    assert shown["notice"]["released"].endswith(f"by {released_by(CLERK, DESK)}")
    assert shown["withdrawal"]["who"] == f"SFC, {released_by(DESK, CLERK)}"
