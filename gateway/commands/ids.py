"""The ids that a node makes for what its back offices name by none of their own."""

from collections.abc import Callable
from functools import lru_cache

from gateway.moments import DAY_MICROS, datetime_of
from gateway.supervision.notices.content import new_notice_id

ID_BYTES = 10  # of randomness, in an id of nothing else
TIME_BYTES, RANDOM_BYTES = 5, 7  # of an id that is ordered by time
TICK_BITS = 14  # microseconds of 16 ms: so these bytes last until 2540


def new_id(jurisdiction: str, now: int, random: Callable[[int], bytes]) -> str:
    """Makes an id. It begins with the time: what is made together then lies together in every index.

    In a large store ids in no order would have each row change another page of each index.

    Args:
        jurisdiction: of this node, ISO 3166-1 alpha-2
        now: microseconds since 1970
        random: gives so many random bytes
    """
    time = (now >> TICK_BITS).to_bytes(8)[-TIME_BYTES:]
    return new_notice_id(jurisdiction, _year(now // DAY_MICROS), time + random(RANDOM_BYTES))


@lru_cache(2)
def _year(day: int) -> int:
    return datetime_of(day * DAY_MICROS).year
