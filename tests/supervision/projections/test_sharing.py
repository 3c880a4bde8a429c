import pytest
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.sharing_pb2 import SharingDecided
from regulator.exchange.v1.values_pb2 import Handling

from gateway.supervision.destruction import remainder
from gateway.supervision.disclosure import Scope, discloses
from gateway.supervision.event_names import event_names
from gateway.supervision.notices.records import ChannelEnds, NoticeRecord, Place
from gateway.supervision.outcomes import Context, Outcome, Projection
from gateway.supervision.projections.projection import REPLIES, concerned_notices, project, reply_rank
from gateway.supervision.rules.fields import field_violations
from gateway.supervision.sharing.records import MAX_CONSENTS, MAX_DECISIONS, MAX_SHARES, NO_DOSSIER, Dossier
from tests.supervision.samples import HK_TO_KR, KR_TO_HK, arbitrary, record, seal
from tests.supervision.sharing_samples import FINMA, MAS, Build, asking, deciding, sharing

CHANNELS = {"HK": (HK_TO_KR, ChannelEnds("HK", "KR", True)), "KR": (KR_TO_HK, ChannelEnds("KR", "HK", False))}
NOTICE = record(onward_sharing=Handling.CONSENT_REQUIRED, permitted_uses=(Handling.SUPERVISION, Handling.ENFORCEMENT))
MEMBERS = ("sharing_requested", "sharing_decided", "content_shared")


class Node:
    """Hong Kong's node as far as sharing needs one: takes acts of either side in turn."""

    def __init__(self, notice: NoticeRecord | None = NOTICE) -> None:
        self.notice, self.dossier, self.count = notice, NO_DOSSIER, 0

    def take(self, sender: str, build: Build, **sealed: object) -> Projection:
        origin, parties = CHANNELS[sender]
        return self.project(build(seal(origin, salt=bytes(16), **sealed)), parties)

    def project(self, envelope: Envelope, parties: ChannelEnds) -> Projection:
        self.count += 1
        known = (self.find, lambda _: None, lambda _: None, self.find_dossier)
        found = project(Context(envelope, Place(envelope.origin, self.count), parties, *known))
        for each in found.sharing:
            self.dossier = self.dossier.adding(each)
        return found

    def find(self, wanted: str) -> NoticeRecord | None:
        return self.notice if wanted == "hk-1" else None

    def find_dossier(self, wanted: str) -> Dossier:
        return self.dossier if wanted == "hk-1" else NO_DOSSIER


def taken(projection: Projection) -> tuple[int, str]:
    assert projection.outcome is Outcome.PROJECTED, projection.reason
    [event] = projection.events
    return event.kind, event.detail


def refusal(projection: Projection) -> str:
    assert projection.outcome is Outcome.INVALID
    assert projection.sharing == ()
    [event] = projection.events
    assert (event.kind, event.notice, event.consent, event.share) == (Event.ENVELOPE_UNSUPPORTED, "", "", "")
    return projection.reason


def granted() -> Node:
    node = Node()
    node.take("KR", asking())
    node.take("HK", deciding())
    return node


@pytest.mark.parametrize(
    ("build", "member"), [(asking(), MEMBERS[0]), (deciding(), MEMBERS[1]), (sharing(), MEMBERS[2])]
)
def test_an_envelope_keeps_to_the_contract_and_names_its_notice(build, member):
    envelope = build(seal())
    assert envelope.WhichOneof("content") == member
    assert field_violations(envelope) == []
    assert list(concerned_notices(envelope)) == ["hk-1"]
    assert reply_rank(envelope) == REPLIES[member]


@pytest.mark.parametrize("build", [asking(), deciding(), sharing()])
@given(label=st.sampled_from([Handling.GREEN, Handling.AMBER, Handling.RED]))
def test_an_envelope_is_seen_by_the_label_of_its_notice(build, label):
    notice = record(tlp=label)
    scope = Scope(Handling.AMBER)
    assert discloses(build(seal()), scope, {"hk-1": notice}.get) == (label != Handling.RED)


def test_a_request_a_grant_a_share_and_a_revocation():
    node = Node()
    assert taken(node.take("KR", asking())) == (Event.SHARING_REQUESTED, "")
    assert taken(node.take("HK", deciding())) == (Event.SHARING_DECIDED, "granted")
    assert taken(node.take("KR", sharing())) == (Event.CONTENT_SHARED, "")
    assert taken(node.take("HK", deciding(number=2, granted=False))) == (Event.SHARING_DECIDED, "revoked")
    assert taken(node.take("HK", deciding(number=3, granted=False))) == (Event.SHARING_DECIDED, "refused")
    assert [each.is_granted for each in node.dossier.decisions] == [True, False, False]
    [consent], [share] = node.dossier.consents, node.dossier.shares
    assert (consent.authority, consent.use) == ("SFC", Handling.SUPERVISION)
    assert share.is_covered


def test_events_name_consent_and_share():
    node = granted()
    [event] = node.take("KR", sharing()).events
    name = "notices/hk-1"
    assert list(event_names(event)) == [name, f"{name}/consents/c0000001", f"{name}/shares/s0000001"]


