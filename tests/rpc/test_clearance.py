"""Clearance and sectors, asked of a real node: what a client may not see is to it as if it were not there."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pytest
from regulator.exchange.v1 import evidence_service_pb2 as evidence
from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, SECTOR_DEALING, Handling, LocalizedText

from gateway.identity.access.access import Role
from tests.rpc.calls import CREATE, DEADLINE_SECONDS, EVENTS, EVIDENCE, NOTICES, Answer, call, client_files, connected
from tests.supervision.samples import HK_TO_KR, content, handling, reference
from tests.support.nodes import Site, eventually, found_pair, running

WHY = [LocalizedText(language_tag="en", text="It was wrong.")]
UNKNOWN = "notices/hk-2026-unknown"


@dataclass(frozen=True)
class Pair:
    hk: Site
    kr: Site


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    hk, kr = found_pair(tmp_path_factory.mktemp("clearance"))
    for site, authority in ((hk, "SFC"), (kr, "FSC")):
        site.add_client(authority, list(Role), "amber", Handling.AMBER)
        site.add_client(authority, list(Role), "custody", Handling.RED, [SECTOR_CUSTODY])
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GRPC_SSL_CIPHER_SUITES", raising=False)
        with running(hk, kr):
            yield Pair(hk, kr)


@pytest.fixture(params=["amber", "custody"])
def narrow(request: pytest.FixtureRequest, sites: Pair) -> Iterator[grpc.Channel]:
    """A connection of a client that may not see all."""
    with connected(sites.hk, sites.hk.back_office_port, client_files(sites.hk, "SFC", request.param)) as channel:
        yield channel


def red(**changes: object) -> NoticeContent:
    """What neither of the two clients may see."""
    return content(handling=handling(tlp=Handling.RED), sectors=[SECTOR_DEALING], **changes)


def open_to_both(**changes: object) -> NoticeContent:
    return content(sectors=[SECTOR_CUSTODY], **changes)


def give(site: Site, what: NoticeContent) -> str:
    with site.client("SFC" if site.jurisdiction == "HK" else "FSC") as client:
        recipient = "KR" if site.jurisdiction == "HK" else "HK"
        return str(client.create_notice(what, recipient=recipient).name)


def settle(site: Site) -> None:
    """Waits until nothing is under way."""
    with site.client("SFC") as client:
        eventually(lambda: all(each.receipted_size == each.size for each in client.list_channels()))


def anonymous(answer: Answer, name: str) -> tuple[object, ...]:
    """An answer, with the name that was asked for taken out."""
    name = name.removeprefix("notices/")
    infos = tuple(str(info).replace(name, "X") for info in answer.infos)
    return answer.code, answer.text.replace(name, "X"), infos, answer.fields, answer.data


ACTS = {
    "get": lambda name: (f"{NOTICES}GetNotice", pb.GetNoticeRequest(name=name)),
    "acknowledge": lambda name: (f"{NOTICES}AcknowledgeNotice", pb.AcknowledgeNoticeRequest(name=name)),
    "acknowledge with an etag": lambda name: (
        f"{NOTICES}AcknowledgeNotice",
        pb.AcknowledgeNoticeRequest(name=name, etag='"7"', request_id=str(uuid.uuid4())),
    ),
    "withdraw": lambda name: (f"{NOTICES}WithdrawNotice", pb.WithdrawNoticeRequest(name=name, explanation=WHY)),
    "supersede": lambda name: (
        f"{NOTICES}SupersedeNotice",
        pb.SupersedeNoticeRequest(name=name, content=open_to_both()),
    ),
    "evidence": lambda name: (f"{EVIDENCE}GetEvidence", evidence.GetEvidenceRequest(notice=name)),
    "evidence of an act": lambda name: (f"{EVIDENCE}GetEvidence", evidence.GetEvidenceRequest(notice=name, act=2)),
    "supersede by reference": lambda name: (CREATE, _referring(Reference.SUPERSEDES, name)),
    "withdraw by reference, to try": lambda name: (CREATE, _referring(Reference.WITHDRAWS, name, validate_only=True)),
}


def _referring(relation: Reference.Relation.ValueType, name: str, **more: bool) -> pb.CreateNoticeRequest:
    what = open_to_both(references=[reference(relation, name.removeprefix("notices/"))])
    return pb.CreateNoticeRequest(notice=pb.Notice(recipient="KR", content=what), **more)


@pytest.mark.parametrize("act", ACTS)
def test_each_act_on_what_is_hidden_answers_as_for_what_is_not_there(sites: Pair, narrow: grpc.Channel, act: str):
    hidden = give(sites.hk, red())
    answers = {anonymous(call(narrow, *ACTS[act](name)), name) for name in (hidden, UNKNOWN)}
    assert len(answers) == 1
    assert next(iter(answers))[0] in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)


def test_what_came_from_a_peer_is_hidden_by_the_same_rule(sites: Pair, narrow: grpc.Channel):
    hidden, shown = give(sites.kr, red(issuing_authority="FSC")), give(sites.kr, open_to_both(issuing_authority="FSC"))
    eventually(lambda: call(narrow, *ACTS["get"](shown)).code == grpc.StatusCode.OK)
    assert call(narrow, *ACTS["get"](hidden)).code == grpc.StatusCode.NOT_FOUND
    assert call(narrow, *ACTS["acknowledge"](hidden)).code == grpc.StatusCode.NOT_FOUND
    assert call(narrow, *ACTS["acknowledge"](shown)).code == grpc.StatusCode.OK


def test_pages_are_full_and_their_tokens_of_one_form(sites: Pair, narrow: grpc.Channel):
    shown = []
    for between in (3, 0, 1):
        for _ in range(between):
            give(sites.hk, red())
        shown.append(give(sites.hk, open_to_both()))
    names, tokens, token = [], [], ""
    for _ in range(3):
        request = pb.ListNoticesRequest(page_size=1, page_token=token)
        page = pb.ListNoticesResponse.FromString(call(narrow, f"{NOTICES}ListNotices", request).data)
        names += [each.name for each in page.notices]
        token = page.next_page_token
        tokens.append(token)
    assert names == shown[::-1]
    assert len({len(each) for each in tokens if each}) == 1


def watched(channel: grpc.Channel, cursor: str = "") -> tuple[list[Event], str]:
    """All events after a cursor that the client is told, so far, and the last cursor."""
    stream = channel.unary_stream(f"{EVENTS}WatchEvents", response_deserializer=WatchEventsResponse.FromString)
    answers = stream(WatchEventsRequest(cursor=cursor).SerializeToString(), timeout=DEADLINE_SECONDS)
    found = []
    for response in answers:
        if not response.HasField("event"):
            answers.cancel()
            return found, response.cursor
        found.append(response.event)
    raise AssertionError("the watch ended by itself")


def test_a_watch_is_told_nothing_of_what_is_hidden(sites: Pair, narrow: grpc.Channel):
    hidden, shown = give(sites.hk, red()), give(sites.hk, open_to_both())
    give(sites.hk, red(references=[reference(Reference.WITHDRAWS, shown.removeprefix("notices/"))]))
    settle(sites.hk)
    events, cursor = watched(narrow)
    ours = [event for event in events if event.notice == shown]
    assert [event.kind for event in ours if event.kind != Event.NOTICE_DELIVERED] == [
        Event.NOTICE_RELEASED,
        Event.NOTICE_WITHDRAWN,
    ]
    assert hidden not in {event.notice for event in events}
    assert not [event.detail for event in events if "notices/" in event.detail]
    assert watched(narrow, cursor)[0] == []


def test_cursors_of_one_place_are_never_the_same(sites: Pair, narrow: grpc.Channel):
    """So whether something hidden happened meanwhile is not to be seen in them."""
    give(sites.hk, open_to_both())
    eventually(lambda: len({watched(narrow)[1] for _ in range(3)}) == 3)


def test_an_open_watch_says_nothing_when_something_hidden_happens(sites: Pair, narrow: grpc.Channel):
    settle(sites.hk)
    stream = narrow.unary_stream(f"{EVENTS}WatchEvents", response_deserializer=WatchEventsResponse.FromString)
    answers = stream(WatchEventsRequest(from_now=True).SerializeToString(), timeout=DEADLINE_SECONDS)
    assert not next(answers).HasField("event")
    give(sites.hk, red())
    shown = give(sites.hk, open_to_both())
    assert next(answers).event.notice == shown
    answers.cancel()


def test_evidence_by_place_is_given_for_what_is_seen(sites: Pair, narrow: grpc.Channel):
    with sites.hk.client("SFC") as client:
        places = [client.get_notice(give(sites.hk, what)).position.index for what in (red(), open_to_both())]
        size = next(each.size for each in client.list_channels() if each.origin == HK_TO_KR)
    hidden, shown, absent = [
        call(narrow, f"{EVIDENCE}GetEvidence", evidence.GetEvidenceRequest(origin=HK_TO_KR, index=index))
        for index in (*places, size + 1000)
    ]
    assert shown.code == grpc.StatusCode.OK
    assert hidden.code == absent.code == grpc.StatusCode.NOT_FOUND
    assert hidden.text.replace(str(places[0]), "N") == absent.text.replace(str(size + 1000), "N")


def test_nobody_writes_what_it_could_not_read_again(sites: Pair, narrow: grpc.Channel):
    for more in ({}, {"validate_only": True}):
        answer = call(narrow, CREATE, pb.CreateNoticeRequest(notice=pb.Notice(recipient="KR", content=red()), **more))
        assert (answer.code, answer.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")
    with sites.hk.client("SFC") as client:
        kept = give(sites.hk, open_to_both())
        answer = call(narrow, f"{NOTICES}SupersedeNotice", pb.SupersedeNoticeRequest(name=kept, content=red()))
        assert answer.code == grpc.StatusCode.PERMISSION_DENIED
        assert client.get_notice(kept).state != pb.Notice.SUPERSEDED


def test_the_one_that_may_see_everything_does(sites: Pair):
    with sites.hk.client("SFC") as client:
        name = give(sites.hk, red())
        assert client.get_notice(name).content == red()
        assert name in {each.name for each in client.list_notices()}
