"""Writes what a group changed of attachments, and ties notices to the files that they name."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from regulator.exchange.v1.notice_service_pb2 import Notice
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from gateway.store.attachments.changes import AttachmentChanges
from gateway.store.attachments.rows import attachment_record, attachment_row
from gateway.store.prepared import execute, insert_rows
from gateway.store.tables import attachment_chunks, attachment_totals, attachments, node, notice_attachments, notices
from gateway.supervision.attachments import Attached, AttachmentRecord, Owner, Totals

_same = attachments.alias("same")
_KNOWN = select(attachments).where(attachments.c.number.in_(bindparam("numbers", expanding=True)))
_CHANGE = (
    update(attachments)
    .where(attachments.c.number == bindparam("of_number"))
    .values({name: bindparam(name) for name in ("stored_bytes", "complete", "dropped", "touched_at")})
)
_SWEEP = delete(attachment_chunks).where(
    attachment_chunks.c.attachment == bindparam("number"),
    attachment_chunks.c.index >= bindparam("first"),
    attachment_chunks.c.index < bindparam("end"),
)
_UNTIE = (
    update(notice_attachments).where(notice_attachments.c.attachment == bindparam("number")).values(attachment=None)
)
_TIED = select(notice_attachments.c.attachment).where(
    notice_attachments.c.notice == bindparam("notice"), notice_attachments.c.attachment.is_not(None)
)
_FORGET = delete(notice_attachments).where(notice_attachments.c.notice == bindparam("of_notice"))
_UNNAMED = select(attachments).where(
    attachments.c.number == bindparam("number"),
    attachments.c.dropped.is_(False),
    ~exists().where(notice_attachments.c.attachment == attachments.c.number),
)
_CHOICES = (
    select(notice_attachments)
    .join(attachments, attachments.c.number == notice_attachments.c.attachment)
    .where(
        exists().where(
            _same.c.number != attachments.c.number,
            *(_same.c[name] == attachments.c[name] for name in ("sha256", "size_bytes", "authority", "peer")),
        )
    )
)
_CHOOSE = (
    update(notice_attachments)
    .where(*(notice_attachments.c[name] == bindparam(f"of_{name}") for name in ("notice", "ordinal", "sha256")))
    .values(attachment=bindparam("of_attachment"))
)
_DROP = update(attachments).where(attachments.c.number == bindparam("of_number")).values(dropped=True)
_OF_OWNER = tuple(attachment_totals.c[name] == bindparam(f"of_{name}") for name in ("authority", "peer"))
_ADD = (
    update(attachment_totals)
    .where(*_OF_OWNER)
    .values({name: attachment_totals.c[name] + bindparam(f"more_{name}") for name in Totals._fields})
)
_REMOVE = delete(attachments).where(attachments.c.number == bindparam("of_number"))

# The same file, of whoever the notice's files are: of its authority if it went from here, else of its sender.
_HERE = notices.c.direction == Notice.OUTGOING
_FILE = (
    select(attachments.c.number)
    .where(
        attachments.c.sha256 == notice_attachments.c.sha256,
        attachments.c.size_bytes == notice_attachments.c.size_bytes,
        attachments.c.dropped.is_(False),
        notices.c.id == notice_attachments.c.notice,
        attachments.c.authority == case((_HERE, notices.c.issuing_authority), else_=literal("")),
        attachments.c.peer == case((_HERE, literal("")), else_=notices.c.sender),
    )
    .order_by(attachments.c.complete.desc(), attachments.c.number)
    .limit(1)
    .correlate(notice_attachments)
    .scalar_subquery()
)


def write_attachments(connection: Connection, changes: AttachmentChanges) -> None:
    """Writes all of it, after the rows of new notices."""
    if not changes:
        return
    new = _write_records(connection, changes)
    untied = [each for each in changes.records.values() if each.is_dropped]
    rows = [
        {"attachment": number, "index": chunk.index, "sha256": chunk.sha256, "data": chunk.data}
        for number, chunk in changes.chunks
    ]
    insert_rows(connection, attachment_chunks, rows)
    insert_rows(connection, notice_attachments, named_rows(changes.named, changes.chosen))
    if changes.named or new or untied:  # a chunk more ties nothing
        tie(connection, _new_ties(changes.named, [*new, *untied]))  # of what is dropped, there may be another copy
    for notice_id in changes.forgotten:
        forget(connection, notice_id)
    for number, first, end in changes.swept:
        execute(connection, _SWEEP, {"number": number, "first": first, "end": end})
    for number in changes.removed:
        execute(connection, _REMOVE, {"of_number": number})


def forget(connection: Connection, notice_id: str) -> None:
    """Deletes which files a notice names, and drops those that no other one does."""
    tied = connection.scalars(_TIED, {"notice": notice_id}).all()
    execute(connection, _FORGET, {"of_notice": notice_id})
    for number in tied:
        for row in connection.execute(_UNNAMED, {"number": number}).mappings().all():
            execute(connection, _DROP, {"of_number": number})
            _count(connection, [attachment_record(row)], [])


def count_anew(connection: Connection) -> None:
    """Makes anew what the files of each owner amount to."""
    connection.execute(delete(attachment_totals))
    columns = attachments.c
    whole = columns.complete.is_(True)
    sums = {
        "whole_files": func.sum(case((whole, 1), else_=0)),
        "whole_bytes": func.sum(case((whole, columns.size_bytes), else_=0)),
        "coming_files": func.sum(case((whole, 0), else_=1)),
        "coming_bytes": func.sum(case((whole, 0), else_=columns.size_bytes)),
        "arrived_bytes": func.sum(case((whole, 0), else_=columns.stored_bytes)),
    }
    owner = (columns.authority, columns.peer)
    found = select(*owner, *sums.values()).where(columns.dropped.is_(False)).group_by(*owner)
    connection.execute(attachment_totals.insert().from_select(["authority", "peer", *sums], found))


def named_rows(
    named: Mapping[str, Iterable[Attached]], chosen: Mapping[str, Sequence[int]] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Gives the rows of ``notice_attachments`` of notices, by their ids, tied to those files alone that are chosen."""
    return [
        {
            "notice": notice,
            "ordinal": ordinal,
            "sha256": each.sha256,
            "size_bytes": each.size_bytes,
            "attachment": chosen[notice][ordinal] if notice in chosen else None,
        }
        for notice, files in named.items()
        for ordinal, each in enumerate(files)
    ]


