"""What the migrations of files make of rows that were there before."""

from gateway.store.tables import attachment_totals
from gateway.supervision.attachments import Attached, Owner
from tests.store.attaching import BYTES, FROM_KR, declared, stored, storing
from tests.store.stores import Opened, downgrade, refused


async def test_what_files_amount_to_is_counted_where_there_are_files(hk: Opened):
    await stored(hk)
    await stored(hk, FROM_KR, end=2)
    await declared(hk, Owner(authority="HKMA"), Attached(bytes(32), 9))
    dropped = await declared(hk, file=Attached(bytes(32), 5))
    await storing(hk).add(dropped.number, 0, b"lies!")
    await refused(storing(hk).complete(dropped._replace(stored_bytes=5)))
    before = await hk.rows(attachment_totals)
    await hk.committer.stop()
    downgrade(hk.database, "0014")
    hk.database.migrate()
    assert await hk.rows(attachment_totals) == before
    size = len(BYTES)
    assert {row["authority"] or row["peer"]: tuple(row.values())[2:] for row in before} == {
        "SFC": (1, size, 0, 0, 0),
        "KR": (0, 0, 1, size, size - 7),
        "HKMA": (0, 0, 1, 9, 0),
    }
    hk.committer = hk.new_committer()
    hk.committer.start()
