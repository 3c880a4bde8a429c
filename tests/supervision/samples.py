"""Contents, envelopes and records for tests, and Hypothesis strategies that draw valid and arbitrary ones."""

from datetime import date
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money
from hypothesis import strategies as st
from regulator.exchange.v1 import notice_pb2 as notice
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer, AssistanceRequest
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Handling
from stdnum import isin
from stdnum.iso7064 import mod_37_36, mod_97_10

from gateway.supervision.envelopes.envelopes import Seal
from gateway.supervision.notices.records import ChannelEnds, NoticeRecord

HK_TO_KR = "gateway.hk.example/to/gateway.kr.example"
KR_TO_HK = "gateway.kr.example/to/gateway.hk.example"
FROM_HK = ChannelEnds("HK", "KR", outgoing=True)  # as Hong Kong's node sees its channel
AT_KR = ChannelEnds("HK", "KR", outgoing=False)  # the same channel, as Korea's node sees it
DTI_ALPHABET = "0123456789BCDFGHJKLMNPQRSTVWXZ"
AUTHOR = Author(authority="SFC", client="spiffe://hk.example/SFC/office")
APPROVER = Author(authority="SFC", client="spiffe://hk.example/SFC/desk", officer="https://id.sfc.example#chan")
SEALED_AT = 1_767_225_600_123_456  # microseconds: 2026-01-01


def content(**changes: Any) -> NoticeContent:
    """A valid policy statement; ``changes`` are set on top, a detail in place of the policy."""
    made = NoticeContent(
        issuing_authority="SFC",
        sectors=[values.SECTOR_EXCHANGE],
        urgency=NoticeContent.ROUTINE,
        handling=handling(),
        event_date=Date(year=2026, month=1, day=2),
        title=[values.LocalizedText(language_tag="en", text="A title")],
        summary=[values.LocalizedText(language_tag="en", text="What happened.")],
        confidence=values.CONFIDENCE_EXERCISE,
        policy_statement=notice.PolicyStatement(reference="Cap. 656"),
    )
    for name, value in changes.items():
        made.ClearField(name)
        made.MergeFrom(NoticeContent(**{name: value}))
    return made


def handling(**changes: Any) -> Handling:
    valid = {
        "tlp": Handling.AMBER,
        "permitted_uses": [Handling.SUPERVISION],
        "onward_sharing": Handling.CONSENT_REQUIRED,
    }
    return Handling(**(valid | changes))


def seal(origin: str = HK_TO_KR, **changes: Any) -> Seal:
    valid = {
        "salt": bytes(16),
        "origin": origin,
        "sealed_at": SEALED_AT,
        "author": AUTHOR,
    }
    return Seal(**(valid | changes))


def record(**changes: Any) -> NoticeRecord:
    """What Hong Kong's node knows of ``hk-1`` once it is released."""
    valid = {
        "id": "hk-1",
        "direction": Notice.OUTGOING,
        "state": Notice.RELEASED,
        "kind": Notice.POLICY_STATEMENT,
        "sender": "HK",
        "recipient": "KR",
        "issuing_authority": "SFC",
        "sectors": (values.SECTOR_EXCHANGE,),
        "urgency": NoticeContent.ROUTINE,
        "tlp": Handling.AMBER,
        "origin": HK_TO_KR,
        "index": 0,
        "released_at": SEALED_AT,
        "receipt_time": None,
        "acknowledged_at": None,
        "withdrawn_at": None,
        "superseded_by": "",
        "withdrawn_by": "",
        "revision": 1,
        "identifiers": (),
    }
    return NoticeRecord(**(valid | changes))


def reference(relation: Any, other_id: str) -> Reference:
    return Reference(relation=relation, notice=f"notices/{other_id}")


# --- identifiers made for tests -----------------------------------------------------------------------------

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ALPHANUMERIC = "0123456789" + _LETTERS


