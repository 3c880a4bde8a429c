"""Four eyes between real nodes: what is released names who wrote it and who approved it, here, there and in proofs."""

import asyncio
import sqlite3
import uuid
from collections.abc import Sequence

import pytest
from regulator.exchange import AsyncClient, Client, NotAllowed, NotFound, Stale, WrongState, notice_request
from regulator.exchange.requests import withdraw_notice
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice
from regulator.exchange.v1.values_pb2 import Handling

from gateway.identity.access.access import Role
from gateway.identity.certificates.keyfiles import read_certificate
from gateway.identity.evidence.evidence import verify_evidence
from tests.conftest import FOUR_EYES
from tests.crash.killing import check
from tests.supervision.samples import content, handling
from tests.support.nodes import Site, eventually, found_pair, running

OFFICE, DESK = "spiffe://gateway.hk.example/SFC/office", "spiffe://gateway.hk.example/SFC/desk"


def narrow_notice(notice_id: str = "") -> CreateNoticeRequest:
    made = content(handling=handling(tlp=Handling.AMBER_STRICT))
    return notice_request(made, recipient="KR", notice_id=notice_id or f"hk-{uuid.uuid4()}")


def pending(client: Client, act: CreateNoticeRequest) -> Draft:
    draft = client.create_draft(act)
    return client.submit_draft(draft.name, etag=draft.etag)


def arrived(client: Client, notice_id: str) -> Notice:
    """The notice at its recipient's node, once it is there."""
    found: list[Notice] = []

    def is_there() -> bool:
        found.extend(each for each in client.list_notices() if each.name == f"notices/{notice_id}")
        return bool(found)

    eventually(is_there)
    return found[0]


def events(client: Client, kinds: Sequence[Event.Kind.ValueType]) -> list[Event]:
    """All events of some kinds so far."""
    found = []
    with client.watch_events(kinds=kinds) as watch:
        for message in watch:
            if not message.HasField("event"):
                break
            found.append(message.event)
    return found


def test_the_peer_and_the_proof_tell_who_wrote_and_who_approved(four_eyes_pair: tuple[Site, Site]) -> None:
    hk, kr = four_eyes_pair
    act = narrow_notice()
    with hk.client("SFC") as office, hk.client("SFC", "desk") as desk, kr.client("FSS") as fss:
        waiting = pending(office, act)
        assert (waiting.state, waiting.rule) == (Draft.PENDING_APPROVAL, "narrow")
        with pytest.raises(NotFound):
            office.get_notice(act.notice_id)
        read = desk.get_draft(waiting.name)
        assert read.create_notice.notice == act.notice
        done = desk.approve_draft(read.name, etag=read.etag)
        assert done.released == f"notices/{act.notice_id}"
        eventually(lambda: office.get_notice(act.notice_id).state == Notice.DELIVERED)
        for notice in (office.get_notice(act.notice_id), fss.get_notice(act.notice_id)):
            assert (notice.author.client, notice.approver.client) == (OFFICE, DESK)
            assert {notice.author.authority, notice.approver.authority} == {"SFC"}
        evidence = fss.get_evidence(act.notice_id).tlog_proof
    roots = [read_certificate(site.home.root("node-authority")) for site in (hk, kr)]
    proven = verify_evidence(evidence, roots)
    assert (proven.envelope.author.client, proven.envelope.approver.client) == (OFFICE, DESK)


def test_a_withdrawal_names_both_too(four_eyes_pair: tuple[Site, Site]) -> None:
    hk, kr = four_eyes_pair
    notice_id = f"hk-{uuid.uuid4()}"
    with hk.client("SFC") as office, hk.client("SFC", "desk") as desk, kr.client("FSS") as fss:
        office.create_notice(content(), recipient="KR", notice_id=notice_id)
        with pytest.raises(WrongState) as refused:
            office.withdraw_notice(notice_id, explanation={"en": "Wrong."})
        assert (refused.value.reason, refused.value.metadata["rule"]) == ("APPROVAL_REQUIRED", "takes-back")
        waiting = pending(office, withdraw_notice(notice_id, explanation={"en": "Wrong."}))
        desk.approve_draft(waiting.name, etag=waiting.etag)
        eventually(lambda: arrived(fss, notice_id).state == Notice.WITHDRAWN)
        withdrawal = fss.get_notice(notice_id).withdrawal
    assert (withdrawal.author.client, withdrawal.approver.client) == (OFFICE, DESK)


