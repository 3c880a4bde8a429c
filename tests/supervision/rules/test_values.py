import datetime as dt
import unicodedata

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money
from hypothesis import given
from hypothesis import strategies as st

from gateway.moments import LATEST_SECONDS
from gateway.supervision.rules import values

LEAP_DAY = Date(year=2024, month=2, day=29)


@pytest.mark.parametrize(
    "text",
    [
        "☎\ufe0f 1\ufe0f\u20e3",  # an emoji, and a key
        "ᠠ\u180bᠨ",  # Mongolian, with a variant
        "⠓⠅\u2800⠅⠗",  # Braille
        "Stablecoins Ordinance in force",
        "《穩定幣條例》生效",
        "가상자산이용자보호법 시행",
        "葛\U000e0100城",  # a variant of a Han character, chosen by a variation selector
        "می‌خواهم",  # Persian, with ZWNJ
        "क्‍ष",  # Devanagari, with ZWJ
        "שלום\u200f (1)",  # Hebrew, with a right-to-left mark
        "first line\n\tsecond line",
        "👩 and 家",
    ],
)
def test_accepts_texts_as_people_write_them(text):
    assert values.text_fault(text) is None


@pytest.mark.parametrize(
    "code",
    [
        *range(0x202A, 0x202F),  # embeddings and overrides
        *range(0x2066, 0x206A),  # isolates
        *(0x80, 0x9F, 0xAD, 0x115F, 0x3164, 0xFFA0, 0x180E, 0x200B, 0x2028, 0x2029, 0x2060, 0x2064, 0xFEFF),
        *(0x061C, 0x200C, 0x200D, 0x200E, 0x200F, 0xFFF9, 0xFFFE, 0xE0001, 0xE007F),
        *(0x034F, 0x17B4, 0x17B5, 0xFFF0, 0xFFF8, 0x1BCA0, 0x1D173, 0x1D17A, 0xE0000, 0xE0080, 0xE01F0, 0xE0FFF),
        *(0xFDD0, 0xFDEF, 0xFFFF, 0x1FFFE, 0x1FFFF, 0x10FFFE, 0x10FFFF),  # noncharacters
        *(0x180B, 0x180F, 0xFE00, 0xFE0F, 0xE0100, 0xE01EF),  # variants of a Latin letter
    ],
)
def test_refuses_characters_that_hide_or_turn_around(code):
    fault = values.text_fault(f"Bank{chr(code)}한국")
    assert f"U+{code:04X}" in fault
    assert "(character 5)" in fault


@pytest.mark.parametrize("text", ["\u200cمی", "می\u200c", "می\u200cx", "क्‍"])
def test_refuses_joiners_that_join_nothing(text):
    assert "invisible character U+200" in values.text_fault(text)


@pytest.mark.parametrize("text", ["\ufe0fa", "葛\U000e0100\U000e0101", "☎\ufe0f\ufe0f", "葛 \U000e0100", "\ufe0f"])
def test_refuses_variants_of_nothing(text):
    assert "invisible character U+" in values.text_fault(text)


@pytest.mark.parametrize("text", [" ", "\t\n", "\u3000", "\u2800", " \u2800\u00a0"])
def test_refuses_blank_texts(text):
    assert values.text_fault(text) == "must not be blank"


@given(st.dates())
def test_every_day_of_the_calendar_is_a_date(day):
    date = Date(year=day.year, month=day.month, day=day.day)
    assert values.date_fault(date) is None
    assert values.partial_date_fault(date) is None


@given(st.integers(-(2**31), 2**31 - 1), st.integers(-1, 14), st.integers(-1, 33))
def test_no_other_day_is_a_date(year, month, day):
    try:
        dt.date(year, month, day)
    except (ValueError, OverflowError):
        assert "day of the calendar" in values.date_fault(Date(year=year, month=month, day=day))
    else:
        assert values.date_fault(Date(year=year, month=month, day=day)) is None


@pytest.mark.parametrize(
    ("date", "is_partial"),
    [
        (LEAP_DAY, True),
        (Date(year=2026), True),
        (Date(year=2026, month=2), True),
        (Date(), False),
        (Date(year=2026, day=3), False),
        (Date(month=2, day=3), False),
        (Date(year=2026, month=13), False),
        (Date(year=2026, month=-1), False),
        (Date(year=10_000), False),
        (Date(year=2025, month=2, day=29), False),
    ],
)
def test_a_partial_date_leaves_out_from_the_right(date, is_partial):
    assert (values.partial_date_fault(date) is None) == is_partial


@pytest.mark.parametrize("text", ["0", "2", "-2", "96.5", "0.000000000000000001", "999999999999999999", "1.50"])
def test_accepts_decimals_in_plain_notation(text):
    assert values.decimal_fault(Decimal(value=text)) is None


@pytest.mark.parametrize(
    "text",
    ["", "+2", ".5", "5.", "1e3", "1,5", "01", "--1", "NaN", "٣", "1 ", "1\n", "1" * 19, "0." + "1" * 19],
)
def test_refuses_decimals_in_other_notations(text):
    assert "plain notation" in values.decimal_fault(Decimal(value=text))


