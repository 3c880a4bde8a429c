"""How channels move, and who is woken when that changes."""

from dataclasses import replace

import pytest

from gateway.identity.pairing.end import Ending
from gateway.ledger.seals import ChannelSeals
from gateway.ledger.steps import FORKED, Halt
from gateway.questions.links import Links, LinkStatus, Movement, movement
from gateway.store.state import ChannelState
from gateway.supervision.notices.records import ChannelEnds
from tests.store.stores import HK_TO_KR, KR_TO_HK


async def test_news_wakes_those_who_wait_and_repetition_does_not():
    links = Links()
    woken = links.next()
    links.note(HK_TO_KR, LinkStatus(connected=True))
    assert woken.is_set()
    again = links.next()
    links.note(HK_TO_KR, LinkStatus(connected=True))
    assert not again.is_set()
    links.note(HK_TO_KR, LinkStatus(connected=True, last_error="the peer lies"))
    assert again.is_set()
    assert links.of(HK_TO_KR).last_error == "the peer lies"


async def test_of_a_channel_nothing_is_known_before_its_stream_was_up():
    assert Links().of(KR_TO_HK) == LinkStatus(connected=False, last_error="")


@pytest.mark.parametrize(
    ("halted", "connected", "told"),
    [
        (False, True, Movement.SERVING),
        (False, False, Movement.PEER_UNREACHABLE),
        (True, True, Movement.HALTED),
        (True, False, Movement.HALTED),
    ],
)
def test_a_channel_that_has_halted_does_not_move_whatever_its_stream_does(hk_state, halted, connected, told):
    state = replace(hk_state, halt=Halt(FORKED, "two histories") if halted else None)
    assert movement(state, LinkStatus(connected=connected)) is told


@pytest.mark.parametrize("halted", [False, True])
@pytest.mark.parametrize("connected", [False, True])
def test_a_channel_whose_pairing_has_ended_is_neither_halted_nor_without_its_peer(hk_state, halted, connected):
    ending = Ending(1_770_000_000, "Chan", "it is over")
    state = replace(hk_state, halt=Halt(FORKED, "two histories") if halted else None, ending=ending)
    assert movement(state, LinkStatus(connected=connected)) is Movement.ENDED
    again = replace(state, ending=ending.resumed(1_770_000_001))
    assert movement(again, LinkStatus(connected=connected)) is not Movement.ENDED


@pytest.fixture
def hk_state() -> ChannelState:
    nobody: ChannelSeals = None  # type: ignore[assignment] - not looked at
    return ChannelState(1, HK_TO_KR, ChannelEnds("HK", "KR", outgoing=True), nobody)
