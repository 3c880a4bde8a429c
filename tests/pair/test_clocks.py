"""A node whose clock jumps: nothing goes back on its log, nothing is signed out of its time, nothing is lost."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from regulator.exchange import Unauthenticated

from tests.cli.transcripts import run
from tests.support.careful import CarefulPair
from tests.support.nodes import eventually, found_pair
from tests.support.shifted import SHIFT_FILE

HALF_AN_HOUR, FAR_AHEAD = 1800, 20 * 366 * 86_400


@dataclass
class Shifted(CarefulPair):
    """Hong Kong with a clock that can be set, and Korea; and who works at them."""

    shift: Path

    def jump(self, seconds: int) -> None:
        """Hong Kong's clock is now so far ahead of Korea's."""
        new = self.shift.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.shift)


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shifted]:
    folder = tmp_path_factory.mktemp("clocks")
    hk, kr = found_pair(folder)
    hk.program = ("tests.support.shifted",)
    pair = Shifted(hk, kr, folder / "shift")
    try:
        hk.launch(**{SHIFT_FILE: str(pair.shift)})
        kr.launch()
        hk.wait_until_serving()
        kr.wait_until_serving()
        yield pair
    finally:
        hk.stop_if_running()
        kr.stop_if_running()


def test_a_clock_that_was_wrong_from_the_start_is_found_by_what_the_peer_tells(shifted: Shifted) -> None:
    """The first of these: of a node that has signed nothing yet, nothing else tells when its clock was right."""
    hk = shifted.hk
    hk.stop()
    hk.home.high_water.unlink()
    shifted.jump(8 * 3600)  # as one that is kept in local time
    hk.launch(**{SHIFT_FILE: str(shifted.shift)})
    hk.wait_until_serving()
    with hk.client() as client:
        eventually(lambda: any("8 h 0 min ahead" in each.detail for each in client.server_info().alarms))
    assert not shifted.offices["HK"].give()
    assert "8 h 0 min ahead of that of gateway.kr" in str(shifted.offices["HK"].refusals[-1])
    shifted.jump(0)
    shifted.settle()


def test_a_clock_that_jumps_half_an_hour_ahead_and_back_changes_nothing(shifted: Shifted) -> None:
    for seconds in (HALF_AN_HOUR, 0, HALF_AN_HOUR, 0):
        shifted.jump(seconds)
        for office in shifted.offices.values():
            office.insist()
    shifted.settle()


def test_a_clock_that_leaps_hours_ahead_seals_nothing_and_holds_up_nothing_once_it_is_right(shifted: Shifted) -> None:
    """What it would have sealed, no peer would have taken before that time had come."""
    office = shifted.offices["HK"]
    office.insist()
    shifted.jump(5 * 3600)
    assert not office.give()
    assert "5 h 0 min ahead" in str(office.refusals[-1])
    with shifted.hk.client() as client:
        eventually(lambda: any(each.about == "clock" for each in client.server_info().alarms))
    shifted.offices["KR"].insist()  # what comes is taken, and has its receipt
    shifted.jump(0)
    shifted.settle()
    with shifted.hk.client() as client:
        eventually(lambda: not client.server_info().alarms)


def test_beyond_all_certificates_a_node_takes_nothing_until_its_clock_is_right_again(shifted: Shifted) -> None:
    shifted.jump(FAR_AHEAD)
    with pytest.raises(Unauthenticated, match="expired"):
        shifted.offices["HK"].insist()
    shifted.offices["KR"].insist()  # it waits for its peer
    shifted.jump(0)
    shifted.settle()
    eventually(lambda: run("check", shifted.hk.home.path).code == 0)  # the journal is signed again, too
