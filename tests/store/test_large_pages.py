"""Pages of notices as large as they may be: an answer takes in what clients take, and the token goes on."""

from collections.abc import Awaitable, Callable
from typing import Any

from regulator.exchange.v1.assistance_service_pb2 import ListAssistanceCasesRequest
from regulator.exchange.v1.notice_service_pb2 import ListNoticesRequest
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.identity.access.access import Caller, Role
from gateway.questions.assistance import AssistanceQuestions
from gateway.questions.notices import NoticeQuestions
from gateway.questions.sealed_tokens import SealedTokens
from tests.store.stores import NOW, RANDOM, Opened
from tests.supervision.assistance_samples import asking

READER = Caller("spiffe://gateway.hk.example/SFC/office", "SFC", frozenset({Role.READER}), Handling.RED)
TAGS = ("en", "ko", "zh", "ja", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "fi", "pl", "cs", "hu")
TEXT = [LocalizedText(language_tag=tag, text="한" * 16_000) for tag in TAGS]  # 768 kB
MANY = 12  # 18 MB
CLIENTS_TAKE = 4 * 1024 * 1024  # bytes of an answer, by gRPC's own default


def lists(store: Opened) -> tuple[Callable[[Any, Any], Awaitable[Any]], Callable[[Any, Any], Awaitable[Any]]]:
    """How notices are listed, and cases."""
    tokens = SealedTokens(bytes(32), RANDOM.randbytes)
    notices = NoticeQuestions(store.readers, tokens, store.filters)
    cases = AssistanceQuestions(store.readers, tokens, lambda: NOW, (), store.filters)
    return notices.list_notices, cases.list_assistance_cases


async def pages(ask: Callable[[Any, Any], Awaitable[Any]], request: Any, field: str) -> list[list[str]]:
    found, more = [], True
    while more:
        page = await ask(READER, request)
        assert page.ByteSize() <= CLIENTS_TAKE
        found.append([each.name.partition("/")[2] for each in getattr(page, field)])
        request.page_token = page.next_page_token
        more = bool(page.next_page_token)
    return found


async def test_pages_of_large_notices_end_early_and_together_are_the_list(hk: Opened):
    for number in range(MANY):
        await hk.release(f"hk-{number}", title=TEXT, summary=TEXT, assistance_request=asking().assistance_request)
    notices, cases = lists(hk)
    for ask, request, field in (
        (notices, ListNoticesRequest(page_size=1000), "notices"),
        (notices, ListNoticesRequest(page_size=1000, peer="KR"), "notices"),
        (cases, ListAssistanceCasesRequest(page_size=1000), "assistance_cases"),
    ):
        found = await pages(ask, request, field)
        assert [name for page in found for name in page] == [f"hk-{number}" for number in reversed(range(MANY))]
        assert {len(page) for page in found} == {2}
