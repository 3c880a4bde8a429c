"""Requests that are refused for something else than a content: the code, the reason and the fields of the answer."""

import base64
from dataclasses import dataclass, field

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from regulator.exchange.v1 import admin_service_pb2 as admin
from regulator.exchange.v1 import event_service_pb2 as event
from regulator.exchange.v1 import evidence_service_pb2 as evidence
from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.questions.paging import page_token
from tests.rpc.calls import ADMIN, EVENTS, EVIDENCE, NOTICES
from tests.supervision.samples import HK_TO_KR, content

INVALID, DENIED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED
MISSING, TAKEN = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS
HUGE = 2**64 - 1
LETTER = [LocalizedText(language_tag="en", text="Why.")]


@dataclass(frozen=True)
class Refused:
    """A request, and how it is refused."""

    method: str
    request: Message | bytes
    fields: tuple[str, ...] = ()
    code: grpc.StatusCode = INVALID
    reason: str = field(default="")

    def __post_init__(self) -> None:
        reasons = {INVALID: "BAD_INPUT", DENIED: "NOT_ALLOWED", MISSING: "NOT_FOUND", TAKEN: "ALREADY_EXISTS"}
        object.__setattr__(self, "reason", self.reason or reasons[self.code])


def creation(said: object = None, recipient: str = "KR", **parts: object) -> pb.CreateNoticeRequest:
    return pb.CreateNoticeRequest(notice=pb.Notice(recipient=recipient, content=said or content()), **parts)


def _create(field_name: str, request: pb.CreateNoticeRequest, **rest: object) -> Refused:
    return Refused(f"{NOTICES}CreateNotice", request, (field_name,) if field_name else (), **rest)


def _batch(*requests: pb.CreateNoticeRequest) -> pb.BatchCreateNoticesRequest:
    return pb.BatchCreateNoticesRequest(requests=requests)


def _list(field_name: str, **parts: object) -> Refused:
    return Refused(f"{NOTICES}ListNotices", pb.ListNoticesRequest(**parts), (field_name,))


def _watch(field_name: str, **parts: object) -> Refused:
    return Refused(f"{EVENTS}WatchEvents", event.WatchEventsRequest(**parts), (field_name,))


def _evidence(field_name: str = "", code: grpc.StatusCode = INVALID, **parts: object) -> Refused:
    fields = (field_name,) if code == INVALID else ()
    return Refused(f"{EVIDENCE}GetEvidence", evidence.GetEvidenceRequest(**parts), fields, code)


def _proof(field_name: str, origin: str = HK_TO_KR, code: grpc.StatusCode = INVALID, **sizes: int) -> Refused:
    request = evidence.GetConsistencyProofRequest(origin=origin, **sizes)
    return Refused(f"{EVIDENCE}GetConsistencyProof", request, (field_name,) if field_name else (), code)


def _forged_token(position: int) -> str:
    """A token that this node never gave, with the right filters: they bear no secret."""
    good = base64.urlsafe_b64decode(page_token(1, pb.ListNoticesRequest()))
    return base64.urlsafe_b64encode(position.to_bytes(8) + good[8:]).decode()


