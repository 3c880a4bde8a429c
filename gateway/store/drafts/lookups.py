"""What units of work look up of drafts: committed, or changed by the units before."""

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select

from gateway.store.drafts.rows import draft_record
from gateway.store.tables import drafts
from gateway.supervision.drafts import FINAL, DraftRecord

_DRAFT = select(drafts).where(drafts.c.id == bindparam("id"))
_OPEN = drafts.c.state.not_in(FINAL)
_COUNT_OPEN = select(func.count()).where(_OPEN, drafts.c.authority == bindparam("authority"))
_OPEN_OF = select(drafts).where(_OPEN, drafts.c.authority == bindparam("authority"), drafts.c.request.is_not(None))
_OVER = (
    select(drafts.c.id)
    .where(_OPEN, drafts.c.expires_at <= bindparam("now"))
    .order_by(drafts.c.expires_at)
    .limit(bindparam("limit"))
)


class DraftLookups:
    """Reads through what a transaction is going to write.

    Args:
        connection: inside the writer's database transaction
        changed: drafts that are going to be written, by id, the newest first
    """

    def __init__(self, connection: Connection, changed: Sequence[Mapping[str, DraftRecord]]) -> None:
        self._connection, self._changed = connection, changed

    def find(self, draft_id: str) -> DraftRecord | None:
        """Gives a draft; None: there is none of that id."""
        for changed in self._changed:
            if found := changed.get(draft_id):
                return found
        row = self._connection.execute(_DRAFT, {"id": draft_id}).mappings().first()
        return draft_record(row) if row else None

    def open_count(self, authority: str) -> int:
        """Gives how many drafts of an authority are not final, about: what the units before ended still counts."""
        stored: int = self._connection.execute(_COUNT_OPEN, {"authority": authority}).scalar_one()
        new = {
            each.id
            for changed in self._changed
            for each in changed.values()
            if each.revision == 1 and each.author.authority == authority
        }
        return stored + len(new)

    def open_of(self, authority: str) -> Iterator[DraftRecord]:
        """Gives the drafts of an authority that are not final, one after the other."""
        changing = {each.id: each for changed in reversed(self._changed) for each in changed.values()}
        for row in self._connection.execute(_OPEN_OF, {"authority": authority}).mappings():
            if row["id"] not in changing:
                yield draft_record(row)
        yield from (
            each for each in changing.values() if each.author.authority == authority and each.state not in FINAL
        )

    def over(self, now: int, limit: int) -> list[str]:
        """Gives the ids of drafts whose time is over, at most so many, as of the last commit."""
        return list(self._connection.scalars(_OVER, {"now": now, "limit": limit}))
