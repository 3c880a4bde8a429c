import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_97_10

from gateway.supervision.rules import identifiers
from tests.supervision.samples import DTI_ALPHABET, dtis, isins, leis
from tests.support.properties import examples

REAL_LEIS = [
    "HWUPKR0MPOU8FGXBT394",  # Apple Inc.
    "213800KUD8LAJWSQ9D15",  # a charity of the United Kingdom
]
REAL_ISINS = [
    "HK0000069689",  # AIA Group
    "KR7005930003",  # Samsung Electronics
    "US0378331005",  # Apple Inc.
    "XS0203470157",  # an international bond
    "EU0009658145",  # an index
    "XTV15WLZJMF0",  # Bitcoin, as a referential instrument
]
REAL_DTIS = [
    "X9J9K872S",  # Ether
    "9X1Z1NQG5",
    "3WCGMWKQM",
    "WGJSRNZGM",
    "J7KQCG93W",
    "44SDQ6NX0",
    "JGNDNLNNX",
    "ZFP9K2W9F",  # Tether
    "JW7SD9THP",  # Arweave
    "14CCHV9R7",  # Nano
    "17002NH5Z",
    "1BG77R3KX",
    "10ZW1X3N5",
]


def with_digit(code: str, place: int, step: int) -> str:
    """``code`` with the digit at ``place`` moved on by ``step``, 1 to 9."""
    changed = str((int(code[place]) + step) % 10)
    return code[:place] + changed + code[place + 1 :]


def digit_places(code: str) -> list[int]:
    return [place for place, character in enumerate(code) if character.isdigit()]


@pytest.mark.parametrize("lei", REAL_LEIS)
def test_accepts_leis_in_use(lei):
    assert identifiers.lei_fault(lei) is None


@pytest.mark.parametrize(
    "lei",
    [
        "",
        "HWUPKR0MPOU8FGXBT39",
        "HWUPKR0MPOU8FGXBT3944",
        "hwupkr0mpou8fgxbt394",
        "HWUPKR0MPOU8FGXBT39A",
        "HWUP KR0MPOU8FGXBT394",
        "HWUPKR0MPOU8FGXBT394\n",
        "HWUPKR0MPOU8FGXBT3٩4",
    ],
)
def test_tells_the_form_of_a_lei_to_what_has_another(lei):
    assert "18 of A-Z and 0-9" in identifiers.lei_fault(lei)


@pytest.mark.parametrize("lei", ["HWUPKR0MPOU8FGXBT395", "213800KUD8LXJWSQ9D15"])
def test_tells_that_check_digits_of_a_lei_do_not_fit(lei):
    assert "check digits fit" in identifiers.lei_fault(lei)


@pytest.mark.parametrize(("issued", "never"), [("97", "00"), ("98", "01"), ("02", "99")])
@given(lei=leis())
@examples(20)
def test_check_digits_that_iso_7064_never_gives_are_refused(lei, issued, never):
    stem = next(
        stem for stem in (f"{lei[:16]}{tail:02}" for tail in range(100)) if mod_97_10.calc_check_digits(stem) == issued
    )
    assert mod_97_10.checksum(stem + never) == 1
    assert identifiers.lei_fault(stem + issued) is None
    assert identifiers.lei_fault(stem + never) is not None


@given(leis(), st.data())
def test_any_changed_digit_of_a_lei_is_refused(lei, data):
    place = data.draw(st.sampled_from(digit_places(lei)))
    assert identifiers.lei_fault(lei) is None
    assert identifiers.lei_fault(with_digit(lei, place, data.draw(st.integers(1, 9)))) is not None


@pytest.mark.parametrize("isin", REAL_ISINS)
def test_accepts_isins_in_use(isin):
    assert identifiers.isin_fault(isin) is None


@pytest.mark.parametrize(
    "isin",
    ["", "US037833100", "US03783310055", "us0378331005", "U00378331005", "US037833100A", "US-378331005"],
)
def test_tells_the_form_of_an_isin_to_what_has_another(isin):
    assert "9 of A-Z and 0-9" in identifiers.isin_fault(isin)


@pytest.mark.parametrize("isin", ["ZZ0378331006", "QQ0378331004"])
def test_tells_that_the_prefix_of_an_isin_is_nobodys(isin):
    assert "first two letters" in identifiers.isin_fault(isin)


@pytest.mark.parametrize("isin", ["US0378331004", "KR7005930013"])
def test_tells_that_the_check_digit_of_an_isin_does_not_fit(isin):
    assert "check digit fits" in identifiers.isin_fault(isin)


@given(isins(), st.data())
def test_any_changed_digit_of_an_isin_is_refused(isin, data):
    place = data.draw(st.sampled_from(digit_places(isin)))
    assert identifiers.isin_fault(isin) is None
    assert identifiers.isin_fault(with_digit(isin, place, data.draw(st.integers(1, 9)))) is not None