@pytest.mark.parametrize("nanos", [0, 1, 999_999_999])
@pytest.mark.parametrize("sign", [1, -1])
def test_accepts_money_whose_signs_agree(nanos, sign):
    assert values.money_fault(Money(currency_code="HKD", units=sign * 3, nanos=sign * nanos)) is None
    assert values.money_fault(Money(currency_code="HKD", nanos=sign * nanos)) is None


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(units=1), "ISO 4217"),
        (Money(currency_code="BTC", units=1), "ISO 4217"),
        (Money(currency_code="HKD", units=1, nanos=-1), "same sign"),
        (Money(currency_code="HKD", units=-1, nanos=1), "same sign"),
        (Money(currency_code="HKD", nanos=1_000_000_000), "nanos"),
        (Money(currency_code="HKD", nanos=-1_000_000_000), "nanos"),
    ],
)
def test_tells_what_is_wrong_with_money(money, words):
    assert words in values.money_fault(money)
    assert words in values.amount_fault(money)


@pytest.mark.parametrize("money", [Money(currency_code="HKD", units=-1), Money(currency_code="HKD", nanos=-1)])
def test_an_amount_is_not_negative(money):
    assert values.amount_fault(money) == "must not be negative"


@pytest.mark.parametrize(
    ("moment", "is_valid"),
    [
        (Timestamp(), True),
        (Timestamp(seconds=values.EARLIEST_SECONDS), True),
        (Timestamp(seconds=LATEST_SECONDS, nanos=999_999_999), True),
        (Timestamp(seconds=values.EARLIEST_SECONDS - 1), False),
        (Timestamp(seconds=LATEST_SECONDS + 1), False),
        (Timestamp(seconds=1, nanos=-1), False),
        (Timestamp(seconds=1, nanos=1_000_000_000), False),
    ],
)
def test_a_moment_lies_within_the_bounds_of_its_type(moment, is_valid):
    assert (values.timestamp_fault(moment) is None) == is_valid


@pytest.mark.parametrize("character", ["\0", "\x07", "\x0b", "\r", "\x1b", "\x7f"])
def test_a_text_holds_no_control_characters_but_tabs_and_line_feeds(character):
    assert f"U+{ord(character):04X} (character 2)" in values.text_fault(f"a{character}")
    assert values.text_fault("a\tb\nc") is None


@pytest.mark.parametrize("text", ["SFC ", " SFC", "\u00a0SFC", "SFC\u3000", "SFC\u2800"])
def test_a_label_has_no_blank_beside_it(text):
    assert values.label_fault(text) == "must not begin or end with a blank"
    assert values.text_fault(text) is None
    assert values.label_fault("Securities and Futures Commission") is None
    assert "invisible" in values.label_fault("SFC\u200b")


def test_what_is_compared_letter_by_letter_has_one_spelling():
    composed = "금융위원회 Société"
    assert values.compared_fault(composed) is None
    assert "NFC" in values.compared_fault(unicodedata.normalize("NFD", composed))
    assert values.label_fault(unicodedata.normalize("NFD", composed)) is None


@pytest.mark.parametrize("name", ["order.pdf", ".profile", "명령.pdf", "한" * 85, "a b.tar.gz"])
def test_accepts_names_of_files(name):
    assert values.file_name_fault(name) is None


@pytest.mark.parametrize(
    "name", [".", "..", "...", "order.", "order.pdf ", " order.pdf", "fdp\u202e.exe", "한" * 85 + "a"]
)
def test_refuses_names_that_a_file_system_cannot_bear_or_would_change(name):
    assert values.file_name_fault(name).startswith("must not ")


@pytest.mark.parametrize(("year", "is_meant"), [(1799, False), (1800, True), (2026, True), (2199, True), (2200, False)])
def test_a_day_that_is_told_is_of_a_year_that_can_be_meant(year, is_meant):
    assert (values.told_date_fault(Date(year=year, month=1, day=1)) is None) == is_meant
    assert (values.told_partial_date_fault(Date(year=year)) is None) == is_meant
    moment = Timestamp()
    moment.FromDatetime(dt.datetime(year, 6, 1, tzinfo=dt.UTC))
    assert (values.told_moment_fault(moment) is None) == is_meant
    assert values.date_fault(Date(year=year, month=1, day=1)) is None


def test_a_day_that_is_told_is_one_of_the_calendar():
    assert "calendar" in values.told_date_fault(Date(year=2026))
    assert "calendar" in values.told_partial_date_fault(Date(month=2))
    assert "9999" in values.told_moment_fault(Timestamp(seconds=2**40))


def test_an_empty_message_is_no_moment_that_is_told():
    assert "empty" in values.told_moment_fault(Timestamp())
    assert values.told_moment_fault(Timestamp(nanos=1)) is None


@pytest.mark.parametrize("zero", ["-0", "-0.00"])
def test_a_zero_has_no_sign(zero):
    assert values.decimal_fault(Decimal(value=zero)) == "must not be a 0 with a sign"
    assert values.decimal_fault(Decimal(value=zero[1:])) is None
    assert values.decimal_fault(Decimal(value="-0.01")) is None
