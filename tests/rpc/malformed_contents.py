"""Contents of a notice that break one rule each: the change to a good one, and the field that must be named."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money
from regulator.exchange.v1 import notice_pb2 as notice
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.values_pb2 import Handling

from tests.supervision.samples import handling, reference

NOT_A_DAY = Date(year=2026, month=2, day=30)
ATTACHMENT = {"file_name": "a.pdf", "media_type": "application/pdf", "size_bytes": 1, "sha256": bytes(32)}
MANY = 20_000  # more than any list may hold; each empty text breaks several rules


def text(tag: str = "en", said: str = "A title") -> list[values.LocalizedText]:
    return [values.LocalizedText(language_tag=tag, text=said)]


def entity(**parts: Any) -> dict[str, Any]:
    return {"subjects": [values.Entity(name="A", **parts)]}


def instrument(**parts: Any) -> dict[str, Any]:
    return {"instruments": [values.Instrument(**{"name": "A"} | parts)]}


def incident(**parts: Any) -> dict[str, Any]:
    return {"incident": notice.Incident(**{"type": notice.Incident.OUTAGE} | parts)}


def fine(**money: Any) -> dict[str, Any]:
    action = notice.EnforcementAction.ADMINISTRATIVE_FINE
    return {"enforcement_action": notice.EnforcementAction(action=action, legal_basis="A", penalty=Money(**money))}


def attached(**parts: Any) -> dict[str, Any]:
    return {"attachments": [values.Attachment(**ATTACHMENT | parts)]}


def product(**parts: Any) -> dict[str, Any]:
    return {"product_notification": notice.ProductNotification(**parts)}


CONTENTS: dict[str, tuple[dict[str, Any], str]] = {
    "no authority": ({"issuing_authority": ""}, "issuing_authority"),
    "no sector": ({"sectors": []}, "sectors"),
    "sector unspecified": ({"sectors": [0]}, "sectors[0]"),
    "sector unknown": ({"sectors": [99]}, "sectors[0]"),
    "sector negative": ({"sectors": [-1]}, "sectors[0]"),
    "sector twice": ({"sectors": [1, 1]}, "sectors"),
    "urgency unspecified": ({"urgency": 0}, "urgency"),
    "urgency unknown": ({"urgency": 4}, "urgency"),
    "no handling": ({"handling": None}, "handling"),
    "label unspecified": ({"handling": handling(tlp=0)}, "handling.tlp"),
    "label unknown": ({"handling": handling(tlp=6)}, "handling.tlp"),
    "no permitted use": ({"handling": handling(permitted_uses=[])}, "handling.permitted_uses"),
    "use unknown": ({"handling": handling(permitted_uses=[77])}, "handling.permitted_uses[0]"),
    "sharing unspecified": ({"handling": handling(onward_sharing=0)}, "handling.onward_sharing"),
    "red and shared": (
        {"handling": handling(tlp=Handling.RED, onward_sharing=Handling.ALLOWED)},
        "handling.onward_sharing",
    ),
    "clear and held back": (
        {"handling": handling(tlp=Handling.CLEAR, onward_sharing=Handling.PROHIBITED)},
        "handling.onward_sharing",
    ),
    "retained to before the event": (
        {"handling": handling(retain_until=Date(year=2025, month=12, day=31))},
        "handling.retain_until",
    ),
    "retained to a day that is past": (
        {
            "event_date": Date(year=2020, month=1, day=1),
            "handling": handling(retain_until=Date(year=2020, month=1, day=2)),
        },
        "handling.retain_until",
    ),
    "no event date": ({"event_date": None}, "event_date"),
    "event on no day": ({"event_date": NOT_A_DAY}, "event_date"),
    "event in a month": ({"event_date": Date(year=2026, month=2)}, "event_date"),
    "no title": ({"title": []}, "title"),
    "title empty": ({"title": text(said="")}, "title[0].text"),
    "title blank": ({"title": text(said=" \n ")}, "title[0].text"),
    "title with a bell": ({"title": text(said="a\x07")}, "title[0].text"),
    "title with NUL": ({"title": text(said="a\0b")}, "title[0].text"),
    "title with an escape": ({"title": text(said="\x1b[2J")}, "title[0].text"),
    "title turned around": ({"title": text(said="a\u202eb")}, "title[0].text"),
    "title with a zero-width space": ({"title": text(said="a\u200bb")}, "title[0].text"),
    "title too long": ({"title": text(said="a" * 16_385)}, "title[0].text"),
    "title of a megabyte": ({"title": text(said="한" * 400_000)}, "title[0].text"),
    "language tag unfit": ({"title": text("english")}, "title[0].language_tag"),
    "language tag empty": ({"title": text("")}, "title[0].language_tag"),
    "language twice": ({"title": text() + text()}, "title"),
    "titles without end": ({"title": [values.LocalizedText()] * MANY}, "title"),
    "no summary": ({"summary": []}, "summary"),
    "subject without name": ({"subjects": [values.Entity()]}, "subjects[0].name"),
    "subject over two lines": ({"subjects": [values.Entity(name="a\nb")]}, "subjects[0].name"),
    "country unknown": (entity(jurisdiction="ZZ"), "subjects[0].jurisdiction"),
    "LEI with wrong check digits": (entity(lei="HWUPKR0MPOU8FGXBT395"), "subjects[0].lei"),
    "LEI too short": (entity(lei="HWUPKR0MPOU8"), "subjects[0].lei"),
    "ISIN with a wrong check digit": (instrument(isin="US0378331006"), "instruments[0].isin"),
    "ISIN of no country": (instrument(isin="ZZ0378331005"), "instruments[0].isin"),
    "DTI with a wrong check character": (instrument(dti="4H95J0R2B"), "instruments[0].dti"),
    "DTI with a vowel": (instrument(dti="4H95J0R2A"), "instruments[0].dti"),
    "ticker without venue": (instrument(ticker="7709"), "instruments[0].ticker"),
    "venue without ticker": (instrument(mic="XHKG"), "instruments[0].ticker"),
    "venue in lower case": (instrument(ticker="7709", mic="xhkg"), "instruments[0].mic"),
    "subjects without end": ({"subjects": [values.Entity(name="A")] * 257}, "subjects"),
    "reference to nothing": ({"references": [reference(Reference.RELATES_TO, "")]}, "references[0].notice"),
    "reference unspecified": ({"references": [reference(0, "hk-1")]}, "references[0].relation"),
    "reference twice": ({"references": [reference(1, "hk-x"), reference(2, "hk-x")]}, "references"),
    "reference to itself": ({"references": [reference(1, "hk-malformed")]}, "references[0].notice"),
    "supersedes what is not there": ({"references": [reference(2, "hk-nowhere")]}, "references[0].notice"),
    "withdraws what is not there": ({"references": [reference(3, "kr-nowhere")]}, "references[0].notice"),
    "digest too short": (attached(sha256=bytes(31)), "attachments[0].sha256"),
    "attachment of no size": (attached(size_bytes=0), "attachments[0].size_bytes"),
    "attachment too large": (attached(size_bytes=2**32 + 1), "attachments[0].size_bytes"),
    "attachment with a path": (attached(file_name="../a"), "attachments[0].file_name"),
    "attachment of no type": (attached(media_type="pdf"), "attachments[0].media_type"),
    "attachment twice": (
        {"attachments": [values.Attachment(**ATTACHMENT), values.Attachment(**ATTACHMENT)]},
        "attachments",
    ),
    "source without title": ({"sources": [values.Source()]}, "sources[0].title"),
    "source on no day": ({"sources": [values.Source(title="A", date=NOT_A_DAY)]}, "sources[0].date"),
    "confidence unspecified": ({"confidence": 0}, "confidence"),
    "no detail": ({"policy_statement": None}, "detail"),
    "detail empty": ({"policy_statement": notice.PolicyStatement()}, "policy_statement.reference"),
    "depeg without deviation": (incident(type=notice.Incident.DEPEG), "incident.peg_deviation_bps"),
    "deviation below nothing": (incident(peg_deviation_bps=-10_001), "incident.peg_deviation_bps"),
    "ratio in words": (incident(reserve_ratio_percent=Decimal(value="half")), "incident.reserve_ratio_percent"),
    "ratio negative": (incident(reserve_ratio_percent=Decimal(value="-1")), "incident.reserve_ratio_percent"),
    "detected in no year": (incident(detected_at=Timestamp(seconds=2**40)), "incident.detected_at"),
    "more frozen than lost": (
        incident(loss=Money(currency_code="KRW", units=1), frozen=Money(currency_code="KRW", units=2)),
        "incident.frozen",
    ),
    "currency unknown": (fine(currency_code="ABC", units=1), "enforcement_action.penalty.currency_code"),
    "fine negative": (fine(currency_code="KRW", units=-1), "enforcement_action.penalty"),
    "signs contradict": (fine(currency_code="KRW", units=1, nanos=-1), "enforcement_action.penalty.units"),
    "leverage 0": (product(leverage_factors=[Decimal(value="0.0")]), "product_notification.leverage_factors[0]"),
    "leverage 1e3": (product(leverage_factors=[Decimal(value="1e3")]), "product_notification.leverage_factors[0]"),
    "venue twice": (product(venues=["XHKG", "XHKG"]), "product_notification.venues"),
    "period too long": (
        {"enforcement_action": notice.EnforcementAction(action=1, legal_basis="A", period_months=1201)},
        "enforcement_action.period_months",
    ),
    "count without key": (
        {
            "enforcement_action": notice.EnforcementAction(
                action=1, legal_basis="A", counts=[notice.EnforcementAction.Count(count=1)]
            )
        },
        "enforcement_action.counts[0].key",
    ),
    "no host name": (
        {"investor_alert": notice.InvestorAlert(reason=1, domains=["a b"])},
        "investor_alert.domains[0]",
    ),
    "licence without type": ({"licensing_action": notice.LicensingAction(action=1)}, "licensing_action.licence_type"),
}
