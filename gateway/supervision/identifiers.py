"""Identifiers of firms, instruments, tokens, venues, countries, currencies and languages.

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
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")

_LEI_NEVER_ISSUED = frozenset({"00", "01", "99"})  # ISO 7064 MOD 97-10 gives 02 to 98
_ISIN_PREFIXES_OF_NO_COUNTRY = frozenset({"EU", "QS", "QT", "QY"})  # those that begin with X come on top
_DTI_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXZ"
_DTI_GRANDFATHERED = frozenset({"4H95J0R2X"})
_NO_CURRENCY = "XXX"  # ISO 4217's code for "no currency is involved"


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
    """Checks the form of a BCP-47 tag: language, perhaps script and region, in their usual letter case."""
    if not _LANGUAGE_TAG.fullmatch(text):
        return "must be a BCP-47 tag such as en, zh-Hant or ko-KR"
    return None


@cache
def _countries() -> frozenset[str]:
    return frozenset(country.alpha_2 for country in pycountry.countries)


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies) - {_NO_CURRENCY}
