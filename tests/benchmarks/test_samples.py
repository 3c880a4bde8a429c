import pytest
from regulator.exchange.v1.values_pb2 import Handling

from gateway.supervision.acts.submissions import new_notice
from gateway.supervision.disclosure import Scope
from tests.benchmarks.forms import WHOLE
from tests.benchmarks.samples import content, request


@pytest.mark.parametrize("size", [*WHOLE.sizes, 300, 20_000, 300_000, 1_400_000])
def test_a_notice_has_the_size_that_is_asked_for_and_is_valid(size: int):
    asked = request(content(size))
    assert size - 64 <= asked.ByteSize() <= size
    scope = Scope(Handling.RED, frozenset())
    assert new_notice(asked, {"KR"}, "HKMA", scope, "hk-2026-1").content == asked.notice.content


def test_more_than_a_notice_may_hold_is_not_made():
    with pytest.raises(AssertionError, match="more than a notice may hold"):
        content(4_000_000)
