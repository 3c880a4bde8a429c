"""What every start compares before it writes."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from gateway.errors import Corrupt, StoreError
from gateway.identity.pairing.parties import Parties
from gateway.ledger.checkpoint import Checkpoint, sign_checkpoint
from gateway.store.database import Database
from gateway.store.opening import ChannelNames, add_channels, check_channels, check_owner, create
from gateway.store.state import read_channels
from gateway.store.tables import channels
from tests.ledger.samples import HK_SEAL, STRANGER_SEAL
from tests.store.stores import CERTIFIED, DOMAINS, HK_TO_KR, KR_TO_HK, NEXT_CERTIFIED, Opened, parties_of

PARTIES, BOTH = parties_of("HK"), (CERTIFIED["HK"], CERTIFIED["KR"])


def edit(hk: Opened, statement: str, **values) -> None:
    hk.damaged = True
    with hk.database.writer() as connection, connection.begin():
        connection.execute(text(statement), values)


async def test_a_store_that_fits_passes(hk: Opened):
    check_channels(hk.database, PARTIES)
    await hk.release("hk-1")
    await hk.keep_receipt()
    check_channels(hk.database, PARTIES)


async def test_the_database_of_another_node_is_refused(hk: Opened):
    with hk.database.readers.connect() as connection:
        check_owner(connection, "HK", DOMAINS["HK"])
        for owner in (("KR", DOMAINS["KR"]), ("HK", DOMAINS["KR"]), ("KR", DOMAINS["HK"])):
            with pytest.raises(StoreError, match=r"check database\.url"):
                check_owner(connection, *owner)
    with pytest.raises(StoreError, match=r"check database\.url"):
        create(hk.database, "KR", DOMAINS["KR"], bytes(32))


async def test_making_it_again_changes_nothing(hk: Opened):
    await hk.release("hk-1")
    create(hk.database, "HK", DOMAINS["HK"], bytes(32))
    assert hk.verify().findings == ()


async def test_a_database_of_nobody_is_refused(url, tmp_path):
    database = Database(url, tmp_path)
    database.migrate()
    with database.readers.connect() as connection, pytest.raises(StoreError):
        check_owner(connection, "HK", DOMAINS["HK"])
    database.close()


async def test_a_later_pairing_adds_its_channels_beside_the_others(hk: Opened):
    before = await hk.rows(channels)
    add_channels(hk.database, [ChannelNames(HK_TO_KR, "XX", "XX", outgoing=False, seals=BOTH)])
    assert await hk.rows(channels) == before
    add_channels(
        hk.database, [ChannelNames("gateway.hk.example/to/gateway.sg.example", "HK", "SG", outgoing=True, seals=BOTH)]
    )
    assert [row["id"] for row in await hk.rows(channels)] == [0, 1, 2, 3]
    hk.damaged = True  # Singapore is no party of this test's node


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE channels SET size = 1 WHERE id = 1",
        "UPDATE channels SET size = 3 WHERE id = 1",
        "UPDATE channels SET size = -1 WHERE id = 1",
        "UPDATE channels SET edge = :junk WHERE id = 1",
        "UPDATE channels SET edge = :other WHERE id = 1",
        "DELETE FROM heads WHERE channel = 1",
        "UPDATE heads SET note = :junk WHERE channel = 1",
        "UPDATE heads SET size = 7 WHERE channel = 1",
    ],
)
async def test_rows_that_contradict_each_other_are_corrupt_and_never_a_traceback(hk: Opened, statement):
    await hk.release("hk-1", "hk-2")
    values = {"junk": b"x" * 31, "other": bytes(32)}
    edit(hk, statement, **{name: value for name, value in values.items() if f":{name}" in statement})
    with pytest.raises(Corrupt), hk.database.readers.connect() as connection:
        read_channels(connection)


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_lost_leaf_at_the_end_is_found(hk: Opened, lost):
    await hk.release("hk-1", "hk-2")
    edit(hk, 'DELETE FROM leaves WHERE "index" >= :lost', lost=lost)
    with pytest.raises(Corrupt, match="leaves, and its head says 2"):
        check_channels(hk.database, PARTIES)


@pytest.mark.parametrize("whose", ["HK", "KR"])
async def test_a_channel_under_a_seal_that_no_file_of_the_home_names_is_found(hk: Opened, whose: str):
    """As where keys, or a pairing document, of another node of that name were put in place."""
    other, own, peer = NEXT_CERTIFIED[whose], PARTIES.own, PARTIES.peers["KR"]
    if whose == "HK":
        own = replace(own, seal=other)
    else:
        peer = replace(peer, seal=other)
    said = f"began under a seal of {DOMAINS[whose]} that no file here names, of SHA-256 {CERTIFIED[whose].fingerprint}"
    with pytest.raises(Corrupt, match=said):
        check_channels(hk.database, Parties(own, {"KR": peer}))
    named = (CERTIFIED[whose],)
    own = replace(own, earlier_seals=named if whose == "HK" else ())
    peer = replace(peer, earlier_seals=named if whose == "KR" else ())
    check_channels(hk.database, Parties(own, {"KR": peer}))


async def test_a_head_that_somebody_else_signed_is_found(hk: Opened):
    await hk.release("hk-1")
    forged = sign_checkpoint(Checkpoint(HK_TO_KR, 1, hk.state().log.root()), STRANGER_SEAL, 1)
    edit(hk, "UPDATE heads SET note = :note", note=forged.note)
    with pytest.raises(Corrupt, match="does not verify"):
        check_channels(hk.database, PARTIES)


async def test_a_head_of_another_channel_is_found(hk: Opened):
    await hk.release("hk-1")
    foreign = sign_checkpoint(Checkpoint(KR_TO_HK, 1, hk.state().log.root()), HK_SEAL, 1)
    edit(hk, "UPDATE heads SET note = :note", note=foreign.note)
    with pytest.raises(Corrupt):
        check_channels(hk.database, PARTIES)


async def test_a_head_without_its_second_signature_is_corrupt(hk: Opened):
    await hk.release("hk-1")
    note = hk.state().head.note
    edit(hk, "UPDATE heads SET note = :note", note=note[: note.rindex(b"\xe2\x80\x94")])
    with pytest.raises(Corrupt, match="lost a signature"):
        check_channels(hk.database, PARTIES)
