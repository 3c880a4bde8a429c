"""What a verification knows by the home that it is run from: how far the node saw its database, and its seal."""

import itertools
from dataclasses import replace

from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.ledger.steps import RESTORED, Halt
from gateway.moments import MICROS
from gateway.store.database import snapshot
from gateway.store.recovery.high_water import HighWater
from gateway.store.reverify import Report, Seen, verify_store
from tests.store.journaling import called
from tests.store.rotating import FIRST, SECOND, rotate
from tests.store.stores import HK_TO_KR, NOW, SEALS, Opened


def seen(mark: HighWater) -> Seen:
    return Seen(mark.version, mark.logs)


async def test_a_check_passes_a_database_that_goes_on_and_names_what_another_one_lacks(hk: Opened):
    await called(hk.release("hk-1"))
    then = HighWater.of(hk.committer.latest())
    await called(hk.release("hk-2"))
    now = HighWater.of(hk.committer.latest())
    assert [hk.verify(seen(each)).lost for each in (HighWater(), then, now)] == [(), (), ()]

    def lost(**change: object) -> list[str]:
        report = hk.verify(seen(replace(now, **change)))
        assert report.findings == ()
        return list(report.lost)

    logs, (size, _) = now.logs, now.logs[HK_TO_KR]
    assert [each.split()[0] for each in lost(version=now.version + 1)] == ["commits:"]
    for changed in ((size + 1, bytes(32)), (size, bytes(32)), (size - 1, bytes(32))):
        assert [each.split()[0] for each in lost(logs={**logs, HK_TO_KR: changed})] == [HK_TO_KR]
    other = "gateway.hk.example/to/gateway.sg.example"
    assert lost(logs={**logs, other: (1, bytes(32))}) == [f"the channel {other}, which this node has seen"]
    await hk.committer.submit(lambda tx: tx.halt(HK_TO_KR, Halt(RESTORED, "a drill")))
    assert lost(logs={**logs, HK_TO_KR: (size + 1, bytes(32))}) == [], "it may have given up what was seen"


async def test_a_check_says_that_it_cannot_tell_where_the_mark_cannot_be_read(hk: Opened):
    report = hk.verify(Seen(fault="it is damaged"))
    assert (report.findings, report.unproven) == ((), ("whether the database was put back: it is damaged",))


async def test_entries_of_a_replica_without_the_seal_are_told_as_not_proven_where_it_is_not(hk: Opened):
    """As while a replica runs alone to which nobody copied the keys. Where they are, such entries look added."""
    await rotate(hk)
    await called(hk.release("hk-1"))
    hk.keyring = Keyring([(FIRST, SEALS["HK"])])
    await hk.restart()
    hk.clock = itertools.count(NOW + 10 * MICROS, MICROS)
    for number in range(3):
        await called(hk.committer.submit(lambda tx, id_=str(number): tx.remember_request("c", id_, bytes(32), "hk-1")))
    report = checked_with(hk, FIRST)
    assert (report.findings, report.journal.signed, report.journal.waiting) == ((), 1, 3)
    assert [each.partition(":")[0] for each in report.unproven] == ["the newest 3 entries of the journal"]
    assert "is not in this home" in report.unproven[0]
    with_seal = checked_with(hk, SECOND)
    assert [each.what for each in with_seal.findings] == ["is under no signed head"] * 3
    assert with_seal.unproven == ()
    hk.damaged = True  # so it stays unsigned


def checked_with(store: Opened, seal: object) -> Report:
    """From the home of a replica that has this seal."""
    earlier = tuple(each for each in (FIRST, SECOND) if each != seal)
    own = replace(store.parties.own, seal=seal, earlier_seals=earlier)
    with snapshot(store.url, store.home) as connection:
        return verify_store(connection, Parties(own, store.parties.peers))
