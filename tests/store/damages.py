"""Edits of rows that no node makes, each to be found, and how to make them."""

from collections.abc import Iterator
from contextlib import contextmanager

from regulator.exchange.v1.event_service_pb2 import Event
from sqlalchemy import Connection, text

from gateway.store.reverify import Report, verify_store
from tests.store.stores import Opened

FREE_ON_POSTGRESQL = "SET LOCAL session_replication_role = replica"


def edit(connection: Connection, statement: str, **values) -> None:
    """Changes rows as an administrator can, who switches foreign keys off."""
    free = "PRAGMA defer_foreign_keys = ON" if "sqlite" in connection.dialect.name else FREE_ON_POSTGRESQL
    connection.execute(text(free))
    assert connection.execute(text(statement), values).rowcount > 0, "the statement must change something"


def damage(store: Opened, statement: str, **values) -> None:
    store.damaged = True
    with store.database.writer() as connection, connection.begin():
        edit(connection, statement, **values)


@contextmanager
def damaged(store: Opened, *statements: str) -> Iterator[Report]:
    """The report on a store with these edits, which are undone afterwards."""
    with store.database.writer() as connection, connection.begin() as transaction:
        for statement in statements:
            edit(connection, statement, **({"junk": b"junk"} if ":junk" in statement else {}))
        yield verify_store(connection, store.parties)
        transaction.rollback()


def named(report: Report) -> set[str]:
    """The tables that the findings name."""
    return {finding.where.split()[0] for finding in report.findings}


RULES = ("framework_versions", "provisions", "assessments", "framework_events", "drafts", "draft_events")