def leis() -> st.SearchStrategy[str]:
    stems = st.text(_ALPHANUMERIC, min_size=18, max_size=18)
    return stems.map(lambda stem: stem + mod_97_10.calc_check_digits(stem))


def isins() -> st.SearchStrategy[str]:
    prefixes = st.sampled_from(["HK", "KR", "US", "XS", "XT"])
    stems = st.builds(str.__add__, prefixes, st.text(_ALPHANUMERIC, min_size=9, max_size=9))
    return stems.map(lambda stem: stem + isin.calc_check_digit(stem))


def dtis() -> st.SearchStrategy[str]:
    stems = st.builds(str.__add__, st.sampled_from(DTI_ALPHABET[1:]), st.text(DTI_ALPHABET, min_size=7, max_size=7))
    return stems.map(lambda stem: stem + mod_37_36.calc_check_digit(stem, alphabet=DTI_ALPHABET))


# --- valid contents -----------------------------------------------------------------------------------------

_WORDS = st.sampled_from(
    ["Samsung", "삼성전자 레버리지", "數字資產政策宣言 2.0", "Société d'Émission", 'a/b & <c> "d"']
)
_CODES = st.text("ABCxyz019 ./_-", min_size=1, max_size=12).map(str.strip).filter(bool)
_DAYS = st.dates(date(1800, 1, 1), date(2199, 12, 31)).map(
    lambda day: Date(year=day.year, month=day.month, day=day.day)
)
_MICS = st.text(_ALPHANUMERIC, min_size=4, max_size=4)
_COUNTRIES = st.sampled_from(["", "HK", "KR", "SG"])


def _enum(wrapper: Any) -> st.SearchStrategy[int]:
    return st.sampled_from(_enum_values(wrapper))


def _enum_values(wrapper: Any) -> list[int]:
    return [number for number in wrapper.values() if number]


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def texts() -> st.SearchStrategy[list[values.LocalizedText]]:
    """At least one text, each language once."""
    tags = st.sampled_from(["en", "ko", "zh-Hant", "en-HK"])
    return st.dictionaries(tags, _WORDS, min_size=1).map(
        lambda found: [values.LocalizedText(language_tag=tag, text=text) for tag, text in found.items()]
    )


def decimals() -> st.SearchStrategy[Decimal]:
    return st.decimals(-10_000, 10_000, places=3).filter(bool).map(lambda number: Decimal(value=f"{number:f}"))


def amounts() -> st.SearchStrategy[Money]:
    return st.builds(
        Money,
        currency_code=st.sampled_from(["HKD", "KRW", "USD"]),
        units=st.integers(0, 10**18 - 1),
        nanos=st.sampled_from([0, 1, 500_000_000, 999_999_999]),
    )


def instruments() -> st.SearchStrategy[values.Instrument]:
    listed = st.tuples(_CODES, _MICS) | st.just(("", ""))
    return st.builds(
        lambda venue, **rest: values.Instrument(ticker=venue[0], mic=venue[1], **rest),
        venue=listed,
        name=_WORDS,
        isin=st.just("") | isins(),
        dti=st.just("") | dtis(),
        network=st.sampled_from(["", "Solana"]),
    )


