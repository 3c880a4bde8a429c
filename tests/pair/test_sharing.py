"""Between two real nodes: consent to pass a notice on, asked for, granted, used, revoked and refused."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from regulator.exchange import Client, NotAllowed, NotFound, WrongState
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.sharing_service_pb2 import Consent
from regulator.exchange.v1.values_pb2 import Handling

from gateway.identity.access.access import Role
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.evidence.evidence import act_of, verify_evidence
from tests.supervision.samples import content, handling
from tests.support.nodes import Site, eventually, found_pair, running

TO = [("Monetary Authority of Singapore", "SG")]
USE = Handling.SUPERVISION
WHY = {"en": "A joint case.", "ko": "공동 사건."}


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("sharing"))
    kr.add_client("FSC", [Role.AUTHOR], system="uncleared", clearance=Handling.GREEN)
    kr.add_client("FSC", [Role.READER], system="reader")
    hk.add_client("SFC", [Role.APPROVER], system="desk")
    with running(hk, kr):
        yield hk, kr


@pytest.fixture
def desk(own_pair: tuple[Site, Site]) -> Iterator[Client]:
    """Who decides in Hong Kong: an approver, and nothing else."""
    with own_pair[0].client("SFC", "desk") as client:
        yield client


@pytest.fixture
def fsc(own_pair: tuple[Site, Site]) -> Iterator[Client]:
    with own_pair[1].client("FSC") as client:
        yield client


def given(hk: Site, receiver: Client, **changes: object) -> str:
    """The id of a notice that arrived."""
    with hk.client("SFC") as sfc:
        name = str(sfc.create_notice(content(handling=handling(**changes)), recipient="KR").name)
    eventually(lambda: name in {each.name for each in receiver.list_notices()})
    return name.removeprefix("notices/")


def arrived(client: Client, name: str, state: Consent.State.ValueType = Consent.REQUESTED) -> None:
    def there() -> bool:
        try:
            return client.get_consent(name).state == state
        except NotFound:
            return False

    eventually(there)


def asked(fsc: Client, desk: Client, notice: str) -> str:
    name = str(fsc.request_consent(notice, recipients=TO, use=USE, purpose=WHY).name)
    arrived(desk, name)
    return name


def test_what_the_originator_grants_is_shared_and_it_knows_by_whom(own_pair, desk, fsc) -> None:
    hk, _ = own_pair
    notice = given(hk, fsc)
    with pytest.raises(WrongState) as refused:
        fsc.mark_shared(notice, recipients=TO, use=USE)
    assert refused.value.reason == "CONSENT_REQUIRED"
    name = asked(fsc, desk, notice)
    with pytest.raises(WrongState, match="was asked for, and nothing is decided on it yet") as undecided:
        fsc.mark_shared(notice, recipients=TO, use=USE)
    assert undecided.value.metadata["consent"] == name
    desk.grant_consent(name, conditions={"en": "In a closed file."}, etag='"0"')
    arrived(fsc, name, Consent.GRANTED)
    for site in own_pair:  # what was granted is granted still
        site.stop()
        site.start()
    share = fsc.mark_shared(notice, recipients=TO, use=USE)
    assert (share.consent, share.decision, share.covered) == (name, 1, True)
    eventually(lambda: [each.name for each in desk.list_shares(notice)] == [share.name])
    assert desk.get_share(share.name) == share

    roots = [site.authority(AuthorityKind.NODE).certificate for site in own_pair]
    with hk.client("SFC") as sfc:
        file = sfc.get_evidence(origin=share.position.origin, index=share.position.index).tlog_proof
    assert act_of(verify_evidence(file, roots).envelope) == f"onward sharing, {share.name}"


def test_a_refusal_says_why_and_nothing_is_shared(own_pair, desk, fsc) -> None:
    notice = given(own_pair[0], fsc)
    name = asked(fsc, desk, notice)
    desk.refuse_consent(name, reason={"en": "Not before the trial."})
    arrived(fsc, name, Consent.REFUSED)
    assert fsc.get_consent(name).decisions[0].reason[0].text == "Not before the trial."
    with pytest.raises(WrongState) as refused:
        fsc.mark_shared(notice, recipients=TO, use=USE, consent=name)
    assert (refused.value.reason, refused.value.metadata["consent"]) == ("CONSENT_REQUIRED", name)
    assert list(fsc.list_shares(notice)) == []


def test_a_revocation_that_crosses_a_share_leaves_it_covered(own_pair, desk, fsc) -> None:
    """Both are asked for at once; whichever way they cross, both nodes end with the same."""
    notice = given(own_pair[0], fsc)
    name = asked(fsc, desk, notice)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    desk.grant_consent(name, valid_until=tomorrow)
    arrived(fsc, name, Consent.GRANTED)
    shared: list[str] = []
    reasons: set[str] = set()

    def share() -> None:
        try:
            shared.append(fsc.mark_shared(notice, recipients=TO, use=USE).name)
        except WrongState as error:
            reasons.add(error.reason)

    sharing = threading.Thread(target=share)
    sharing.start()
    desk.refuse_consent(name, reason={"en": "No more."})
    sharing.join()
    arrived(fsc, name, Consent.REFUSED)
    eventually(lambda: [each.name for each in desk.list_shares(notice)] == shared)
    assert reasons == (set() if shared else {"CONSENT_REQUIRED"})
    assert all(each.covered for each in desk.list_shares(notice))
    with pytest.raises(WrongState):
        fsc.mark_shared(notice, recipients=TO, use=USE)


def test_who_may_not_decide_ask_or_see_cannot(own_pair, desk, fsc) -> None:
    hk, kr = own_pair
    notice = given(hk, fsc)
    name = asked(fsc, desk, notice)
    with ExitStack() as stack:
        uncleared, reader = (stack.enter_context(kr.client("FSC", each)) for each in ("uncleared", "reader"))
        hkma = stack.enter_context(hk.client("HKMA"))
        for work in (
            lambda: uncleared.get_consent(name),
            lambda: uncleared.mark_shared(notice, recipients=TO, use=USE),
            lambda: uncleared.request_consent(notice, recipients=TO, use=USE, purpose=WHY),
        ):
            with pytest.raises(NotFound):
                work()
        assert list(uncleared.list_consents()) == []
        assert reader.get_consent(name).state == Consent.REQUESTED
        for denied in (
            lambda: reader.mark_shared(notice, recipients=TO, use=USE),
            lambda: desk.request_consent(notice, recipients=TO, use=USE, purpose=WHY),
            lambda: hkma.grant_consent(name),
        ):
            with pytest.raises(NotAllowed):
                denied()


def test_watchers_and_the_journal_are_told(own_pair, desk, fsc) -> None:
    notice = given(own_pair[0], fsc)
    with desk.watch_events(kinds=[Event.SHARING_REQUESTED, Event.CONTENT_SHARED], from_now=True) as events:
        told = iter(events)
        next(told)  # all so far is told
        name = str(fsc.request_consent(notice, recipients=TO, use=USE, purpose=WHY).name)
        first = next(each.event for each in told if each.HasField("event"))
        assert (first.kind, first.consent) == (Event.SHARING_REQUESTED, name)
        desk.grant_consent(name)
        arrived(fsc, name, Consent.GRANTED)
        share = fsc.mark_shared(notice, recipients=TO, use=USE).name
        last = next(each.event for each in told if each.HasField("event"))
        assert (last.kind, last.consent, last.share) == (Event.CONTENT_SHARED, name, share)
    told_of = [each.entry.resources for each in fsc.list_journal_entries(method="MarkShared")]
    assert any(share in resources for resources in told_of)
