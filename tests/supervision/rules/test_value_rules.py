import pytest
from google.protobuf.descriptor_pool import Default
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from regulator.exchange.v1 import notice_pb2 as notice
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.framework_service_pb2 import CompareJurisdictionsRequest, ListProvisionsRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent, Reference
from regulator.exchange.v1.notice_service_pb2 import AcknowledgeNoticeRequest
from regulator.exchange.v1.sharing_pb2 import ThirdParty
from regulator.exchange.v1.sharing_service_pb2 import Consent, RequestConsentRequest

from gateway.errors import Violation
from gateway.supervision.rules.value_rules import CHECKS, ONCE, value_violations
from tests.supervision.samples import content, handling, reference

ENGLISH = values.LocalizedText(language_tag="en", text="one")
NO_DAY = Date(year=2025, month=2, day=30)


def fields(violations: list[Violation]) -> list[str]:
    return [violation.field for violation in violations]


def is_known(name: str) -> bool:
    for find in (Default().FindMessageTypeByName, Default().FindFieldByName):
        try:
            find(name)
        except KeyError:
            continue
        return True
    return False


def test_a_rule_names_a_field_or_type_that_exists():
    assert all(is_known(name) for name in (*CHECKS, *ONCE))
    assert not is_known("regulator.exchange.v1.Entity.leii")


def test_a_valid_content_breaks_none():
    assert value_violations(content(), "notice.content") == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"subjects": [values.Entity(name="a", lei="HWUPKR0MPOU8FGXBT395")]}, "subjects[0].lei"),
        (
            {"subjects": [values.Entity(name="a"), values.Entity(name="b", jurisdiction="ZZ")]},
            "subjects[1].jurisdiction",
        ),
        ({"subjects": [values.Entity(name="Bank\u202eknaB")]}, "subjects[0].name"),
        ({"subjects": [values.Entity(name="a", trade_name="b\u200b")]}, "subjects[0].trade_name"),
        ({"instruments": [values.Instrument(name="a", isin="US0378331004")]}, "instruments[0].isin"),
        ({"instruments": [values.Instrument(name="a", dti="X9J9K872T")]}, "instruments[0].dti"),
        ({"instruments": [values.Instrument(name="a", network="S\u2066")]}, "instruments[0].network"),
        ({"title": [values.LocalizedText(language_tag="en", text="\u2067x")]}, "title[0].text"),
        ({"summary": [values.LocalizedText(language_tag="zh_Hant", text="x")]}, "summary[0].language_tag"),
        ({"title": [ENGLISH, values.LocalizedText(language_tag="ko", text="둘"), ENGLISH]}, "title"),
        ({"event_date": NO_DAY}, "event_date"),
        ({"sources": [values.Source(title="a", date=Date(month=2))]}, "sources[0].date"),
        ({"sources": [values.Source(title="a\u00adb")]}, "sources[0].title"),
        ({"attachments": [values.Attachment(file_name="fdp\u202e.exe")]}, "attachments[0].file_name"),
        ({"attachments": [values.Attachment(file_name="a.pdf")] * 2}, "attachments"),
        ({"attachments": [values.Attachment(file_name="..")]}, "attachments[0].file_name"),
        ({"title": [values.LocalizedText(language_tag="zz", text="x")]}, "title[0].language_tag"),
        ({"subjects": [values.Entity(name="a ")]}, "subjects[0].name"),
        ({"subjects": [values.Entity(name="a", licence_number="7 ")]}, "subjects[0].licence_number"),
        ({"instruments": [values.Instrument(name="a", ticker=" 5", mic="XHKG")]}, "instruments[0].ticker"),
        ({"event_date": Date(year=26, month=1, day=2)}, "event_date"),
        ({"handling": handling(retain_until=Date(year=2206, month=1, day=2))}, "handling.retain_until"),
        ({"sources": [values.Source(title="a", date=Date(year=206))]}, "sources[0].date"),
        ({"incident": notice.Incident(detected_at={})}, "incident.detected_at"),
        (
            {"investor_alert": notice.InvestorAlert(domains=["a.example", "A.example"])},
            "investor_alert.domains[1]",
        ),
        (
            {
                "references": [
                    reference(Reference.RELATES_TO, "hk-1"),
                    reference(Reference.SUPERSEDES, "hk-1"),
                ]
            },
            "references",
        ),
        (
            {"licensing_action": notice.LicensingAction(effective_from=NO_DAY)},
            "licensing_action.effective_from",
        ),
        (
            {"licensing_action": notice.LicensingAction(licence_type="\u2028x")},
            "licensing_action.licence_type",
        ),
        (
            {"enforcement_action": notice.EnforcementAction(penalty=Money(units=1))},
            "enforcement_action.penalty.currency_code",
        ),
        (
            {"enforcement_action": notice.EnforcementAction(counts=[notice.EnforcementAction.Count(key="a")] * 2)},
            "enforcement_action.counts",
        ),
        (
            {"product_notification": notice.ProductNotification(underlying=values.Instrument(dti="X"))},
            "product_notification.underlying.dti",
        ),
        (
            {"product_notification": notice.ProductNotification(leverage_factors=[{"value": "2"}, {"value": "2x"}])},
            "product_notification.leverage_factors[1]",
        ),
        (
            {"product_notification": notice.ProductNotification(venues=["XHKG", "?"])},
            "product_notification.venues[1]",
        ),
        ({"incident": notice.Incident(loss=Money(currency_code="HKD", units=-1))}, "incident.loss"),
        ({"incident": notice.Incident(detected_at={"seconds": 2**40})}, "incident.detected_at"),
        (
            {"investor_alert": notice.InvestorAlert(loss=Money(currency_code="BTC"))},
            "investor_alert.loss.currency_code",
        ),
        (
            {"policy_statement": notice.PolicyStatement(in_force_from=Date(year=2026))},
            "policy_statement.in_force_from",
        ),
    ],
)
def test_finds_a_broken_rule_wherever_it_stands(changes, field):
    assert fields(value_violations(content(**changes), "notice.content")) == [f"notice.content.{field}"]


