import json
import re
from pathlib import Path

import pytest
from google.type.decimal_pb2 import Decimal
from google.type.money_pb2 import Money
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1 import notice_pb2 as notice
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, Notice
from regulator.exchange.v1.values_pb2 import Handling

from gateway.supervision.files.notices import read_notices
from gateway.supervision.notices.content import (
    content_violations,
    id_fault,
    identifiers_of,
    kind_of,
    new_notice_id,
    notice_id,
    notice_name,
)
from gateway.supervision.rules.fields import MAX_VIOLATIONS, field_violations
from tests.supervision.samples import arbitrary, content, contents, handling
from tests.support.properties import examples

DATA = Path(__file__).parents[3] / "gateway" / "demo" / "data" / "notices.json"
WON, DOLLARS = "KRW", "USD"


def broken(**changes) -> list[tuple[str, str]]:
    return [(each.field, each.description) for each in content_violations(content(**changes))]


def incident(**changes) -> notice.Incident:
    return notice.Incident(type=notice.Incident.UNAUTHORISED_TRANSFER, **changes)


def text(what: str) -> values.LocalizedText:
    return values.LocalizedText(language_tag="en", text=what)


def product(*factors: str) -> notice.ProductNotification:
    return notice.ProductNotification(leverage_factors=[Decimal(value=factor) for factor in factors])


# --- names --------------------------------------------------------------------------------------------------


def test_a_name_is_the_id_in_its_collection():
    assert notice_name("hk-2025-001") == "notices/hk-2025-001"
    assert notice_id("notices/hk-2025-001") == "hk-2025-001"


def test_a_jurisdiction_names_its_own_notices():
    assert id_fault("hk-2025-001", "HK") is None
    assert id_fault("kr-2025-001", "HK") == "must begin with the sender's jurisdiction: hk-"
    assert id_fault("hk2025-001", "HK") is not None


@given(st.binary(min_size=10, max_size=26))
def test_an_id_for_an_author_who_gave_none_fits_the_contract(entropy):
    made = new_notice_id("HK", 2026, entropy)
    assert id_fault(made, "HK") is None
    request = CreateNoticeRequest(notice_id=made, notice=Notice(recipient="KR", content=content()))
    assert field_violations(request) == []


def test_ids_made_of_other_bytes_are_others():
    assert new_notice_id("HK", 2026, bytes(10)) != new_notice_id("HK", 2026, bytes(9) + b"\x01")
    assert re.fullmatch("hk-2026-[0-9a-f]{20}", new_notice_id("HK", 2026, bytes(range(10))))


# --- kinds and identifiers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", Notice.Kind.keys()[1:])
def test_every_kind_follows_from_its_detail(kind):
    made = NoticeContent()
    getattr(made, kind.lower()).SetInParent()
    assert kind_of(made) == Notice.Kind.Value(kind)


def test_every_detail_has_its_kind():
    details = NoticeContent.DESCRIPTOR.oneofs_by_name["detail"].fields
    assert {field.name.upper() for field in details} == set(Notice.Kind.keys()[1:])
    assert kind_of(NoticeContent()) == Notice.KIND_UNSPECIFIED


def test_a_notice_is_found_by_everything_that_identifies_what_it_is_about():
    found = identifiers_of(
        content(
            subjects=[
                values.Entity(name="a", lei="HWUPKR0MPOU8FGXBT394", licence_number="bvq 123"),
                values.Entity(name="b", licence_number=" BVQ 123 "),
            ],
            instruments=[values.Instrument(name="c", isin="KR7005930003", dti="X9J9K872S", ticker="abc", mic="XHKG")],
            product_notification=notice.ProductNotification(
                underlying=values.Instrument(name="d", isin="KR7000660001", dti="4H95J0R2X", ticker="000660")
            ),
        )
    )
    assert found == (
        "HWUPKR0MPOU8FGXBT394",
        "BVQ 123",
        "KR7005930003",
        "X9J9K872S",
        "ABC",
        "KR7000660001",
        "4H95J0R2X",
        "000660",
    )


def test_a_licence_that_was_acted_upon_identifies_its_notice():
    action = notice.LicensingAction(licence_number="fs-1")
    assert identifiers_of(content(licensing_action=action)) == ("FS-1",)
    assert identifiers_of(content()) == ()


@examples(60)
@given(arbitrary(NoticeContent.DESCRIPTOR))
def test_identifiers_are_upper_case_and_each_once(made):
    found = identifiers_of(made)
    assert len(set(found)) == len(found)
    assert all(text and text == text.strip().upper() for text in found)


