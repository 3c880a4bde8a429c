"""How far an answer of many items goes."""

import pytest

from gateway.store.page_bounds import ByteBudget, fitting


@pytest.mark.parametrize(
    ("sizes", "limit", "used", "expected"),
    [
        ([], 5, 0, (0, False)),
        ([4, 4], 5, 0, (2, False)),
        ([4, 4, 2], 5, 0, (3, False)),
        ([4, 4, 3], 5, 0, (2, True)),
        ([1] * 5, 4, 0, (4, True)),
        ([1] * 4, 4, 0, (4, False)),
        ([11, 1], 5, 0, (1, True)),
        ([11], 5, 0, (1, False)),
        ([11], 5, 1, (0, True)),
        ([9, 1], 5, 1, (1, True)),
    ],
)
def test_a_page_ends_by_its_number_or_its_bytes_and_has_one_item_at_least(sizes, limit, used, expected):
    page, more = fitting(sizes, limit, 10, int, used)
    assert (len(page), more) == expected
    assert page == sizes[: len(page)]


def test_what_does_not_fit_takes_no_room():
    budget = ByteBudget(10)
    assert [budget.takes(size) for size in (6, 5, 4, 1)] == [True, False, True, False]
