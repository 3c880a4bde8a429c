"""What both clients ask of the access journal."""

import threading
from datetime import UTC, datetime

import pytest
from grpc import StatusCode
from regulator.exchange import Cancelled, ClientClosed, Unavailable, audit_requests

from tests.clients.python.fake_node import PATIENCE_SECONDS, status


def test_every_question_reaches_its_method(client, node):
    assert [item.index for item in client.list_journal_entries(client="spiffe://hk/SFC/desk", outcome="OK")] == [7]
    assert client.get_journal_checkpoint().size == 8
    assert client.get_journal_proof(first_size=2, size=5).size == 5
    (listed,) = node.requests_of("ListJournalEntries")
    assert (listed.client, listed.outcome) == ("spiffe://hk/SFC/desk", "OK")


def test_a_file_comes_piece_by_piece(client, node):
    assert b"".join(client.export_journal(3)) == b"first, last"
    assert node.requests_of("ExportJournal")[0].first_index == 3


def test_a_file_that_breaks_off_is_an_error_and_not_begun_again(client, node):
    node.fail("ExportJournal", status(StatusCode.UNAVAILABLE))
    pieces = client.export_journal()
    assert next(pieces) == b"first, "
    with pytest.raises(Unavailable):
        next(pieces)
    assert len(node.requests_of("ExportJournal")) == 1


def test_closing_ends_an_export_under_way(client, node):
    node.flowing.clear()
    pieces, errors = client.export_journal(), []
    assert next(pieces) == b"first, "

    def read_on():
        try:
            next(pieces)
        except BaseException as error:  # noqa: BLE001 - whatever ends it
            errors.append(error)

    thread = threading.Thread(target=read_on)
    thread.start()
    client.close()
    thread.join(PATIENCE_SECONDS)
    node.flowing.set()
    assert [type(error) for error in errors] == [Cancelled]


def test_a_closed_client_exports_nothing(client):
    client.close()
    with pytest.raises(ClientClosed):
        next(iter(client.export_journal()))


def test_an_entry_or_the_past_is_proven():
    assert audit_requests.get_journal_proof(index=0).WhichOneof("proven") == "index"
    assert audit_requests.get_journal_proof(first_size=4).WhichOneof("proven") == "first_size"


def test_moments_have_a_time_zone():
    since = datetime(2026, 5, 8, tzinfo=UTC)
    assert audit_requests.list_journal_entries(time_from=since).time_from.ToDatetime(UTC) == since
    with pytest.raises(ValueError, match="time_from"):
        audit_requests.list_journal_entries(time_from=since.replace(tzinfo=None))