def test_what_waits_is_told_to_its_authority_and_to_nobody_else(four_eyes_pair: tuple[Site, Site]) -> None:
    hk, kr = four_eyes_pair
    kinds = [Event.DRAFT_SUBMITTED, Event.DRAFT_APPROVED]
    with hk.client("SFC") as office, hk.client("SFC", "desk") as desk, hk.client("HKMA") as hkma, kr.client() as fsc:
        waiting = pending(office, narrow_notice())
        desk.approve_draft(waiting.name, etag=waiting.etag)

        def told(client: Client) -> list[int]:
            return [each.kind for each in events(client, kinds) if each.draft == waiting.name]

        assert told(desk) == told(office) == kinds
        assert told(hkma) == told(fsc) == []


def test_the_journal_tells_who_did_what_to_a_draft_and_what_was_released(four_eyes_pair: tuple[Site, Site]) -> None:
    hk, _ = four_eyes_pair
    act = narrow_notice()
    with hk.client("SFC") as office, hk.client("SFC", "desk") as desk:
        waiting = pending(office, act)
        with pytest.raises(Stale):
            desk.approve_draft(waiting.name, etag='"1"')
        desk.approve_draft(desk.get_draft(waiting.name).name, etag=waiting.etag)

        def told() -> list[tuple[str, str, str]]:
            entries = [each.entry for each in office.list_journal_entries(resource=waiting.name)]
            return [(e.method.rpartition("/")[2], e.client, e.outcome) for e in reversed(entries)]

        steps = [
            ("CreateDraft", OFFICE, "OK"),
            ("SubmitDraft", OFFICE, "OK"),
            ("ApproveDraft", DESK, "STALE"),
            ("GetDraft", DESK, "OK"),
            ("ApproveDraft", DESK, "OK"),
        ]
        eventually(lambda: sorted(told()) == sorted(steps))  # what is refused may be told later
        [release] = office.list_journal_entries(resource=f"notices/{act.notice_id}", method="ApproveDraft")
        assert waiting.name in release.entry.resources


def test_a_draft_outlives_a_restart_between_submitting_and_approving(tmp_path) -> None:
    hk, kr = found_pair(tmp_path)
    hk.configure(FOUR_EYES)
    hk.add_client("SFC", [Role.APPROVER], system="desk")
    act = narrow_notice("hk-kept")
    with running(hk, kr):
        with hk.client("SFC") as office:
            waiting = pending(office, act)
        hk.stop()
        hk.start()
        with hk.client("SFC", "desk") as desk, kr.client("FSS") as fss:
            desk.approve_draft(waiting.name, etag=waiting.etag)
            assert arrived(fss, "hk-kept").approver.client == DESK
    check(hk)
    check(kr)


def test_a_node_ends_drafts_whose_time_is_over_when_it_starts(tmp_path) -> None:
    hk, _ = found_pair(tmp_path)
    with running(hk):
        with hk.client("SFC") as office:
            waiting = pending(office, narrow_notice())
        hk.stop()
        with sqlite3.connect(hk.home.path / "node.db") as database:
            database.execute("UPDATE drafts SET expires_at = 1")
        hk.start()
        with hk.client("SFC") as office:
            eventually(lambda: office.get_draft(waiting.name).state == Draft.EXPIRED)
            assert office.get_draft(waiting.name).WhichOneof("act") is None
            [told] = events(office, [Event.DRAFT_EXPIRED])
        assert told.draft == waiting.name
    check(hk)


def test_of_many_approvals_at_once_one_releases(four_eyes_pair: tuple[Site, Site]) -> None:
    hk, kr = four_eyes_pair
    act = narrow_notice()
    with hk.client("SFC") as office:
        waiting = pending(office, act)

    async def approve_all() -> list[object]:
        async with AsyncClient(hk.profile("SFC", "desk")) as desk, AsyncClient(hk.profile("SFC", "board")) as board:
            calls = [each.approve_draft(waiting.name, etag=waiting.etag) for each in (desk, board) * 5]
            return await asyncio.gather(*calls, return_exceptions=True)

    outcomes = asyncio.run(approve_all())
    done = [each for each in outcomes if isinstance(each, Draft)]
    assert len(done) == 1
    assert all(isinstance(each, Stale) for each in outcomes if each not in done)
    with kr.client("FSS") as fss:
        assert arrived(fss, act.notice_id).approver == done[0].reviewer


def test_its_author_does_not_release_it_whatever_roles_he_has(four_eyes_pair: tuple[Site, Site]) -> None:
    hk, _ = four_eyes_pair
    with hk.client("SFC") as office, hk.client("SFC", "desk") as desk:
        waiting = pending(office, narrow_notice())
        with pytest.raises(NotAllowed):
            office.approve_draft(waiting.name, etag=waiting.etag)
        rejected = desk.reject_draft(waiting.name, etag=waiting.etag, reason="Which fund?")
        assert office.get_draft(waiting.name).reason == rejected.reason == "Which fund?"
