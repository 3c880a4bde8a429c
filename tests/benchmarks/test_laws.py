import pytest

from tests.benchmarks.laws import fitted, told
from tests.benchmarks.results import Point, Series

PLACES = (1, 8, 64, 512)


def grown(exponent: float, factor: float = 3.0, places=PLACES) -> list[Point]:
    return [Point(at, factor * at**exponent) for at in places]


def series(points: list[Point]) -> Series:
    return Series("key", "Calls", "calls/s", "callers", points)


@pytest.mark.parametrize("exponent", [-1.5, -1, -0.3, 0, 0.04, 0.5, 1, 2])
@pytest.mark.parametrize("factor", [0.001, 1, 4000])
def test_the_exponent_of_what_follows_a_power_is_found(exponent: float, factor: float):
    law = fitted(grown(exponent, factor))
    assert law.exponent == pytest.approx(exponent, abs=1e-9)
    assert law.factor == pytest.approx(factor)
    assert law.farthest == pytest.approx(0, abs=1e-9)


def test_what_scatters_around_a_power_is_fitted_between():
    law = fitted([Point(1, 0.9), Point(10, 11), Point(100, 90), Point(1000, 1100)])
    assert law.exponent == pytest.approx(1, abs=0.05)
    assert 0.05 < law.farthest < 0.15


@pytest.mark.parametrize("points", [[], [Point(8, 1)], [Point(8, 1), Point(8, 2)]])
def test_one_place_has_no_law(points: list[Point]):
    assert fitted(points) is None
    assert told(series(points)) == ""


@pytest.mark.parametrize(
    ("exponent", "words"),
    [
        (0, "flat, whatever the callers"),
        (1, "in proportion to the callers"),
        (-1, "in inverse proportion to the callers"),
        (0.5, "grows more slowly than the callers: 3.16 times for ten times as many"),
        (2, "grows faster than the callers: 100 times for ten times as many"),
        (-0.3, "falls more slowly than the callers: 0.50 times for ten times as many"),
    ],
)
def test_a_law_is_told_in_words(exponent: float, words: str):
    line = told(series(grown(exponent)))
    assert line.startswith(f"calls/s ~ callers^{exponent:.2f}, {words}; at 512 ")
    assert line.endswith("times what it is at 1")


def test_what_bends_is_told_stretch_by_stretch():
    points = [Point(1, 100), Point(8, 800), Point(64, 800), Point(512, 100)]
    assert "no one power holds: ^1.00 up to 8, ^0.00 up to 64, ^-1.00 up to 512" in told(series(points))


def test_of_many_points_a_stretch_a_decade_is_told():
    points = [Point(at, 10 if at < 100 else 1000) for at in range(1, 1001)]
    assert "^0.00 up to 10, ^2.00 up to 100, ^0.00 up to 1,000;" in told(series(points))
