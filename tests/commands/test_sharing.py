"""Onward sharing as back offices ask for it, at two stores that exchange what is sealed."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from regulator.exchange.v1 import sharing_service_pb2 as pb
from regulator.exchange.v1.sharing_pb2 import SharingDecided, ThirdParty
from regulator.exchange.v1.sharing_service_pb2 import Consent
from regulator.exchange.v1.values_pb2 import SECTOR_CUSTODY, Handling

from gateway.errors import ConsentRequired, NotFound, RequestIdReused, Stale, WrongState
from gateway.store.transaction import Transaction
from tests.commands.offices import ASKS, DECIDES, WHY, Office, asked, day, exchanged, granted, refusal
from tests.store.stores import RECIPIENT
from tests.store.test_large_pages import CLIENTS_TAKE
from tests.supervision.samples import handling
from tests.supervision.sharing_samples import FINMA, JFSA, MAS, english, sharing

# --- the way it goes ------------------------------------------------------------------------------------------------


async def test_what_is_asked_granted_and_shared_is_known_at_both_nodes(offices):
    hk, kr = offices
    consent = await kr.ask()
    assert (consent.state, consent.author.authority, consent.etag) == (Consent.REQUESTED, "FSC", '"0"')
    await exchanged(offices)
    given = await hk.grant(consent.name, conditions=english("In a closed file."), valid_until=day(20260131))
    assert (given.state, given.decisions[0].number, given.etag) == (Consent.GRANTED, 1, '"1"')
    await exchanged(offices)
    assert await kr.consent(consent.name) == given
    share = await kr.mark()
    assert (share.consent, share.decision, share.covered) == (consent.name, 1, True)
    await exchanged(offices)
    listed = await hk.questions.list_shares(hk.caller, pb.ListSharesRequest(parent="notices/hk-1"))
    assert list(listed.shares) == [share]


async def test_a_refusal_says_why_and_lets_nothing_be_shared(offices):
    hk, kr = offices
    name = await asked(offices)
    await hk.refuse(name)
    await exchanged(offices)
    told = await kr.consent(name)
    assert (told.state, told.decisions[0].reason[0].text) == (Consent.REFUSED, "Why.")
    error = await refusal(kr.mark(share={"consent": name}), ConsentRequired)
    assert error.metadata == {"notice": "hk-1", "consent": name}
    assert "it is refused" in error.message


async def test_a_revocation_leaves_what_was_shared(offices):
    hk, kr = offices
    name = await granted(offices)
    share = await kr.mark()
    await exchanged(offices)
    await hk.refuse(name)
    await exchanged(offices)
    await refusal(kr.mark(share={"recipients": [JFSA]}), ConsentRequired)
    assert await kr.questions.get_share(kr.caller, pb.GetShareRequest(name=share.name)) == share
    await hk.grant(name)
    await exchanged(offices)
    assert (await kr.mark()).decision == 3


async def test_a_consent_ends_with_its_last_day_at_both_nodes(offices):
    hk, kr = offices
    name = await granted(offices, valid_until=day(20260102))
    hk.pass_days(1)
    kr.pass_days(1)
    assert (await kr.mark()).covered
    hk.pass_days(1)
    kr.pass_days(1)
    assert (await hk.consent(name)).state == (await kr.consent(name)).state == Consent.EXPIRED
    error = await refusal(kr.mark(share={"consent": name}), ConsentRequired)
    assert "2026-01-02" in error.message
    await hk.grant(name, valid_until=day(20260201))
    await exchanged(offices)
    assert (await kr.mark()).decision == 2


async def test_a_share_that_crosses_the_revocation_is_covered_by_what_was_in_force_there(offices):
    hk, kr = offices
    name = await granted(offices)
    await hk.refuse(name)
    share = await kr.mark()
    await exchanged(offices)
    assert await hk.questions.share(hk.caller, share.name) == share
    assert share.covered
    assert (await kr.consent(name)).state == Consent.REFUSED


# --- once, and in turn ----------------------------------------------------------------------------------------------


async def test_the_same_request_is_carried_out_once(offices):
    hk, kr = offices
    ids = [str(uuid4()) for _ in range(4)]
    consent = await kr.ask(request_id=ids[0])
    assert await kr.ask(request_id=ids[0]) == consent
    assert await kr.ask(request_id=ids[0].upper(), validate_only=True) == consent
    await refusal(kr.ask(request_id=ids[0], consent={"recipients": [FINMA]}), RequestIdReused)
    await exchanged(offices)
    given = await hk.grant(consent.name, request_id=ids[1])
    assert await hk.grant(consent.name, request_id=ids[1]) == given
    await refusal(hk.refuse(consent.name, request_id=ids[1]), RequestIdReused)
    await exchanged(offices)
    share = await kr.mark(request_id=ids[2])
    assert await kr.mark(request_id=ids[2]) == share
    await hk.refuse(consent.name, request_id=ids[3])
    assert len((await hk.refuse(consent.name, request_id=ids[3])).decisions) == 2
    assert (await hk.size(), await kr.size()) == (3, 2)


async def test_what_is_only_checked_seals_nothing(offices):
    hk, kr = offices
    told = await kr.ask(validate_only=True)
    assert (told.state, told.recipients[0], told.HasField("position")) == (Consent.REQUESTED, MAS, False)
    assert await kr.size() == 0
    name = await asked(offices)
    given = await hk.grant(name, validate_only=True, conditions=WHY)
    assert (given.state, given.decisions[0].conditions[0].text) == (Consent.GRANTED, "Why.")
    assert (await hk.refuse(name, validate_only=True)).state == Consent.REFUSED
    assert (await hk.consent(name)).state == Consent.REQUESTED
    await hk.grant(name)
    await exchanged(offices)
    share = await kr.mark(validate_only=True)
    assert (share.consent, share.covered, share.HasField("position")) == (name, True, False)
    assert (await hk.size(), await kr.size()) == (2, 1)


async def test_of_two_who_decide_on_what_they_read_one_comes_too_late(offices):
    hk, _ = offices
    name = await asked(offices)
    etag = (await hk.consent(name)).etag
    done = await asyncio.gather(hk.grant(name, etag=etag), hk.refuse(name, etag=etag), return_exceptions=True)
    assert [type(each) for each in done] in ([Consent, Stale], [Stale, Consent])
    assert len((await hk.consent(name)).decisions) == 1


async def test_a_refused_consent_is_not_refused_again(offices):
    hk, _ = offices
    name = await asked(offices)
    await hk.refuse(name)
    error = await refusal(hk.refuse(name), WrongState)
    assert error.metadata == {"consent": name, "state": "REFUSED", "allowed": "REQUESTED, GRANTED, EXPIRED"}


async def test_the_last_decision_that_is_taken_is_a_refusal(offices):
    hk, _ = offices
    name = await asked(offices)
    for _ in range(15):
        await hk.grant(name)
    await refusal(hk.grant(name), WrongState)
    told = await hk.refuse(name)
    assert [each.number for each in told.decisions] == list(range(1, 17))
    assert told.decisions[-1].decision == SharingDecided.REFUSED
    await refusal(hk.grant(name), WrongState)


async def test_a_notice_has_so_many_consents_and_shares_and_no_more(offices):
    hk, kr = offices
    await hk.store.release("hk-2", handling=handling(tlp=Handling.GREEN, onward_sharing=Handling.ALLOWED))
    await exchanged(offices)
    await asyncio.gather(*(kr.ask("hk-2") for _ in range(64)), *(kr.mark("hk-2") for _ in range(64)))
    await refusal(kr.ask("hk-2"), WrongState)
    await refusal(kr.mark("hk-2"), WrongState)
    await exchanged(offices)
    assert len((await hk.questions.list_shares(hk.caller, pb.ListSharesRequest(parent="notices/-"))).shares) == 50


# --- who may see what -----------------------------------------------------------------------------------------------

HIDDEN = [
    {"clearance": Handling.GREEN},
    {"sectors": frozenset({SECTOR_CUSTODY})},
]


@pytest.mark.parametrize("limits", HIDDEN)
async def test_who_may_not_see_the_notice_learns_of_nothing(offices, limits):
    hk, kr = offices
    name = await granted(offices)
    share = await kr.mark()
    await exchanged(offices)
    asks, decides = replace(ASKS, **limits), replace(DECIDES, **limits)
    works = [
        (kr.ask(caller=asks), kr.ask("hk-9", caller=asks)),
        (kr.mark(caller=asks), kr.mark("hk-9", caller=asks)),
        (hk.grant(name, caller=decides), hk.grant(_other(name), caller=decides)),
        (hk.refuse(name, caller=decides), hk.refuse(_other(name), caller=decides)),
        (hk.questions.consent(decides, name), hk.questions.consent(decides, _other(name))),
        (hk.questions.share(decides, share.name), hk.questions.share(decides, _other(share.name))),
    ]
    for hidden, absent in works:
        one, other = await refusal(hidden, NotFound), await refusal(absent, NotFound)
        assert one.message.replace("hk-1", "hk-9") == other.message
    for parent in ("notices/hk-1", "notices/hk-9"):
        for listed in (
            hk.questions.list_consents(decides, pb.ListConsentsRequest(parent=parent)),
            hk.questions.list_shares(decides, pb.ListSharesRequest(parent=parent)),
        ):
            assert (await refusal(listed, NotFound)).message == f"there is no {parent.replace('s/', ' ')}"
    assert not (await hk.questions.list_consents(decides, pb.ListConsentsRequest(parent="notices/-"))).consents
    assert not (await hk.questions.list_shares(decides, pb.ListSharesRequest(parent="notices/-"))).shares


def _other(name: str) -> str:
    return name.replace("hk-1", "hk-9")


# --- lists ----------------------------------------------------------------------------------------------------------


async def names(office: Office, **asked_for: Any) -> list[str]:
    """The names of all pages."""
    found, token = [], ""
    while True:
        request = pb.ListConsentsRequest(page_token=token, **{"parent": "notices/-", "page_size": 2} | asked_for)
        page = await office.questions.list_consents(office.caller, request)
        assert all(len(each.decisions) <= 1 for each in page.consents)
        found += [each.name for each in page.consents]
        token = page.next_page_token
        if not token:
            return found


async def test_lists_are_paged_newest_first_and_filtered_by_notice_and_state(offices):
    hk, kr = offices
    await hk.store.release("hk-2")
    await exchanged(offices)
    made = [(await kr.ask(notice)).name for notice in ("hk-1", "hk-1", "hk-2", "hk-1", "hk-2")]
    await exchanged(offices)
    await hk.grant(made[0], valid_until=day(20260101))
    await hk.grant(made[1])
    await hk.refuse(made[2])
    await hk.grant(made[3])
    await hk.refuse(made[3])
    await exchanged(offices)
    hk.pass_days(1)
    assert await names(hk) == made[::-1]
    assert await names(hk, parent="notices/hk-2") == [made[4], made[2]]
    states = {Consent.EXPIRED: [0], Consent.GRANTED: [1], Consent.REFUSED: [3, 2], Consent.REQUESTED: [4]}
    for state, places in states.items():
        assert await names(hk, state=state) == [made[place] for place in places]


async def test_a_page_is_bounded_by_its_bytes(offices, monkeypatch):
    hk, _ = offices
    for _ in range(3):
        await asked(offices)
    monkeypatch.setattr("gateway.questions.sharing.MAX_PAGE_BYTES", 1)
    page = await hk.questions.list_consents(hk.caller, pb.ListConsentsRequest(parent="notices/-"))
    assert (len(page.consents), bool(page.next_page_token)) == (1, True)
    assert len(await names(hk)) == 3


async def test_pages_of_shares_with_many_long_names_are_the_list(offices):
    hk, kr = offices
    notices = [f"hk-{number}" for number in range(2, 8)]
    await hk.store.release(*notices)
    await exchanged(offices)
    many = [ThirdParty(organisation=f"{n:02}{'한' * 254}", jurisdiction="SG") for n in range(16)]
    made = [(notice, f"s{number:07}") for notice in notices for number in range(64)]

    def share_all(tx: Transaction) -> None:
        for notice, share in made:
            build = sharing(notice, share, many, consent_id="", decision=0)
            tx.seal(kr.store.outgoing, RECIPIENT, build)

    await kr.store.committer.submit(share_all, weight=len(made))
    found, request = [], pb.ListSharesRequest(parent="notices/-", page_size=1000)
    while not found or request.page_token:
        page = await kr.questions.list_shares(kr.caller, request)
        assert page.ByteSize() <= CLIENTS_TAKE
        found.append([each.name for each in page.shares])
        request.page_token = page.next_page_token
    names = [f"notices/{notice}/shares/{share}" for notice, share in reversed(made)]
    assert [name for page in found for name in page] == names
    assert len(found) == 2


async def test_a_consent_that_was_decided_at_length_many_times_keeps_the_words_that_count(offices, monkeypatch):
    """All decisions are told; the newest whole, and of the others as many whole as every client takes."""
    hk, kr = offices
    name = await asked(offices)
    words = english("x" * 1000)
    for _ in range(4):
        given = await hk.grant(name, reason=words, conditions=words)
    await exchanged(offices)
    everything = await kr.consent(name)
    assert everything == given

    async def told(bound: int) -> list[Consent]:
        monkeypatch.setattr("gateway.questions.paging.MAX_ITEMS_BYTES", bound)
        return [await hk.consent(name), await kr.consent(name), await hk.refuse(name, reason=WHY, validate_only=True)]

    for whole, bound in ((4, everything.ByteSize() + 1000), (2, everything.ByteSize() - 3000), (0, 1)):
        *here, tried = await told(bound)
        for each, count, kept in ((here[0], 4, max(whole, 1)), (here[1], 4, max(whole, 1)), (tried, 5, whole + 1)):
            assert [decision.number for decision in each.decisions] == list(range(1, count + 1))
            assert [bool(decision.reason) for decision in each.decisions] == [False] * (count - kept) + [True] * kept
            assert each.purpose == everything.purpose
        assert all(bool(decision.conditions) == bool(decision.reason) for decision in here[1].decisions)
