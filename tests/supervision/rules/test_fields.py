from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
import regulator.exchange.v1 as contract
from buf.validate import validate_pb2
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from regulator.exchange.v1 import notice_pb2 as notice
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.evidence_service_pb2 import GetEvidenceRequest
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.notice_service_pb2 import CreateNoticeRequest, ListNoticesRequest, Notice

from gateway.errors import Violation
from gateway.rpc.server import SERVICES
from gateway.supervision.rules.fields import MAX_VIOLATIONS, field_violations
from tests.supervision.samples import arbitrary, content
from tests.support.properties import examples

DETAILS = (
    "licensing_action, enforcement_action, product_notification, incident, investor_alert, policy_statement, "
    "assistance_request, assistance_answer"
)


def one(message, prefix: str = "") -> tuple[str, str]:
    (violation,) = field_violations(message, prefix)
    return violation.field, violation.description


def messages() -> Iterator[Descriptor]:
    """Every message of the contract."""
    pool = GetEvidenceRequest.DESCRIPTOR.file.pool
    folder = Path(contract.__path__[0])
    within = [each for path in sorted(folder.glob("*_pb2.py")) for each in of_file(pool, path)]
    while within:
        yield (message := within.pop())
        within += message.nested_types


def of_file(pool: DescriptorPool, path: Path) -> Iterable[Descriptor]:
    name = path.name.removesuffix("_pb2.py")
    return pool.FindFileByName(f"regulator/exchange/v1/{name}.proto").message_types_by_name.values()


def test_a_valid_message_breaks_none():
    assert field_violations(content()) == []
    assert field_violations(CreateNoticeRequest(notice=Notice(recipient="KR", content=content()))) == []


@pytest.mark.parametrize(
    ("changes", "field", "description"),
    [
        (
            {"issuing_authority": "!"},
            "issuing_authority",
            "must be the code of an authority, of 2 to 16 letters and digits, such as HKMA",
        ),
        ({"sectors": []}, "sectors", "must hold at least 1 item"),
        ({"sectors": [1, 1]}, "sectors", "must not hold the same value twice"),
        (
            {"sectors": [1, 99]},
            "sectors[1]",
            "must be one of SECTOR_EXCHANGE, SECTOR_STABLECOIN_ISSUER, SECTOR_DEALING, SECTOR_CUSTODY",
        ),
        ({"urgency": 0}, "urgency", "must be one of ROUTINE, PRIORITY, IMMEDIATE"),
        ({"subjects": [values.Entity(name="a"), values.Entity()]}, "subjects[1].name", "must not be empty"),
        (
            {"subjects": [values.Entity(name="a", jurisdiction="hk")]},
            "subjects[0].jurisdiction",
            "must be the two capital letters of a jurisdiction (ISO 3166-1), such as HK",
        ),
        (
            {"instruments": [values.Instrument(name="a", mic="XHKG\n", ticker="1")]},
            "instruments[0].mic",
            "must be a MIC, of 4 capital letters and digits (ISO 10383), such as XHKG",
        ),
        (
            {"instruments": [values.Instrument(name="a", ticker="7709")]},
            "instruments[0].ticker",
            "ticker and mic go together: give both or neither",
        ),
        (
            {"investor_alert": notice.InvestorAlert(reason=1, domains=["a b"])},
            "investor_alert.domains[0]",
            "must be a host name such as www.example.com",
        ),
        ({"incident": notice.Incident(type=1)}, "incident.peg_deviation_bps", "is required for a DEPEG"),
        (
            {"title": [values.LocalizedText(language_tag="en", text="x" * 16_385)]},
            "title[0].text",
            "must not be longer than 16384 characters",
        ),
        (
            {"attachments": [values.Attachment(file_name="a", media_type="a/b", size_bytes=1)]},
            "attachments[0].sha256",
            "must be 32 bytes long",
        ),
    ],
)
def test_names_the_field_and_says_what_would_be_right(changes, field, description):
    assert one(content(**changes)) == (field, description)


def requests_with_ids() -> list[type[Message]]:
    methods = [method for service in SERVICES for method in service.methods]
    return [GetMessageClass(each.input_type) for each in methods if "request_id" in each.input_type.fields_by_name]


def test_no_request_goes_by_the_nil_uuid_that_everybody_has():
    asked = requests_with_ids()
    assert CreateNoticeRequest in asked
    assert len(asked) > 15
    for kind in asked:
        told = {each.field: each.description for each in field_violations(kind(request_id=str(UUID(int=0))))}
        assert told["request_id"] == "must be a UUID made for this request, not the nil one"
        made = field_violations(kind(request_id=str(UUID(int=1))))
        assert "request_id" not in [each.field for each in made]


def test_paths_stand_below_the_prefix():
    request = CreateNoticeRequest(notice=Notice(recipient="kr", content=content()))
    assert one(request)[0] == "notice.recipient"
    assert one(content(urgency=9), "notice.content")[0] == "notice.content.urgency"


def test_a_number_below_its_bound_is_told_that():
    assert one(ListNoticesRequest(page_size=-1)) == ("page_size", "must be at least 0")


def test_names_the_choices_where_none_is_made():
    bare = content()
    bare.ClearField("policy_statement")
    assert one(bare, "content") == ("content.detail", f"exactly one is required of {DETAILS}")


def test_names_what_is_required():
    bare = content()
    bare.ClearField("handling")
    assert one(bare) == ("handling", "is required")


def test_a_rule_on_the_whole_message_names_the_field_that_it_is_about():
    """At the root of a call, too: no field there is called ``request``."""
    words = "must be given, or else origin and index"
    assert one(GetEvidenceRequest()) == ("notice", words)
    assert one(GetEvidenceRequest(), "asked") == ("asked.notice", words)


def test_each_rule_on_a_whole_message_begins_with_a_field_of_it():
    """Else whoever filled in a form is told of a field that it does not have."""
    rules = [
        (message, rule.message)
        for message in messages()
        for rule in message.GetOptions().Extensions[validate_pb2.message].cel
    ]
    assert len(rules) >= 8
    assert [said for message, said in rules if said.partition(" ")[0] not in message.fields_by_name] == []


def test_tells_no_more_than_its_bound():
    crowd = content(subjects=[values.Entity()] * 200)
    assert len(field_violations(crowd)) == MAX_VIOLATIONS


def test_never_repeats_what_was_given():
    broken = content(issuing_authority="secret!", subjects=[values.Entity(name="a", lei="secret")])
    assert "secret" not in str(field_violations(broken))


@examples(150)
@given(arbitrary(Envelope.DESCRIPTOR))
def test_answers_to_any_message(envelope):
    for violation in field_violations(envelope):
        assert isinstance(violation, Violation)
        assert violation.description


@examples(50)
@given(arbitrary(NoticeContent.DESCRIPTOR))
def test_every_path_leads_to_a_field(message):
    for violation in field_violations(message):
        assert leads_somewhere(message, violation.field)


def leads_somewhere(message, path: str) -> bool:
    for step in path.split("."):
        name, _, place = step.partition("[")
        if name in message.DESCRIPTOR.oneofs_by_name:
            return True
        message = getattr(message, name)
        if place:
            message = message[int(place.rstrip("]"))]
    return True
