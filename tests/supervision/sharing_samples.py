"""Acts of onward sharing for tests: what makes the envelope, once its seal is there."""

from collections.abc import Callable, Iterable
from typing import Any

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.sharing_pb2 import ThirdParty
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from gateway.supervision.envelopes import sharing as sharing_envelopes
from gateway.supervision.envelopes.envelopes import Seal
from gateway.supervision.sharing.names import consent_name, share_name

MAS = ThirdParty(organisation="Monetary Authority of Singapore", jurisdiction="SG")
JFSA = ThirdParty(organisation="Financial Services Agency", jurisdiction="JP")
FINMA = ThirdParty(organisation="FINMA", jurisdiction="CH")
PURPOSE = "A joint case with Singapore."
REASON, CONDITION = "It helps.", "In a closed file."

Build = Callable[[Seal], Envelope]


def asking(
    notice_id: str = "hk-1",
    consent_id: str = "c0000001",
    recipients: Iterable[ThirdParty] = (MAS, JFSA),
    use: Handling.Use.ValueType = Handling.SUPERVISION,
    purpose: str = PURPOSE,
) -> Build:
    name, words = consent_name(notice_id, consent_id), english(purpose)
    return lambda seal: sharing_envelopes.requested(seal, name, recipients, use, words)


def deciding(
    notice_id: str = "hk-1",
    consent_id: str = "c0000001",
    number: int = 1,
    *,
    granted: bool = True,
    reason: str = REASON,
    conditions: str = CONDITION,
    valid_until: int = 0,
) -> Build:
    name = consent_name(notice_id, consent_id)
    if not granted:
        return lambda seal: sharing_envelopes.refused(seal, name, number, english(reason))
    day = Date(year=valid_until // 10_000, month=valid_until // 100 % 100, day=valid_until % 100)
    until = day if valid_until else None
    return lambda seal: sharing_envelopes.granted(seal, name, number, english(reason), english(conditions), until)


def sharing(
    notice_id: str = "hk-1",
    share_id: str = "s0000001",
    recipients: Iterable[ThirdParty] = (MAS,),
    use: Handling.Use.ValueType = Handling.SUPERVISION,
    consent_id: str = "c0000001",
    decision: int = 1,
) -> Build:
    name, consent = share_name(notice_id, share_id), consent_name(notice_id, consent_id) if consent_id else ""
    return lambda seal: sharing_envelopes.shared(seal, name, recipients, use, consent, decision)


def english(*texts: str) -> list[Any]:
    return [LocalizedText(language_tag="en", text=each) for each in texts]
