"""Two stores and the machines between them: whatever is done, lost and repeated, both end with the same."""

import asyncio
import itertools
import random
import threading
from typing import Any

import pytest
from google.protobuf.message import Message
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import LocalizedText

from gateway.errors import Untrusted, Violation
from gateway.ledger.checkpoint import countersign
from gateway.ledger.steps import SENDER_ROLLED_BACK
from gateway.store import arriving, logs, writing
from gateway.store.event_queries import read_events
from gateway.store.notice_queries import NoticeFilter, list_notices
from gateway.store.tables import heads, leaves, notices, sharing_acts
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.rules.fields import field_violations
from tests.ledger.samples import KR_SEAL
from tests.store.exchanging import check_equal, exchange, settle
from tests.store.rotating import rotate
from tests.store.stores import (
    DOMAINS,
    HK_TO_KR,
    NOW,
    SEALS,
    Opened,
    check_verified,
    refused,
)
from tests.supervision.samples import reference

SECONDS = 60  # more than anything here takes, whatever else the machine does


class Acts:
    """Chooses what happens next, by a seed."""

    def __init__(self, seed: int, hk: Opened, kr: Opened) -> None:
        self.random = random.Random(seed)
        self.stores = [hk, kr]
        self.count = 0

    async def act(self) -> None:
        one, other = self.random.sample(self.stores, 2)
        acts = (self.release, self.release, self.acknowledge, self.withdraw, self.exchange, self.exchange, self.restart)
        acts += (self.ask_consent, self.decide, self.share)
        await self.random.choice(acts)(one, other)

    async def release(self, one: Opened, _other: Opened) -> None:
        names = []
        for _ in range(self.random.randint(1, 3)):
            self.count += 1
            names.append(f"{one.jurisdiction.lower()}-{self.count}")
        known = await self.known(one, Notice.OUTGOING)
        relations = [Reference.SUPERSEDES, Reference.WITHDRAWS, Reference.RELATES_TO]
        chosen = self.random.sample(known, min(len(known), self.random.randint(0, 2)))
        references = [reference(self.random.choice(relations), each) for each in chosen]
        await one.release(*names, references=references)

    async def acknowledge(self, one: Opened, _other: Opened) -> None:
        if known := await self.known(one, Notice.INCOMING):
            await one.acknowledge(self.random.choice(known))

    async def withdraw(self, one: Opened, _other: Opened) -> None:
        if known := await self.known(one, Notice.OUTGOING):
            await one.withdraw(self.random.choice(known))

    async def ask_consent(self, one: Opened, _other: Opened) -> None:
        if known := await self.known(one, Notice.INCOMING):
            self.count += 1
            await one.ask_consent(self.random.choice(known), f"c{self.count:07}")

    async def decide(self, one: Opened, _other: Opened) -> None:
        rows = [row for row in await one.rows(sharing_acts) if row["consent"] and not row["share"]]
        own = [row for row in rows if row["notice"].startswith(one.jurisdiction.lower())]
        if own:
            chosen = self.random.choice(own)
            name = (chosen["notice"], chosen["consent"])
            number = 1 + max(row["decision"] for row in own if (row["notice"], row["consent"]) == name)
            await one.decide(*name, number, granted=self.random.random() < 0.6)

    async def share(self, one: Opened, _other: Opened) -> None:
        """Under a decision that came, whatever it says and whatever came since."""
        rows = [row for row in await one.rows(sharing_acts) if row["decision"] and not row["share"]]
        received = [row for row in rows if not row["notice"].startswith(one.jurisdiction.lower())]
        if received:
            self.count += 1
            chosen = self.random.choice(received)
            under = {"consent_id": chosen["consent"], "decision": chosen["decision"]}
            await one.share(chosen["notice"], f"s{self.count:07}", **under)

    async def exchange(self, one: Opened, other: Opened) -> None:
        await exchange(one, other, drop_after=self.random.choice([1, 2, 3, 4, 5, 1000]))

    async def restart(self, one: Opened, _other: Opened) -> None:
        await one.restart()

    async def known(self, store: Opened, direction: Notice.Direction.ValueType) -> list[str]:
        views, _ = await store.read(list_notices, EVERYTHING, NoticeFilter(direction=direction), None, 1000, 1 << 30)
        return [view.record.id for view in views]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_done_and_lost_both_end_with_the_same_and_verify(hk: Opened, kr: Opened, seed):
    acts = Acts(seed, hk, kr)
    for _ in range(40):
        await acts.act()
    check_verified(hk)
    check_verified(kr)
    await settle(hk, kr)
    await check_equal(hk, kr)
    for store in (hk, kr):
        before = store.backup()
        await store.rebuilt()
        assert store.backup() == before


