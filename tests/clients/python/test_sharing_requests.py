"""Requests about onward sharing are built from what a caller gives."""

from datetime import date
from functools import partial
from uuid import UUID

import pytest
from google.type.date_pb2 import Date
from regulator.exchange import AsyncClient, Client
from regulator.exchange import sharing_requests as requests
from regulator.exchange.v1 import sharing_service_pb2 as pb
from regulator.exchange.v1.sharing_pb2 import ThirdParty
from regulator.exchange.v1.sharing_service_pb2 import Consent
from regulator.exchange.v1.values_pb2 import Handling

NAME = "notices/kr-1/consents/5c0e9a41"
MAS = ThirdParty(organisation="MAS", jurisdiction="SG")
FOR = {"recipients": [("MAS", "SG")], "use": Handling.SUPERVISION}


def test_recipients_may_be_pairs_or_messages():
    asked = requests.request_consent("kr-1", **FOR, purpose={"en": "Why."})
    assert list(asked.consent.recipients) == [MAS]
    marked = requests.mark_shared("kr-1", recipients=[MAS], use=Handling.SUPERVISION, consent=NAME)
    assert list(marked.share.recipients) == [MAS]
    assert marked.share.consent == NAME


def test_writes_get_a_request_id_of_their_own():
    builds = (
        lambda: requests.request_consent("kr-1", **FOR, purpose={"en": "Why."}),
        lambda: requests.grant_consent(NAME),
        lambda: requests.refuse_consent(NAME, reason={"en": "Why."}),
        lambda: requests.mark_shared("kr-1", **FOR),
    )
    made = [build().request_id for build in builds for _ in range(2)]
    assert len(set(made)) == len(made)
    assert {UUID(each).version for each in made} == {7}
    assert requests.grant_consent(NAME, request_id="mine").request_id == "mine"


def test_names_with_and_without_their_collection_are_the_same():
    assert requests.list_consents("kr-1") == requests.list_consents("notices/kr-1")
    for build in (
        requests.get_consent,
        requests.get_share,
        partial(requests.refuse_consent, reason=()),
        requests.grant_consent,
    ):
        assert build("kr-1/consents/5c0e9a41").name == build(NAME).name == NAME
    assert requests.mark_shared("kr-1", **FOR, consent="kr-1/consents/5c0e9a41").share.consent == NAME
    assert requests.list_shares().parent == "notices/-"
    assert requests.list_consents(state=Consent.GRANTED).state == Consent.GRANTED


def test_a_last_day_is_a_day_or_none():
    until = requests.grant_consent(NAME, valid_until=date(2026, 1, 31), conditions={"en": "Quietly."})
    assert until.valid_until == Date(year=2026, month=1, day=31)
    assert not requests.grant_consent(NAME).HasField("valid_until")


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_every_method_of_the_service_is_one_of_the_client(client):
    for method in pb.DESCRIPTOR.services_by_name["SharingService"].methods:
        name = "".join(f"_{each.lower()}" if each.isupper() else each for each in method.name).lstrip("_")
        assert getattr(client, name).__doc__ == getattr(requests, name).__doc__
