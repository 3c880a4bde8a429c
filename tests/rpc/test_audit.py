"""``AuditService``, asked of a real node: what auditors list, take away and prove."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from regulator.exchange import Client, InvalidRequest, NotAllowed
from regulator.exchange.v1.journal_pb2 import JournalEntry

from gateway.errors import VerificationError
from gateway.identity.access.access import Role
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.evidence.journal import JournalCheck, ProvenJournal
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.journal import read_entries
from gateway.ledger.merkle import leaf_hash
from gateway.ledger.note import Note
from gateway.ledger.proof import verify_consistency, verify_inclusion
from gateway.store.journal import queries as journal_queries
from tests.rpc.conftest import Nodes
from tests.rpc.journals import leaves_of
from tests.supervision.samples import content

AUDITOR = "spiffe://gateway.hk.example/SFC/auditor"
OFFICE = "spiffe://gateway.hk.example/SFC/office"


@pytest.fixture
def auditor(nodes: Nodes) -> Iterator[Client]:
    with Client(nodes.hk.profile("SFC", Role.AUDITOR.value)) as client:
        yield client


@pytest.fixture
def office(nodes: Nodes) -> Iterator[Client]:
    with nodes.hk.client("SFC") as client:
        yield client


def verify(nodes: Nodes, file: bytes, earlier: bytes | None = None) -> ProvenJournal:
    root = nodes.hk.authority(AuthorityKind.NODE).certificate
    kept = None if earlier is None else iter(earlier.splitlines(keepends=True))
    check = JournalCheck(iter(file.splitlines(keepends=True)), [root], kept)
    list(check.steps())
    return check.proven()


# --- lists ----------------------------------------------------------------------------------------------------------


def test_entries_are_listed_newest_first_page_by_page_and_once_each(auditor: Client, office: Client):
    for _ in range(5):
        office.server_info()
    found = list(auditor.list_journal_entries(client=OFFICE, method="GetServerInfo", page_size=2))
    indices = [each.index for each in found]
    assert len(indices) >= 5
    assert indices == sorted(set(indices), reverse=True)
    assert {each.entry.client for each in found} == {OFFICE}


def test_each_filter_gives_what_it_asks_for_and_all_together_too(auditor: Client, office: Client):
    began = datetime.now(UTC)
    notice = office.create_notice(content(), recipient="KR")
    office.get_notice(notice.name)
    asked = {
        "client": OFFICE,
        "method": "/regulator.exchange.v1.NoticeService/GetNotice",
        "outcome": "OK",
        "resource": notice.name,
        "time_from": began - timedelta(seconds=1),
        "time_before": began + timedelta(minutes=5),
    }
    (found,) = auditor.list_journal_entries(**asked)
    assert found.entry.step == JournalEntry.ANSWERED
    assert [each.index for each in auditor.list_journal_entries(resource=notice.name)] == [found.index, found.index - 1]
    for name, other in {
        "client": AUDITOR,
        "officer": "https://id.example#somebody",
        "method": "ListNotices",
        "outcome": "NOT_FOUND",
        "resource": "notices/hk-other",
        "time_from": began + timedelta(minutes=5),
        "time_before": began - timedelta(seconds=1),
    }.items():
        assert list(auditor.list_journal_entries(**{**asked, name: other})) == [], name


def test_the_auditors_own_reading_is_told_too(auditor: Client):
    auditor.server_info()
    newest = [next(auditor.list_journal_entries(client=AUDITOR)) for _ in range(2)]
    assert [each.entry.method.rpartition("/")[2] for each in newest] == ["GetServerInfo", "ListJournalEntries"]


def test_a_page_token_of_other_filters_is_refused(auditor: Client):
    page = next(auditor.list_journal_entries(page_size=1).pages())
    with pytest.raises(InvalidRequest, match="page_token"):
        next(auditor.list_journal_entries(page_token=page.next_page_token, client=OFFICE))


def test_page_tokens_tell_nothing(auditor: Client):
    """As all others: two for one place differ, and no place in the journal stands in them."""
    tokens = {next(auditor.list_journal_entries(page_size=1).pages()).next_page_token for _ in range(2)}
    one, other = (base64.urlsafe_b64decode(token) for token in tokens)
    assert one[:8] != other[:8]
    assert not one.startswith(bytes(4))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("client", "SFC"),
        ("client", "spiffe://gateway.hk.example"),
        ("officer", "wong"),
        ("method", "get notice"),
        ("outcome", "not found"),
        ("resource", "hk-2026-001"),
    ],
)
def test_a_filter_that_nothing_could_match_is_refused(auditor: Client, field: str, wrong: str):
    with pytest.raises(InvalidRequest, match=rf"{field}: must be .* such as|{field}: must be an officer"):
        next(auditor.list_journal_entries(**{field: wrong}))


def test_one_page_goes_through_a_bounded_number_of_entries():
    assert journal_queries.MAX_LOOKED_AT <= 20_000


# --- files ----------------------------------------------------------------------------------------------------------


def test_an_export_verifies_with_the_root_alone_and_holds_the_journal_as_it_is_stored(nodes: Nodes, auditor: Client):
    file = b"".join(auditor.export_journal())
    proven = verify(nodes, file)
    assert proven.first == 0
    head_lines = len(file.splitlines()) - proven.size
    leaves = list(read_entries(iter(file.splitlines(keepends=True)[head_lines:])))
    assert leaves == leaves_of(nodes.hk)[: proven.size]


def test_an_export_continues_a_checkpoint_that_was_kept(nodes: Nodes, auditor: Client):
    kept = auditor.get_journal_checkpoint()
    assert verify(nodes, kept.file).size == kept.size
    later = b"".join(auditor.export_journal(kept.size))
    proven = verify(nodes, later, kept.file)
    assert (proven.first, proven.earlier_size) == (kept.size, kept.size)
    assert proven.size > kept.size, "the calls for both are told"
    with pytest.raises(VerificationError, match="ends after"):
        verify(nodes, kept.file, b"".join(auditor.export_journal()))


def test_an_export_is_told_when_it_begins(nodes: Nodes, auditor: Client):
    file = b"".join(auditor.export_journal())
    last = JournalEntry.FromString(next(read_entries(iter(file.splitlines(keepends=True)[-1:]))))
    assert (last.client, last.step) == (AUDITOR, JournalEntry.OPENED)
    assert last.method.endswith("ExportJournal")


def test_an_entry_that_is_not_there_yet_cannot_be_exported(auditor: Client):
    with pytest.raises(InvalidRequest, match="first_index"):
        list(auditor.export_journal(10_000_000))


# --- proofs ---------------------------------------------------------------------------------------------------------


def test_an_entry_is_proven_under_the_newest_checkpoint(nodes: Nodes, auditor: Client):
    kept = auditor.get_journal_checkpoint()
    proof = auditor.get_journal_proof(index=3, size=kept.size)
    root = Checkpoint.parse(Note.parse(kept.note).text).root
    assert proof.leaf == leaves_of(nodes.hk)[3]
    verify_inclusion(leaf_hash(proof.leaf), 3, kept.size, proof.hashes, root)
    assert auditor.get_journal_proof(index=3).size >= kept.size


def test_a_prefix_is_proven(auditor: Client):
    first = auditor.get_journal_checkpoint()
    second = auditor.get_journal_checkpoint()
    roots = [Checkpoint.parse(Note.parse(each.note).text).root for each in (first, second)]
    proof = auditor.get_journal_proof(first_size=first.size, size=second.size)
    verify_consistency(first.size, second.size, *roots, proof.hashes)
    assert [proof.first_root, proof.root] == roots


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"index": 10_000_000}, "index"),
        ({"first_size": 0}, "first_size"),
        ({"first_size": 10_000_000}, "first_size"),
        ({"index": 0, "size": 10_000_000}, "size"),
        ({"index": 2**63, "size": 2**63}, "size"),
    ],
)
def test_what_cannot_be_proven_is_refused_by_the_field(auditor: Client, asked, field):
    with pytest.raises(InvalidRequest) as refused:
        auditor.get_journal_proof(**asked)
    assert [each.field for each in refused.value.violations] == [field]


def test_whoever_is_no_auditor_reads_nothing(nodes: Nodes):
    with Client(nodes.hk.profile("SFC", Role.OPERATOR.value)) as operator:
        for read in (
            lambda: list(operator.list_journal_entries()),
            lambda: list(operator.export_journal()),
            operator.get_journal_checkpoint,
            lambda: operator.get_journal_proof(index=0),
        ):
            with pytest.raises(NotAllowed):
                read()
