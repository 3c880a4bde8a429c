"""What is done to a notice at one node becomes known at the other; and who may do what, when."""

import uuid
from collections.abc import Iterator

import pytest
from regulator.exchange import AlreadyExists, Client, InvalidRequest, NotAllowed, NotFound, Stale, WrongState
from regulator.exchange import notice_request as request
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.supervision.samples import content, reference
from tests.support.nodes import Site, eventually

WHY = {"en": "A mistake.", "ko": "착오입니다."}


@pytest.fixture
def sfc(started_pair: tuple[Site, Site]) -> Iterator[Client]:
    with started_pair[0].client("SFC") as client:
        yield client


@pytest.fixture
def fss(started_pair: tuple[Site, Site]) -> Iterator[Client]:
    with started_pair[1].client("FSS") as client:
        yield client


def new_id() -> str:
    return f"hk-{uuid.uuid4()}"


def given(sfc: Client, fss: Client) -> str:
    """The name of a notice that has arrived."""
    name = sfc.create_notice(content(), recipient="KR").name
    eventually(lambda: sfc.get_notice(name).state == Notice.DELIVERED)
    assert fss.get_notice(name).state == Notice.RECEIVED
    return name


def both_in(state: Notice.State.ValueType, name: str, *clients: Client) -> None:
    for client in clients:
        eventually(lambda client=client: client.get_notice(name).state == state)


def size(client: Client) -> int:
    return client.get_channel("hk-to-kr").size


# --- acts travel --------------------------------------------------------------------------------------------------


def test_a_withdrawal_reaches_the_peer_with_its_reason(sfc, fss):
    name = given(sfc, fss)
    assert sfc.withdraw_notice(name, explanation=WHY).state == Notice.WITHDRAWN
    both_in(Notice.WITHDRAWN, name, sfc, fss)
    said = fss.get_notice(name).withdrawal
    assert {each.language_tag: each.text for each in said.explanation} == WHY
    assert said.author.authority == "SFC"


def test_a_notice_that_takes_the_place_of_another_one(sfc, fss):
    name = given(sfc, fss)
    newer = sfc.supersede_notice(name, content())
    both_in(Notice.SUPERSEDED, name, sfc, fss)
    assert sfc.get_notice(name).superseded_by == fss.get_notice(name).superseded_by == newer.name
    assert fss.get_notice(newer.name).content.references == [reference(Reference.SUPERSEDES, name.split("/")[1])]


def test_a_notice_that_withdraws_another_one_by_reference(sfc, fss):
    name = given(sfc, fss)
    taking_back = content(references=[reference(Reference.WITHDRAWS, name.split("/")[1])])
    newer = sfc.create_notice(taking_back, recipient="KR")
    both_in(Notice.WITHDRAWN, name, sfc, fss)
    assert fss.get_notice(name).withdrawal.withdrawn_by == newer.name


def test_an_acknowledged_notice_can_be_withdrawn_and_then_nothing_more(sfc, fss):
    name = given(sfc, fss)
    fss.acknowledge_notice(name, comment={"ko": "확인했습니다."})
    both_in(Notice.ACKNOWLEDGED, name, sfc, fss)
    assert sfc.get_notice(name).acknowledgement.comment[0].text == "확인했습니다."
    sfc.withdraw_notice(name, explanation=WHY)
    both_in(Notice.WITHDRAWN, name, sfc, fss)
    for act in (
        lambda: sfc.withdraw_notice(name, explanation=WHY),
        lambda: sfc.supersede_notice(name, content()),
        lambda: fss.acknowledge_notice(name),
    ):
        with pytest.raises(WrongState) as refused:
            act()
        assert refused.value.metadata["state"] == "WITHDRAWN"


# --- who may ------------------------------------------------------------------------------------------------------


def test_only_the_receiver_acknowledges_and_only_the_sender_takes_back(sfc, fss):
    name = given(sfc, fss)
    before = size(sfc)
    with pytest.raises(WrongState):
        sfc.acknowledge_notice(name)
    with pytest.raises(WrongState):
        fss.withdraw_notice(name, explanation=WHY)
    with pytest.raises(WrongState):
        fss.supersede_notice(name, content(issuing_authority="FSS"))
    with pytest.raises(InvalidRequest):
        fss.create_notice(
            content(issuing_authority="FSS", references=[reference(Reference.WITHDRAWS, name.split("/")[1])]),
            recipient="HK",
        )
    assert size(sfc) == before


def test_only_the_authority_that_gave_a_notice_takes_it_back(started_pair, sfc, fss):
    name = given(sfc, fss)
    with started_pair[0].client("HKMA") as hkma:
        with pytest.raises(NotAllowed):
            hkma.withdraw_notice(name, explanation=WHY)
        with pytest.raises(NotAllowed):
            hkma.supersede_notice(name, content(issuing_authority="HKMA"))
        with pytest.raises(NotAllowed):
            hkma.create_notice(
                content(issuing_authority="HKMA", references=[reference(Reference.WITHDRAWS, name.split("/")[1])]),
                recipient="KR",
            )
    assert sfc.get_notice(name).state == Notice.DELIVERED


def test_a_notice_is_acknowledged_once(sfc, fss):
    name = given(sfc, fss)
    fss.acknowledge_notice(name)
    with pytest.raises(WrongState):
        fss.acknowledge_notice(name)