@pytest.mark.parametrize(
    ("build", "sealed"),
    [
        (sharing(recipients=[MAS, FINMA]), {}),
        (sharing(use=Handling.ENFORCEMENT), {}),
        (sharing(use=Handling.POLICY_MAKING), {}),
        (sharing(consent_id="", decision=0), {}),
        (sharing(decision=2), {}),
        (sharing(), {"sealed_at": 1_769_904_000_000_000}),  # 2026-02-01
    ],
)
def test_a_share_that_nothing_covers_is_kept_and_said_to_be_that(build, sealed):
    node = Node()
    node.take("KR", asking())
    node.take("HK", deciding(valid_until=20260131))
    node.take("HK", deciding(number=2, granted=False))
    assert taken(node.take("KR", build, **sealed)) == (
        Event.CONTENT_SHARED,
        "neither its handling nor a consent covers it",
    )
    assert not node.dossier.shares[0].is_covered


def test_a_share_under_an_earlier_decision_is_covered_by_it():
    """It crossed the revocation on its way."""
    node = granted()
    node.take("HK", deciding(number=2, granted=False))
    assert taken(node.take("KR", sharing())) == (Event.CONTENT_SHARED, "")


# --- what cannot be used --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sender", ["HK", "KR"])
@pytest.mark.parametrize("build", [asking(), deciding(), sharing()])
def test_only_the_side_whose_act_it_is_can_do_it(build, sender):
    node = granted()
    mine = "HK" if build(seal()).HasField("sharing_decided") else "KR"
    fresh = {"sharing_requested": asking(consent_id="c0000002"), "sharing_decided": deciding(number=2)}
    act = fresh.get(str(build(seal()).WhichOneof("content")), build)
    found = node.take(sender, act)
    assert (found.outcome is Outcome.PROJECTED) == (sender == mine)


@pytest.mark.parametrize("build", [asking(), deciding(), sharing(consent_id="", decision=0)])
def test_nothing_is_known_of_a_notice_that_is_not_here(build):
    sender = "HK" if build(seal()).HasField("sharing_decided") else "KR"
    assert "must be" in refusal(Node(notice=None).take(sender, build))


def test_the_same_name_counts_once():
    node = granted()
    node.take("KR", sharing())
    assert refusal(node.take("KR", asking())).endswith("was asked for before")
    assert refusal(node.take("KR", sharing())).endswith("was told before")


@pytest.mark.parametrize("number", [1, 3, MAX_DECISIONS])
def test_decisions_leave_no_gap_and_come_once(number):
    assert refusal(granted().take("HK", deciding(number=number))).endswith("must be decision 2")


def test_a_decision_on_what_nobody_asked_for_is_none():
    assert "must be a consent that HK was asked for" in refusal(Node().take("HK", deciding()))


def test_a_day_that_there_is_not_limits_nothing():
    node = Node()
    node.take("KR", asking())
    assert "valid_until" in refusal(node.take("HK", deciding(valid_until=20261399)))


@pytest.mark.parametrize("build", [sharing(decision=2), sharing(consent_id="c0000009")])
def test_a_share_under_what_was_never_decided_is_none(build):
    assert "has no decision" in refusal(granted().take("KR", build))


def test_what_handling_prohibits_cannot_be_asked_for():
    node = Node(record(onward_sharing=Handling.PROHIBITED, permitted_uses=(Handling.SUPERVISION,)))
    assert refusal(node.take("KR", asking())).endswith("prohibits onward sharing")
    assert not node.take("KR", sharing(consent_id="", decision=0)).sharing[0].is_covered


def test_there_are_bounds():
    node = granted()
    for each in range(MAX_CONSENTS - 1):
        assert taken(node.take("KR", asking(consent_id=f"d{each:07}")))
    assert f"{MAX_CONSENTS} consents" in refusal(node.take("KR", asking(consent_id="c0000009")))
    for each in range(MAX_SHARES):
        assert taken(node.take("KR", sharing(share_id=f"s{each:07}x")))
    assert f"{MAX_SHARES} shares" in refusal(node.take("KR", sharing()))
    for number in range(2, MAX_DECISIONS + 1):
        assert taken(node.take("HK", deciding(number=number)))
    assert "number" in refusal(node.take("HK", deciding(number=MAX_DECISIONS + 1)))


@given(st.sampled_from(MEMBERS), st.data())
def test_whatever_a_peer_seals_is_taken_or_told(member, data):
    act = data.draw(arbitrary(Envelope.DESCRIPTOR.fields_by_name[member].message_type))
    for sender, (origin, parties) in CHANNELS.items():
        envelope = asking()(seal(origin))
        getattr(envelope, member).CopyFrom(act)
        found = granted().project(envelope, parties)
        assert len(found.events) == 1, sender


# --- what is left ---------------------------------------------------------------------------------------------------


def test_what_is_left_says_who_has_it_and_no_words():
    asked, answer, share = (remainder(build(seal())) for build in (asking(), deciding(valid_until=20260131), sharing()))
    assert asked.sharing_requested.recipients == asking()(seal()).sharing_requested.recipients
    assert not asked.sharing_requested.purpose
    assert (answer.sharing_decided.decision, answer.sharing_decided.valid_until.day) == (SharingDecided.GRANTED, 31)
    assert not answer.sharing_decided.reason
    assert not answer.sharing_decided.conditions
    assert share.WhichOneof("content") is None  # a share is not destroyed


def test_what_is_left_gives_the_same_records():
    whole, left = Node(), Node()
    for sender, build in (("KR", asking()), ("HK", deciding(valid_until=20260131))):
        origin, parties = CHANNELS[sender]
        envelope = build(seal(origin))
        whole.project(envelope, parties)
        left.count += 1
        find = {"hk-1": NOTICE}.get
        known = (find, lambda _: None, lambda _: None, lambda _: left.dossier)
        context = Context(remainder(envelope), Place(origin, left.count), parties, *known)
        for each in project(context, ()).sharing:
            left.dossier = left.dossier.adding(each)
    assert left.dossier == whole.dossier
