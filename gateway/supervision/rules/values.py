"""Dates, amounts, decimals, moments and texts: what their types allow and the world does not.

Like ``identifiers``, each check returns what is wrong, or ``None``, and looks at the value alone.
"""

import re
import unicodedata
from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money

from gateway.moments import LATEST_SECONDS, NANOS
from gateway.supervision.rules.identifiers import currency_fault

EARLIEST_SECONDS = -62_135_596_800  # 0001-01-01T00:00:00Z, where google.protobuf.Timestamp begins

# Of the days that content tells. A law may be two centuries old; what lies outside is a slip of the pen.
EARLIEST_YEAR, LATEST_YEAR = 1800, 2199

MAX_FILE_NAME_BYTES = 255  # in UTF-8, as file systems have it

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?", re.ASCII)

# Characters that show nothing (Unicode's Default_Ignorable_Code_Point), or that turn around what others show: an
# official would not read what was sealed. Selectors of variants stay allowed where names in Han script need them.
_NEVER = (
    "\u0080-\u009f"  # C1 control characters
    "\u00ad\u034f"  # soft hyphen, grapheme joiner
    "\u115f\u1160\u3164\uffa0"  # fillers of Hangul
    "\u17b4\u17b5"  # vowels of Khmer that are not written
    "\u180e\u200b\u2060-\u2064\ufeff"  # spaces and joiners of no width
    "\u2028\u2029"  # separators of lines and paragraphs
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates of direction
    "\u2065\u206a-\u206f\ufff0-\ufffb"  # deprecated, reserved and interlinear formatting
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # of shorthand and of music
    "\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"  # tags, and what is kept beside them
    "\ufdd0-\ufdef"  # noncharacters; two more end each plane
) + "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
_BLANK = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\u2800"  # Braille without a dot
_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_JOINING = _RIGHT_TO_LEFT + "\u0900-\u109f\u1780-\u18af\ua840-\uabff"  # scripts whose spelling uses ZWJ and ZWNJ
_HAN = "[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U000323af]"
_VARIATION = "\ufe00-\ufe0f\u180b-\u180d\u180f"  # selectors of variants: of symbols and emoji, and of Mongolian
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # all of ASCII but tab and line feed
_HIDDEN = re.compile(
    f"[{_NEVER}]"
    f"|(?<!{_HAN})[\U000e0100-\U000e01ef]"
    f"|(?<![^\\sA-Za-z{_VARIATION}])[{_VARIATION}]"
    f"|(?<![{_JOINING}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINING}])"
    f"|(?<![{_RIGHT_TO_LEFT}])[\u061c\u200e\u200f](?![{_RIGHT_TO_LEFT}])"
)


def text_fault(text: str) -> str | None:
    """Refuses blank texts, and characters that hide something from a reader (Unicode TR 36 and TR 39).

    The joiners U+200C and U+200D pass between letters of scripts that spell with them, the direction marks
    U+061C, U+200E and U+200F beside letters written from right to left, selectors of variants after what may have some.
    """
    if text and not text.strip(_BLANK):
        return "must not be blank"
    if not text.isprintable() and (found := _CONTROL.search(text)):
        return f"must not hold the control character U+{ord(found[0]):04X} (character {found.start() + 1})"
    if not text.isascii() and (found := _HIDDEN.search(text)):
        place = found.start() + 1
        return f"must not hold the invisible character U+{ord(found[0]):04X} (character {place})"
    return None


def label_fault(text: str) -> str | None:
    """The same for a short text by which something is found: with a blank beside it, it looks like one without."""
    if (fault := text_fault(text)) or text == text.strip(_BLANK):
        return fault
    return "must not begin or end with a blank"


def compared_fault(text: str) -> str | None:
    """The same for one that is compared letter by letter: it has one spelling alone (Unicode's form NFC)."""
    if (fault := label_fault(text)) or unicodedata.is_normalized("NFC", text):
        return fault
    return "must be in Unicode's Normalization Form C (NFC)"


def file_name_fault(text: str) -> str | None:
    """The same for the name of a file, which every file system must be able to bear."""
    if fault := compared_fault(text):
        return fault
    if text.endswith("."):
        return "must not end with a dot"
    if len(text.encode()) > MAX_FILE_NAME_BYTES:
        return f"must not be longer than {MAX_FILE_NAME_BYTES} bytes in UTF-8"
    return None


def date_fault(value: Date) -> str | None:
    """Checks for a day of the calendar: year, month and day all given."""
    try:
        date(value.year, value.month, value.day)
    except ValueError:
        return "must be a day of the calendar, with year (1 to 9999), month and day"
    return None


def partial_date_fault(value: Date) -> str | None:
    """Checks for a day, a month or a year: what is not known is 0, from the right."""
    if value.day:
        return date_fault(value)
    if not (1 <= value.year <= 9999 and 0 <= value.month <= 12):
        return "must be a day, a month or a year of the calendar"
    return None


def told_date_fault(value: Date) -> str | None:
    """Checks a day that content tells: of the calendar, and of a year that can be meant."""
    return date_fault(value) or _year_fault(value.year)


def told_partial_date_fault(value: Date) -> str | None:
    """The same for a day, a month or a year."""
    return partial_date_fault(value) or _year_fault(value.year)


def _year_fault(year: int) -> str | None:
    if EARLIEST_YEAR <= year <= LATEST_YEAR:
        return None
    return f"must be of the years {EARLIEST_YEAR} to {LATEST_YEAR}"


def told_moment_fault(value: Timestamp) -> str | None:
    """Checks a moment that content tells; one whose fields are all unset is none."""
    if fault := timestamp_fault(value):
        return fault
    if not (value.seconds or value.nanos):
        return "must be a moment, and not an empty message (1970-01-01T00:00:00Z)"
    year = datetime.fromtimestamp(value.seconds, UTC).year
    return _year_fault(year)


def timestamp_fault(value: Timestamp) -> str | None:
    """Checks a moment's bounds: years 1 to 9999, nanos 0 to 999,999,999."""
    if not (EARLIEST_SECONDS <= value.seconds <= LATEST_SECONDS and 0 <= value.nanos < NANOS):
        return "must be a moment of the years 1 to 9999, with nanos from 0 to 999,999,999"
    return None


def decimal_fault(value: Decimal) -> str | None:
    """Checks a decimal: plain notation, at most 18 digits before and 18 after the point, no exponent, no sign of 0."""
    if not _DECIMAL.fullmatch(value.value):
        return "must be a decimal in plain notation such as 96.5 or -2, without exponent or leading zeros"
    if value.value.startswith("-") and not value.value.strip("-0."):
        return "must not be a 0 with a sign"
    return None


def money_fault(value: Money) -> str | None:
    """Checks what ``google.type.Money`` demands: a known currency, nanos in bounds, signs that agree."""
    if fault := currency_fault(value.currency_code):
        return f"currency_code {fault}"
    if not -NANOS < value.nanos < NANOS:
        return "nanos must be from -999,999,999 to 999,999,999"
    if (value.units > 0 > value.nanos) or (value.units < 0 < value.nanos):
        return "units and nanos must have the same sign"
    return None


def amount_fault(value: Money) -> str | None:
    """Checks an amount that cannot be negative: a loss, a penalty, a holding."""
    if fault := money_fault(value):
        return fault
    return "must not be negative" if value.units < 0 or value.nanos < 0 else None
