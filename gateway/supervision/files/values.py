"""Codecs for the plain values of files: words, numbers, dates, amounts; see ``codecs``."""

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.errors import BadInput
from gateway.supervision.files.codecs import Codec, entries, mapping, path_of
from gateway.supervision.rules.values import decimal_fault, partial_date_fault

_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_AMOUNT = re.compile(r"(-?)(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,9}))?")
_DIGEST = re.compile("[0-9a-f]{64}")


def one_of(numbers: Mapping[str, int]) -> Codec:
    """A word for each value of an enumeration, given with their numbers."""
    words = {number: word for word, number in numbers.items()}
    form = f"one of {', '.join(numbers)}"

    def read(value: Any, path: str) -> int:
        if not isinstance(value, str) or value not in numbers:
            raise BadInput.of(path, f"must be {form}")
        return numbers[value]

    def write(number: int) -> str:
        return words.get(number, f"unknown ({number})")  # of a newer version

    return Codec(read, write, form)


def whole(lowest: int, highest: int) -> Codec:
    """A whole number within bounds."""
    form = f"a whole number from {lowest} to {highest}"

    def read(value: Any, path: str) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise BadInput.of(path, f"must be {form}")
        return value

    return Codec(read, int, form)


def _read_text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise BadInput.of(path, "must be a text")
    return value


def _read_flag(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise BadInput.of(path, "must be true or false")
    return value


def _read_date(value: Any, path: str) -> Date:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match and "00" not in match.groups():
        year, month, day = (int(part or 0) for part in match.groups())
        date = Date(year=year, month=month, day=day)
        if not partial_date_fault(date):
            return date
    raise BadInput.of(path, "must be a date such as 2026-02-25")


def _write_date(date: Date) -> str:
    text = f"{date.year:04}"
    for part in (date.month, date.day):
        text += f"-{part:02}" if part else ""
    return text


def _read_timestamp(value: Any, path: str) -> Timestamp:
    moment = Timestamp()
    try:
        moment.FromJsonString(_read_text(value, path))
    except ValueError as error:
        raise BadInput.of(path, "must be a moment such as 2025-11-26T19:42:00Z") from error
    return moment


def _write_timestamp(moment: Timestamp) -> str:
    try:
        return moment.ToJsonString()
    except ValueError:  # what others sealed may be none of the years 1 to 9999
        return f"{moment.seconds} s and {moment.nanos} ns after 1970"


def _read_decimal(value: Any, path: str) -> Decimal:
    decimal = Decimal(value=_read_text(value, path))
    if fault := decimal_fault(decimal):
        raise BadInput.of(path, f"{fault}, as a text")
    return decimal


def _read_money(value: Any, path: str) -> Money:
    given = entries(value, path, ("currency", "amount"))
    amount = given.get("amount")
    match = _AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if match is None:
        raise BadInput.of(path_of(path, "amount"), "must be a decimal as a text, such as 172110000 or 0.25")
    minus, units, nanos = match.groups("0")
    sign = -1 if minus == "-" else 1
    currency = _read_text(given.get("currency", ""), path_of(path, "currency"))
    return Money(currency_code=currency, units=sign * int(units), nanos=sign * int(nanos.ljust(9, "0")))


def _write_money(money: Money) -> dict[str, str]:
    minus = "-" if money.units < 0 or money.nanos < 0 else ""
    fraction = f".{abs(money.nanos):09}".rstrip("0").rstrip(".")
    return {"currency": money.currency_code, "amount": f"{minus}{abs(money.units)}{fraction}"}


def _read_digest(value: Any, path: str) -> bytes:
    text = _read_text(value, path)
    if not _DIGEST.fullmatch(text):
        raise BadInput.of(path, "must be a SHA-256 digest: 64 of 0-9 and a-f")
    return bytes.fromhex(text)


TEXT = Codec(_read_text, str, "a text")
FLAG = Codec(_read_flag, bool, "true or false")
DATE = Codec(_read_date, _write_date, "a date such as 2026-02-25")  # or a month or a year alone
TIMESTAMP = Codec(_read_timestamp, _write_timestamp, "a moment such as 2025-11-26T19:42:00Z")
DECIMAL = Codec(_read_decimal, lambda decimal: decimal.value, 'a decimal as a text, such as "0.25"')
MONEY = Codec(_read_money, _write_money, 'an amount such as {"currency": "USD", "amount": "0.25"}')
DIGEST = Codec(_read_digest, bytes.hex, "a SHA-256 digest: 64 of 0-9 and a-f")
LOCALIZED = mapping(
    TEXT, LocalizedText, "language_tag", "text", 'an object with a text by language tag, such as {"en": "Outage"}'
)
