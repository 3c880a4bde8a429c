"""Answers of much that is large: each is one that a client takes which sets no bound of its own, and none is lost."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from google.protobuf.message import Message
from regulator.exchange.v1 import audit_service_pb2 as audit
from regulator.exchange.v1 import framework_service_pb2 as frameworks
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest

from gateway.errors import BadInput, WrongState
from gateway.journal.entries import Entry
from gateway.questions import comparisons
from gateway.questions.auditing import Auditing
from gateway.questions.comparisons import ComparisonQuestions
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.paging import answerable
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.tables import leaves
from tests.store.journaling import WHO
from tests.store.stores import NOW, RANDOM, Opened
from tests.store.test_large_pages import CLIENTS_TAKE, READER, TEXT, lists
from tests.supervision.framework_samples import assessment, english, parameter, provision, version

Asked = Callable[[Any], Awaitable[Any]]

LONG = english("한" * 16_000)  # 48 kB
LARGEST = [*TEXT[:15], *english("字" * 16_384)]


def tokens() -> SealedTokens:
    return SealedTokens(bytes(32), RANDOM.randbytes)


def asking(store: Opened) -> FrameworkQuestions:
    return FrameworkQuestions(store.readers, tokens(), store.filters)


async def pages(ask: Asked, request: Any) -> list[Any]:
    """All of them."""
    found = []
    while not found or request.page_token:
        page = await ask(request)
        assert page.ByteSize() <= CLIENTS_TAKE
        found.append(page)
        request.page_token = page.next_page_token
    return found


def changed(content: FrameworkVersionContent) -> FrameworkVersionContent:
    made = FrameworkVersionContent()
    made.CopyFrom(content)
    for each in made.provisions:
        each.requirement[0].text += "字"
    return made


async def test_what_is_told_beside_what_is_stored_counts_too(hk: Opened):
    """Stored, all of them are just 4 MiB; an answer tells of each its state, its times and its etag besides."""
    count = 200
    await hk.release("hk-000", title=english("x" * 16_000))
    (first,) = [len(row["data"]) for row in await hk.rows(leaves)]
    room = CLIENTS_TAKE // count - first
    others = [f"hk-{number:03}" for number in range(1, count)]
    await hk.release(*others, title=english("x" * 16_000), summary=english("y" * (room + 20)))
    stored = sum(len(row["data"]) for row in await hk.rows(leaves))
    assert CLIENTS_TAKE - 16_000 < stored < CLIENTS_TAKE
    ask, _ = lists(hk)
    found = await pages(lambda request: ask(READER, request), ListNoticesRequest(page_size=1000))
    names = [each.name for page in found for each in page.notices]
    assert names == [f"notices/hk-{number:03}" for number in reversed(range(count))]
    assert len(found) == 2


async def test_pages_of_large_provisions_are_the_version(hk: Opened):
    for name in ("hk-a", "hk-b"):
        await hk.publish(name, 1, version(*(provision(f"p{n}", title=TEXT, requirement=LONG) for n in range(4))))
    found = await pages(asking(hk).list_provisions, frameworks.ListProvisionsRequest(parent="frameworks/-"))
    assert [len(page.provisions) for page in found] == [5, 3]
    names = [each.name for page in found for each in page.provisions]
    assert names == [f"frameworks/{name}/provisions/p{n}" for name in ("hk-a", "hk-b") for n in range(4)]


async def test_pages_of_frameworks_with_large_headers_are_the_list(hk: Opened):
    for number in range(5):
        await hk.publish(f"hk-{number}", 1, version(title=LARGEST, summary=LARGEST))
    found = await pages(asking(hk).list_frameworks, frameworks.ListFrameworksRequest())
    assert [len(page.frameworks) for page in found] == [2, 2, 1]
    assert [each.name for page in found for each in page.frameworks] == [f"frameworks/hk-{n}" for n in range(5)]


async def test_pages_of_a_large_diff_are_the_diff_and_the_first_has_the_header(hk: Opened):
    old = version(*(provision(f"p{n}", title=LONG, requirement=[*LONG, *TEXT[1:8]]) for n in range(8)))
    new = changed(old)
    new.header.summary.extend(TEXT)
    await hk.publish("hk-a", 1, old)
    await hk.publish("hk-a", 2, new)
    found = await pages(asking(hk).diff_versions, frameworks.DiffVersionsRequest(name="frameworks/hk-a"))
    assert len(found) > 2
    told = [each for page in found for each in page.diff.provisions]
    assert [each.provision for each in told] == [f"p{n}" for n in range(8)]
    assert [each.new for each in told] == list(new.provisions)
    assert [page.diff.HasField("header") for page in found] == [True, *[False] * (len(found) - 1)]
    assert {page.diff.changed_count for page in found} == {8}


async def test_rules_beyond_all_bounds_are_not_compared(hk: Opened, monkeypatch):
    """A peer may publish any number of frameworks, which would all be in memory at once."""
    figures = [parameter("1", "HKD", key=f"k{number}") for number in range(3)]
    for name in ("hk-a", "hk-b"):
        await hk.publish(name, 1, version(provision("p", parameters=figures)))
    stored = sum(len(row["data"]) for row in await hk.rows(leaves))
    questions = ComparisonQuestions(hk.readers, tokens(), lambda: NOW, hk.filters)
    request = frameworks.CompareJurisdictionsRequest(first_jurisdiction="HK", second_jurisdiction="KR")
    for bounds, words in [((stored - 1, 6), "frameworks of HK"), ((stored, 5), "6 figures")]:
        monkeypatch.setattr(comparisons, "MAX_SIDE_BYTES", bounds[0])
        monkeypatch.setattr(comparisons, "MAX_FIGURES", bounds[1])
        with pytest.raises(WrongState, match=words):
            await questions.compare_jurisdictions(request)
    monkeypatch.setattr(comparisons, "MAX_FIGURES", 6)
    assert len(await pages(questions.compare_jurisdictions, request)) == 1


async def test_a_header_that_fills_an_answer_alone_comes_before_all_provisions(hk: Opened):
    """It cannot be divided: who asks for it takes more than others do, and what follows is as ever."""
    old, new = version(provision("a")), version(provision("b"), title=LARGEST, summary=LARGEST)
    old.header.summary.extend(each for each in LARGEST[::-1])
    for each in old.header.summary:
        each.text = each.text.replace("한", "국").replace("字", "文")
    await hk.publish("hk-a", 1, old)
    await hk.publish("hk-a", 2, new)
    questions = asking(hk)
    request = frameworks.DiffVersionsRequest(name="frameworks/hk-a")
    first = await questions.diff_versions(request)
    assert first.ByteSize() > CLIENTS_TAKE
    assert (len(first.diff.provisions), first.diff.HasField("header")) == (0, True)
    request.page_token = first.next_page_token
    (second,) = await pages(questions.diff_versions, request)
    assert [each.provision for each in second.diff.provisions] == ["b", "a"]


async def test_answers_of_a_large_comparison_are_of_one_state_and_merged_are_the_whole(hk: Opened):
    """One area is larger than an answer, by its titles and by what was judged of it; others stand before and after."""
    many = [provision(f"p{n}", title=TEXT[:6], topic="licensing_perimeter" if n else "custody") for n in range(15)]
    await hk.publish("hk-a", 1, version(*many, provision("z", topic="travel_rule")))
    await hk.assess("hk-1", assessment(reasons=TEXT))
    questions = ComparisonQuestions(hk.readers, tokens(), lambda: NOW, hk.filters)
    request = frameworks.CompareJurisdictionsRequest(first_jurisdiction="HK", second_jurisdiction="KR")
    first = await questions.compare_jurisdictions(request)
    await hk.publish("hk-a", 2, version(provision("new")))
    await hk.assess("hk-2", assessment(supersedes="assessments/hk-1"))
    request.page_token = first.next_page_token
    found = [first, *await pages(questions.compare_jurisdictions, request)]
    assert len(found) > 1
    assert {(page.gap_count, tuple(page.versions)) for page in found} == {(3, ("frameworks/hk-a/versions/1",))}
    names = [each.name.rpartition("/")[2] for page in found for cell in page.cells for each in cell.first]
    assert sorted(names) == sorted([*(f"p{n}" for n in range(15)), "z"])
    assert [each.name for page in found for cell in page.cells for each in cell.assessments] == ["assessments/hk-1"]
    request.page_token = ""
    assert (await questions.compare_jurisdictions(request)).versions == ["frameworks/hk-a/versions/2"]
    request = frameworks.CompareJurisdictionsRequest(first_jurisdiction="KR", second_jurisdiction="HK")
    request.page_token = first.next_page_token
    with pytest.raises(BadInput, match="page_token"):
        await questions.compare_jurisdictions(request)


async def test_pages_of_entries_that_name_much_are_the_journal(hk: Opened):
    names = tuple(f"notices/hk-{'x' * 50}-{n:04}" for n in range(1000))
    for number in range(70):
        await hk.committer.journal(Entry(WHO, f"/p.S/Get{number}", JournalEntry.ANSWERED, resources=names))
    auditing = Auditing(_none, hk.readers, tokens(), hk.committer, hk.filters)
    found = await pages(auditing.list_entries, audit.ListJournalEntriesRequest(page_size=1000))
    assert len(found) > 1
    assert [each.index for page in found for each in page.items] == list(reversed(range(70)))


@pytest.mark.parametrize("size", [1, 100, 4000, 100_000])
def test_an_answer_is_filled_and_not_more(size):
    items = [framework_like(size) for _ in range(2 * CLIENTS_TAKE // size if size > 4000 else 5000)]
    kept, cut = answerable(items, limit=len(items))
    answer = frameworks.ListFrameworksResponse(frameworks=kept, next_page_token="t" * 512)
    assert answer.ByteSize() <= CLIENTS_TAKE
    assert not cut or answer.ByteSize() + size + 1024 + 6 * len(kept) > CLIENTS_TAKE


def framework_like(size: int) -> Message:
    return frameworks.Framework(name="x" * size)


def _none():
    raise AssertionError("no export is asked for")