@pytest.mark.parametrize("dti", REAL_DTIS)
def test_accepts_dtis_of_the_registry(dti):
    assert identifiers.dti_fault(dti) is None


def test_accepts_the_dti_of_bitcoin_though_its_check_character_does_not_fit():
    assert identifiers.dti_fault("4H95J0R2X") is None
    assert identifiers.dti_fault("4H95J0R2T") is None  # the character that would fit


@pytest.mark.parametrize(
    "dti",
    [
        "",
        "X9J9K872",
        "X9J9K872S0",
        "x9j9k872s",
        "09J9K872S",
        "A9J9K872S",
        "X9J9K8Y2S",
        "X9J9K8-2S",
        "X9J9K872S\n",
    ],
)
def test_tells_the_form_of_a_dti_to_what_has_another(dti):
    assert "9 digits or consonants" in identifiers.dti_fault(dti)


@given(dtis(), st.data())
def test_any_changed_character_of_a_dti_is_refused(dti, data):
    place = data.draw(st.integers(0, 8))
    other = data.draw(st.sampled_from(DTI_ALPHABET).filter(lambda character: character != dti[place]))
    changed = dti[:place] + other + dti[place + 1 :]
    assert identifiers.dti_fault(dti) is None
    assert identifiers.dti_fault(changed) is not None or changed == "4H95J0R2X"


@pytest.mark.parametrize("mic", ["XHKG", "XKRX", "24EX", "0000"])
def test_accepts_the_form_of_a_mic(mic):
    assert identifiers.mic_fault(mic) is None


@pytest.mark.parametrize("mic", ["", "XHK", "XHKGG", "xhkg", "XH-G", "XHKG\n"])
def test_tells_the_form_of_a_mic_to_what_has_another(mic):
    assert "Market Identifier Code" in identifiers.mic_fault(mic)


@pytest.mark.parametrize("country", ["HK", "KR", "SG", "GB"])
def test_accepts_countries(country):
    assert identifiers.country_fault(country) is None


@pytest.mark.parametrize("country", ["", "hk", "HKG", "UK", "EU", "XX", "ZZ", "H"])
def test_refuses_what_is_no_country_of_iso_3166(country):
    assert "ISO 3166-1" in identifiers.country_fault(country)


@pytest.mark.parametrize("currency", ["HKD", "KRW", "USD", "XAU", "XDR"])
def test_accepts_currencies(currency):
    assert identifiers.currency_fault(currency) is None


@pytest.mark.parametrize("currency", ["", "hkd", "HK", "DEM", "BTC", "XXX", "USDT"])
def test_refuses_what_is_no_current_currency_of_iso_4217(currency):
    assert "ISO 4217" in identifiers.currency_fault(currency)


@pytest.mark.parametrize("tag", ["en", "ko", "zh-Hant", "zh-Hant-HK", "en-HK", "es-419", "yue", "en-001", "fil-PH"])
def test_accepts_language_tags(tag):
    assert identifiers.language_tag_fault(tag) is None


@pytest.mark.parametrize("tag", ["", "e", "EN", "zh-hant", "zh_Hant", "en-hk", "english", "en-", "x-private", "en\n"])
def test_refuses_what_is_no_language_tag(tag):
    assert "BCP-47" in identifiers.language_tag_fault(tag)


@pytest.mark.parametrize(
    "tag", ["zz", "xx-KR", "kor", "eng-GB", "mul", "und", "zxx", "iw", "zh-Hong", "zh-Zxxx", "ko-ZZ", "en-UK", "en-410"]
)
def test_refuses_tags_of_languages_scripts_and_regions_that_there_are_not(tag):
    assert "BCP-47" in identifiers.language_tag_fault(tag)


@pytest.mark.parametrize("domain", ["www.example.com", "a-b.example", "xn--bcher-kva.example", "xn--3e0b707e.xn--p1ai"])
def test_accepts_host_names_in_their_one_spelling(domain):
    assert identifiers.domain_fault(domain) is None


@pytest.mark.parametrize(
    "domain",
    ["A.com", "a.COM", "a.com.", "localhost", "", "XN--bcher-kva.example", "xn--a.example", "xn--.com", "xn--a-.com"],
)
def test_refuses_other_spellings_of_host_names(domain):
    assert identifiers.domain_fault(domain).startswith("must be ")


@examples(300)
@given(st.text(max_size=24))
def test_every_check_answers_to_any_text(text):
    for check in (
        identifiers.lei_fault,
        identifiers.isin_fault,
        identifiers.dti_fault,
        identifiers.mic_fault,
        identifiers.country_fault,
        identifiers.currency_fault,
        identifiers.language_tag_fault,
        identifiers.domain_fault,
    ):
        fault = check(text)
        assert fault is None or fault.startswith("must be ")
