"""Identifiers of firms, instruments, tokens, venues, countries, currencies, languages and sites.

Each check takes a text and returns what is wrong with it, or ``None``. Nothing is folded or corrected: what
is sealed is what was checked. A check says that an identifier is well formed, never that somebody has
registered it.
"""

import re
from functools import cache, lru_cache

import pycountry
from stdnum import isin
from stdnum.iso7064 import mod_37_36, mod_97_10

CHECKED = 4096  # identifiers whose outcome each check remembers: a node meets the same firms again and again

_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}")
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")
_DTI = re.compile(r"[1-9B-DF-HJ-NP-TV-XZ][0-9B-DF-HJ-NP-TV-XZ]{8}")
_MIC = re.compile(r"[A-Z0-9]{4}")
_LANGUAGE_TAG = re.compile(r"([a-z]{2,3})(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|[0-9]{3}))?")

_LEI_NEVER_ISSUED = frozenset({"00", "01", "99"})  # ISO 7064 MOD 97-10 gives 02 to 98
_ISIN_PREFIXES_OF_NO_COUNTRY = frozenset({"EU", "QS", "QT", "QY"})  # those that begin with X come on top
_DTI_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXZ"
_DTI_GRANDFATHERED = frozenset({"4H95J0R2X"})
_NO_CURRENCY = "XXX"  # ISO 4217's code for "no currency is involved"
_NO_LANGUAGE = frozenset({"mis", "mul", "und", "zxx"})  # ISO 639's codes for none, several and those without a code
_NO_SCRIPT = frozenset({"Zxxx", "Zyyy", "Zinh", "Zzzz"})  # ISO 15924's for none, any, the one before, not known
# Regions of UN M.49 that are larger than a country and stand in IANA's registry of subtags; that of a country does not.
_LARGER = (1, 2, 3, 5, 9, 11, 13, 14, 15, 17, 18, 19, 21, 29, 30, 34, 35, 39, 53, 54, 57, 61)
_REGIONS = frozenset(f"{code:03}" for code in (*_LARGER, 142, 143, 145, 150, 151, 154, 155, 202, 419))


@lru_cache(CHECKED)
def lei_fault(text: str) -> str | None:
    """Checks a Legal Entity Identifier: ISO 17442-1, check digits by ISO 7064 MOD 97-10."""
    if not _LEI.fullmatch(text):
        return "must be a Legal Entity Identifier (ISO 17442): 18 of A-Z and 0-9, then 2 check digits"
    if text[-2:] in _LEI_NEVER_ISSUED or mod_97_10.checksum(text) != 1:
        return "must be a Legal Entity Identifier whose check digits fit (ISO 17442)"
    return None


@lru_cache(CHECKED)
def isin_fault(text: str) -> str | None:
    """Checks an International Securities Identification Number: ISO 6166.

    The prefix is a country, or one of the codes that numbering agencies use beside them: those that begin
    with X (``XS`` for international securities, ``XT`` for digital tokens), ``EU`` and a few more.
    """
    if not _ISIN.fullmatch(text):
        return "must be an ISIN (ISO 6166): 2 letters, 9 of A-Z and 0-9, then 1 check digit"
    prefix = text[:2]
    if prefix[0] != "X" and prefix not in _ISIN_PREFIXES_OF_NO_COUNTRY and country_fault(prefix):
        return "must be an ISIN whose first two letters are a country or a code of a numbering agency (ISO 6166)"
    if isin.calc_check_digit(text[:-1]) != text[-1]:
        return "must be an ISIN whose check digit fits (ISO 6166)"
    return None


def sought_fault(text: str) -> str | None:
    """Checks what is looked for, in any letter case, where its form leaves no doubt what it is meant to be.

    A DTI has no such form: the number of a licence may look like one.
    """
    found = text.strip().upper()
    if _LEI.fullmatch(found):
        return lei_fault(found)
    if _ISIN.fullmatch(found) and not country_fault(found[:2]):
        return isin_fault(found)
    return None


