"""What is not asked for, granted or shared, and why."""

from dataclasses import replace

import pytest
from google.type.date_pb2 import Date
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.sharing_service_pb2 import Consent
from regulator.exchange.v1.values_pb2 import Handling

from gateway.errors import (
    ConsentRequired,
    ContentDestroyed,
    NotAllowed,
    NotFound,
    PairingEnded,
    SharingProhibited,
    WrongState,
)
from gateway.identity.pairing.end import Ending
from gateway.store.pairings import keep_ending
from tests.commands.offices import ASKS, DECIDES, asked, day, exchanged, fields, granted, refusal
from tests.store.stores import HK_TO_KR, KR_TO_HK
from tests.supervision.samples import handling, reference
from tests.supervision.sharing_samples import FINMA, JFSA, MAS


@pytest.mark.parametrize(
    ("share", "caller"),
    [
        ({"recipients": [FINMA]}, ASKS),
        ({"recipients": [MAS, FINMA]}, ASKS),
        ({}, replace(ASKS, authority="FSS")),
    ],
)
async def test_nothing_is_shared_that_no_consent_covers(offices, share, caller):
    _, kr = offices
    await refusal(kr.mark(), ConsentRequired)
    name = await granted(offices)
    before = await kr.size()
    await refusal(kr.mark(caller=caller, share=share), ConsentRequired)
    await refusal(kr.mark(caller=caller, share=share | {"consent": name}), ConsentRequired)
    await refusal(kr.mark(caller=caller, share=share, validate_only=True), ConsentRequired)
    assert await kr.size() == before


async def test_what_is_prohibited_is_neither_asked_for_nor_shared(offices):
    hk, kr = offices
    await hk.store.release("hk-2", handling=handling(onward_sharing=Handling.PROHIBITED))
    await exchanged(offices)
    await refusal(kr.ask("hk-2"), SharingProhibited)
    await refusal(kr.mark("hk-2"), SharingProhibited)


async def test_what_is_allowed_needs_no_consent(offices):
    hk, kr = offices
    await hk.store.release("hk-2", handling=handling(tlp=Handling.GREEN, onward_sharing=Handling.ALLOWED))
    await exchanged(offices)
    share = await kr.mark("hk-2")
    assert (share.consent, share.decision, share.covered) == ("", 0, True)


async def test_a_use_must_be_permitted(offices):
    _, kr = offices
    expected = "must be a use that the notice permits: SUPERVISION"
    asking = kr.ask(consent={"use": Handling.ENFORCEMENT})
    assert await fields(asking) == [("consent.use", expected)]
    assert await fields(kr.mark(share={"use": Handling.POLICY_MAKING})) == [("share.use", expected)]


async def test_nobody_is_named_twice(offices):
    _, kr = offices
    again = ["must not be named twice"]
    assert await fields(kr.ask(consent={"recipients": [MAS, JFSA, MAS]})) == [("consent.recipients[2]", *again)]
    assert await fields(kr.mark(share={"recipients": [MAS, MAS]})) == [("share.recipients[1]", *again)]


async def test_only_who_gave_a_notice_decides_and_only_who_received_it_asks(offices):
    hk, kr = offices
    name = await asked(offices)
    for caller in (replace(DECIDES, authority="HKMA"), replace(DECIDES, authority="FSTB")):
        await refusal(hk.grant(name, caller=caller), NotAllowed)
        await refusal(hk.refuse(name, caller=caller), NotAllowed)
    await refusal(kr.grant(name, caller=replace(DECIDES, authority="SFC")), NotAllowed)
    await refusal(hk.ask(caller=DECIDES), WrongState)
    await refusal(hk.mark(caller=DECIDES), WrongState)


async def test_days_of_a_grant_are_to_come_and_within_those_of_the_content(offices):
    hk, _ = offices
    name = await asked(offices)
    assert await fields(hk.grant(name, valid_until=day(20251231))) == [("valid_until", "must be today or later")]
    late = "must not be after the notice's retain_until"
    assert await fields(hk.grant(name, valid_until=day(20260701))) == [("valid_until", late)]
    assert [field for field, _ in await fields(hk.grant(name, valid_until=Date(year=2026, month=2, day=30)))] == [
        "valid_until"
    ]
    assert (await hk.grant(name, valid_until=day(20260101))).state == Consent.GRANTED


async def test_what_was_taken_back_is_not_passed_on_and_its_consents_can_still_be_revoked(offices):
    hk, kr = offices
    name = await granted(offices)
    other = await asked(offices)
    await hk.store.withdraw("hk-1")
    await exchanged(offices)
    await refusal(kr.mark(), WrongState)
    await refusal(kr.ask(), WrongState)
    await refusal(hk.grant(other), WrongState)
    assert (await hk.refuse(name)).state == Consent.REFUSED


async def test_what_is_superseded_is_not_passed_on(offices):
    hk, kr = offices
    await granted(offices)
    await hk.store.release("hk-2", references=[reference(Reference.SUPERSEDES, "hk-1")])
    await exchanged(offices)
    await refusal(kr.mark(), WrongState)


async def test_nothing_is_done_once_the_day_is_past(offices):
    hk, kr = offices
    name = await granted(offices)
    hk.pass_days(200)
    kr.pass_days(200)
    await refusal(kr.mark(), ContentDestroyed)
    await refusal(kr.ask(), ContentDestroyed)
    await refusal(hk.grant(name), ContentDestroyed)
    await refusal(hk.refuse(name), ContentDestroyed)


async def test_a_consent_of_another_notice_covers_nothing(offices):
    hk, kr = offices
    name = await granted(offices)
    await hk.store.release("hk-2")
    await exchanged(offices)
    expected = [("share.consent", "must be a consent of the notice in parent")]
    assert await fields(kr.mark("hk-2", share={"consent": name})) == expected
    await refusal(kr.mark(share={"consent": "notices/hk-1/consents/none0000"}), NotFound)


@pytest.mark.parametrize("validate_only", [False, True])
async def test_nothing_is_asked_for_granted_or_refused_with_a_peer_whose_pairing_has_ended(offices, validate_only):
    hk, kr = offices
    asked_before = await asked(offices)
    ending, origins = Ending(1_770_000_000, "Chan", "it is over"), (HK_TO_KR, KR_TO_HK)
    for office, peer in ((hk, "KR"), (kr, "HK")):
        await office.store.committer.submit(lambda tx, peer=peer: keep_ending(tx, peer, origins, ending))
    sizes = await hk.size(), await kr.size()
    for act in (
        kr.ask(validate_only=validate_only),
        hk.grant(asked_before, validate_only=validate_only),
        hk.refuse(asked_before, validate_only=validate_only),
    ):
        await refusal(act, PairingEnded)
    assert (await hk.size(), await kr.size()) == sizes
