"""The form of a notice in JSON files, schema ``notices/1``: a table of keys for each message."""

from collections.abc import Mapping
from typing import Any

from regulator.exchange.v1 import notice_pb2, values_pb2
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference

from gateway.errors import BadInput
from gateway.supervision.files import assistance_form
from gateway.supervision.files.codecs import Codec, Field, listing, mapping, obj
from gateway.supervision.files.values import (
    DATE,
    DECIMAL,
    DIGEST,
    FLAG,
    LOCALIZED,
    MONEY,
    TEXT,
    TIMESTAMP,
    one_of,
    whole,
)
from gateway.supervision.notices.content import notice_id, notice_name
from gateway.words import capitals, words

_UNKNOWN = "unknown"  # the jurisdiction of a firm that is not known; empty in the contract

_JURISDICTION = Codec(
    lambda value, path: "" if value == _UNKNOWN else TEXT.read(value, path),
    lambda code: code or _UNKNOWN,
    f"a code such as KR, or {_UNKNOWN}",
)

_RELATIONS = one_of(words(Reference.Relation))
_RELATED = "a relation and an id such as relates_to:hk-2025-003"


def _read_reference(value: Any, path: str) -> Reference:
    word, colon, other = TEXT.read(value, path).partition(":")
    if not colon:
        raise BadInput.of(path, f"must be {_RELATED}")
    return Reference(relation=_RELATIONS.read(word, path), notice=notice_name(other))


_REFERENCE = Codec(
    _read_reference,
    lambda each: f"{_RELATIONS.write(each.relation)}:{notice_id(each.notice)}",
    f"{_RELATED}; the relation is {_RELATIONS.form}",
)

_HANDLING = obj(
    values_pb2.Handling,
    Field("tlp", one_of(capitals(values_pb2.Handling.Tlp))),
    Field("permitted_uses", listing(one_of(words(values_pb2.Handling.Use)))),
    Field("onward_sharing", one_of(words(values_pb2.Handling.OnwardSharing))),
    Field("retain_until", DATE),
)

_ENTITY = obj(
    values_pb2.Entity,
    Field("name", TEXT),
    Field("jurisdiction", _JURISDICTION, always=True),
    Field("trade_name", TEXT),
    Field("lei", TEXT),
    Field("licence_number", TEXT),
)

_INSTRUMENT = obj(
    values_pb2.Instrument,
    Field("name", TEXT),
    Field("ticker", TEXT),
    Field("mic", TEXT),
    Field("isin", TEXT),
    Field("dti", TEXT),
    Field("network", TEXT),
)

_ATTACHMENT = obj(
    values_pb2.Attachment,
    Field("file_name", TEXT),
    Field("media_type", TEXT),
    Field("size_bytes", whole(0, 2**64 - 1)),
    Field("sha256", DIGEST),
)

SOURCE = obj(values_pb2.Source, Field("title", TEXT), Field("publisher", TEXT), Field("date", DATE))

_CONDITION = obj(values_pb2.LocalizedText, Field("language_tag", TEXT), Field("text", TEXT))

_COUNTS = mapping(
    whole(0, 2**64 - 1),
    notice_pb2.EnforcementAction.Count,
    "key",
    "count",
    'an object with a number by what is counted, such as {"accounts": 3}',
)

# By the member of NoticeContent.detail, which is also the word for the kind: the key in ``detail``, and its
# form.
DETAILS: Mapping[str, tuple[str, Codec]] = {
    "licensing_action": (
        "licensing",
        obj(
            notice_pb2.LicensingAction,
            Field("action", one_of(words(notice_pb2.LicensingAction.Action))),
            Field("licence_number", TEXT),
            Field("licence_type", TEXT),
            Field("conditions", listing(_CONDITION)),
            Field("effective_from", DATE),
        ),
    ),
    "enforcement_action": (
        "enforcement",
        obj(
            notice_pb2.EnforcementAction,
            Field("action", one_of(words(notice_pb2.EnforcementAction.Action))),
            Field("period_months", whole(0, 2**32 - 1)),
            Field("penalty", MONEY),
            Field("legal_basis", TEXT),
            Field("counts", _COUNTS),
        ),
    ),
    "product_notification": (
        "product",
        obj(
            notice_pb2.ProductNotification,
            Field("underlying", _INSTRUMENT),
            Field("leverage_factors", listing(DECIMAL)),
            Field("venues", listing(TEXT)),
            Field("investor_restriction", TEXT),
            Field("assets_under_management", MONEY),
            Field("holdings_of_recipient_investors", MONEY),
        ),
    ),
    "incident": (
        "incident",
        obj(
            notice_pb2.Incident,
            Field("type", one_of(words(notice_pb2.Incident.Type))),
            Field("detected_at", TIMESTAMP),
            Field("loss", MONEY),
            Field("frozen", MONEY),
            Field("deposits_suspended", FLAG),
            Field("withdrawals_suspended", FLAG),
            Field("customer_loss_covered", FLAG),
            Field("peg_deviation_bps", whole(-(2**31), 2**31 - 1)),
            Field("reserve_ratio_percent", DECIMAL),
            Field("redemption", one_of(words(notice_pb2.Incident.Redemption))),
            Field("duration_minutes", whole(0, 2**32 - 1)),
        ),
    ),
    "investor_alert": (
        "alert",
        obj(
            notice_pb2.InvestorAlert,
            Field("reason", one_of(words(notice_pb2.InvestorAlert.Reason))),
            Field("domains", listing(TEXT), always=True),
            Field("loss", MONEY),
        ),
    ),
    "policy_statement": (
        "policy",
        obj(notice_pb2.PolicyStatement, Field("reference", TEXT), Field("in_force_from", DATE, always=True)),
    ),
    "assistance_request": ("assistance", assistance_form.REQUEST),
    "assistance_answer": ("answer", assistance_form.ANSWER),
}

# The keys of NoticeContent, without its detail.
CONTENT = (
    Field("issuing_authority", TEXT),
    Field("sectors", listing(one_of(words(values_pb2.Sector, "SECTOR_")))),
    Field("urgency", one_of(words(NoticeContent.Urgency))),
    Field("handling", _HANDLING),
    Field("event_date", DATE),
    Field("title", LOCALIZED),
    Field("summary", LOCALIZED),
    Field("subjects", listing(_ENTITY), always=True),
    Field("instruments", listing(_INSTRUMENT), always=True),
    Field("references", listing(_REFERENCE), always=True),
    Field("attachments", listing(_ATTACHMENT)),
    Field("sources", listing(SOURCE)),
    Field("confidence", one_of(words(values_pb2.Confidence, "CONFIDENCE_"))),
)
