"""The patterns of the contract, told to people: what is wanted, and an example that has the pattern."""

from collections.abc import Mapping
from typing import Final

_ID: Final = "[a-z]{2}-[a-z0-9][a-z0-9-]{0,59}"
_ID_FORM: Final = "the small letters of its jurisdiction, a hyphen, then small letters, digits and hyphens"

# What has each pattern, and an example; a pattern that only forbids characters has none.
WANTED: Final[Mapping[str, tuple[str, str]]] = {
    f"^notices/{_ID}$": (f"the name of a notice ({_ID_FORM})", "notices/hk-2026-017"),
    f"^notices/({_ID}|-)$": ("the name of a notice, or notices/- for all", "notices/hk-2026-017"),
    f"^notices/{_ID}/consents/[a-z0-9]{{8,32}}$": ("the name of a consent", "notices/hk-2026-017/consents/5c0e9a41"),
    f"^notices/{_ID}/shares/[a-z0-9]{{8,32}}$": ("the name of a share", "notices/hk-2026-017/shares/77aa90c2"),
    f"^drafts/{_ID}$": (f"the name of a draft ({_ID_FORM})", "drafts/hk-2026-4f7k"),
    f"^frameworks/{_ID}$": (f"the name of a framework ({_ID_FORM})", "frameworks/hk-digital-assets"),
    f"^frameworks/(-|{_ID})$": ("the name of a framework, or frameworks/- for all", "frameworks/hk-digital-assets"),
    f"^frameworks/{_ID}/versions/[1-9][0-9]{{0,8}}$": (
        "the name of a version, whose number has at most 9 digits",
        "frameworks/hk-digital-assets/versions/3",
    ),
    f"^frameworks/{_ID}/provisions/[a-z0-9][a-z0-9-]{{0,63}}$": (
        "the name of a provision",
        "frameworks/hk-digital-assets/provisions/hk-custody-licence",
    ),
    f"^assessments/{_ID}$": (f"the name of an assessment ({_ID_FORM})", "assessments/hk-2026-reserves"),
    f"^{_ID}$": (f"{_ID_FORM}, at most 63 characters", "hk-2026-017"),
    f"^assistanceCases/{_ID}$": (f"the name of a case of assistance ({_ID_FORM})", "assistanceCases/hk-2026-021"),
    "^[a-z0-9][a-z0-9-]{0,31}$": ("small letters, digits and hyphens, at most 32", "2a"),
    "^[a-z0-9][a-z0-9-]{0,63}$": ("small letters, digits and hyphens, at most 64", "hk-custody-licence"),
    "^attachments/[a-z0-9]{1,64}$": ("the name of an attachment", "attachments/bbead22d3ee6c6c2"),
    f"^(attachments/[a-z0-9]{{1,64}}|(notices|drafts)/{_ID}/attachments/[1-9][0-9]?)$": (
        "the name of an attachment of a notice or a draft, or attachments/ and the id of one that was sent",
        "notices/hk-2026-017/attachments/1",
    ),
    "^peers/[a-z]{2}$": ("the name of a peer", "peers/kr"),
    "^channels/[a-z]{2}-to-[a-z]{2}$": ("the name of a channel", "channels/hk-to-kr"),
    "^[A-Z]{2}$": ("the two capital letters of a jurisdiction (ISO 3166-1)", "HK"),
    "^[A-Za-z][A-Za-z0-9]{1,15}$": ("the code of an authority, of 2 to 16 letters and digits", "HKMA"),
    "^[a-z][a-z0-9_]{0,63}$": ("small letters, digits and underscores, at most 64", "reserve_assets"),
    "^(true|false|-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,18})?)$": ("true, false, or a decimal number", "0.05"),
    "^([A-Z]{3}|[a-z][a-z0-9_]{0,31})?$": ("a currency (ISO 4217), or a unit in small letters", "days"),
    "^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$": (
        "the tag of a language (BCP 47), en or ko, in its usual letter case",
        "zh-Hant",
    ),
    "^[A-Z0-9]{18}[0-9]{2}$": ("an LEI, of 20 capital letters and digits (ISO 17442)", "5493001KJTIIGC8Y1R12"),
    "^[A-Z]{2}[A-Z0-9]{9}[0-9]$": ("an ISIN, of 12 capital letters and digits (ISO 6166)", "HK0000069689"),
    "^[B-DF-HJ-NP-TV-XZ0-9]{9}$": ("a DTI, of 9 consonants in capitals and digits (ISO 24165)", "4H95J0R2X"),
    "^[A-Z0-9]{4}$": ("a MIC, of 4 capital letters and digits (ISO 10383)", "XHKG"),
    "^[0-9a-f]{64}$": ("a SHA-256 digest, of 64 hexadecimal digits in small letters", "0123456789abcdef" * 4),
    "^[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*$": ("a media type in small letters", "application/pdf"),
    "^[^\\x00-\\x1f\\x7f/\\\\]+$": ("the name of a file, without folders or control characters", "prospectus.pdf"),
    "^[A-Za-z0-9 ./_-]*$": ("Latin letters, digits, spaces and . / _ - alone", "AAB 123/2026"),
    "^[^\\x00-\\x1f\\x7f]*$": ("one line, without control characters", ""),
    "^[^\\x00-\\x08\\x0b-\\x1f\\x7f]*$": ("without control characters other than tabs and line breaks", ""),
}


def words_for(pattern: str) -> str:
    """What would be right where a pattern is not had; of one that is not known here, the pattern itself."""
    if pattern not in WANTED:
        return f"must match {pattern}"
    what, example = WANTED[pattern]
    return f"must be {what}, such as {example}" if example else f"must be {what}"