def _details() -> dict[str, st.SearchStrategy[Message]]:
    counts = st.dictionaries(st.from_regex("[a-z][a-z0-9_]{0,9}", fullmatch=True), st.integers(0, 2**64 - 1))
    return {
        "licensing_action": st.builds(
            notice.LicensingAction,
            action=_enum(notice.LicensingAction.Action),
            licence_number=st.just("") | _CODES,
            licence_type=_WORDS,
            conditions=st.lists(texts().map(lambda found: found[0]), max_size=3, unique_by=str),
            effective_from=_maybe(_DAYS),
        ),
        "enforcement_action": st.builds(
            notice.EnforcementAction,
            action=_enum(notice.EnforcementAction.Action),
            period_months=st.integers(0, 1200),
            legal_basis=_WORDS,
            penalty=_maybe(amounts()),
            counts=counts.map(
                lambda found: [notice.EnforcementAction.Count(key=key, count=n) for key, n in found.items()]
            ),
        ),
        "product_notification": st.builds(
            notice.ProductNotification,
            underlying=_maybe(instruments()),
            leverage_factors=st.lists(decimals(), max_size=3, unique_by=str),
            venues=st.lists(_MICS, max_size=3, unique=True),
            investor_restriction=st.just("") | _WORDS,
            assets_under_management=_maybe(amounts()),
            holdings_of_recipient_investors=_maybe(amounts()),
        ),
        "incident": st.builds(
            notice.Incident,
            type=_enum(notice.Incident.Type),
            detected_at=_maybe(_timestamps(1, 7_258_118_399)),
            loss=_maybe(amounts()),
            deposits_suspended=_maybe(st.booleans()),
            withdrawals_suspended=_maybe(st.booleans()),
            customer_loss_covered=_maybe(st.booleans()),
            peg_deviation_bps=st.integers(-10_000, 100_000).filter(bool),
            reserve_ratio_percent=_maybe(st.sampled_from(["0", "96.5", "100"]).map(lambda v: Decimal(value=v))),
            redemption=st.sampled_from(notice.Incident.Redemption.values()),
            duration_minutes=st.integers(0, 2**32 - 1),
        ),
        "investor_alert": st.builds(
            notice.InvestorAlert,
            reason=_enum(notice.InvestorAlert.Reason),
            domains=st.lists(st.sampled_from(["www.example.com", "a.example", "b-c.example"]), unique=True),
            loss=_maybe(amounts()),
        ),
        "policy_statement": st.builds(notice.PolicyStatement, reference=_WORDS, in_force_from=_maybe(_DAYS)),
        "assistance_request": st.builds(
            AssistanceRequest,
            requested_authority=st.sampled_from(["", "FSS"]),
            measures=st.lists(_enum(AssistanceRequest.Measure), min_size=1, unique=True),
            legal_basis=_WORDS,
            arrangement=st.just("") | _WORDS,
            purpose=texts(),
            questions=_keyed(AssistanceRequest.Question, "key", min_size=1),
            period_from=_maybe(st.just(Date(year=2025, month=1, day=31))),
            period_until=_maybe(st.just(Date(year=2025, month=2, day=1))),
            respond_by=_maybe(_DAYS),
        ),
        "assistance_answer": st.one_of(map(_answers, _enum_values(AssistanceAnswer.Outcome))),
    }


def _answers(outcome: Any) -> st.SearchStrategy[AssistanceAnswer]:
    of = AssistanceAnswer
    return st.builds(
        of,
        request=st.sampled_from(["notices/hk-2025-001", "notices/kr-x"]),
        outcome=st.just(outcome),
        ground=_enum(of.Ground) if outcome == of.DECLINED else st.just(of.GROUND_UNSPECIFIED),
        replies=_keyed(of.Reply, "question") if outcome in (of.PARTIAL, of.COMPLETE) else st.just([]),
        case_reference=st.just("") | _WORDS,
        expected_by=_maybe(_DAYS) if outcome in (of.ACCEPTED, of.PARTIAL) else st.none(),
    )


def _keyed(message: Any, key_name: str, min_size: int = 0) -> st.SearchStrategy[list[Any]]:
    """Questions, or replies to them, each key once."""
    found = st.dictionaries(st.sampled_from(["1", "2a", "who-gained"]), texts(), min_size=min_size)
    return found.map(lambda by_key: [message(**{key_name: key}, text=text) for key, text in by_key.items()])


def _timestamps(first: int, last: int) -> st.SearchStrategy[Timestamp]:
    return st.builds(
        Timestamp,
        seconds=st.integers(first, last),
        nanos=st.sampled_from([0, 1, 123_000_000, 999_999_999]),
    )


def _sources() -> st.SearchStrategy[values.Source]:
    dates = _DAYS | st.builds(Date, year=st.integers(1800, 2199)) | st.just(Date(year=2026, month=2))
    return st.builds(values.Source, title=_WORDS, publisher=st.just("") | _WORDS, date=_maybe(dates))