def test_a_third_party_is_somewhere_and_has_one_spelling():
    named = [ThirdParty(organisation="MAS", jurisdiction="ZZ"), ThirdParty(organisation="e\u0301", jurisdiction="SG")]
    request = RequestConsentRequest(consent=Consent(recipients=named))
    assert fields(value_violations(request, "")) == [
        "consent.recipients[0].jurisdiction",
        "consent.recipients[1].organisation",
    ]


def test_what_is_asked_of_a_day_may_be_any_day():
    ever = Date(year=9999, month=12, day=31)
    assert value_violations(ListProvisionsRequest(as_of=ever), "") == []
    assert value_violations(CompareJurisdictionsRequest(as_of=ever), "") == []


def test_conditions_of_a_licence_may_repeat_a_language():
    action = notice.LicensingAction(licence_type="VASP", conditions=[ENGLISH, ENGLISH])
    assert value_violations(content(licensing_action=action), "content") == []


def test_finds_every_broken_rule_in_the_order_of_the_contract():
    broken = content(event_date=NO_DAY, title=[ENGLISH, ENGLISH])
    broken.policy_statement.in_force_from.CopyFrom(NO_DAY)
    assert fields(value_violations(broken, "c")) == [
        "c.event_date",
        "c.title",
        "c.policy_statement.in_force_from",
    ]


def test_names_fields_alone_where_there_is_no_path():
    request = AcknowledgeNoticeRequest(comment=[ENGLISH, ENGLISH], case_reference="a\u200b")
    assert fields(value_violations(request, "")) == ["comment", "case_reference"]


def test_applies_to_every_message_that_holds_such_values():
    envelope = Envelope()
    envelope.notice_withdrawn.explanation.add(language_tag="en", text="\u202e")
    assert fields(value_violations(envelope, "")) == ["notice_withdrawn.explanation[0].text"]


def test_leaves_alone_what_is_not_set():
    assert value_violations(NoticeContent(), "content") == []
