import re
from datetime import UTC, datetime, timedelta

import pytest

from gateway.commands.ids import RANDOM_BYTES, TICK_BITS, new_id

NOW = int(datetime(2026, 3, 4, tzinfo=UTC).timestamp()) * 1_000_000


def micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000


def test_an_id_has_jurisdiction_year_and_24_digits():
    assert re.fullmatch("hk-2026-[0-9a-f]{24}", new_id("HK", NOW, bytes))


def test_later_ids_are_greater_whatever_is_random():
    later = NOW + (1 << TICK_BITS)
    assert new_id("HK", NOW, lambda size: b"\xff" * size) < new_id("HK", later, bytes)
    assert new_id("HK", NOW, bytes) < new_id("HK", NOW + 90 * 24 * 3600 * 1_000_000, bytes)


def test_ids_of_one_moment_differ_by_what_is_random():
    assert new_id("HK", NOW, bytes) != new_id("HK", NOW, lambda size: bytes(size - 1) + b"\x01")
    asked = []
    new_id("HK", NOW, lambda size: asked.append(size) or bytes(size))
    assert asked == [RANDOM_BYTES]


@pytest.mark.parametrize("year", [1970, 2026, 2100, 2500])
def test_the_year_is_that_of_the_moment_to_the_last_second(year):
    begins = datetime(year + 1, 1, 1, tzinfo=UTC)
    assert new_id("KR", micros(begins - timedelta(seconds=1)), bytes).startswith(f"kr-{year}-")
    assert new_id("KR", micros(begins), bytes).startswith(f"kr-{year + 1}-")
