"""Requests about onward sharing that are refused: the code, the reason and the fields of the answer."""

from typing import Any

from google.protobuf.message import Message
from google.type.date_pb2 import Date
from regulator.exchange.v1 import sharing_service_pb2 as pb
from regulator.exchange.v1.sharing_pb2 import ThirdParty
from regulator.exchange.v1.values_pb2 import Handling, LocalizedText

from tests.rpc.calls import SHARING
from tests.rpc.malformed_requests import INVALID, LETTER, MISSING, Refused
from tests.supervision.sharing_samples import MAS

NOTICE, CONSENT = "notices/hk-none", "notices/hk-none/consents/none0000"
SIXTEEN = [ThirdParty(organisation=f"No. {place}", jurisdiction="SG") for place in range(17)]
BLANK = [LocalizedText(language_tag="en", text="   ")]


def _asked(parent: str = NOTICE, **changes: Any) -> Message:
    consent = {"recipients": [MAS], "use": Handling.SUPERVISION, "purpose": LETTER} | changes
    return pb.RequestConsentRequest(parent=parent, consent=pb.Consent(**consent))


def _marked(**changes: Any) -> Message:
    return pb.MarkSharedRequest(
        parent=NOTICE, share=pb.Share(**{"recipients": [MAS], "use": Handling.SUPERVISION} | changes)
    )


def _case(method: str, request: Message | bytes, *fields: str) -> Refused:
    return Refused(f"{SHARING}{method}", request, fields, INVALID if fields else MISSING)


SHARING_REQUESTS: dict[str, Refused] = {
    "a request for nothing": _case("RequestConsent", b"", "parent", "consent"),
    "a request about no notice": _case("RequestConsent", _asked()),
    "a request about all notices": _case("RequestConsent", _asked("notices/-"), "parent"),
    "a request about what is no notice": _case("RequestConsent", _asked("frameworks/hk-x"), "parent"),
    "a request for nobody": _case("RequestConsent", _asked(recipients=[]), "consent.recipients"),
    "a request for too many": _case("RequestConsent", _asked(recipients=SIXTEEN), "consent.recipients"),
    "a request for one without a name": _case(
        "RequestConsent", _asked(recipients=[ThirdParty(jurisdiction="SG")]), "consent.recipients[0].organisation"
    ),
    "a request for one of nowhere": _case(
        "RequestConsent",
        _asked(recipients=[ThirdParty(organisation="MAS", jurisdiction="sg")]),
        "consent.recipients[0].jurisdiction",
    ),
    "a request for one whose name hides a line": _case(
        "RequestConsent",
        _asked(recipients=[ThirdParty(organisation="MAS\nFINMA", jurisdiction="SG")]),
        "consent.recipients[0].organisation",
    ),
    "a request for one twice": _case("RequestConsent", _asked(recipients=[MAS, MAS]), "consent.recipients[1]"),
    "a request for no use": _case("RequestConsent", _asked(use=0), "consent.use"),
    "a request for an unknown use": _case("RequestConsent", _asked(use=99), "consent.use"),
    "a request without a purpose": _case("RequestConsent", _asked(purpose=[]), "consent.purpose"),
    "a request with a blank purpose": _case("RequestConsent", _asked(purpose=BLANK), "consent.purpose[0].text"),
    "a request under a bad request_id": _case(
        "RequestConsent",
        pb.RequestConsentRequest(parent=NOTICE, consent=pb.Consent(), request_id="1"),
        "consent.recipients",
        "consent.use",
        "consent.purpose",
        "request_id",
    ),
    "a consent of no name": _case("GetConsent", pb.GetConsentRequest(), "name"),
    "a consent whose name leads elsewhere": _case(
        "GetConsent", pb.GetConsentRequest(name="notices/hk-1/consents/../shares"), "name"
    ),
    "a consent that is not there": _case("GetConsent", pb.GetConsentRequest(name=CONSENT)),
    "consents of what is no notice": _case("ListConsents", pb.ListConsentsRequest(parent="notices/"), "parent"),
    "consents in no state": _case("ListConsents", pb.ListConsentsRequest(parent=NOTICE, state=99), "state"),
    "consents after a token of nobody": _case(
        "ListConsents", pb.ListConsentsRequest(parent=NOTICE, page_token="AAAA"), "page_token"
    ),
    "a page of less than nothing": _case(
        "ListConsents", pb.ListConsentsRequest(parent=NOTICE, page_size=-1), "page_size"
    ),
    "a grant of what nobody asked for": _case("GrantConsent", pb.GrantConsentRequest(name=CONSENT)),
    "a grant of what is no consent": _case("GrantConsent", pb.GrantConsentRequest(name=NOTICE), "name"),
    "a grant up to a day that there is not": _case(
        "GrantConsent",
        pb.GrantConsentRequest(name=CONSENT, valid_until=Date(year=2026, month=2, day=30)),
        "valid_until",
    ),
    "a refusal without a word": _case("RefuseConsent", pb.RefuseConsentRequest(name=CONSENT), "reason"),
    "a refusal of what nobody asked for": _case("RefuseConsent", pb.RefuseConsentRequest(name=CONSENT, reason=LETTER)),
    "a share of nothing": _case("MarkShared", b"", "parent", "share"),
    "a share of no notice": _case("MarkShared", _marked()),
    "a share with nobody": _case("MarkShared", _marked(recipients=[]), "share.recipients"),
    "a share for no use": _case("MarkShared", _marked(use=0), "share.use"),
    "a share under what is no consent": _case("MarkShared", _marked(consent=NOTICE), "share.consent"),
    "a share that is not there": _case("GetShare", pb.GetShareRequest(name="notices/hk-none/shares/none0000")),
    "a share whose name is a consent's": _case("GetShare", pb.GetShareRequest(name=CONSENT), "name"),
    "shares after a token of nobody": _case(
        "ListShares", pb.ListSharesRequest(parent="notices/-", page_token="AAAA"), "page_token"
    ),
}
