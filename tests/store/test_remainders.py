"""What writes and what verifies agree on what may be left of an envelope, each by its own rules."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.store.reverify.remainders import remainder_in
from gateway.supervision.destruction import left_in, remainder_of
from gateway.supervision.envelopes import envelopes
from tests.supervision.samples import content, contents, seal


def is_left(data: bytes) -> bool:
    try:
        left_in(data)
    except Malformed:
        return False
    return True


@given(contents())
def test_both_take_what_is_left_and_no_whole_envelope(made):
    whole = envelopes.released(seal(), "hk-1", made).SerializeToString()
    left = remainder_of(whole)
    assert (is_left(left), is_left(whole)) == (True, False)
    assert remainder_in(left) == left_in(left)
    assert remainder_in(whole) is None


@given(st.data())
def test_both_refuse_the_same_changes_of_bytes(data):
    """Whatever a peer makes of it: other fields, fields twice, fields that are cut."""
    left = remainder_of(envelopes.released(seal(), "hk-1", content()).SerializeToString())
    place = data.draw(st.integers(0, len(left)))
    changed = left[:place] + data.draw(st.binary(max_size=4)) + left[place + data.draw(st.integers(0, 4)) :]
    assert (remainder_in(changed) is not None) == is_left(changed)
