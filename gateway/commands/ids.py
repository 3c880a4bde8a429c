"""The ids that a node makes for what its back offices name by none of their own."""

from collections.abc import Callable

from gateway.moments import datetime_of
from gateway.supervision.notices import new_notice_id

ID_BYTES = 10  # of randomness


def new_id(jurisdiction: str, now: int, random: Callable[[int], bytes]) -> str:
    """Makes an id.

    Args:
        jurisdiction: of this node, ISO 3166-1 alpha-2
        now: microseconds since 1970
        random: gives so many random bytes
    """
    return new_notice_id(jurisdiction, datetime_of(now).year, random(ID_BYTES))
