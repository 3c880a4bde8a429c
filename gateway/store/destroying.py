"""Destroys content in storage: the envelopes' bytes, what was made from them, and what could give them away."""

from collections.abc import Iterable, Mapping

from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, String, bindparam, case, delete, exists, literal, or_, select, update

from gateway.store.attachments.writing import forget
from gateway.store.tables import drafts, leaves, notice_identifiers, notices, requests, sharing_acts
from gateway.supervision.destruction import Leaf, remainder_of
from gateway.supervision.drafts import NAME_PREFIX as DRAFT_PREFIX
from gateway.supervision.drafts import DraftRecord
from gateway.supervision.notices.content import NAME_PREFIX
from gateway.supervision.notices.records import Place
from gateway.supervision.sharing.names import CONSENTS, SHARES

NO_DIGEST = bytes(32)
"""In place of the digest of a request whose content is destroyed: a digest lets one try out what it is of."""

_HERE = (leaves.c.channel == bindparam("at_channel")) & (leaves.c.index == bindparam("at_index"))
_LEAF = select(leaves).where(_HERE)
_OVERWRITE = update(leaves).where(_HERE).values(data=bindparam("remainder"), destroyed=True)
_SEQUENCE = select(notices.c.sequence).where(notices.c.id == bindparam("notice_id"))
_DROP_IDENTIFIERS = delete(notice_identifiers).where(notice_identifiers.c.sequence.in_(_SEQUENCE))
_DRAFTS = select(literal(DRAFT_PREFIX) + drafts.c.id).where(
    drafts.c.released == literal(NAME_PREFIX) + bindparam("notice_id", type_=String)
)
_SHARING = select(
    literal(NAME_PREFIX)
    + sharing_acts.c.notice
    + case(
        (sharing_acts.c.kind == Event.CONTENT_SHARED, literal(SHARES) + sharing_acts.c.share),
        else_=literal(CONSENTS) + sharing_acts.c.consent,
    )
).where(sharing_acts.c.notice == bindparam("notice_id", type_=String))
_DROP_DIGESTS = (
    update(requests)
    .where(
        or_(
            requests.c.notice == bindparam("notice_id", type_=String),
            requests.c.notice.in_(_DRAFTS),
            requests.c.notice.in_(_SHARING),
        )
    )
    .values(digest=NO_DIGEST)
)
_LEFT = exists().where(
    leaves.c.destroyed.is_(False),
    or_(
        (leaves.c.channel == notices.c.channel) & (leaves.c.index == notices.c.index),
        (leaves.c.channel == notices.c.acknowledged_channel) & (leaves.c.index == notices.c.acknowledged_index),
        (leaves.c.channel == notices.c.withdrawn_channel)
        & (leaves.c.index == notices.c.withdrawn_index)
        & (notices.c.withdrawn_by == ""),
    ),
)
_WORDS_LEFT = exists().where(
    leaves.c.destroyed.is_(False),
    (leaves.c.channel == sharing_acts.c.channel) & (leaves.c.index == sharing_acts.c.index),
    sharing_acts.c.notice == notices.c.id,
    sharing_acts.c.kind != Event.CONTENT_SHARED,
)


def destroy(connection: Connection, destroyed: Mapping[str, Iterable[Place]], ids: Mapping[str, int]) -> None:
    """Overwrites envelopes with what is left of them, once.

    Args:
        connection: inside the writer's transaction, after all else of it is written
        destroyed: places of envelopes, by the id of their notice
        ids: of the channels, by origin; one that is not there is passed over
    """
    for notice_id, places in destroyed.items():
        for place in places:
            at = {"at_channel": ids.get(place.origin), "at_index": place.index}
            row = connection.execute(_LEAF, at).mappings().first()
            if row and not row["destroyed"]:
                connection.execute(_OVERWRITE, {**at, "remainder": remainder_of(bytes(row["data"]))})
        forget(connection, notice_id)
        connection.execute(_DROP_IDENTIFIERS, {"notice_id": notice_id})
        connection.execute(_DROP_DIGESTS, {"notice_id": notice_id})


def forget_expired(connection: Connection, changed: Iterable[DraftRecord]) -> None:
    """Overwrites the digests of the requests that wrote drafts which have expired: nothing holds what these said."""
    if expired := [DRAFT_PREFIX + each.id for each in changed if each.state == Draft.EXPIRED]:
        connection.execute(update(requests).where(requests.c.notice.in_(expired)).values(digest=NO_DIGEST))


def read_leaf(connection: Connection, channel: int, place: Place) -> Leaf | None:
    """Reads an envelope as it is stored; None: the log is not so long."""
    row = connection.execute(_LEAF, {"at_channel": channel, "at_index": place.index}).mappings().first()
    return Leaf(place, bytes(row["hash"]), bytes(row["data"]), row["destroyed"]) if row else None


def read_past(connection: Connection, today: int, after: int, limit: int) -> list[tuple[int, str]]:
    """Reads the sequence and id of notices whose day is past and of which something is left to do, oldest first.

    Args:
        connection: a reader
        today: UTC, 20260131
        after: the sequence after which to begin
        limit: at most so many
    """
    past = (notices.c.retain_until.between(1, today - 1), notices.c.sequence > after)
    found = (
        select(notices.c.sequence, notices.c.id)
        .where(*past, or_(notices.c.destroyed_index.is_(None), _LEFT, _WORDS_LEFT))
        .order_by(notices.c.sequence)
        .limit(limit)
    )
    return [(row.sequence, row.id) for row in connection.execute(found)]
