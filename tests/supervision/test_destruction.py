from hashlib import sha256

import pytest
from google.type.date_pb2 import Date
from hypothesis import example, given
from hypothesis import strategies as st
from regulator.exchange.v1.envelope_pb2 import Author, Envelope
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference

from gateway.ledger.merkle import leaf_hash
from gateway.moments import day_of
from gateway.supervision.destruction import (
    Leaf,
    certificate,
    is_past,
    is_remainder,
    may_destroy,
    places_of,
    remainder,
    remainder_of,
)
from gateway.supervision.envelopes import envelopes
from gateway.supervision.notices.content import kind_of
from gateway.supervision.notices.records import ChannelEnds, Place
from gateway.supervision.outcomes import Context, Outcome
from gateway.supervision.projections.projection import project
from gateway.supervision.rules.fields import field_violations
from gateway.supervision.sharing.records import NO_DOSSIER
from tests.supervision.samples import (
    FROM_HK,
    HK_TO_KR,
    KR_TO_HK,
    content,
    contents,
    handling,
    record,
    reference,
    seal,
)

DAYS = st.integers(20200101, 20991231)
OTHER_SALT = bytes([7]) * 16


def released(made=None) -> Envelope:
    return envelopes.released(seal(), "hk-1", made or content())


def leaf(place: Place, envelope: Envelope | None = None, *, is_destroyed: bool = False) -> Leaf:
    data = (envelope or released()).SerializeToString()
    return Leaf(place, leaf_hash(data), data, is_destroyed)


HERE = Place(HK_TO_KR, 5)
FROM_KR = ChannelEnds("KR", "HK", outgoing=False)  # as Hong Kong's node sees the other channel


def projected(envelope: Envelope, find, channel=FROM_HK, place=HERE, **more):
    known = (find, lambda _: None, lambda _: None, lambda _: NO_DOSSIER)
    return project(Context(envelope, place, channel, *known), **more)


# --- when -------------------------------------------------------------------------------------------------------------


@given(DAYS, DAYS)
@example(20260508, 20260508)
@example(20260508, 20260509)
@example(20261231, 20270101)
def test_content_may_be_kept_on_its_last_day_and_not_on_the_next(until, today):
    assert is_past(record(retain_until=until), today) == (today > until)


@given(DAYS)
def test_content_without_a_day_is_kept_for_ever(today):
    assert not is_past(record(), today)


def test_days_sort_by_time():
    days = [Date(year=2026, month=9, day=30), Date(year=2026, month=10, day=1), Date(year=2027, month=1, day=1)]
    assert [day_of(day) for day in days] == [20260930, 20261001, 20270101]
    assert day_of(Date()) == 0


@given(st.lists(st.booleans(), min_size=1, max_size=3), st.integers(0, 5), st.integers(0, 5), DAYS, st.booleans())
def test_what_is_destroyed_is_past_receipted_and_left(destroyed, out_size, in_size, today, certified):
    places = [Place(HK_TO_KR, 1), Place(KR_TO_HK, 2), Place(HK_TO_KR, 3)][: len(destroyed)]
    leaves = [leaf(place, is_destroyed=gone) for place, gone in zip(places, destroyed, strict=True)]
    known = record(retain_until=20260331, destroyed_at=Place(HK_TO_KR, 9) if certified else None)
    receipted = {HK_TO_KR: out_size, KR_TO_HK: in_size}
    chosen = may_destroy(known, leaves, receipted, today)
    if today <= 20260331 or any(place.index >= receipted[place.origin] for place in places):
        assert chosen == []
    elif certified:
        assert chosen == [each for each in leaves if not each.is_destroyed]
    else:
        assert chosen == leaves


def test_a_notice_goes_with_what_was_said_to_it_and_not_with_another_notice():
    acknowledged, withdrawn = Place(KR_TO_HK, 4), Place(HK_TO_KR, 7)
    assert places_of(record(acknowledged_at=acknowledged, withdrawn_at=withdrawn), NO_DOSSIER) == [
        Place(HK_TO_KR, 0),
        acknowledged,
        withdrawn,
    ]
    assert places_of(record(withdrawn_at=withdrawn, withdrawn_by="hk-9"), NO_DOSSIER) == [Place(HK_TO_KR, 0)]


# --- what is left -----------------------------------------------------------------------------------------------------


@given(contents())
def test_what_is_left_gives_the_same_record_and_nothing_to_search(made):
    whole, left = released(made), remainder(released(made))
    one, other = projected(whole, {}.get, broken=()), projected(left, {}.get, broken=())
    assert one.events == other.events
    (before, *_), (after, *_) = one.records, other.records
    assert after.identifiers == ()
    fields = [name for name in before.__slots__ if name != "identifiers"]
    assert [getattr(before, name) for name in fields] == [getattr(after, name) for name in fields]


# What a case of assistance is told by.
OF_A_CASE = {
    "assistance_request": {"requested_authority", "respond_by"},
    "assistance_answer": {"request", "outcome"},
}


