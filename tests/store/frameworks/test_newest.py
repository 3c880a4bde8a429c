"""The newest versions of frameworks: the plain rule, and no more of them in memory than a page needs."""

import itertools
import random
from typing import Any

import pytest
from regulator.exchange.v1 import framework_service_pb2 as pb
from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import insert

from gateway.questions.comparisons import ComparisonQuestions
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.store.frameworks.newest import Wanted, read_newest
from gateway.store.frameworks.queries import VersionView
from gateway.store.frameworks.rows import version_row
from gateway.store.state import read_origins
from gateway.store.tables import framework_versions
from gateway.supervision.frameworks.records import FrameworkVersionRecord
from tests.store.stores import HK_TO_KR, KR_TO_HK, NOW, RANDOM, Opened
from tests.supervision.framework_samples import newest_known, provision, version

MANY = 40
PAGE = 3


@pytest.fixture
def made(monkeypatch) -> list[int]:
    """One more in it for each record of a version that is made in memory."""
    counted: list[int] = []
    make = FrameworkVersionRecord.__init__

    def counting(self: FrameworkVersionRecord, *args: Any, **kwargs: Any) -> None:
        counted.append(1)
        make(self, *args, **kwargs)

    monkeypatch.setattr(FrameworkVersionRecord, "__init__", counting)
    return counted


@pytest.fixture
async def many(hk: Opened) -> Opened:
    """A store of many versions of one framework, and of many frameworks."""
    for number in range(1, MANY + 1):
        await hk.publish("hk-many", number, version(provision(f"p{number}")))
        await hk.publish(f"hk-x{number:03}", 1, version(provision("p")))
    return hk


def asking(store: Opened) -> FrameworkQuestions:
    return FrameworkQuestions(store.readers, SealedTokens(bytes(32), RANDOM.randbytes), store.filters)


NAMES = ["hk-many", *(f"hk-x{number:03}" for number in range(1, MANY + 1))]


@pytest.mark.parametrize("jurisdiction", ["", "HK"])
async def test_a_page_of_frameworks_reads_no_more_versions_than_it_tells(many: Opened, made, jurisdiction):
    request, found = pb.ListFrameworksRequest(page_size=PAGE, jurisdiction=jurisdiction), []
    while not found or request.page_token:
        made.clear()
        page = await asking(many).list_frameworks(request)
        found += [(each.name, each.latest_version) for each in page.frameworks]
        request.page_token = page.next_page_token
        assert len(made) <= PAGE + 2, "with the one before"
    assert found == [(f"frameworks/{each}", MANY if each == "hk-many" else 1) for each in NAMES]


@pytest.mark.parametrize("known_at", [False, True])
async def test_a_page_of_provisions_reads_versions_by_so_many(many: Opened, made, monkeypatch, known_at):
    monkeypatch.setattr("gateway.questions.framework_views.VIEWS_AT_ONCE", PAGE, raising=False)
    request, found = pb.ListProvisionsRequest(parent="frameworks/-", page_size=PAGE), []
    if known_at:
        request.known_at.FromMicroseconds(NOW * 2)
    while not found or request.page_token:
        made.clear()
        page = await asking(many).list_provisions(request)
        found += [(each.name, each.version) for each in page.provisions]
        request.page_token = page.next_page_token
        assert len(made) <= 2 * PAGE + 1
    ids = [f"{each}/provisions/p{MANY if each == 'hk-many' else ''}" for each in NAMES]
    assert [name for name, _ in found] == [f"frameworks/{each}" for each in ids]


async def test_one_framework_is_read_by_its_newest_version(many: Opened, made):
    assert (await asking(many).newest("hk-many")).version == MANY
    assert (await asking(many).get_framework(pb.GetFrameworkRequest(name="frameworks/hk-many"))).latest_version == MANY
    assert len(made) == 2


async def test_jurisdictions_are_compared_by_their_newest_versions(many: Opened, made):
    questions = ComparisonQuestions(many.readers, SealedTokens(bytes(32), RANDOM.randbytes), lambda: NOW, many.filters)
    request = pb.CompareJurisdictionsRequest(first_jurisdiction="HK", second_jurisdiction="KR")
    await questions.compare_jurisdictions(request)
    assert len(made) == len(NAMES)


# --- the plain rule ---------------------------------------------------------------------------------------------------

ALIKE = ("a", "a-b", "ab", "a1", "a-", "b", "b--c", "b0", "zz")  # a language's order would have some of them otherwise


def made_versions(seed: int) -> list[VersionView]:
    """Versions of either side, own ones in either of two channels: sealed, receipted and come in any order."""
    draw = random.Random(seed)
    places = [(side, each, number) for side in ("hk", "kr") for each in ALIKE for number in range(1, 5)]
    places = [place for place in places for _ in range(draw.choice((0, 1, 1, 2)))]
    draw.shuffle(places)
    taken: dict[tuple[str, str, int], int] = {}
    made = []
    for cursor, place in enumerate(places, start=100):
        side, each, number = place
        taken[place] = taken.get(place, -1) + 1
        made.append(
            VersionView(
                cursor,
                FrameworkVersionRecord(
                    framework_id=f"{side}-{each}",
                    version=number,
                    base_version=number - 1,
                    direction=Notice.OUTGOING if side == "hk" else Notice.INCOMING,
                    jurisdiction=side.upper(),
                    recipient="KR" if side == "hk" else "HK",
                    provision_count=0,
                    origin=(HK_TO_KR, KR_TO_HK)[taken[place]],
                    index=cursor,
                    sealed_at=draw.randrange(10) * 1_000_000 + draw.randrange(2),
                    receipt_time=draw.choice((None, draw.randrange(10))),
                ),
            )
        )
    return made


def plainly(views: list[VersionView], wanted: Wanted) -> list[VersionView]:
    """All are looked at."""
    here = [
        view
        for view in views
        if wanted.framework_id in ("", view.record.framework_id)
        and wanted.jurisdiction in ("", view.record.jurisdiction)
        and (wanted.pin is None or view.cursor <= wanted.pin)
    ]
    newest = newest_known((view.record for view in here), wanted.known_at)
    found = [view for view in here if newest.get(view.record.framework_id) == view.record]
    return sorted(found, key=lambda view: view.record.framework_id)


@pytest.mark.parametrize("seed", range(4))
async def test_newest_versions_are_those_of_the_plain_rule_in_pages_of_any_size(hk: Opened, seed):
    hk.damaged = True  # no log has these
    views = made_versions(seed)
    ids = {origin: channel for channel, origin in (await hk.read(read_origins)).items()}
    with hk.database.writer() as connection:
        connection.execute(insert(framework_versions), [version_row(each.record, each.cursor, ids) for each in views])
        connection.commit()
    pins, moments = (None, 0, 110, 125, 10**6), (None, -1, 0, 4_000_000, 4_000_001, 10**17)
    for only, jurisdiction in (("", ""), ("", "HK"), ("", "KR"), ("", "SG"), ("hk-a", ""), ("hk-b", "KR")):
        for pin, known_at, limit in itertools.product(pins, moments, (2, 7, 100)):
            wanted = Wanted(only, jurisdiction, pin, known_at)
            found: list[VersionView] = []
            more = True
            while more:
                after = found[-1].record.framework_id if found else ""
                page = await hk.read(read_newest, wanted, after, limit)
                found += page
                more = len(page) == limit
            assert found == plainly(views, wanted)