def read_choices(connection: Connection) -> Sequence[RowMapping]:
    """Reads what is tied to one of several files that are the same: which one, no log tells."""
    return connection.execute(_CHOICES).mappings().all()


def choose_again(connection: Connection, choices: Iterable[RowMapping]) -> None:
    """Ties, after a rebuild, what was tied to one of several files to that very one."""
    for each in choices:
        execute(connection, _CHOOSE, {f"of_{name}": value for name, value in each.items()})


def tie(connection: Connection, which: ColumnElement[bool]) -> None:
    """Ties the rows of notices that are tied to no file to the one that has it, if one does."""
    loose = notice_attachments.c.attachment.is_(None)
    connection.execute(update(notice_attachments).where(loose, which).values(attachment=_FILE))


def _new_ties(named: Iterable[str], changed: Iterable[AttachmentRecord]) -> ColumnElement[bool]:
    """The rows that a new notice, or a new file, or one less may tie."""
    files = [each.sha256 for each in changed]
    by_notice = notice_attachments.c.notice.in_(list(named))
    return or_(by_notice, notice_attachments.c.sha256.in_(files)) if files else by_notice


def _write_records(connection: Connection, changes: AttachmentChanges) -> Sequence[AttachmentRecord]:
    """Gives those that are new."""
    rows = connection.execute(_KNOWN, {"numbers": list(changes.records)}).mappings()
    known = {record.number: record for record in map(attachment_record, rows)}
    new = [each for each in changes.records.values() if each.number not in known]
    insert_rows(connection, attachments, list(map(attachment_row, new)))
    if new:
        connection.execute(update(node).values(last_attachment=max(each.number for each in new)))
    for number in known:
        record = changes.records[number]
        execute(connection, _CHANGE, {**attachment_row(record), "of_number": number})
        if record.is_dropped:
            execute(connection, _UNTIE, {"number": number})
    _count(connection, known.values(), changes.records.values())
    return new


def _count(connection: Connection, before: Iterable[AttachmentRecord], after: Iterable[AttachmentRecord]) -> None:
    """Keeps what the files of each owner amount to in step with what some of them were, and are."""
    more: dict[Owner, Totals] = defaultdict(Totals)
    for records, sign in ((before, -1), (after, 1)):
        for record in records:
            more[record.owner] = more[record.owner].plus(Totals.of(record, sign))
    for owner, totals in more.items():
        whose = {"authority": owner.authority, "peer": owner.peer}
        values = {f"more_{name}": value for name, value in totals._asdict().items()}
        values |= {f"of_{name}": value for name, value in whose.items()}
        if any(totals) and not execute(connection, _ADD, values):
            connection.execute(attachment_totals.insert(), {**whose, **totals._asdict()})
