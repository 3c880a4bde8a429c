"""A pair whose line is slow, cut, half open or flaps: all is delivered once it is good again, once and in order."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from regulator.exchange.v1.values_pb2 import LocalizedText

from tests.pair.asking import give
from tests.supervision.samples import content
from tests.support.invariants import Witness
from tests.support.long_form import long_form
from tests.support.nodes import Site, eventually, running
from tests.support.proxy import DEAD, Between, Line, Way, founded_behind_proxies

MANY = 4  # notices that each node gives while the line is bad
TLS_RECEIPT_BYTES = 1000  # less than a record with a receipt or a batch has, more than one of frames alone


@dataclass
class Lines:
    """The pair, and all that was answered."""

    between: Between
    witness: Witness
    answered: dict[str, list[str]]

    def give(self) -> None:
        """Both nodes give notices."""
        for site, peer in (self.sites, self.sites[::-1]):
            self.answered[site.jurisdiction] += give(site, peer.jurisdiction, MANY)
        self.witness.look()

    @property
    def sites(self) -> tuple[Site, Site]:
        return self.between.one, self.between.other

    def become(self, line: Line) -> None:
        for each in self.between.lines:
            each.become(line)


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lines]:
    with founded_behind_proxies(tmp_path_factory.mktemp("lines")) as between, running(between.one, between.other):
        yield Lines(between, Witness(between.one, between.other), {"HK": [], "KR": []})


@pytest.fixture
def lines(own_pair: Lines) -> Iterator[Lines]:
    """The pair with good lines, at rest; after the test they are good again, and everything holds."""
    yield own_pair
    own_pair.become(Line())
    own_pair.give()
    own_pair.witness.settle(own_pair.answered)


def holds_nothing_of(site: Site, names: list[str]) -> bool:
    with site.client() as client:
        return not {each.name for each in client.list_notices(page_size=1000)} & {*names}


def test_a_second_each_way_delays_and_loses_nothing(lines):
    lines.become(Line(delay_seconds=1.0))
    lines.give()
    lines.witness.settle(lines.answered)


def test_a_megabit_a_second_is_enough(lines):
    send_over_a_thin_line(lines, 30, words=700)


@long_form
def test_megabytes_that_wait_come_over_a_megabit_a_second_without_dialling_anew(lines):
    lines.give()
    lines.witness.settle(lines.answered)
    before = [each.dialled for each in lines.between.lines]
    send_over_a_thin_line(lines, 200, words=3000)
    assert [each.dialled for each in lines.between.lines] == before


def send_over_a_thin_line(lines, count, words):
    """Gives so many notices, of which the most wait."""
    lines.become(Line(bytes_per_second=125_000))
    hk, _ = lines.sites
    text = LocalizedText(language_tag="en", text="word " * words)
    with hk.client("SFC") as client:
        for _ in range(count):
            lines.answered["HK"].append(client.create_notice(content(summary=[text]), recipient="KR").name)
    lines.give()
    lines.witness.settle(lines.answered)


@pytest.mark.parametrize("way", Way)
def test_a_connection_that_is_cut_within_a_message_goes_on_with_the_next_one(lines, way):
    before = [each.cuts for each in lines.between.lines]
    for each in lines.between.lines:
        each.cut_within(way, TLS_RECEIPT_BYTES)
    lines.give()
    eventually(lambda: all(each.cuts > cut for each, cut in zip(lines.between.lines, before, strict=True)))
    lines.witness.settle(lines.answered)


def test_a_line_that_stalls_and_wakes_has_lost_nothing(lines):
    lines.become(DEAD)
    before = {code: len(names) for code, names in lines.answered.items()}
    lines.give()
    hk, kr = lines.sites
    assert holds_nothing_of(kr, lines.answered["HK"][before["HK"] :])
    assert holds_nothing_of(hk, lines.answered["KR"][before["KR"] :])
    lines.become(Line())
    lines.witness.settle(lines.answered)


@pytest.mark.parametrize("way", Way)
def test_a_line_that_is_dead_one_way_holds_up_the_other_direction_of_neither_node(lines, way):
    """Envelopes that arrive and whose receipts do not: they are sent again, and told once."""
    hk, kr = lines.sites
    lines.between.to_other.become(Line(stalled=frozenset({way})))  # on which Hong Kong's channel runs
    given = give(kr, "HK", MANY)
    lines.answered["KR"] += given
    eventually(lambda: not holds_nothing_of(hk, given[-1:]))
    lines.give()
    lines.between.to_other.reset()
    lines.become(Line())
    lines.witness.settle(lines.answered)


def test_connections_that_are_reset_again_and_again_and_lines_that_refuse(lines):
    for turn in range(6):
        lines.become(Line(refuses=turn % 2 == 0))
        for each in lines.between.lines:
            each.reset()
        lines.give()
    lines.become(Line())
    lines.witness.settle(lines.answered)
    # One for envelopes and one for files, and nothing is left of those that failed.
    eventually(lambda: [each.connected for each in lines.between.lines] == [2, 2])


@long_form
def test_a_dead_line_is_found_out_and_dialled_anew(lines):
    """By a ping, for here the proxy's kernel answers each packet (gateway/link/dialling.py)."""
    before = [each.dialled for each in lines.between.lines]
    lines.become(DEAD)
    lines.give()
    eventually(lambda: all(each.dialled > n for each, n in zip(lines.between.lines, before, strict=True)), 180)
    lines.become(Line())
    lines.witness.settle(lines.answered)