def test_an_etag_that_is_not_the_newest_is_stale(sfc, fss):
    name = given(sfc, fss)
    old = fss.get_notice(name).etag
    fss.acknowledge_notice(name, etag=old)
    both_in(Notice.ACKNOWLEDGED, name, sfc, fss)
    before = size(sfc)
    for act in (
        lambda: sfc.withdraw_notice(name, explanation=WHY, etag='"1"'),
        lambda: sfc.supersede_notice(name, content(), etag='"1"'),
        lambda: fss.acknowledge_notice(name, etag=old),
    ):
        with pytest.raises(Stale):
            act()
    assert size(sfc) == before
    assert sfc.withdraw_notice(name, explanation=WHY, etag=sfc.get_notice(name).etag).state == Notice.WITHDRAWN


# --- several at once ----------------------------------------------------------------------------------------------


def test_a_batch_is_given_whole_or_not_at_all(sfc):
    before, taken = size(sfc), new_id()
    sfc.create_notice(content(), recipient="KR", notice_id=taken)
    for last in (
        request(content(urgency=0), recipient="KR"),
        request(content(), recipient="KR", notice_id=taken),
        request(content(references=[reference(Reference.SUPERSEDES, "hk-nowhere")]), recipient="KR"),
    ):
        first = new_id()
        with pytest.raises((InvalidRequest, AlreadyExists)):
            sfc.batch_create_notices([request(content(), recipient="KR", notice_id=first), last])
        with pytest.raises(NotFound):
            sfc.get_notice(first)
    assert size(sfc) == before + 1
    made = sfc.batch_create_notices([request(content(), recipient="KR", notice_id=new_id()) for _ in range(3)])
    indexes = [notice.position.index for notice in made.notices]
    assert indexes == list(range(before + 1, before + 4))


def test_in_a_stream_a_refused_notice_holds_up_no_other(sfc):
    before, taken = size(sfc), new_id()
    requests = [request(content(), recipient="KR", notice_id=new_id()) for _ in range(6)]
    requests[1] = request(content(urgency=0), recipient="KR")
    requests[3] = request(content(), recipient="JP")
    requests[4] = request(content(), recipient="KR", notice_id=taken, validate_only=True)
    answer = sfc.submit_notices(requests, chunk=4)
    assert (answer.received_count, answer.sealed_count) == (6, 3)
    assert [each.index for each in answer.refusals] == [1, 3, 4]
    assert size(sfc) == before + 3
    again = sfc.submit_notices(requests, chunk=2)  # under the same ids of request
    assert (again.received_count, again.sealed_count) == (6, 3)
    assert size(sfc) == before + 3


def test_a_short_message_of_a_stream_does_not_overtake_the_long_one_before_it(sfc):
    requests = [request(content(), recipient="KR", notice_id=new_id()) for _ in range(201)]
    sfc.submit_notices(requests, chunk=200)
    newest = next(iter(sfc.list_notices(direction=Notice.OUTGOING)))
    assert newest.name == f"notices/{requests[-1].notice_id}"


def test_a_request_id_is_the_same_in_capital_letters(sfc):
    request_id = str(uuid.uuid4())
    made = sfc.create_notice(content(), recipient="KR", request_id=request_id)
    assert sfc.create_notice(content(), recipient="KR", request_id=request_id.upper()).name == made.name


def test_what_is_validated_under_the_id_of_a_request_that_was_carried_out_is_what_that_made(sfc):
    asked = request(content(), recipient="KR")
    made = sfc.batch_create_notices([asked]).notices[0]
    asked.validate_only = True
    again = sfc.batch_create_notices([asked]).notices[0]
    assert (again.name, again.position) == (made.name, made.position)
    asked.notice.content.urgency += 1
    with pytest.raises(AlreadyExists):
        sfc.batch_create_notices([asked])


def test_a_batch_is_validated_as_a_whole(sfc):
    taken, request_id, earlier = new_id(), str(uuid.uuid4()), sfc.create_notice(content(), recipient="KR").name
    before = size(sfc)
    instead = content(references=[reference(Reference.SUPERSEDES, earlier.removeprefix("notices/"))])
    twice = {
        "one id": [request(content(), recipient="KR", notice_id=taken) for _ in range(2)],
        "one request id": [
            request(content(urgency=urgency), recipient="KR", request_id=request_id) for urgency in (1, 2)
        ],
        "one notice superseded": [request(instead, recipient="KR") for _ in range(2)],
    }
    for what, requests in twice.items():
        for only in (True, False):
            for each in requests:
                each.validate_only = only
            with pytest.raises((AlreadyExists, InvalidRequest, WrongState)):
                pytest.fail(f"{what}: {sfc.batch_create_notices(requests)}")
    assert size(sfc) == before


def test_what_is_validated_twice_in_one_batch_under_one_request_id_is_one_notice(sfc):
    asked = request(content(), recipient="KR", validate_only=True, request_id=str(uuid.uuid4()))
    first, second = sfc.batch_create_notices([asked, asked]).notices
    assert first == second


def test_what_is_only_validated_is_told_as_it_would_be(sfc):
    told, made = (sfc.create_notice(content(), recipient="KR", validate_only=only) for only in (True, False))
    assert (told.kind, told.author, told.sender, told.content) == (made.kind, made.author, made.sender, made.content)


def test_what_is_only_validated_is_not_written(sfc):
    before, wanted = size(sfc), new_id()
    for _ in range(2):
        made = sfc.create_notice(content(), recipient="KR", notice_id=wanted, validate_only=True)
        assert (made.name, made.state) == (f"notices/{wanted}", Notice.STATE_UNSPECIFIED)
    sfc.batch_create_notices([request(content(), recipient="KR", validate_only=True) for _ in range(2)])
    with pytest.raises(InvalidRequest):
        sfc.create_notice(content(urgency=0), recipient="KR", validate_only=True)
    with pytest.raises(NotFound):
        sfc.get_notice(wanted)
    assert size(sfc) == before