def _attachments() -> st.SearchStrategy[values.Attachment]:
    return st.builds(
        values.Attachment,
        file_name=st.sampled_from(["order.pdf", "명령.pdf", "annex 1.csv"]),
        media_type=st.sampled_from(["application/pdf", "text/csv"]),
        size_bytes=st.integers(1, 2**32),
        sha256=st.binary(min_size=32, max_size=32),
    )


def handlings() -> st.SearchStrategy[Handling]:
    """Every pair of label and sharing that does not contradict itself."""
    pairs = [
        (tlp, sharing)
        for tlp in Handling.Tlp.values()[1:]
        for sharing in Handling.OnwardSharing.values()[1:]
        if (tlp == Handling.CLEAR) <= (sharing == Handling.ALLOWED)
        and (tlp >= Handling.AMBER_STRICT) <= (sharing != Handling.ALLOWED)
    ]
    return st.builds(
        lambda pair, **rest: Handling(tlp=pair[0], onward_sharing=pair[1], **rest),
        pair=st.sampled_from(pairs),
        permitted_uses=st.lists(_enum(Handling.Use), min_size=1, unique=True),
        retain_until=st.none() | st.just(Date(year=2199, month=12, day=31)),
    )


def contents() -> st.SearchStrategy[NoticeContent]:
    """Valid contents of every kind."""
    ids = st.sampled_from(["hk-2025-001", "kr-2025-002", "kr-x"])
    references = st.dictionaries(ids, _enum(Reference.Relation)).map(
        lambda found: [reference(relation, other) for other, relation in found.items()]
    )
    entities = st.builds(
        values.Entity,
        name=_WORDS,
        trade_name=st.just("") | _WORDS,
        jurisdiction=_COUNTRIES,
        lei=st.just("") | leis(),
        licence_number=st.just("") | _CODES,
    )
    details = [st.tuples(st.just(name), strategy) for name, strategy in _details().items()]
    return st.builds(
        lambda detail, **rest: NoticeContent(**{detail[0]: detail[1]}, **rest),
        detail=st.one_of(details),
        issuing_authority=st.sampled_from(["HKMA", "SFC", "KoFIU"]),
        sectors=st.lists(_enum(values.Sector), min_size=1, unique=True),
        urgency=_enum(NoticeContent.Urgency),
        handling=handlings(),
        event_date=_DAYS,
        title=texts(),
        summary=texts(),
        subjects=st.lists(entities, max_size=2, unique_by=str),
        instruments=st.lists(instruments(), max_size=2, unique_by=str),
        references=references,
        attachments=st.lists(_attachments(), max_size=2, unique_by=lambda each: each.file_name),
        sources=st.lists(_sources(), max_size=2, unique_by=str),
        confidence=_enum(values.Confidence),
    )


# --- arbitrary messages -------------------------------------------------------------------------------------

_SCALARS = {
    FieldDescriptor.TYPE_STRING: st.text(max_size=8)
    | st.sampled_from(["notices/hk-1", "notices/kr-1", HK_TO_KR, "HK"]),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=4) | st.just(bytes(16)),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_ENUM: st.integers(-1, 9),
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_SINT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_INT64: st.integers(-(2**63), 2**63 - 1),
}


def arbitrary(descriptor: Descriptor) -> st.SearchStrategy[Message]:
    """Messages of a type with anything in their fields: unknown enum values, empty parts, absurd dates."""
    fields = {field.name: _arbitrary_field(field) for field in descriptor.fields}
    cls = GetMessageClass(descriptor)
    return st.fixed_dictionaries({}, optional=fields).map(lambda found: cls(**found))


def _arbitrary_field(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    within = field.message_type
    one = st.deferred(lambda: arbitrary(within)) if within else _SCALARS[field.type]
    return st.lists(one, max_size=2) if field.is_repeated else one
