from decimal import Decimal
from fractions import Fraction

import pytest
from regulator.exchange.v1.framework_pb2 import Parameter

from gateway.supervision.frameworks.units import measure, unit_fault, value_fault
from gateway.supervision.rules.fields import field_violations
from tests.supervision.framework_samples import parameter, real

KINDS = Parameter.Kind


@pytest.mark.parametrize("jurisdiction", ["HK", "KR"])
def test_every_figure_of_the_real_frameworks_fits(jurisdiction):
    figures = [each for provision in real(jurisdiction).content.provisions for each in provision.parameters]
    assert len(figures) > 10
    assert [(value_fault(each), unit_fault(each)) for each in figures] == [(None, None)] * len(figures)


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        (Parameter.MONEY, "HKD"),
        (Parameter.PERCENTAGE, "percent"),
        (Parameter.PERCENTAGE, "basis_point"),
        (Parameter.DURATION, "business_day"),
        (Parameter.DURATION, "quarter"),
        (Parameter.COUNT, "times_gain"),
    ],
)
def test_a_unit_fits_its_kind(kind, unit):
    assert unit_fault(parameter("1", unit, kind)) is None
    assert field_violations(parameter("1", unit, kind)) == []


@pytest.mark.parametrize(
    ("kind", "unit", "words"),
    [
        (Parameter.MONEY, "percent", "ISO 4217"),
        (Parameter.MONEY, "BTC", "ISO 4217"),
        (Parameter.MONEY, "XXX", "ISO 4217"),
        (Parameter.PERCENTAGE, "HKD", "percent, basis_point"),
        (Parameter.PERCENTAGE, "", "percent, basis_point"),
        (Parameter.DURATION, "fortnight", "minute, hour, day"),
        (Parameter.DURATION, "days", "minute, hour, day"),
        (Parameter.COUNT, "year", "of no other kind"),
        (Parameter.COUNT, "percent", "of no other kind"),
        (Parameter.COUNT, "HKD", "must be the word"),
        (Parameter.FLAG, "times", "must be empty"),
        (99, "times", "must be one of"),
    ],
)
def test_a_unit_of_another_kind_does_not(kind, unit, words):
    assert words in unit_fault(parameter("1", unit, kind))


@pytest.mark.parametrize("kind", [Parameter.MONEY, Parameter.DURATION, Parameter.COUNT])
def test_amounts_lengths_and_numbers_are_not_negative(kind):
    assert "must not be negative" in value_fault(parameter("-1", "x", kind))
    assert value_fault(parameter("-1", "percent", Parameter.PERCENTAGE)) is None


@pytest.mark.parametrize("value", ["", "ten", "1e3", "1,000", "NaN", "Infinity", "٣", "true"])
def test_a_figure_is_a_decimal_in_plain_notation(value):
    assert "plain notation" in value_fault(parameter(value, "HKD"))
    assert field_violations(parameter(value, "HKD")) != []


@pytest.mark.parametrize("value", ["1", "yes", "True", ""])
def test_a_flag_is_true_or_false(value):
    assert value_fault(parameter(value, "", Parameter.FLAG)) == "must be true or false for a FLAG"
    assert field_violations(parameter(value, "", Parameter.FLAG)) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (parameter("2", "week", KINDS.DURATION), parameter("14", "day", KINDS.DURATION)),
        (parameter("1", "year", KINDS.DURATION), parameter("4", "quarter", KINDS.DURATION)),
        (parameter("1.5", "hour", KINDS.DURATION), parameter("90", "minute", KINDS.DURATION)),
        (parameter("0.25", "percent", KINDS.PERCENTAGE), parameter("25", "basis_point", KINDS.PERCENTAGE)),
        (parameter("5.0", "HKD"), parameter("5", "HKD")),
    ],
)
def test_units_that_convert_exactly_are_one(one, other):
    assert measure(one) == measure(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (parameter("24", "hour", KINDS.DURATION), parameter("1", "day", KINDS.DURATION)),
        (parameter("1", "business_day", KINDS.DURATION), parameter("1", "day", KINDS.DURATION)),
        (parameter("30", "day", KINDS.DURATION), parameter("1", "month", KINDS.DURATION)),
        (parameter("1", "HKD"), parameter("1", "KRW")),
        (parameter("1", "times", KINDS.COUNT), parameter("1", "times_gain", KINDS.COUNT)),
    ],
)
def test_others_are_not(one, other):
    assert measure(one).unit != measure(other).unit


@pytest.mark.parametrize(("unit", "factor"), [("percent", 100), ("basis_point", 1)])
def test_figures_that_differ_in_their_last_digit_are_two(unit, factor):
    nines = f"{'9' * 18}.{'9' * 17}"
    one, other = (measure(parameter(nines + digit, unit, Parameter.PERCENTAGE)) for digit in "89")
    assert one.value < other.value
    assert Fraction(other.value) == Fraction(nines + "9") * factor


def test_a_flag_is_one_or_nothing():
    assert measure(parameter("true", "", Parameter.FLAG)).value == Decimal(1)
    assert measure(parameter("false", "", Parameter.FLAG)).value == Decimal(0)
