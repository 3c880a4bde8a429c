"""Good inputs that are changed as their format is made: lines, base64 in lines, JSON values, bytes."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated
from tests.fuzz.table import CORPUS, TARGETS
from tests.support.properties import examples

# Of serial numbers that are not positive: they are refused.
pytestmark = pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")

SMALL_BYTES = 20_000


@cache
def kept(name: str) -> list[bytes]:
    inputs = [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]
    return [data for data in inputs if len(data) <= SMALL_BYTES]


@pytest.mark.parametrize("name", TARGETS)
@settings(examples(20), database=None)
@given(data=st.data())
def test_a_changed_input_is_read_or_refused(name: str, data: st.DataObject):
    good = data.draw(st.sampled_from(kept(name)))
    TARGETS[name](data.draw(mutated(good)))