async def test_a_receipt_is_durable_with_the_envelopes_that_it_is_for_and_no_earlier(hk: Opened, kr: Opened):
    await hk.release("hk-1", "hk-2")
    await exchange(hk, kr)
    sizes = [(state.log.size, state.receipted_size) for state in (told.states[HK_TO_KR] for told in kr.commits)]
    assert sizes == [(2, 2)]


async def test_the_writer_serves_others_while_a_large_batch_is_looked_into(
    hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch
):
    """What a peer may seal takes seconds to check."""
    looked, go_on = threading.Event(), threading.Event()

    def look(message: Message) -> list[Violation]:
        looked.set()
        assert go_on.wait(SECONDS), "the loop waits for what is looked into"
        return field_violations(message)

    monkeypatch.setattr(arriving, "field_violations", look)
    await hk.release("hk-1", summary=[LocalizedText(language_tag="en", text="a" * 16_000)] * 5)
    coming = asyncio.create_task(exchange(hk, kr))
    assert await asyncio.to_thread(looked.wait, SECONDS)
    await kr.release("kr-1")
    assert kr.state(HK_TO_KR).log.size == 0
    go_on.set()
    await coming
    assert kr.state(HK_TO_KR).receipted_size == 1


async def test_receipts_do_not_go_back_in_time_when_the_clock_does(hk, kr):
    await hk.release("hk-1")
    await settle(hk, kr)
    before = hk.state().receipt
    half_an_hour_before = itertools.repeat(NOW - 1_800_000_000)
    await kr.restart()
    kr.clock = half_an_hour_before
    await hk.release("hk-2")
    await settle(hk, kr)
    assert hk.state().receipt.checkpoint.size == 2
    assert hk.state().receipt.time >= before.time


@pytest.mark.parametrize("hours", [-2, 2])
async def test_what_is_signed_more_than_an_hour_ahead_of_the_other_clock_is_not_kept_until_that_is_right(
    hk: Opened, kr: Opened, hours: int
):
    """The batch, where the receiver's clock is behind; the receipt, where it is ahead."""
    await hk.release("hk-1")
    kr.clock = itertools.count(NOW + hours * 3_600_000_000, 1000)
    assert isinstance(await refused(exchange(hk, kr)), Untrusted)
    assert kr.state(HK_TO_KR).log.size == (hours > 0)
    assert hk.state().receipt is None
    hk.clock = kr.clock = itertools.count(NOW + max(hours, 0) * 3_600_000_000 + 1_000_000, 1000)
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert hk.state().receipted_size == 1


async def test_what_comes_is_kept_though_the_seal_cannot_sign_and_receipted_once_it_can(
    hk: Opened, kr: Opened, monkeypatch
):
    def expired(_message: bytes) -> bytes:
        raise Untrusted("the certificate has expired")

    await hk.release("hk-1")
    with monkeypatch.context() as patched:
        patched.setattr(KR_SEAL, "sign_ml_dsa_44", expired)
        assert isinstance(await refused(exchange(hk, kr)), Untrusted)
    assert (kr.state(HK_TO_KR).log.size, kr.state(HK_TO_KR).receipted_size) == (1, 0)
    await settle(hk, kr)
    await check_equal(hk, kr)


