"""Compares whether the pairing with a peer has ended with the event and the journal entry of each decision."""

from collections.abc import Sequence
from datetime import UTC, datetime

from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import Connection, RowMapping, select

from gateway.store.reverify.report import Findings
from gateway.store.tables import channels, events

_END, _RESUME = "gateway pair end", "gateway pair import"


class Endings:
    """Takes the entries of the journal in their order.

    Attributes:
        newest: what an operator decided last of the pairing with a peer, by its name
    """

    def __init__(self) -> None:
        self.newest: dict[str, str] = {}

    def take(self, entry: JournalEntry) -> None:
        """Takes an entry, whatever it is of."""
        if entry.method in (_END, _RESUME):
            self.newest |= dict.fromkeys(entry.resources, entry.method)


def check_endings(connection: Connection, origins: Sequence[str], taken: Endings, findings: Findings) -> None:
    """Compares the rows of channels.

    Args:
        connection: in one snapshot
        origins: of the channels that were verified
        taken: what the journal tells
        findings: takes what does not fit
    """
    stored = select(channels).where(channels.c.origin.in_(origins)).order_by(channels.c.id)
    for row in connection.execute(stored).mappings().all():
        where, peer = f"channels {row['origin']}", row["recipient"] if row["outgoing"] else row["sender"]
        decided = taken.newest.get(f"peers/{peer.lower()}", "")
        if decided != _decided(row):
            said = {_END: "has ended", _RESUME: "holds again", "": "never ended"}
            findings.add(
                where, f"says that the pairing {said[_decided(row)]}", f"as the access journal: it {said[decided]}"
            )
        elif decided:
            _compare_event(connection, where, row, peer, findings)


def _decided(row: RowMapping) -> str:
    if not row["ended_time"] and not row["resumed_time"]:
        return ""
    return _RESUME if row["resumed_time"] > row["ended_time"] else _END


def _compare_event(connection: Connection, where: str, row: RowMapping, peer: str, findings: Findings) -> None:
    """The newest event of the end of a pairing with a peer says when that was, by whom and why."""
    when = _when(row["ended_time"])
    ended = f"the pairing with {peer} was ended at {when} by {row['ended_by']}: {row['end_reason']}"
    resumed = f"the pairing with {peer} holds again; it had ended at {when}"
    kind, expected = (Event.PAIRING_ENDED, ended) if _decided(row) == _END else (Event.PAIRING_RESUMED, resumed)
    of_peer = events.c.detail.startswith(f"the pairing with {peer} ", autoescape=True)
    told = select(events.c.kind, events.c.detail).where(
        events.c.kind.in_((Event.PAIRING_ENDED, Event.PAIRING_RESUMED)), of_peer
    )
    newest = connection.execute(told.order_by(events.c.cursor.desc()).limit(1)).first()
    if newest is None or tuple(newest) != (kind, expected):
        findings.add(where, f"says that {expected}", f"as its event: {newest.detail if newest else 'none'}")


def _when(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return str(seconds)