# --- rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", read_notices(DATA.read_text()), ids=lambda file: file.notice_id)
def test_the_real_notices_are_valid(file):
    assert field_violations(file.content) == []
    assert content_violations(file.content) == []
    assert id_fault(file.notice_id, file.sender) is None


def test_there_are_as_many_real_notices_as_the_data_says():
    assert len(json.loads(DATA.read_text())["notices"]) == 16


@examples(60)
@given(contents())
def test_valid_contents_of_every_kind_break_no_rule(made):
    assert field_violations(made) == []
    assert content_violations(made) == []


def test_what_is_wrong_with_values_and_handling_is_told_at_its_place():
    found = broken(
        subjects=[values.Entity(name="a", lei="HWUPKR0MPOU8FGXBT395")],
        handling=handling(tlp=Handling.RED, onward_sharing=Handling.ALLOWED),
    )
    assert [field for field, _ in found] == [
        "notice.content.subjects[0].lei",
        "notice.content.handling.onward_sharing",
    ]


def test_no_more_can_be_frozen_than_was_lost():
    loss, more = Money(currency_code=WON, units=5), Money(currency_code=WON, units=5, nanos=1)
    assert broken(incident=incident(loss=loss, frozen=loss)) == []
    assert broken(incident=incident(loss=loss, frozen=more)) == [
        ("notice.content.incident.frozen", "must not be more than loss")
    ]


def test_amounts_of_two_currencies_are_not_compared():
    loss, frozen = Money(currency_code=DOLLARS, units=5), Money(currency_code=WON, units=5000)
    assert broken(incident=incident(loss=loss, frozen=frozen)) == []
    assert broken(incident=incident(frozen=frozen)) == []


def test_a_reserve_ratio_is_not_negative():
    found = broken(incident=incident(reserve_ratio_percent=Decimal(value="-0.5")))
    assert found == [("notice.content.incident.reserve_ratio_percent", "must not be negative")]


def test_a_depeg_is_some_way_from_the_peg():
    depeg = notice.Incident(type=notice.Incident.DEPEG, peg_deviation_bps=0)
    assert broken(incident=depeg) == [
        ("notice.content.incident.peg_deviation_bps", "must not be 0 for a DEPEG"),
    ]
    depeg.peg_deviation_bps = -1
    assert broken(incident=depeg) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"subjects": [values.Entity(name="a"), values.Entity(name="b"), values.Entity(name="a")]}, "subjects[2]"),
        ({"instruments": [values.Instrument(name="a")] * 2}, "instruments[1]"),
        ({"sources": [values.Source(title="a")] * 2}, "sources[1]"),
        ({"attachments": [values.Attachment(file_name=name) for name in ("a.pdf", "A.PDF")]}, "attachments[1]"),
        ({"product_notification": product("2", "2.0")}, "product_notification.leverage_factors[1]"),
        (
            {"licensing_action": notice.LicensingAction(conditions=[text("one"), text("two"), text("two")])},
            "licensing_action.conditions[2]",
        ),
    ],
)
def test_nothing_is_told_twice(changes, place):
    ((field, description),) = broken(**changes)
    assert field == f"notice.content.{place}"
    assert description.startswith("must be another than notice.content.")


def test_entries_of_one_name_that_differ_are_two():
    lei = "HWUPKR0MPOU8FGXBT394"
    assert broken(subjects=[values.Entity(name="a", lei=lei), values.Entity(name="a", trade_name="b", lei=lei)]) == []


@pytest.mark.parametrize("zero", ["0", "-0", "0.00", "-0.0"])
def test_a_leverage_of_zero_follows_nothing(zero):
    found = broken(product_notification=product("-2", zero))
    assert ("notice.content.product_notification.leverage_factors[1]", "must not be 0") in found


def test_violations_stand_below_the_path_that_is_told():
    (violation,) = content_violations(content(subjects=[values.Entity(jurisdiction="ZZ")]), "content")
    assert violation.field == "content.subjects[0].jurisdiction"


def test_tells_no_more_than_its_bound():
    crowd = content(subjects=[values.Entity(name="a", jurisdiction="ZZ")] * 200)
    assert len(content_violations(crowd)) == MAX_VIOLATIONS


@examples(100)
@given(arbitrary(NoticeContent.DESCRIPTOR))
def test_answers_to_any_content(made):
    for violation in content_violations(made):
        assert violation.field.startswith("notice.content.")
