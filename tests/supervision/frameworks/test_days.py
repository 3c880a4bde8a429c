import datetime as dt
import unicodedata
from itertools import pairwise

import pytest
from google.type.date_pb2 import Date
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.framework_pb2 import Provision
from regulator.exchange.v1.framework_service_pb2 import ListProvisionsRequest
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.supervision.frameworks.days import coming_into_force, is_in_force, is_pending, ordinal
from gateway.supervision.frameworks.records import is_known, known_since
from gateway.supervision.frameworks.selection import selected
from tests.supervision.framework_samples import day, english, newest_known, provision, real, version_record
from tests.support.properties import examples

FIRST = dt.date(2026, 6, 1)


def ids(provisions) -> list[str]:
    return [each.id for each in provisions]


def spanning(start: str, end: str = "", **changes) -> Provision:
    ends = {"effective_to": day(end)} if end else {}
    return provision(effective_from=day(start), **ends, **changes)


def applied(provisions, on: Date) -> list[Provision]:
    return [each for each in provisions if is_in_force(each, ordinal(on))]


# --- in force -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "applies"),
    [("2026-05-31", False), ("2026-06-01", True), ("2026-06-15", True), ("2026-06-30", True), ("2026-07-01", False)],
)
def test_a_provision_applies_from_its_first_day_to_its_last(on, applies):
    assert bool(applied([spanning("2026-06-01", "2026-06-30")], day(on))) == applies


def test_a_provision_without_a_last_day_applies_on():
    assert applied([spanning("2026-06-01")], day("9999-12-31"))


@pytest.mark.parametrize("status", [each for each in Provision.Status.values() if each != Provision.IN_FORCE])
def test_nothing_else_is_in_force(status):
    assert applied([spanning("2026-06-01", status=status)], day("2026-06-02")) == []


def test_a_rule_of_the_data_that_lapsed_is_in_force_on_its_days_alone():
    provisions = real("HK").content.provisions
    assert "hk-so-transition" in ids(applied(provisions, day("2026-01-31")))
    assert "hk-so-transition" not in ids(applied(provisions, day("2026-02-01")))


def test_nothing_proposed_in_korea_is_in_force():
    found = ids(applied(real("KR").content.provisions, day("2026-11-24")))
    assert len(found) == 17
    assert not any(each.startswith("kr-db-") for each in found)


@pytest.mark.parametrize(
    ("known", "on", "pending"),
    [
        (spanning("2026-06-01", status=Provision.PROPOSED), "2026-05-31", False),
        (spanning("2026-06-01", status=Provision.PROPOSED), "2026-06-01", True),
        (spanning("2026-06-01", "2026-06-30", status=Provision.CONSULTATION), "2026-06-30", True),
        (spanning("2026-06-01", "2026-06-30", status=Provision.CONSULTATION), "2026-07-01", False),
        (spanning("2026-06-01", status=Provision.ENACTED), "2026-01-01", True),
        (spanning("2026-06-01", "2026-06-30", status=Provision.ENACTED), "2026-07-01", False),
        (spanning("2026-06-01"), "2026-05-31", True),
        (spanning("2026-06-01"), "2026-06-01", False),
        (spanning("2026-06-01", "2026-06-30"), "2026-07-01", False),
        (spanning("2026-06-01", status=Provision.REPEALED), "2026-05-31", False),
    ],
)
def test_pending_is_what_may_still_come(known, on, pending):
    assert is_pending(known, ordinal(day(on))) == pending


def test_what_is_no_day_of_the_calendar_does_no_harm():
    strange = provision(effective_from=Date(year=2026, month=2, day=30))
    assert applied([strange], day("2026-02-28")) == []
    assert applied([strange], day("2026-03-01")) == [strange]


# --- coming into force --------------------------------------------------------------------------------------


def test_coming_into_force_is_told_by_its_day_and_once():
    provisions = [spanning(f"2026-06-{number:02}", status=4) for number in (3, 1, 2, 4)]
    for place, each in enumerate(provisions):
        each.id = f"p{place}"
    found = coming_into_force(provisions, after=day("2026-06-01"), until=day("2026-06-03"))
    assert ids(found) == ["p2", "p0"]
    assert ids(coming_into_force(provisions, after=day("2026-06-03"), until=day("2026-06-30"))) == ["p3"]


def test_a_proposal_does_not_come_into_force():
    proposed = spanning("2026-06-02", status=Provision.PROPOSED)
    assert coming_into_force([proposed], day("2026-06-01"), day("2026-06-03")) == []