async def test_a_receiver_restored_from_a_backup_is_sent_it_again(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await settle(hk, kr)
    earlier = kr.backup()
    await hk.release("hk-2")
    await settle(hk, kr)
    await kr.restore(earlier)
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert Event.PEER_ROLLED_BACK in [event.kind for event in await hk.read(read_events, EVERYTHING, 0, 100)]


async def test_a_peer_that_was_rolled_back_is_told_again_only_if_it_holds_still_less(hk: Opened, kr: Opened):
    """Else a peer could fill the events by its Position alone."""

    async def told() -> list[str]:
        events = await hk.read(read_events, EVERYTHING, 0, 100)
        return [event.detail for event in events if event.kind == Event.PEER_ROLLED_BACK]

    backups = [kr.backup()]
    for n in range(3):
        await hk.release(f"hk-{n}")
        await settle(hk, kr)
        backups.append(kr.backup())
    for held in (2, 1, 2, 2, 1, 0, 1):
        await kr.restore(backups[held])
        await exchange(hk, kr, drop_after=2)  # its Position, and nothing that would mend it
    assert [each[-1] for each in await told()] == ["2", "1", "0"]
    await hk.release("hk-3")
    await settle(hk, kr)
    await kr.restore(backups[2])
    await settle(hk, kr)
    assert [each[-1] for each in await told()] == ["2", "1", "0", "2"]


async def test_what_a_receiver_takes_that_was_rolled_back_with_its_clock_is_delivered_at_once(hk: Opened, kr: Opened):
    """It cosigned last at a time to come, and its sender shows it when: that is what the next receipts bear."""
    backup = kr.backup()
    await hk.release("hk-1")
    await settle(hk, kr)
    last = hk.state().receipt.time
    kr.clock = itertools.repeat(NOW - 1_800_000_000)
    await kr.restore(backup)
    await hk.release("hk-2")
    await settle(hk, kr)
    assert hk.state().receipted_size == 2
    assert hk.state().receipt.time == last
    kr.clock = itertools.count(NOW + 60_000_000)
    await hk.release("hk-3")
    await settle(hk, kr)
    assert hk.state().receipt.time > last
    await check_equal(hk, kr)


async def test_keys_that_a_receiver_gave_up_hold_none_of_its_receipts_to_a_time_far_ahead(hk: Opened, kr: Opened):
    """A peer that has stolen them can sign what it shows, and nothing that is kept comes of it but its envelopes."""
    await hk.release("hk-1")
    await settle(hk, kr)
    await rotate(kr)
    await settle(kr, hk)
    head = hk.state().head
    assert head is not None
    forged = countersign(head, DOMAINS["KR"], SEALS["KR"], NOW // 1_000_000 + 30 * 86_400)

    def shown(message: Any) -> Any:
        if message.WhichOneof("step") == "hello":
            message.hello.receipt = forged.note
        return message

    await hk.release("hk-2")
    error = await refused(exchange(hk, kr, as_seen=shown))
    assert type(error) is Untrusted
    assert (kr.state(HK_TO_KR).log.size, kr.state(HK_TO_KR).receipted_size) == (2, 1)
    await settle(hk, kr)
    assert hk.state().receipted_size == 2
    await check_equal(hk, kr)


async def test_a_receiver_that_lost_everything_is_sent_it_again_though_receipts_were_lost(hk: Opened, kr: Opened):
    empty = kr.backup()
    for n in range(4):
        await hk.release(f"hk-{n}")
        await exchange(hk, kr, drop_after=4)  # the receipt stays under way
    await settle(hk, kr)
    await kr.restore(empty)
    await settle(hk, kr)
    await check_equal(hk, kr)


async def test_a_sender_restored_from_a_backup_has_its_own_envelopes_back(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    await settle(hk, kr)
    earlier = hk.backup()
    await hk.release("hk-2", "hk-3")
    await hk.release("hk-4", references=[reference(Reference.SUPERSEDES, "hk-2")])
    await settle(hk, kr)
    lost = [await hk.rows(table) for table in (leaves, notices)]
    await hk.restore(earlier)
    assert hk.state().log.size == 1
    await exchange(hk, kr, drop_after=2)
    assert hk.state().halt.reason == SENDER_ROLLED_BACK
    check_verified(hk)
    await settle(hk, kr)
    assert hk.state().halt is None
    await check_equal(hk, kr)
    assert [await hk.rows(table) for table in (leaves, notices)] == lost
    kinds = [event.kind for event in await hk.read(read_events, EVERYTHING, 0, 100)]
    assert kinds.count(Event.CHANNEL_HALTED) == kinds.count(Event.CHANNEL_RECOVERED) == 1


@pytest.mark.parametrize("own_first", [True, False], ids=["own first", "the peer's first"])
async def test_replies_that_come_back_before_what_they_reply_to_count_once_that_is_there(
    hk: Opened, kr: Opened, monkeypatch, *, own_first: bool
):
    """In either order of the two channels; each envelope comes in a batch of its own."""
    monkeypatch.setattr(logs, "MAX_BATCH_ENVELOPES", 1)
    monkeypatch.setattr(writing, "MAX_BATCH_ENVELOPES", 1)
    empty = kr.backup()
    for each in ("hk-1", "hk-2"):
        await hk.release(each)
        await settle(hk, kr)
    await kr.acknowledge("hk-1")
    await settle(kr, hk)
    await kr.ask_consent("hk-2")
    await settle(kr, hk)
    await hk.decide("hk-2")
    await settle(hk, kr)
    await kr.share("hk-2")
    await settle(kr, hk)
    await kr.restore(empty)
    channels = [(kr, hk), (hk, kr)] if own_first else [(hk, kr), (kr, hk)]
    for sender, receiver in channels:
        await exchange(sender, receiver)
    assert [row["state"] for row in await kr.rows(notices)] == [Notice.ACKNOWLEDGED, Notice.RECEIVED]
    assert len(await kr.rows(sharing_acts)) == 3
    await hk.release("hk-3")
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert len(await kr.rows(sharing_acts)) == 3, "nothing is taken twice"


async def test_a_large_backlog_travels_in_batches(hk: Opened, kr: Opened):
    for first in range(0, 1200, 400):
        await hk.release(*(f"hk-{first + n}" for n in range(400)))
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert [row["size"] for row in await kr.rows(heads)] == [800, 1200]
    assert [row["size"] for row in await hk.rows(heads)] == [800, 1200]


async def test_what_a_revoked_seal_signs_is_not_taken_and_what_it_signed_before_is(hk: Opened, kr: Opened):
    await hk.release("hk-1")
    time = hk.state().head.time
    await hk.release(*(f"hk-{n}" for n in range(2, 9)))  # each act takes a quarter of a second
    later = hk.state().head.time
    kr.revoked[DOMAINS["HK"]] = later + 1
    await exchange(hk, kr)
    assert kr.state(HK_TO_KR).log.size == 8
    kr.revoked[DOMAINS["HK"]] = time
    hk.clock = itertools.count(NOW + 60_000_000)
    await hk.release("hk-9")
    assert isinstance(await refused(exchange(hk, kr)), Untrusted)
    assert (kr.state(HK_TO_KR).log.size, kr.state(HK_TO_KR).receipted_size) == (8, 8)


async def test_a_receipt_of_a_revoked_seal_is_not_kept(hk: Opened, kr: Opened):
    hk.revoked[DOMAINS["KR"]] = 0
    await hk.release("hk-1")
    assert isinstance(await refused(exchange(hk, kr)), Untrusted)
    assert hk.state().receipted_size == 0
