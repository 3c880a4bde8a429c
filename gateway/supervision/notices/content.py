"""What a notice may say, what it is about, and how it is named.

The field rules of the contract come first (``rules.fields``); what stands here, protovalidate
cannot say. Lists of countries and currencies change with the years: these rules bind an author when a notice
is made, and never the reading of what is sealed.
"""

from collections.abc import Iterator, Mapping

from google.type.money_pb2 import Money
from regulator.exchange.v1.notice_pb2 import Incident, NoticeContent, ProductNotification
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.errors import Violation
from gateway.supervision.notices.assistance_rules import detail_violations
from gateway.supervision.notices.handling import handling_violations
from gateway.supervision.rules.fields import MAX_VIOLATIONS
from gateway.supervision.rules.repeats import repeated_in
from gateway.supervision.rules.value_rules import value_violations

NAME_PREFIX = "notices/"

_KINDS: Mapping[str | None, Notice.Kind.ValueType] = {
    "licensing_action": Notice.LICENSING_ACTION,
    "enforcement_action": Notice.ENFORCEMENT_ACTION,
    "product_notification": Notice.PRODUCT_NOTIFICATION,
    "incident": Notice.INCIDENT,
    "investor_alert": Notice.INVESTOR_ALERT,
    "policy_statement": Notice.POLICY_STATEMENT,
    "assistance_request": Notice.ASSISTANCE_REQUEST,
    "assistance_answer": Notice.ASSISTANCE_ANSWER,
}


def notice_name(notice_id: str) -> str:
    """The resource name of an id: ``notices/hk-2025-001``."""
    return NAME_PREFIX + notice_id


def notice_id(name: str) -> str:
    """The id in a resource name; a text that is none (field rules see to that) comes back as it is."""
    return name.removeprefix(NAME_PREFIX)


def id_fault(new_id: str, jurisdiction: str) -> str | None:
    """What is wrong with an id for a notice of ``jurisdiction``: each jurisdiction names its own."""
    prefix = id_prefix(jurisdiction)
    return None if new_id.startswith(prefix) else f"must begin with the sender's jurisdiction: {prefix}"


def new_notice_id(jurisdiction: str, year: int, entropy: bytes) -> str:
    """An id for an author who gave none: ``hk-2026-`` and the random bytes in hexadecimal digits.

    10 bytes give 20 digits; more than 27 would not fit into an id.
    """
    return f"{id_prefix(jurisdiction)}{year}-{entropy.hex()}"


def id_prefix(jurisdiction: str) -> str:
    """With what the ids begin that a jurisdiction gives: ``hk-``."""
    return f"{jurisdiction.lower()}-"


def kind_of(content: NoticeContent) -> Notice.Kind.ValueType:
    """The kind that follows from the detail; ``KIND_UNSPECIFIED`` for one that this version does not know."""
    return _KINDS.get(content.WhichOneof("detail"), Notice.KIND_UNSPECIFIED)


def identifiers_of(content: NoticeContent) -> tuple[str, ...]:
    """The identifiers by which a notice is found, in upper case and each once.

    LEI and licence number of each subject, ISIN, DTI and ticker of each instrument, of a product's underlying
    too, and the number of a licence that was acted upon.
    """
    found = [text for subject in content.subjects[:] for text in (subject.lei, subject.licence_number)]
    for instrument in content.instruments[:]:  # [:] since a list is walked faster than a repeated field
        found += (instrument.isin, instrument.dti, instrument.ticker)
    detail = content.WhichOneof("detail")
    if detail == "product_notification":
        underlying = content.product_notification.underlying
        found += (underlying.isin, underlying.dti, underlying.ticker)
    elif detail == "licensing_action":
        found.append(content.licensing_action.licence_number)
    return tuple(dict.fromkeys(text.strip().upper() for text in found if text.strip()))


def content_violations(
    content: NoticeContent, path: str = "notice.content", *, values_checked: bool = False
) -> list[Violation]:
    """Every rule of supervision that ``content`` breaks, at most ``MAX_VIOLATIONS``; empty if it is valid.

    ``values_checked``: whether the values in it are known to keep to the rules on values.
    """
    found = [] if values_checked else value_violations(content, path)
    found += repeated_in(content, path)
    found += handling_violations(content.handling, content.event_date, f"{path}.handling")
    detail = content.WhichOneof("detail")
    if detail == "incident":
        found += _incident_violations(content.incident, f"{path}.incident")
    elif detail == "product_notification":
        found += _product_violations(content.product_notification, f"{path}.product_notification")
    elif detail in ("assistance_request", "assistance_answer"):
        found += detail_violations(content, path)
    return found[:MAX_VIOLATIONS]


def _incident_violations(incident: Incident, path: str) -> Iterator[Violation]:
    if incident.HasField("loss") and incident.HasField("frozen") and _exceeds(incident.frozen, incident.loss):
        yield Violation(f"{path}.frozen", "must not be more than loss")
    if incident.type == Incident.DEPEG and incident.peg_deviation_bps == 0:
        yield Violation(f"{path}.peg_deviation_bps", "must not be 0 for a DEPEG")
    if incident.reserve_ratio_percent.value.startswith("-"):
        yield Violation(f"{path}.reserve_ratio_percent", "must not be negative")


def _product_violations(product: ProductNotification, path: str) -> Iterator[Violation]:
    for place, factor in enumerate(product.leverage_factors):
        if not factor.value.strip("-0."):
            yield Violation(f"{path}.leverage_factors[{place}]", "must not be 0")


def _exceeds(one: Money, other: Money) -> bool:
    same = one.currency_code == other.currency_code
    return same and (one.units, one.nanos) > (other.units, other.nanos)
