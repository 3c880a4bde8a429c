"""What is asked of files again and again does not take longer the more there are: in steps of SQLite's machine."""

from hashlib import sha256

import pytest
from regulator.exchange.v1.values_pb2 import Handling
from sqlalchemy import Connection

from gateway.store.attachments.changes import AttachmentChanges
from gateway.store.attachments.lookups import AttachmentLookups
from gateway.store.attachments.queries import read_attachment, read_bound, read_held, read_wanted, read_whole
from gateway.store.attachments.standing import read_awaited
from gateway.store.attachments.unfinished import Patience, read_stalled
from gateway.store.transaction import Transaction
from gateway.supervision.attachments import Attached, AttachmentRecord
from gateway.supervision.disclosure import EVERYTHING, Scope
from tests.store.attaching import SFC, named
from tests.store.growing import MORE, Read, steps
from tests.store.stores import Opened

FEW, MANY = 150, 1500  # notices, each with a file of its own, and one of all


def looked_up(connection: Connection) -> AttachmentLookups:
    return AttachmentLookups(connection, [AttachmentChanges()])


ID, COMMON = (sha256(number.to_bytes(2)).hexdigest() for number in (7, 0))

READS: dict[str, Read] = {
    "what an authority has": lambda connection: looked_up(connection).totals(SFC),
    "whether a file of many is seen": lambda connection: looked_up(connection).is_seen(1, Scope(Handling.CLEAR)),
    "a file of its own": lambda connection: read_attachment(connection, ID, "SFC", EVERYTHING),
    "a file of many": lambda connection: read_attachment(connection, COMMON, "SFC", EVERYTHING),
    "a file by its notice": lambda connection: read_bound(connection, "hk-7", 1, Scope(Handling.CLEAR)),
    "what is given to a peer": lambda connection: read_held(connection, "KR", Attached(bytes.fromhex(COMMON), 2)),
    "what is to come": lambda connection: looked_up(connection).owed_bytes(),
    "what goes": lambda connection: looked_up(connection).dropped(1),
    "what is wanted of a peer": lambda connection: read_wanted(connection, "KR", 20260101, 100),
    "what does not come": lambda connection: read_stalled(connection, Patience(1, 20260101), 0, 100),
    "what waits for its files": read_awaited,
    "what a sender is to be told": lambda connection: read_whole(connection, 100),
}


@pytest.fixture
def kind() -> str:
    return "sqlite"


async def grow(hk: Opened, ids: range) -> None:
    """Notices, each with a whole file of its own, whose receiver has said that it holds it."""

    def unit(tx: Transaction) -> None:
        for number in ids:
            data = number.to_bytes(2)
            digest = sha256(data).digest()
            tx.files.keep(AttachmentRecord(number + 1, digest.hex(), SFC, digest, 2, 2, True, False, tx.now))
            hk.seal_notice(tx, f"hk-{number}", attachments=[named(data), named(bytes(2), "common.pdf")])

    await hk.committer.submit(unit, weight=len(ids))
    await hk.keep_receipt()
    hk.execute("UPDATE notices SET attached_channel = 1, attached_index = 0 WHERE id <> 'hk-0'")


async def test_a_read_takes_as_many_steps_of_few_files_as_of_many(hk: Opened):
    await grow(hk, range(FEW))
    few = {name: steps(hk, read) for name, read in READS.items()}
    await grow(hk, range(FEW, MANY))
    many = {name: steps(hk, read) for name, read in READS.items()}
    assert {name: (few[name], many[name]) for name in READS if many[name] > MORE * few[name] + 10} == {}
