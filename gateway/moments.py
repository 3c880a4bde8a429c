"""Moments and days, as numbers in the store and between parts, and as messages.

A moment is microseconds since 1970 (UTC), or ``google.protobuf.Timestamp``; a day 20260131, or ``google.type.Date``.
"""

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date

NANOS = 1_000_000_000  # in a second
MICROS = 1_000_000  # in a second
DAY_MICROS = 24 * 60 * 60 * MICROS
LATEST_SECONDS = 253_402_300_799  # since 1970: 9999-12-31T23:59:59Z, as google.protobuf.Timestamp ends
_NANOS_OF_MICRO = NANOS // MICROS
_EPOCH, _MICRO = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def timestamp_of(micros: int) -> Timestamp:
    """Returns the message of a moment in microseconds."""
    seconds, rest = divmod(micros, MICROS)
    return Timestamp(seconds=seconds, nanos=rest * _NANOS_OF_MICRO)


def micros_of(time: Timestamp) -> int:
    """Returns the microsecond in which a moment lies."""
    return time.seconds * MICROS + time.nanos // _NANOS_OF_MICRO


def micros_from(time: Timestamp) -> int:
    """Returns the first microsecond that is not before a moment: what a range that begins with it begins with."""
    return time.seconds * MICROS + -(-time.nanos // _NANOS_OF_MICRO)


def micros_at(moment: datetime) -> int:
    """Returns the microsecond of a moment that has a time zone."""
    return (moment - _EPOCH) // _MICRO


def day_at(micros: int) -> int:
    """Returns the day in which a moment lies, in UTC, as a number that sorts by time: 20260131."""
    day = datetime_of(micros)
    return day.year * 10_000 + day.month * 100 + day.day


def day_of(date: Date) -> int:
    """Returns a day as a number that sorts by time; 0 for a date that is not given."""
    year, month, day = int(date.year), int(date.month), int(date.day)
    return year * 10_000 + month * 100 + day


def date_of(number: int) -> Date:
    """Returns the message of a day that is given as such a number."""
    return Date(year=number // 10_000, month=number // 100 % 100, day=number % 100)


def datetime_of(micros: int) -> datetime:
    """Returns the second in which a moment lies, in UTC."""
    return datetime.fromtimestamp(micros // MICROS, UTC)
