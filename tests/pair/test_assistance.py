"""Between two real nodes: one authority asks another abroad with four eyes, and is answered in parts, with a file."""

import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from regulator.exchange import Client, NotAllowed, NotFound, WrongState, notice_request
from regulator.exchange.draft_requests import Act
from regulator.exchange.requests import withdraw_notice
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Attachment, Handling

from gateway.identity.certificates.keyfiles import read_certificate
from gateway.identity.evidence.evidence import verify_evidence
from tests.supervision.assistance_samples import Reply, answering, asking
from tests.supervision.samples import handling
from tests.supervision.sharing_samples import english
from tests.support.nodes import Site, eventually

A = AssistanceAnswer
NARROW = {"handling": handling(tlp=Handling.AMBER_STRICT)}  # what Hong Kong's rules ask a second person for


@pytest.fixture
def sfc(four_eyes_pair: tuple[Site, Site]) -> Iterator[Client]:
    with four_eyes_pair[0].client("SFC") as client:
        yield client


@pytest.fixture
def desk(four_eyes_pair: tuple[Site, Site]) -> Iterator[Client]:
    """Who approves in Hong Kong."""
    with four_eyes_pair[0].client("SFC", "desk") as client:
        yield client


@pytest.fixture
def fsc(four_eyes_pair: tuple[Site, Site]) -> Iterator[Client]:
    """Who is asked in Korea."""
    with four_eyes_pair[1].client("FSC") as client:
        yield client


def approved(office: Client, desk: Client, act: Act) -> None:
    draft = office.create_draft(act)
    desk.approve_draft(draft.name, etag=office.submit_draft(draft.name, etag=draft.etag).etag)


def asked(sfc: Client, desk: Client, fsc: Client) -> str:
    """The id of a request to the FSC that arrived."""
    notice_id = f"hk-{uuid.uuid4()}"
    content = asking(requested_authority="FSC", **NARROW)
    approved(sfc, desk, notice_request(content, recipient="KR", notice_id=notice_id))
    is_in(fsc, notice_id, AssistanceCase.OPEN)
    return notice_id


def is_in(client: Client, name: str, state: AssistanceCase.State.ValueType) -> None:
    """Waits until a node knows that a case has come so far."""

    def there() -> bool:
        try:
            return client.get_assistance_case(name).state == state
        except NotFound:
            return False

    eventually(there)


def answer(client: Client, request: str, outcome: A.Outcome.ValueType, **changes: Any) -> Notice:
    return client.create_notice(answering(request, outcome=outcome, **NARROW, **changes), recipient="HK")


def test_a_request_is_answered_in_parts_and_proven_and_a_taken_back_answer_opens_it_again(
    four_eyes_pair: tuple[Site, Site], sfc: Client, desk: Client, fsc: Client, tmp_path: Path
) -> None:
    request = asked(sfc, desk, fsc)
    taken = answer(fsc, request, A.ACCEPTED)
    is_in(sfc, request, AssistanceCase.ACCEPTED)

    (tmp_path / "accounts.csv").write_bytes(b"who,when\n" * 1000)
    data = (tmp_path / "accounts.csv").read_bytes()
    fsc.upload_attachment(tmp_path / "accounts.csv")
    file = Attachment(
        file_name="accounts.csv", media_type="text/csv", size_bytes=len(data), sha256=sha256(data).digest()
    )
    said = [Reply(question="1", text=english("A firm."))]
    part = answer(fsc, request, A.PARTIAL, replies=said, attachments=[file])
    is_in(sfc, request, AssistanceCase.PARTLY_ANSWERED)
    eventually(lambda: sfc.get_notice(part.name).HasField("attachments_receipt"))
    sfc.download_attachment(f"{part.name}/attachments/1", tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == data
    assert list(sfc.get_notice(part.name).content.assistance_answer.replies) == said

    whole = answer(fsc, request, A.COMPLETE)
    is_in(sfc, request, AssistanceCase.ANSWERED)
    for client in (sfc, fsc):
        found = client.get_assistance_case(request)
        assert [each.notice for each in found.answers] == [taken.name, part.name, whole.name]
        assert [each.outcome for each in found.answers] == [A.ACCEPTED, A.PARTIAL, A.COMPLETE]
        assert found.request.approver.client == "spiffe://gateway.hk.example/SFC/desk"
    with pytest.raises(WrongState) as refused:
        answer(fsc, request, A.PARTIAL)
    assert (refused.value.reason, refused.value.metadata["state"]) == ("ASSISTANCE_CLOSED", "ANSWERED")
    proven(four_eyes_pair, sfc, request, whole.name)

    fsc.withdraw_notice(whole.name, explanation={"en": "Another firm."})
    is_in(sfc, request, AssistanceCase.PARTLY_ANSWERED)
    no = answer(fsc, request, A.DECLINED, ground=A.NOT_AVAILABLE)
    is_in(sfc, request, AssistanceCase.DECLINED)
    (last,) = [each for each in sfc.get_assistance_case(request).answers if each.notice == no.name]
    assert (last.issuing_authority, last.state) == ("FSC", Notice.RECEIVED)


def proven(pair: tuple[Site, Site], sfc: Client, request: str, last: str) -> None:
    """Who asked can show a third person what it asked, and what it was answered."""
    roots = [read_certificate(site.home.root("node-authority")) for site in pair]
    for name, content in ((request, sfc.get_notice(request).content), (last, sfc.get_notice(last).content)):
        eventually(lambda name=name: sfc.get_evidence(name).receipted)
        found = verify_evidence(sfc.get_evidence(name).tlog_proof, roots)
        assert found.received_at
        assert found.envelope.notice_released.content == content
        assert found.envelope.approver.client.endswith("/desk") == (name == request)


def test_no_other_authority_answers_and_nobody_answers_what_is_taken_back(
    four_eyes_pair: tuple[Site, Site], sfc: Client, desk: Client, fsc: Client
) -> None:
    request = asked(sfc, desk, fsc)
    with four_eyes_pair[1].client("FSS") as fss, pytest.raises(NotAllowed, match="asks FSC"):
        answer(fss, request, A.ACCEPTED, issuing_authority="FSS")
    assert not fsc.get_assistance_case(request).answers

    approved(sfc, desk, withdraw_notice(request, explanation={"en": "It is known by now."}))
    is_in(fsc, request, AssistanceCase.WITHDRAWN)
    with pytest.raises(WrongState, match="needs no answer"):
        answer(fsc, request, A.ACCEPTED)
    waiting = fsc.list_assistance_cases(direction=Notice.INCOMING, state=AssistanceCase.OPEN, requested_authority="FSC")
    assert f"assistanceCases/{request}" not in {each.name for each in waiting}
