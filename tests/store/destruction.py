"""Content that is found again byte for byte, and stores that destroy it."""

from datetime import date

from google.type.date_pb2 import Date
from regulator.exchange.v1.envelope_pb2 import Envelope
from regulator.exchange.v1.notice_service_pb2 import Notice
from regulator.exchange.v1.values_pb2 import Entity, LocalizedText
from sqlalchemy import Table

from gateway.store.notice_queries import read_notice
from gateway.store.tables import seals
from gateway.supervision.disclosure import EVERYTHING
from gateway.supervision.messages.notices import notice_message
from tests.store.exchanging import settle
from tests.store.stores import Opened
from tests.supervision.samples import handling

LAST_DAY, NEXT_DAY = date(2026, 3, 31), date(2026, 4, 1)
CANARY = "A canary in the mine of Gwangmyeong"
LICENCE = "CANARY-4711"
CANARY_FIELD = bytes([len(CANARY)]) + CANARY.encode()  # as protobuf puts it after a tag


def kept_until(day: date = LAST_DAY, **changes: object) -> dict[str, object]:
    """The changes to a sample that make it one whose content is found again byte for byte."""
    return {
        "handling": handling(retain_until=Date(year=day.year, month=day.month, day=day.day)),
        "summary": [LocalizedText(language_tag="en", text=CANARY)],
        "subjects": [Entity(name=CANARY, licence_number=LICENCE)],
    } | changes


def found(store: Opened, what: str = CANARY) -> list[str]:
    """Where bytes are found: in the files of SQLite, in the rows of PostgreSQL."""
    if store.url.startswith("sqlite"):
        return [path.name for path in store.home.glob("node.db*") if what.encode() in path.read_bytes()]
    values = [(table.name, value) for table, rows in store.backup().items() for row in rows for value in row.values()]
    texts = [(name, value.decode("latin-1") if isinstance(value, bytes) else str(value)) for name, value in values]
    return [name for name, text in texts if what in text]


async def destroy(*stores: Opened, day: date = NEXT_DAY) -> None:
    for store in stores:
        await store.destroy(day)
    await settle(*stores)


async def three_notices(hk: Opened, kr: Opened) -> tuple[Opened, Opened]:
    """Three notices, of which one may be kept until a day; it is acknowledged."""
    await hk.release("hk-1")
    await hk.release("hk-2", **kept_until())
    await hk.release("hk-3")
    await settle(hk, kr)
    await kr.acknowledge("hk-2")
    await settle(kr, hk)
    return hk, kr


async def message(store: Opened, notice_id: str) -> Notice:
    view = await store.read(read_notice, EVERYTHING, notice_id)
    parts = (view.released, view.acknowledged, view.withdrawn, view.destroyed, view.peer_destroyed)
    return notice_message(view.record, *(Envelope.FromString(data) if data else None for data in parts))


def lost_everything(store: Opened) -> dict[Table, list[dict[str, object]]]:
    """The rows of a node that is restored from before its first envelope."""
    kept = ("node", "channels", "seals")
    emptied = {table: rows if table.name in kept else [] for table, rows in store.backup().items()}
    emptied[seals] = [row for row in emptied[seals] if row["ordinal"] == 0]
    for row in emptied_rows(emptied):
        row |= {"size": 0, "edge": b"", "halt_reason": "", "halt_detail": ""}
    return emptied


def emptied_rows(backup) -> list[dict[str, object]]:
    return next(rows for table, rows in backup.items() if table.name == "channels")