@lru_cache(CHECKED)
def dti_fault(text: str) -> str | None:
    """Checks a Digital Token Identifier: ISO 24165-1, check character by ISO 7064 hybrid MOD 31,30.

    The standard is not public. Alphabet and check character were verified on the 5,785 codes that the
    registry (DTIF) had given by April 2026: all fit but one, Bitcoin's ``4H95J0R2X``. The registry keeps that
    code, so it passes by name. No code begins with 0.
    """
    if not _DTI.fullmatch(text):
        return "must be a Digital Token Identifier (ISO 24165): 9 digits or consonants but Y, first no 0"
    if text not in _DTI_GRANDFATHERED and mod_37_36.checksum(text, alphabet=_DTI_ALPHABET) != 1:
        return "must be a Digital Token Identifier whose check character fits (ISO 24165)"
    return None


@lru_cache(CHECKED)
def mic_fault(text: str) -> str | None:
    """Checks the form of a Market Identifier Code: ISO 10383. No check digit; the register moves."""
    if not _MIC.fullmatch(text):
        return "must be a Market Identifier Code (ISO 10383): 4 of A-Z and 0-9"
    return None


def country_fault(text: str) -> str | None:
    """Checks a country: ISO 3166-1 alpha-2, as assigned when ``pycountry`` was released."""
    if text not in _countries():
        return "must be a country by its ISO 3166-1 alpha-2 code, such as HK"
    return None


def currency_fault(text: str) -> str | None:
    """Checks a currency: ISO 4217, as current when ``pycountry`` was released; ``XXX`` stands for none."""
    if text not in _currencies():
        return "must be a currency by its ISO 4217 code, such as HKD"
    return None


@lru_cache(CHECKED)
def language_tag_fault(text: str) -> str | None:
    """Checks a BCP-47 tag: language, perhaps script and region, in their usual letter case, each one that there is.

    A language that has a code of two letters (ISO 639-1) has no other, as BCP 47 demands.
    """
    found = _LANGUAGE_TAG.fullmatch(text)
    if not found:
        return "must be a BCP-47 tag in its usual letter case, such as en, zh-Hant or ko-KR"
    language, script, region = found.groups()
    if language not in _languages():
        return "must be a BCP-47 tag of a language by its shortest code (ISO 639), such as en or yue"
    if script and script not in _scripts():
        return "must be a BCP-47 tag whose script there is (ISO 15924), such as zh-Hant"
    if region and region not in _REGIONS and region not in _countries():
        return "must be a BCP-47 tag whose region is a country (ISO 3166-1), such as ko-KR, or larger (UN M.49)"
    return None


@lru_cache(CHECKED)
def domain_fault(text: str) -> str | None:
    """Checks a host name for having one spelling alone: small letters, no dot at its end, other scripts as ``xn--``."""
    if text != text.lower():
        return "must be in small letters"
    if text.endswith(".") or "." not in text:
        return "must be a full host name such as www.example.com, without a dot at its end"
    if any(label.startswith("xn--") and not _is_punycode(label[4:]) for label in text.split(".")):
        return "must be a host name whose parts that begin with xn-- are Punycode (RFC 3492)"
    return None


def _is_punycode(text: str) -> bool:
    """Whether it stands for a text that needs it, and is how this is written."""
    try:
        told = text.encode().decode("punycode")
        return not told.isascii() and told.isprintable() and told.encode("punycode").decode() == text
    except (UnicodeError, OverflowError):
        return False


@cache
def _countries() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)


@cache
def _languages() -> frozenset[str]:
    return frozenset(getattr(each, "alpha_2", each.alpha_3) for each in pycountry.languages) - _NO_LANGUAGE


@cache
def _scripts() -> frozenset[str]:
    return frozenset(script.alpha_4 for script in pycountry.scripts) - _NO_SCRIPT


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies) - {_NO_CURRENCY}
