"""Cases as two stores that exchange come to know them, on both databases: asked, answered, rebuilt, destroyed."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.assistance_service_pb2 import AssistanceCase
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, Handling

from gateway.store.assistance.queries import CaseFilter, CaseView, list_cases, read_case
from gateway.store.tables import assistance
from gateway.supervision.disclosure import EVERYTHING, Scope
from gateway.supervision.envelopes import envelopes
from gateway.supervision.notices.assistance import state_by
from tests.store.damages import damaged, named
from tests.store.exchanging import settle
from tests.store.stores import Opened
from tests.supervision.assistance_samples import answering, asking, day
from tests.supervision.samples import AUTHOR, handling

A = AssistanceAnswer
TODAY = 20260201


async def give(store: Opened, notice_id: str, content: NoticeContent) -> None:
    await store.committer.submit(
        lambda tx: tx.seal(store.outgoing, AUTHOR, lambda seal: envelopes.released(seal, notice_id, content))
    )


async def case(store: Opened, request: str = "hk-1", scope: Scope = EVERYTHING) -> CaseView | None:
    return await store.read(read_case, scope, request)


async def state(store: Opened, request: str = "hk-1") -> str:
    found = await case(store, request)
    assert found
    return AssistanceCase.State.Name(state_by(found.request.record.state, found.outcome))


async def listed(
    store: Opened, scope: Scope = EVERYTHING, limit: int = 10, before: int | None = None, **wanted: Any
) -> Sequence[str]:
    found, _ = await store.read(list_cases, CaseFilter(scope, TODAY, **wanted), before, limit, 1 << 20)
    return [each.request.record.id for each in found]


@pytest.fixture
async def answered(hk: Opened, kr: Opened) -> None:
    """hk-1 is open, hk-2 accepted, hk-3 declined, hk-4 answered in full, hk-5 withdrawn; all but the first for FSC."""
    for number in range(1, 6):
        authority = "FSC" if number > 1 else ""
        await give(hk, f"hk-{number}", asking(requested_authority=authority, respond_by=day(20260100 + number)))
    await hk.release("hk-other")
    await settle(hk, kr)
    await give(kr, "kr-2", answering("hk-2", outcome=A.ACCEPTED))
    await give(kr, "kr-3", answering("hk-3", outcome=A.DECLINED, ground=A.PUBLIC_INTEREST))
    await give(kr, "kr-4a", answering("hk-4", outcome=A.PARTIAL))
    await give(kr, "kr-4b", answering("hk-4"))
    await hk.withdraw("hk-5")
    await settle(hk, kr)


async def test_both_nodes_know_the_same_of_a_case(hk: Opened, kr: Opened, answered: None):
    for store in (hk, kr):
        states = [await state(store, f"hk-{number}") for number in range(1, 6)]
        assert states == ["OPEN", "ACCEPTED", "DECLINED", "ANSWERED", "WITHDRAWN"]
        found = await case(store, "hk-4")
        assert found
        assert [(each.notice_id, each.outcome) for each in found.answers] == [
            ("kr-4a", A.PARTIAL),
            ("kr-4b", A.COMPLETE),
        ]
        assert await case(store, "kr-2") is None
        assert await case(store, "hk-other") is None
        assert store.verify().findings == ()


async def test_cases_are_listed_by_what_is_asked_of_them(hk: Opened, kr: Opened, answered: None):
    assert await listed(hk) == ["hk-5", "hk-4", "hk-3", "hk-2", "hk-1"]
    assert await listed(hk, limit=2) == ["hk-5", "hk-4"]
    assert await listed(hk, before=3) == ["hk-2", "hk-1"]
    wanted = {"OPEN": "hk-1", "ACCEPTED": "hk-2", "DECLINED": "hk-3", "ANSWERED": "hk-4", "WITHDRAWN": "hk-5"}
    for name, found in wanted.items():
        assert await listed(kr, state=AssistanceCase.State.Value(name)) == [found]
    assert await listed(kr, state=AssistanceCase.PARTLY_ANSWERED) == []
    assert await listed(kr, direction=Notice.INCOMING, peer="HK") == await listed(hk, direction=Notice.OUTGOING)
    assert await listed(kr, direction=Notice.OUTGOING) == await listed(kr, peer="SG") == []
    assert await listed(kr, peer="KR") == []  # the own jurisdiction is on no other side
    assert await listed(kr, requested_authority="FSC") == ["hk-5", "hk-4", "hk-3", "hk-2"]
    assert await listed(kr, overdue_only=True) == ["hk-2", "hk-1"]


async def test_what_is_due_by_a_day_is_listed_until_it_is_closed(hk: Opened, kr: Opened, answered: None):
    await give(hk, "hk-6", asking())  # no day is set
    await give(hk, "hk-7", asking(respond_by=day(20260301)))
    await settle(hk, kr)
    for store in (hk, kr):
        assert await listed(store, due_by=20251231) == []
        assert await listed(store, due_by=20260101) == ["hk-1"]
        assert await listed(store, due_by=20260228) == ["hk-2", "hk-1"]
        assert await listed(store, due_by=20260301) == ["hk-7", "hk-2", "hk-1"]
        assert await listed(store, due_by=20260301, overdue_only=True) == ["hk-2", "hk-1"]
    await give(kr, "kr-2b", answering("hk-2"))
    assert await listed(kr, due_by=20260301) == ["hk-7", "hk-1"]


async def test_what_an_authority_may_answer_is_listed_with_what_names_none(hk: Opened, kr: Opened, answered: None):
    await give(hk, "hk-6", asking(requested_authority="FSS"))
    await settle(hk, kr)
    assert await listed(kr, answerable_by="FSC") == ["hk-2", "hk-1"]
    assert await listed(kr, answerable_by="FSS") == ["hk-6", "hk-1"]
    assert await listed(kr, answerable_by="FSS", requested_authority="FSS", due_by=20990101) == []
    assert await listed(hk, answerable_by="FSC") == [], "who asks does not answer"
    await give(kr, "kr-1", answering("hk-1", outcome=A.DECLINED, ground=A.PUBLIC_INTEREST))
    assert await listed(kr, answerable_by="FSS") == ["hk-6"]
    await kr.withdraw("kr-1")
    assert await listed(kr, answerable_by="FSS") == ["hk-6", "hk-1"]


async def test_what_has_all_the_answers_that_it_takes_is_not_to_be_answered(
    hk: Opened, kr: Opened, answered: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.store.assistance.queries.MAX_ANSWERS", 1)
    assert await listed(kr, answerable_by="FSC") == ["hk-1"]


async def test_a_page_ends_before_so_many_bytes_and_goes_on(hk: Opened, answered: None):
    names: list[str] = []
    before, more = None, True
    while more:
        found, more = await hk.read(list_cases, CaseFilter(EVERYTHING, TODAY), before, 10, 0)
        [(name, before)] = [(each.request.record.id, each.request.sequence) for each in found]
        names.append(name)
    assert names == ["hk-5", "hk-4", "hk-3", "hk-2", "hk-1"]
    assert len((await hk.read(list_cases, CaseFilter(EVERYTHING, TODAY), None, 10, 1 << 20))[0]) == 5


async def test_of_many_answers_the_newest_are_told(hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch):
    """A peer seals as many as it likes; none but so many are read."""
    monkeypatch.setattr("gateway.store.assistance.queries.MAX_ANSWERS", 2)
    for number in (1, 2):
        await give(hk, f"hk-{number}", asking())
    await settle(hk, kr)
    for number in range(4):
        await give(kr, f"kr-1{number}", answering("hk-1", outcome=A.ACCEPTED))
        await give(kr, f"kr-2{number}", answering("hk-2", outcome=A.ACCEPTED, handling=handling(tlp=Handling.RED)))
    await settle(hk, kr)
    for request in ("hk-1", "hk-2"):
        found = await case(hk, request)
        assert found
        assert [each.notice_id for each in found.answers] == [f"kr-{request[-1]}{number}" for number in (2, 3)]
    hidden = await case(hk, "hk-2", Scope(Handling.AMBER))
    assert hidden
    assert hidden.answers == ()


async def test_an_answer_that_is_withdrawn_or_superseded_counts_no_more(hk: Opened, kr: Opened, answered: None):
    await kr.withdraw("kr-4b")
    assert await state(kr, "hk-4") == "PARTLY_ANSWERED"
    await settle(hk, kr)
    assert await state(hk, "hk-4") == "PARTLY_ANSWERED"


async def test_answers_that_may_not_be_seen_are_left_out_and_count(hk: Opened, kr: Opened, answered: None):
    await give(kr, "kr-1", answering("hk-1", handling=handling(tlp=Handling.RED)))
    amber = Scope(Handling.AMBER)
    found = await case(kr, scope=amber)
    assert found
    assert (found.answers, found.outcome) == ((), A.COMPLETE)
    assert await case(kr, scope=Scope(Handling.AMBER, frozenset({SECTOR_CUSTODY}))) is None
    assert await listed(kr, Scope(Handling.GREEN)) == []


async def test_what_is_no_answer_to_it_changes_no_case(hk: Opened, kr: Opened):
    await give(hk, "hk-1", asking())
    await give(hk, "hk-2", answering("hk-1", issuing_authority="SFC"))  # its own sender answers
    await settle(hk, kr)
    await give(kr, "kr-1", answering("hk-9"))  # of a request that nobody gave
    await settle(hk, kr)
    for store in (hk, kr):
        found = await case(store)
        assert found
        assert (found.answers, found.outcome) == ((), 0)
        assert store.verify().findings == ()


async def test_an_answer_of_which_no_request_is_left_is_no_case(hk: Opened, answered: None):
    """A peer hands in what is left of a destroyed answer, and no hash proves it."""
    hk.execute("UPDATE assistance SET request = '' WHERE outcome > 0")
    hk.damaged = True
    assert await listed(hk) == ["hk-5", "hk-4", "hk-3", "hk-2", "hk-1"]
    assert await case(hk, "kr-2") is None


async def test_cases_are_rebuilt_as_they_were(hk: Opened, kr: Opened, answered: None):
    for store in (hk, kr):
        before = await store.rows(assistance)
        store.execute("DELETE FROM assistance")
        assert "assistance" in named(store.verify())
        await store.rebuilt()
        assert await store.rows(assistance) == before
        assert store.verify().findings == ()


async def test_every_edit_of_a_case_is_found(hk: Opened, kr: Opened, answered: None):
    for statement in (
        "DELETE FROM assistance WHERE sequence = 1",
        "UPDATE assistance SET request = 'hk-1' WHERE sequence = 2",
        "UPDATE assistance SET outcome = 1 WHERE sequence = 1",
        "UPDATE assistance SET requested_authority = 'FSS' WHERE sequence = 1",
        "UPDATE assistance SET respond_by = 20260401 WHERE sequence = 1",
        "INSERT INTO assistance (sequence, request, outcome, requested_authority, respond_by) VALUES (6, '', 0, '', 0)",
    ):
        with damaged(hk, statement) as report:
            assert "assistance" in named(report), statement


async def test_a_case_outlives_the_content_of_its_notices(hk: Opened, kr: Opened):
    kept = handling(retain_until=day(20260331))
    await give(hk, "hk-1", asking(requested_authority="FSC", respond_by=day(20260131), handling=kept))
    await settle(hk, kr)
    await give(kr, "kr-1", answering(outcome=A.DECLINED, ground=A.NOT_AVAILABLE, handling=kept))
    await settle(hk, kr)
    for store in (hk, kr):
        await store.destroy(date(2026, 4, 1))
    await settle(hk, kr)
    for store in (hk, kr):
        await store.rebuilt()
        assert store.verify().findings == ()
        assert await state(store) == "DECLINED"
        assert await listed(store, requested_authority="FSC") == ["hk-1"]
        found = await case(store)
        assert found
        assert (found.respond_by, found.request.record.destroyed_at is not None) == (20260131, True)