REQUESTS: dict[str, Refused] = {
    # --- giving a notice
    "nothing at all": _create("notice", pb.CreateNoticeRequest()),
    "no bytes": Refused(f"{NOTICES}CreateNotice", b"", ("notice",)),
    "no content": _create("notice.content", pb.CreateNoticeRequest(notice=pb.Notice(recipient="KR"))),
    "no recipient": _create("notice.recipient", creation(recipient="")),
    "unknown recipient": _create("notice.recipient", creation(recipient="JP")),
    "own jurisdiction": _create("notice.recipient", creation(recipient="HK")),
    "recipient in lower case": _create("notice.recipient", creation(recipient="kr")),
    "another authority": _create("", creation(content(issuing_authority="HKMA")), code=DENIED),
    "an authority of the peer": _create("", creation(content(issuing_authority="FSS")), code=DENIED),
    "id of another jurisdiction": _create("notice_id", creation(notice_id="kr-1")),
    "id in upper case": _create("notice_id", creation(notice_id="HK-1")),
    "id with a path": _create("notice_id", creation(notice_id="hk-../x")),
    "id too long": _create("notice_id", creation(notice_id="hk-" + "a" * 61)),
    "request_id that is no UUID": _create("request_id", creation(request_id="1")),
    "batch of none": Refused(f"{NOTICES}BatchCreateNotices", _batch(), ("requests",)),
    "batch of 1,001": Refused(f"{NOTICES}BatchCreateNotices", _batch(*[creation()] * 1001), ("requests",)),
    "batch with a bad one": Refused(
        f"{NOTICES}BatchCreateNotices",
        _batch(creation(), creation(content(urgency=0))),
        ("requests[1].notice.content.urgency",),
    ),
    "batch that half validates": Refused(
        f"{NOTICES}BatchCreateNotices", _batch(creation(), creation(validate_only=True)), ("requests",)
    ),
    "batch that asks for one id twice": Refused(
        f"{NOTICES}BatchCreateNotices",
        _batch(creation(notice_id="hk-twice"), creation(), creation(notice_id="hk-twice")),
        ("requests[2].notice_id",),
    ),
    "stream of 1,001 in one": Refused(
        f"{NOTICES}SubmitNotices", pb.SubmitNoticesRequest(requests=[creation()] * 1001), ("requests",)
    ),
    "stream of none in one": Refused(f"{NOTICES}SubmitNotices", pb.SubmitNoticesRequest(), ("requests",)),
    # --- notices that are there, or not
    "get without a name": Refused(f"{NOTICES}GetNotice", pb.GetNoticeRequest(), ("name",)),
    "get a bare id": Refused(f"{NOTICES}GetNotice", pb.GetNoticeRequest(name="hk-1"), ("name",)),
    "get what is not there": Refused(f"{NOTICES}GetNotice", pb.GetNoticeRequest(name="notices/hk-0"), (), MISSING),
    "get by injection": Refused(f"{NOTICES}GetNotice", pb.GetNoticeRequest(name="notices/hk-1' OR 1=1--"), ("name",)),
    "acknowledge what is not there": Refused(
        f"{NOTICES}AcknowledgeNotice", pb.AcknowledgeNoticeRequest(name="notices/kr-0"), (), MISSING
    ),
    "acknowledge over two lines": Refused(
        f"{NOTICES}AcknowledgeNotice",
        pb.AcknowledgeNoticeRequest(name="notices/kr-0", case_reference="a\nb"),
        ("case_reference",),
    ),
    "acknowledge with a bad comment": Refused(
        f"{NOTICES}AcknowledgeNotice",
        pb.AcknowledgeNoticeRequest(name="notices/kr-0", comment=[LocalizedText(language_tag="en", text="\u202e")]),
        ("comment[0].text",),
    ),
    "withdraw without a word": Refused(
        f"{NOTICES}WithdrawNotice", pb.WithdrawNoticeRequest(name="notices/hk-0"), ("explanation",)
    ),
    "withdraw what is not there": Refused(
        f"{NOTICES}WithdrawNotice", pb.WithdrawNoticeRequest(name="notices/hk-0", explanation=LETTER), (), MISSING
    ),
    "supersede with nothing": Refused(
        f"{NOTICES}SupersedeNotice", pb.SupersedeNoticeRequest(name="notices/hk-0"), ("content",)
    ),
    "supersede what is not there": Refused(
        f"{NOTICES}SupersedeNotice",
        pb.SupersedeNoticeRequest(name="notices/hk-0", content=content()),
        (),
        MISSING,
    ),
    # --- lists
    "page of less than none": _list("page_size", page_size=-1),
    "token of no list": _list("page_token", page_token="AAAA"),
    "token in Korean": _list("page_token", page_token="다음"),
    "token too long": _list("page_token", page_token="A" * 513),
    "token of another list": _list("page_token", page_token=page_token(5, pb.ListNoticesRequest(peer="KR"))),
    "token that is forged": _list("page_token", page_token=_forged_token(HUGE)),
    "direction unknown": _list("direction", direction=9),
    "kind unknown": _list("kind", kind=99),
    "state unknown": _list("state", state=99),
    "sector unknown": _list("sector", sector=99),
    "peer in lower case": _list("peer", peer="kr"),
    "authority with NUL": _list("issuing_authority", issuing_authority="a\0"),
    "identifier with an escape": _list("subject_identifier", subject_identifier="\x1b[2J"),
    "identifier too long": _list("subject_identifier", subject_identifier="a" * 65),
    "since no year": _list("release_time_from", release_time_from=Timestamp(seconds=-(2**60))),
    "until no moment": _list("release_time_before", release_time_before=Timestamp(nanos=-1)),
    # --- events
    "cursor in words": _watch("cursor", cursor="now"),
    "cursor from the future": _watch("cursor", cursor="999999999"),
    "cursor below zero": _watch("cursor", cursor="-1"),
    "cursor that is forged": _watch("cursor", cursor=base64.urlsafe_b64encode(bytes(32)).decode()),
    "cursor in other digits": _watch("cursor", cursor="\u0661"),
    "kind of event unknown": _watch("kinds[0]", kinds=[99]),
    "kind of event twice": _watch("kinds", kinds=[1, 1]),
    # --- proofs
    "evidence of nothing": _evidence("notice"),
    "evidence of both": _evidence("notice", notice="notices/hk-1", origin=HK_TO_KR),
    "evidence of an unknown act": _evidence("act", notice="notices/hk-1", act=9),
    "evidence of no notice": _evidence(code=MISSING, notice="notices/hk-0"),
    "evidence of no channel": _evidence(code=MISSING, origin="a/to/b"),
    "evidence past the end": _evidence(code=MISSING, origin=HK_TO_KR, index=10**6),
    "evidence past any end": _evidence(code=MISSING, origin=HK_TO_KR, index=HUGE),
    "evidence with an escape": _evidence("origin", origin="\x1b[2J"),
    "fork of nothing": Refused(f"{EVIDENCE}GetForkProof", evidence.GetForkProofRequest(), ("origin",)),
    "fork before the first": Refused(
        f"{EVIDENCE}GetForkProof", evidence.GetForkProofRequest(origin=HK_TO_KR, number=-1), ("number",)
    ),
    "fork of another channel": Refused(
        f"{EVIDENCE}GetForkProof", evidence.GetForkProofRequest(origin="a/to/b"), (), MISSING
    ),
    "checkpoint of nothing": Refused(f"{EVIDENCE}GetCheckpoint", evidence.GetCheckpointRequest(), ("origin",)),
    "checkpoint of no channel": Refused(
        f"{EVIDENCE}GetCheckpoint", evidence.GetCheckpointRequest(origin="a/to/b"), (), MISSING
    ),
    "proof from nothing": _proof("first_size", second_size=1),
    "proof backwards": _proof("first_size", first_size=2, second_size=1),
    "proof past the end": _proof("second_size", first_size=1, second_size=10**6),
    "proof past any end": _proof("second_size", first_size=HUGE, second_size=HUGE),
    "proof of no channel": _proof("", "a/to/b", MISSING, first_size=1, second_size=1),
    # --- the node
    "peer of no name": Refused(f"{ADMIN}GetPeer", admin.GetPeerRequest(name="KR"), ("name",)),
    "peer that is none": Refused(f"{ADMIN}GetPeer", admin.GetPeerRequest(name="peers/jp"), (), MISSING),
    "channel of no name": Refused(f"{ADMIN}GetChannel", admin.GetChannelRequest(name=HK_TO_KR), ("name",)),
    "channel that is none": Refused(
        f"{ADMIN}GetChannel", admin.GetChannelRequest(name="channels/hk-to-jp"), (), MISSING
    ),
    "certificates with a bad token": Refused(
        f"{ADMIN}ListCertificates", admin.ListCertificatesRequest(page_token="AAAA"), ("page_token",)
    ),
    "peers with a bad token": Refused(f"{ADMIN}ListPeers", admin.ListPeersRequest(page_token="AAAA"), ("page_token",)),
    "channels with a forged token": Refused(
        f"{ADMIN}ListChannels", admin.ListChannelsRequest(page_token=_forged_token(1)), ("page_token",)
    ),
}
