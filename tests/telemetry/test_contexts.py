"""Between a place in a trace and what others send of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.contexts import of_now, parsed, written

GOOD = "00-5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174-01"
"""After the example of W3C Trace Context."""


@pytest.mark.parametrize("sent", [GOOD, GOOD.encode(), "cc" + GOOD[2:] + "-what-a-later-version-adds"])
def test_what_is_well_formed_is_read(sent: str | bytes):
    found = parsed(sent)
    assert found
    assert written(found) == GOOD
    assert found.is_remote


@given(
    st.binary(max_size=200) | st.text(max_size=200) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{30,33}-[0-9a-f]{15,17}-\d\d")
)
def test_anything_at_all_is_read_or_ignored(sent: str | bytes):
    if found := parsed(sent):
        assert found.is_valid
        assert parsed(written(found)) == found


@pytest.mark.parametrize("sent", ["", b"", b"\xff" * 55, GOOD + "\n" + GOOD, GOOD * 1000, "f" * 55, GOOD + "-more"])
def test_what_is_malformed_is_ignored(sent: str | bytes):
    assert parsed(sent) is None


def test_work_outside_of_traces_has_none():
    assert of_now() == {}
