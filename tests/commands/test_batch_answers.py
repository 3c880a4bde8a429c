"""What the answer to a batch tells, however large its notices are or have become."""

from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_service_pb2 import BatchCreateNoticesResponse, Notice

from gateway.commands.batch_answers import BatchAnswer
from tests.store.test_large_pages import CLIENTS_TAKE, TEXT
from tests.supervision.samples import content


def answered(notices: list[Notice]) -> BatchCreateNoticesResponse:
    answer = BatchAnswer()
    for each in notices:
        answer.add(each)
    told = BatchCreateNoticesResponse(notices=answer.notices)
    assert told.ByteSize() <= CLIENTS_TAKE
    return told


def notice(number: int, size: int, **known) -> Notice:
    made = Notice(name=f"notices/hk-{number}", state=Notice.RELEASED, content=content(), **known)
    made.content.summary[0].text = "x" * size
    return made


def test_notices_that_fit_are_told_whole():
    notices = [notice(number, 1000) for number in range(1000)]
    assert list(answered(notices).notices) == notices


def test_of_notices_that_do_not_fit_the_last_come_without_words():
    told = answered([notice(number, 6000) for number in range(1000)]).notices
    assert [each.name for each in told] == [f"notices/hk-{number}" for number in range(1000)]
    assert {each.state for each in told} == {Notice.RELEASED}
    whole = [each.HasField("content") for each in told]
    assert whole == sorted(whole, reverse=True)
    assert 600 < whole.count(True) < 700


def test_names_have_their_room_whatever_came_before():
    author = Author(authority="SFC", client=f"spiffe://gateway.hk.example/SFC/{'x' * 1500}")
    told = answered([notice(number, 3000 if number < 500 else 1, author=author) for number in range(1000)]).notices
    assert len(told) == 1000
    assert {each.author.client for each in told} == {author.client}


def test_words_that_were_said_since_are_left_out_too():
    known = {
        "acknowledgement": Notice.Acknowledgement(comment=TEXT, case_reference="F-1"),
        "withdrawal": Notice.Withdrawal(explanation=TEXT, withdrawn_by="notices/hk-9"),
    }
    told = answered([notice(number, 1000, **known) for number in range(4)]).notices
    assert [bool(each.acknowledgement.comment) for each in told] == [True, True, False, False]
    assert {each.acknowledgement.case_reference for each in told} == {"F-1"}
    assert {each.withdrawal.withdrawn_by for each in told} == {"notices/hk-9"}