@given(st.lists(st.integers(0, 30), max_size=12), st.lists(st.integers(0, 30), min_size=2, max_size=6))
def test_any_sequence_of_looks_tells_each_provision_once(starts, looks):
    provisions = [provision(f"p{place}", effective_from=_date(start)) for place, start in enumerate(starts)]
    looks = sorted(looks)
    told = []
    for after, until in pairwise(looks):
        told += ids(coming_into_force(provisions, _date(after), _date(until)))
    assert sorted(told) == sorted(f"p{place}" for place, at in enumerate(starts) if looks[0] < at <= looks[-1])


# --- what was known, and what applied -----------------------------------------------------------------------


def test_an_own_version_is_known_when_it_is_sealed_and_a_peers_when_it_is_receipted():
    assert known_since(version_record(sealed_at=7_500_000, receipt_time=9)) == 7_500_000
    assert known_since(version_record(direction=Notice.INCOMING, receipt_time=9)) == 9_000_000
    assert known_since(version_record(direction=Notice.INCOMING)) is None


def test_now_a_version_is_known_before_its_receipt():
    arrived = version_record(direction=Notice.INCOMING)
    assert is_known(arrived, None)
    assert not is_known(arrived, 10**18)


# A version as (moment it became known, [(first day, last day or None, in force)]); provisions are named by place.
_SPANS = st.lists(st.tuples(st.integers(0, 20), st.none() | st.integers(0, 20), st.booleans()), max_size=4)
_HISTORIES = st.lists(st.tuples(st.integers(0, 50), _SPANS), max_size=6)


@examples(200)
@given(_HISTORIES, st.integers(-1, 52), st.randoms(use_true_random=False))
def test_as_of_any_day_and_as_known_at_a_moment_agrees_with_a_naive_recomputation(history, known_at, random):
    moments = sorted(moment for moment, _ in history)  # versions become known in the order of their numbers
    spans = [span for _, span in history]
    records = [version_record(version=n, sealed_at=moment) for n, moment in enumerate(moments, start=1)]
    random.shuffle(records)
    newest = newest_known(records, known_at).get("hk-x")
    provisions = _provisions(spans[newest.version - 1]) if newest else []
    for on in range(22):
        naive: list[str] = []
        for moment, span in zip(moments, spans, strict=True):
            if moment <= known_at:
                naive = _applied_naively(span, on)
        assert ids(applied(provisions, _date(on))) == naive


def _applied_naively(span, on: int) -> list[str]:
    return [
        f"p{place}"
        for place, (start, end, in_force) in enumerate(span)
        if in_force and on in range(start, 10_000 if end is None else end + 1)
    ]


def _provisions(spans) -> list[Provision]:
    return [
        provision(
            f"p{place}",
            status=Provision.IN_FORCE if in_force else Provision.PROPOSED,
            effective_from=_date(start),
            effective_to=None if end is None else _date(end),
        )
        for place, (start, end, in_force) in enumerate(spans)
    ]


def _date(number: int) -> Date:
    at = FIRST + dt.timedelta(days=number)
    return Date(year=at.year, month=at.month, day=at.day)


# --- listings -----------------------------------------------------------------------------------------------

LISTED = [
    provision("a", topic="capital", requirement=english("Keeps Straße and GASSE.")),
    provision("b", sector=1, status=Provision.PROPOSED, title=english("Reserve assets")),
    provision("so-c", effective_from=day("2026-06-01"), citation="Cap. 615"),
]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, ["a", "b", "so-c"]),
        ({"topic": "capital"}, ["a"]),
        ({"sector": 1}, ["b"]),
        ({"status": Provision.PROPOSED}, ["b"]),
        ({"as_of": day("2026-03-01")}, ["a"]),
        ({"text": "STRASSE"}, ["a"]),
        ({"text": "gaße"}, ["a"]),
        ({"text": "RESERVE ASSETS"}, ["b"]),
        ({"text": "cap. 615"}, ["so-c"]),
        ({"text": "so-"}, ["so-c"]),
        ({"text": "nowhere"}, []),
        ({"sector": 2, "status": 4, "topic": "reserve_assets", "as_of": day("2026-07-01")}, ["so-c"]),
    ],
)
def test_a_listing_holds_what_meets_all_its_filters(filters, found):
    assert ids(selected(LISTED, ListProvisionsRequest(**filters))) == found


@pytest.mark.parametrize(("kept", "sought"), [("NFC", "NFD"), ("NFD", "NFC")])
@pytest.mark.parametrize("text", ["Réserve d'actifs", "준비자산"])
def test_a_text_is_found_however_its_signs_are_spelt(text, kept, sought):
    listed = [provision("a", title=english(unicodedata.normalize(kept, text)))]

    found = selected(listed, ListProvisionsRequest(text=unicodedata.normalize(sought, text).upper()))

    assert found == listed


def test_words_of_two_fields_are_not_one_text():
    assert selected(LISTED, ListProvisionsRequest(text="title a licensee")) == []
