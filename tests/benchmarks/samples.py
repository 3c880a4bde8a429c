"""Notices of a wanted size, within what the contract permits: texts in up to 16 languages of 16,384 characters each."""

from google.type.date_pb2 import Date
from regulator.exchange import notice_request
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.notice_pb2 import InvestorAlert, NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

MAX_CHARACTERS = 16_384  # of one text
LANGUAGES = ("en", "ko", "ja", "th", "hi", "zh-Hant", "zh-Hans", "my", "km", "lo", "ne", "bn", "ta", "te", "ml", "si")
WIDE = "한"  # of three bytes, as most letters of Asia


def content(message_bytes: int) -> NoticeContent:
    """An investor alert whose request has about so many bytes."""
    made = NoticeContent(
        issuing_authority="HKMA",
        sectors=[values.SECTOR_EXCHANGE],
        urgency=NoticeContent.PRIORITY,
        handling=Handling(
            tlp=Handling.AMBER,
            permitted_uses=[Handling.SUPERVISION],
            onward_sharing=Handling.CONSENT_REQUIRED,
        ),
        event_date=Date(year=2026, month=3, day=4),
        title=[LocalizedText(language_tag="en", text="A platform that imitates a licensed one")],
        summary=[LocalizedText(language_tag="en", text="x")],
        subjects=[values.Entity(name="Exercise Platform Limited", jurisdiction="HK")],
        confidence=values.CONFIDENCE_EXERCISE,
        investor_alert=InvestorAlert(reason=InvestorAlert.IMPERSONATION, domains=["www.example.com"]),
    )
    _fill(made, message_bytes)
    return made


def request(of: NoticeContent, recipient: str = "KR", notice_id: str = "") -> CreateNoticeRequest:
    return notice_request(of, recipient=recipient, notice_id=notice_id)


def _fill(made: NoticeContent, message_bytes: int) -> None:
    """Writes the summary, then adds more languages to it and to the title, until the size is reached."""

    def spare() -> int:
        return message_bytes - request(made).ByteSize()

    made.summary[0].text = _sentences(min(MAX_CHARACTERS, max(1, spare())))
    for texts in (made.summary, made.title):
        for language in LANGUAGES[len(texts) :]:
            characters = min(MAX_CHARACTERS, (spare() - 32) // 3)
            if characters <= 0:
                return
            texts.append(LocalizedText(language_tag=language, text=WIDE * characters))
    assert spare() <= 64, "more than a notice may hold"


def _sentences(characters: int) -> str:
    return ("What investors should know. " * (characters // 28 + 1))[:characters].strip()