DAMAGES = {
    "seals": [
        "UPDATE seals SET above = above + 1 WHERE ordinal = 1",
        "UPDATE seals SET above = 1 WHERE ordinal = 0 AND channel = 2",
        "UPDATE seals SET ordinal = 7 WHERE ordinal = 1",
        "UPDATE seals SET rotated_index = rotated_index + 1 WHERE ordinal = 1",
        "UPDATE seals SET rotated_channel = NULL, rotated_index = NULL WHERE ordinal = 1",
        "UPDATE seals SET ed25519_certificate = :junk WHERE channel = 1 AND ordinal = 0",
        "DELETE FROM seals WHERE ordinal = 1 AND NOT cosigner",
        "DELETE FROM seals WHERE ordinal = 1 AND cosigner",
        "DELETE FROM seals WHERE channel = 2",
        "DELETE FROM seals WHERE channel = 1 AND cosigner",
        "UPDATE seals SET ed25519_certificate = :junk WHERE channel = 1 AND cosigner",
    ],
    "node": ["UPDATE node SET jurisdiction = 'SG'", "UPDATE node SET domain = 'x.example'", "DELETE FROM node"],
    "channels": [
        "UPDATE channels SET size = size + 1 WHERE id = 1",
        "UPDATE channels SET edge = :junk WHERE id = 1",
        "UPDATE channels SET sender = 'SG' WHERE id = 1",
        "UPDATE channels SET recipient = 'SG' WHERE id = 2",
        "UPDATE channels SET outgoing = NOT outgoing WHERE id = 2",
        "UPDATE channels SET halt_reason = '' WHERE id = 2",
        "UPDATE channels SET halt_detail = 'another' WHERE id = 1",
        "UPDATE channels SET origin = 'a.example/to/b.example' WHERE id = 1",
        "UPDATE channels SET ended_time = 1, ended_by = 'nobody' WHERE id = 2",
    ],
    "forks": [
        "UPDATE forks SET number = 2",
        "UPDATE forks SET proof = :junk",
        "UPDATE forks SET channel = 2",
        "DELETE FROM forks",
    ],
    "halt_evidence": [
        "DELETE FROM halt_evidence WHERE ordinal = 0",
        "DELETE FROM halt_evidence WHERE ordinal = 1",
        "UPDATE halt_evidence SET note = :junk WHERE ordinal = 1",
        "UPDATE halt_evidence SET channel = 2",
    ],
    "leaves": [
        'UPDATE leaves SET data = :junk WHERE channel = 1 AND "index" = 0',
        'UPDATE leaves SET data = :junk WHERE channel = 2 AND "index" = 1',
        *(
            f'UPDATE leaves SET data = :junk WHERE channel = 1 AND "index" = (SELECT max("index") FROM {table})'
            for table in ("framework_versions", "assessments")
        ),
        'UPDATE leaves SET hash = :junk WHERE channel = 1 AND "index" = 3',
        'DELETE FROM leaves WHERE channel = 1 AND "index" = 130',
        'UPDATE leaves SET "index" = 900 WHERE channel = 1 AND "index" = 0',
    ],
    "subtrees": [
        "UPDATE subtrees SET hash = :junk",
        "DELETE FROM subtrees",
        'UPDATE subtrees SET "index" = 1',
        "UPDATE subtrees SET level = 16",
        'INSERT INTO subtrees (channel, level, "index", hash) VALUES (2, 8, 0, :junk)',
    ],
    "heads": [
        "UPDATE heads SET note = :junk WHERE channel = 1",
        "UPDATE heads SET receipt_time = receipt_time + 1 WHERE receipt_time IS NOT NULL",
        "UPDATE heads SET receipt_time = 5 WHERE channel = 1 AND receipt_time IS NULL",
        "UPDATE heads SET receipt_time = NULL WHERE channel = 1 AND receipt_time IS NOT NULL",
        "UPDATE heads SET size = size - 1 WHERE channel = 1",
        "DELETE FROM heads WHERE channel = 1 AND receipt_time IS NULL",
        "UPDATE heads SET size = 9000 WHERE channel = 1 AND receipt_time IS NULL",
    ],
    "notices": [
        *(
            f"UPDATE notices SET {column} = {column} + 1 WHERE id = 'hk-1'"
            for column in ("direction", "state", "kind", "sectors", "urgency", "tlp", "released_at", "revision")
        ),
        *(
            f"UPDATE notices SET {column} = 'XX' WHERE id = 'hk-1'"
            for column in ("sender", "recipient", "issuing_authority", "superseded_by", "withdrawn_by")
        ),
        *(
            f"UPDATE notices SET {column} = 9 WHERE id = 'hk-1'"
            for column in (
                "receipt_time",
                "acknowledged_channel",
                "acknowledged_index",
                "withdrawn_channel",
                "withdrawn_index",
            )
        ),
        "UPDATE notices SET \"index\" = 9000 WHERE id = 'hk-1'",
        "UPDATE notices SET receipt_time = NULL WHERE id = 'hk-2'",
        "UPDATE notices SET id = 'hk-other' WHERE id = 'hk-5'",
        "UPDATE notices SET sequence = 9000 WHERE id = 'hk-200'",
        "DELETE FROM notices WHERE id = 'hk-200'",
        "DELETE FROM notices WHERE id = 'hk-260'",
    ],
    "notice_identifiers": [
        "DELETE FROM notice_identifiers WHERE sequence = 1",
        "UPDATE notice_identifiers SET identifier = 'XYZ' WHERE sequence = 2",
        "INSERT INTO notice_identifiers (identifier, sequence) VALUES ('XYZ', 9)",
    ],
    "events": [
        *(f"DELETE FROM events WHERE cursor = {cursor}" for cursor in (1, 4, 100)),
        *(
            f"UPDATE events SET {column} = {column} + 1 WHERE cursor = 1"
            for column in ("kind", "notice_kind", '"index"')
        ),
        "UPDATE events SET notice = 'hk-2' WHERE cursor = 1",
        "UPDATE events SET detail = 'another' WHERE cursor = 1",
        "UPDATE events SET channel = 2 WHERE cursor = 1",
        "UPDATE events SET channel = NULL WHERE cursor = 1",
        f'UPDATE events SET "index" = 9000 WHERE kind = {Event.FRAMEWORK_ASSESSED}',
        f"UPDATE events SET channel = 1 WHERE kind = {Event.ALARM}",
        f"UPDATE events SET detail = 'by notices/hk-9' WHERE kind = {Event.NOTICE_SUPERSEDED}",
        "UPDATE events SET cursor = 9000 WHERE cursor = 100",
        "UPDATE events SET cursor = 0 WHERE cursor = 2",
        f"DELETE FROM events WHERE kind = {Event.NOTICE_DELIVERED}",
        f"DELETE FROM events WHERE kind = {Event.NOTICE_ACKNOWLEDGED}",
    ],
    "framework_versions": [
        *(
            f"UPDATE framework_versions SET {column} = {column} + 1 WHERE version = 2"
            for column in ("version", "base_version", "direction", "provision_count", '"index"', "sealed_at")
        ),
        *(
            f"UPDATE framework_versions SET {column} = 'XX' WHERE version = 1"
            for column in ("framework", "jurisdiction", "recipient")
        ),
        "UPDATE framework_versions SET receipt_time = 9 WHERE version = 1",
        "UPDATE framework_versions SET channel = 2 WHERE version = 1",
        "UPDATE framework_versions SET cursor = 9000 WHERE version = 1",
    ],
    "provisions": [
        *(
            f"UPDATE provisions SET {column} = {column} + 1 WHERE id = 'b'"
            for column in ("sector", "status", "effective_from", "ordinal")
        ),
        *(f"UPDATE provisions SET {column} = 'XX' WHERE id = 'b'" for column in ("id", "topic")),
        "UPDATE provisions SET data = (SELECT data FROM provisions WHERE id = 'c') WHERE id = 'b'",
        "UPDATE provisions SET data = :junk WHERE id = 'b'",
        "DELETE FROM provisions WHERE id = 'b'",
        "UPDATE provisions SET cursor = 9000 WHERE id = 'b'",
        "DELETE FROM provisions",
    ],
    "assessments": [
        *(
            f"UPDATE assessments SET {column} = {column} + 1 WHERE id = 'hk-a1'"
            for column in ("direction", "sector", "outcome", "sealed_at")
        ),
        *(
            f"UPDATE assessments SET {column} = 'XX' WHERE id = 'hk-a1'"
            for column in (
                "id",
                "assessor",
                "recipient",
                "topic",
                "first_provision",
                "second_provision",
                "supersedes",
                "superseded_by",
            )
        ),
        "UPDATE assessments SET superseded_by = ''",
        "UPDATE assessments SET \"index\" = 9000 WHERE id = 'hk-a1'",
        "UPDATE assessments SET receipt_time = 9 WHERE id = 'hk-a1'",
        "UPDATE assessments SET cursor = 9000 WHERE id = 'hk-a1'",
        "DELETE FROM assessments WHERE id = 'hk-a2'",
        "DELETE FROM assessments",
    ],
    "framework_events": [
        *(
            f"UPDATE framework_events SET {column} = {column} + 1 WHERE provision = 'a'"
            for column in ("version", "sectors")
        ),
        *(
            f"UPDATE framework_events SET {column} = 'XX' WHERE {where}"
            for column in ("jurisdiction", "framework", "provision", "assessment", "topics")
            for where in ("provision = 'a'", "version = 1", "assessment = 'hk-a1'")
        ),
        "DELETE FROM framework_events WHERE version = 1",
        "DELETE FROM framework_events",
        "UPDATE framework_events SET cursor = 1 WHERE version = 1",
    ],
    "told_days": [
        "DELETE FROM told_days",
        "UPDATE told_days SET until = 20260101",
        "INSERT INTO told_days (until) VALUES (20260201)",
    ],
    "requests": ["UPDATE requests SET notice = 'hk-none'", "UPDATE requests SET digest = :junk"],
}

# Edits that keep to the form of what stands there: docs/security.md names them as not found.
UNTOLD = {
    "requests": [
        'UPDATE requests SET digest = (SELECT hash FROM leaves WHERE channel = 1 AND "index" = 0)',
        "DELETE FROM requests",
    ],
    "events": ["UPDATE events SET committed_at = committed_at + 1"],
    "told_days": ["UPDATE told_days SET until = 20270101"],
    "node": ["UPDATE node SET committed_at = 1", "UPDATE node SET token_key = (SELECT digest FROM requests)"],
}
