"""Four eyes by officers: two people may share a system, one person may not be two by using two systems."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import grpc
import pytest
from google.protobuf.message import Message
from regulator.exchange.v1 import draft_service_pb2 as pb
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.notice_service_pb2 import GetNoticeRequest, Notice

from gateway.identity.access.access import Role
from tests.conftest import FOUR_EYES
from tests.rpc.calls import DRAFTS, NOTICES, Answer, call, client_files, connected
from tests.rpc.malformed_requests import creation
from tests.supervision.samples import content, handling
from tests.support.issuers import AUDIENCE, Issuer
from tests.support.nodes import found_pair, running

OFFICERS = f"""
[officers]
require_person = ["DraftService/ApproveDraft"]

[[officers.issuers]]
issuer = "{{issuer}}"
audience = "{AUDIENCE}"
jwks = "trust/officers.json"
"""

Ask = Callable[[str, Message, str], Answer]


@dataclass(frozen=True)
class Systems:
    """Two systems of one authority, and who may use them: asks a method for an officer; empty: for nobody."""

    office: Ask
    desk: Ask
    issuer: Issuer


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systems]:
    hk, _ = found_pair(tmp_path_factory.mktemp("draft-officers"))
    issuer = Issuer()
    hk.configure(FOUR_EYES + OFFICERS.format(issuer=issuer.name))
    (hk.home.path / "trust" / "officers.json").write_bytes(issuer.jwks())
    hk.add_client("SFC", list(Role), "desk")

    def asking(channel: grpc.Channel) -> Ask:
        def ask(method: str, request: Message, officer: str) -> Answer:
            token = issuer.token(subject=officer) if officer else ""
            metadata = [("authorization", f"Bearer {token}")] if token else []
            return call(channel, method, request, metadata=metadata)

        return ask

    with (
        running(hk),
        connected(hk, hk.back_office_port, client_files(hk, "SFC")) as office,
        connected(hk, hk.back_office_port, client_files(hk, "SFC", "desk")) as desk,
    ):
        yield Systems(asking(office), asking(desk), issuer)


def pending(systems: Systems, officer: str) -> Draft:
    narrow = creation(content(handling=handling(tlp="RED")))
    created = systems.office(f"{DRAFTS}CreateDraft", pb.CreateDraftRequest(draft=Draft(create_notice=narrow)), officer)
    name = Draft.FromString(created.data).name
    submitted = systems.office(f"{DRAFTS}SubmitDraft", pb.SubmitDraftRequest(name=name), officer)
    return Draft.FromString(submitted.data)


def approval(draft: Draft) -> pb.ApproveDraftRequest:
    return pb.ApproveDraftRequest(name=draft.name, etag=draft.etag)


def test_another_officer_approves_through_the_same_system_and_both_are_named(systems):
    draft = pending(systems, "wong")
    done = Draft.FromString(systems.office(f"{DRAFTS}ApproveDraft", approval(draft), "chan").data)
    assert done.state == Draft.RELEASED
    answer = systems.office(f"{NOTICES}GetNotice", GetNoticeRequest(name=done.released), "wong")
    notice = Notice.FromString(answer.data)
    assert notice.author.officer == f"{systems.issuer.name}#wong"
    assert notice.approver.officer == f"{systems.issuer.name}#chan"
    assert notice.author.client == notice.approver.client


def test_one_officer_is_one_whatever_systems_he_uses(systems):
    draft = pending(systems, "wong")
    for ask in (systems.office, systems.desk):
        refused = ask(f"{DRAFTS}ApproveDraft", approval(draft), "wong")
        assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")


def test_an_officer_does_not_approve_what_his_system_wrote_by_itself(systems):
    draft = pending(systems, "")
    refused = systems.office(f"{DRAFTS}ApproveDraft", approval(draft), "wong")
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_ALLOWED")
    assert systems.desk(f"{DRAFTS}ApproveDraft", approval(draft), "wong").code == grpc.StatusCode.OK


def test_where_a_person_is_required_no_system_approves_by_itself(systems):
    draft = pending(systems, "wong")
    refused = systems.desk(f"{DRAFTS}ApproveDraft", approval(draft), "")
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERSON_REQUIRED")