@given(contents())
def test_nothing_of_the_content_is_left_but_what_the_record_needs(made):
    left = remainder(released(made))
    kept = left.notice_released.content
    fields = {field.name for field, _ in kept.ListFields()} - {kept.WhichOneof("detail")}
    assert fields <= {"issuing_authority", "sectors", "urgency", "handling", "references", "attachments"}
    assert [each.ByteSize() for each in kept.attachments] == [0] * len(made.attachments)
    detail = kept.WhichOneof("detail")
    of_detail = {field.name for field, _ in getattr(kept, detail).ListFields()}
    assert of_detail <= OF_A_CASE.get(detail, set())
    assert kind_of(kept) == kind_of(made)
    assert all(each.relation != Reference.RELATES_TO for each in kept.references)
    assert (left.salt, is_remainder(left), is_remainder(released(made))) == (b"", True, False)


@given(contents())
def test_what_is_left_is_the_same_whoever_destroys_and_however_often(made):
    data = released(made).SerializeToString()
    assert remainder_of(remainder_of(data)) == remainder_of(data)
    other = envelopes.released(seal(salt=OTHER_SALT), "hk-1", made)
    assert remainder_of(other.SerializeToString()) == remainder_of(data)


def test_the_words_of_later_acts_go_and_who_acted_stays():
    said = envelopes.acknowledged(seal(), "hk-1", content().title, "F-1")
    taken = envelopes.withdrawn(seal(), "hk-1", content().title)
    said.approver.CopyFrom(Author(authority="SFC", client="spiffe://gateway.hk.example/SFC/second"))
    for whole, member in ((said, "notice_acknowledged"), (taken, "notice_withdrawn")):
        left = remainder(whole)
        assert [field.name for field, _ in getattr(left, member).ListFields()] == ["notice"]
        assert (left.author, left.sealed_at, left.approver) == (whole.author, whole.sealed_at, whole.approver)


def test_of_an_act_that_is_not_known_nothing_is_left():
    assert remainder(Envelope(salt=bytes(16))).WhichOneof("content") is None


# --- certificates -----------------------------------------------------------------------------------------------------


def certified(notice_id: str = "hk-1", origin: str = HK_TO_KR) -> Envelope:
    return certificate(seal(origin), notice_id, [leaf(Place(HK_TO_KR, 0))], receipted=1)


def test_a_certificate_names_hashes_and_what_is_left():
    one = leaf(Place(HK_TO_KR, 0))
    (named,) = certificate(seal(), "hk-1", [one], receipted=1).content_destroyed.envelopes
    assert not named.without_receipt
    assert (named.origin, named.index, named.leaf_hash) == (HK_TO_KR, 0, one.hash)
    assert named.remainder_sha256 == sha256(remainder_of(one.data)).digest()
    assert field_violations(certified()) == []


@pytest.mark.parametrize(("origin", "is_told"), [(HK_TO_KR, True), (KR_TO_HK, False)])
def test_it_tells_of_what_was_sealed_here_that_it_had_no_receipt(origin, is_told):
    """What came from the peer was here."""
    made = certificate(seal(HK_TO_KR), "hk-1", [leaf(Place(origin, 5))], receipted=5)
    assert [each.without_receipt for each in made.content_destroyed.envelopes] == [is_told]


def test_the_own_certificate_destroys_and_the_peers_is_kept():
    known = {"hk-1": record()}
    own = projected(certified(), known.get)
    assert (own.records[0].destroyed_at, own.records[0].peer_destroyed_at) == (Place(HK_TO_KR, 5), None)
    assert (own.destroyed_id, own.destroyed) == ("hk-1", (Place(HK_TO_KR, 0),))
    assert [(event.kind, event.detail) for event in own.events] == [(Event.CONTENT_DESTROYED, "at HK")]
    theirs = projected(certified(origin=KR_TO_HK), known.get, FROM_KR, Place(KR_TO_HK, 3))
    assert (theirs.records[0].destroyed_at, theirs.records[0].peer_destroyed_at) == (None, Place(KR_TO_HK, 3))
    assert (theirs.destroyed_id, theirs.destroyed) == ("", ())
    assert [event.detail for event in theirs.events] == ["at KR"]


def test_a_second_certificate_of_one_side_changes_no_record_and_destroys_what_it_names():
    known = {"hk-1": record(destroyed_at=Place(HK_TO_KR, 2))}
    again = projected(certified(), known.get)
    assert (again.outcome, again.records, again.events) == (Outcome.PROJECTED, (), ())
    assert again.destroyed == (Place(HK_TO_KR, 0),)


@pytest.mark.parametrize("known", [{}, {"hk-1": record(recipient="SG")}])
def test_a_certificate_is_about_a_notice_between_the_two(known):
    outcome = projected(certified(), known.get)
    assert (outcome.outcome, outcome.destroyed) == (Outcome.INVALID, ())


def test_handling_that_ends_says_so_in_the_record():
    made = content(handling=handling(retain_until=Date(year=2026, month=3, day=31)))
    assert projected(released(made), {}.get).records[0].retain_until == 20260331
    assert projected(released(), {}.get).records[0].retain_until == 0


def test_references_that_change_others_are_left():
    made = content(references=[reference(Reference.SUPERSEDES, "hk-0"), reference(Reference.RELATES_TO, "hk-9")])
    left = remainder(released(made)).notice_released.content.references
    assert [each.notice for each in left] == ["notices/hk-0"]
