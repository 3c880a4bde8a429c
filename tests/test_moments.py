from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from gateway.moments import datetime_of, micros_at, micros_from, micros_of, timestamp_of

MICROS_OF_YEARS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)  # 0001 to 9999


@given(MICROS_OF_YEARS)
def test_a_moment_in_microseconds_comes_back_from_its_message(micros):
    message = timestamp_of(micros)
    assert 0 <= message.nanos < 1_000_000_000
    assert micros_of(message) == micros_from(message) == micros


@given(MICROS_OF_YEARS, st.integers(1, 999))
def test_what_is_finer_is_cut_off_or_taken_as_the_next_where_a_range_begins(micros, nanos):
    message = timestamp_of(micros)
    finer = Timestamp(seconds=message.seconds, nanos=message.nanos + nanos)
    assert (micros_of(finer), micros_from(finer)) == (micros, micros + 1)


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_of_the_calendar_is_the_same_microsecond_in_its_message(moment):
    message = Timestamp()
    message.FromDatetime(moment)
    assert micros_at(moment) == micros_of(message)


def test_a_moment_is_told_in_utc_to_the_second():
    assert datetime_of(1_795_824_000_999_999) == datetime(2026, 11, 28, tzinfo=UTC)
