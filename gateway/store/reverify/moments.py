"""Days and moments as the rows tell them."""

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date


def day_number(day: Date) -> int:
    """A day as a number: 20260131; one that is not set is 0."""
    return int(day.year) * 10_000 + int(day.month) * 100 + int(day.day)


def micros(moment: Timestamp) -> int:
    """Microseconds since 1970."""
    return moment.seconds * 1_000_000 + moment.nanos // 1_000
