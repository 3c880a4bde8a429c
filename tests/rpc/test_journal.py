"""The access journal, asked of real nodes: every call leaves what it should, and nothing of what it held."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from regulator.exchange import Client, NotAllowed, NotFound, Unauthenticated, WrongState, notice_request
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.journal_pb2 import JournalEntry
from regulator.exchange.v1.notice_pb2 import Reference
from regulator.exchange.v1.notice_service_pb2 import GetNoticeRequest
from regulator.exchange.v1.values_pb2 import Entity, LocalizedText

from gateway.identity.access.access import METHOD_ROLES, Role
from gateway.rpc.server import SERVICES
from tests.rpc import strangers
from tests.rpc.calls import NOTICES, PEER, call, client_files, connected, files, node_files
from tests.rpc.conftest import Nodes
from tests.rpc.journals import Added, added, entries_of, leaves_of
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually

METHODS = sorted(f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods)
STREAMS_OUT = {
    f"/{service.full_name}/{method.name}"
    for service in SERVICES
    for method in service.methods
    if method.server_streaming
}
AUTHOR = "spiffe://gateway.hk.example/SFC/journaled-author"
READER = "spiffe://gateway.hk.example/SFC/journaled-reader"
OFFICE = "spiffe://gateway.hk.example/SFC/office"
CANARY = "canary-6f1d"


def fingerprint(pem: bytes) -> bytes:
    return sha256(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).digest()


@pytest.fixture(scope="module")
def by_role(nodes: Nodes) -> Iterator[dict[Role, grpc.Channel]]:
    """Clients that no other test has: equal refusals of theirs may be told a second later, together."""
    for role in Role:
        nodes.hk.add_client("SFC", [role], system_of(role))
    nodes.hk.add_client("SFC", list(Role), "admitted-last")
    eventually(lambda: is_admitted(nodes.hk, "admitted-last"))
    pairs = {role: client_files(nodes.hk, "SFC", system_of(role)) for role in Role}
    made = {role: connected(nodes.hk, nodes.hk.back_office_port, pair) for role, pair in pairs.items()}
    yield {role: each.__enter__() for role, each in made.items()}
    for each in made.values():
        each.__exit__(None, None, None)


def system_of(role: Role) -> str:
    return f"journaled-{role}"


def is_admitted(site: Site, system: str) -> bool:
    try:
        with site.client("SFC", system) as client:
            return bool(client.server_info())
    except (NotAllowed, Unauthenticated):
        return False


@pytest.fixture
def office(nodes: Nodes) -> Iterator[Client]:
    with nodes.hk.client("SFC") as client:
        yield client


# --- every method ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_leaves_one_entry_with_the_outcome_that_its_caller_was_told(nodes: Nodes, by_role, method, role):
    """By a client of each role, with an empty request, which some methods take and others refuse."""
    client = f"spiffe://gateway.hk.example/SFC/{system_of(role)}"
    with added(nodes.hk, client) as journal:
        answer = call(by_role[role], method, b"")
        *opened, entry = [each for each in journal.read() if each.step != JournalEntry.TOLD]
    assert (entry.method, entry.outcome, entry.count) == (method, answer.reason or "OK", 1)
    assert (entry.authority, entry.officer) == ("SFC", "")
    assert entry.certificate_sha256 == fingerprint(client_files(nodes.hk, "SFC", system_of(role))[1])
    answered = JournalEntry.OPENED if method in STREAMS_OUT else JournalEntry.ANSWERED
    assert entry.step == (JournalEntry.REFUSED if answer.reason else answered)
    assert (answer.reason == "NOT_ALLOWED") == (role not in METHOD_ROLES[method])
    refused_within = method in STREAMS_OUT and answer.reason not in ("", "NOT_ALLOWED")
    assert [each.step for each in opened] == ([JournalEntry.OPENED] if refused_within else [])


# --- what was done --------------------------------------------------------------------------------------------------


def test_an_act_is_told_before_it_is_answered_by_what_it_made(nodes: Nodes, office: Client):
    request_id = str(uuid.uuid4())
    with added(nodes.hk, OFFICE) as journal:
        notice = office.create_notice(content(), recipient="KR", request_id=request_id)
        (entry,) = journal.read()
        assert (entry.step, entry.resources, entry.request_id) == (JournalEntry.COMMITTED, [notice.name], request_id)
        office.create_notice(content(), recipient="KR", request_id=request_id, validate_only=False)
        assert [each.step for each in journal.read()] == [JournalEntry.COMMITTED, JournalEntry.ANSWERED]
        assert journal.entries[1].resources == [notice.name], "the same request again wrote nothing"
        office.supersede_notice(notice.name, content())
        assert notice.name in journal.read()[2].resources
        assert len(journal.entries[2].resources) == 2


def test_a_batch_is_told_in_one_entry_and_a_stream_by_its_commits_and_refusals(nodes: Nodes, office: Client):
    with added(nodes.hk, OFFICE) as journal:
        batch = office.batch_create_notices([notice_request(content(), recipient="KR") for _ in range(3)])
        (entry,) = journal.read()
        assert entry.resources == [each.name for each in batch.notices]
    requests = [notice_request(content(), recipient="KR") for _ in range(5)]
    requests += [notice_request(content(), recipient="XX"), notice_request(content(title=[]), recipient="KR")]
    with added(nodes.hk, OFFICE) as journal:
        answer = office.submit_notices(requests, chunk=4)
        assert (answer.sealed_count, len(answer.refusals)) == (5, 2)
        committed = [each for each in journal.read() if each.step == JournalEntry.COMMITTED]
        assert len(committed) == 2
        assert len({name for each in committed for name in each.resources}) == 5
        eventually(lambda: sum(each.count for each in journal.read() if each.step == JournalEntry.REFUSED) == 2)


def test_a_read_is_told_before_it_is_answered_by_all_that_it_gave(nodes: Nodes, office: Client):
    notice = office.create_notice(content(), recipient="KR")
    with added(nodes.hk, OFFICE) as journal:
        office.get_notice(notice.name)
        office.get_evidence(notice.name)
        office.get_channel("channels/hk-to-kr")
        page = next(office.list_notices(page_size=7).pages())
        told = journal.read()
    assert {each.step for each in told} == {JournalEntry.ANSWERED}
    names = [[notice.name], [notice.name], ["channels/hk-to-kr"], [each.name for each in page.notices]]
    assert [list(each.resources) for each in told] == names


def test_evidence_at_a_place_is_told_by_the_place(nodes: Nodes, office: Client):
    origin = f"{nodes.hk.domain}/to/{nodes.kr.domain}"
    with added(nodes.hk, OFFICE) as journal:
        office.get_evidence(origin=origin, index=0)
    assert [list(each.resources) for each in journal.read()] == [[f"{origin}#0"]]


def test_a_watch_is_told_when_it_begins_and_with_each_part_that_it_tells(nodes: Nodes, office: Client):
    with added(nodes.hk, OFFICE) as journal, office.watch_events(kinds=[Event.NOTICE_RELEASED], from_now=True) as watch:
        next(watch)  # the word that there is nothing yet
        assert [each.step for each in journal.read()] == [JournalEntry.OPENED]
        notice = office.create_notice(content(), recipient="KR")
        assert next(watch).event.notice == notice.name
        steps = [each.step for each in journal.read()]
        assert steps == [JournalEntry.OPENED, JournalEntry.COMMITTED, JournalEntry.TOLD]
        assert journal.entries[-1].resources == [notice.name]


def test_many_events_are_told_by_few_entries(nodes: Nodes, office: Client):
    with added(nodes.hk, OFFICE) as journal, office.watch_events() as watch:
        told = set()
        while (message := next(watch)).HasField("event"):
            told.add(message.event.notice)
        parts = [each for each in journal.read() if each.step == JournalEntry.TOLD]
    assert {name for each in parts for name in each.resources if name.startswith("notices/")} == told - {""}
    assert len(parts) < len(told) / 4


def test_what_is_not_there_and_what_its_state_forbids_are_told_with_what_was_asked_for(nodes: Nodes, office: Client):
    notice = office.create_notice(content(), recipient="KR")
    office.withdraw_notice(notice.name, explanation={"en": "It was wrong."})
    with added(nodes.hk, OFFICE) as journal:
        with pytest.raises(NotFound):
            office.get_notice("hk-never-was")
        with pytest.raises(WrongState):
            office.withdraw_notice(notice.name, explanation={"en": "Again."})
        journal.await_counts({("GetNotice", "NOT_FOUND"): 1, ("WithdrawNotice", "WRONG_STATE"): 1})
    assert [list(each.resources) for each in journal.entries] == [["notices/hk-never-was"], [notice.name]]


def test_health_checks_are_not_told(nodes: Nodes, by_role):
    with added(nodes.hk, AUTHOR) as journal:
        for method in ("Check", "List", "Watch"):
            assert call(by_role[Role.AUTHOR], f"/grpc.health.v1.Health/{method}", b"").code == grpc.StatusCode.OK
        assert journal.read() == []


# --- who was refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*strangers.CLIENTS_INSIDE, *strangers.CLIENTS_UNKNOWN])
def test_a_stranger_is_told_by_the_certificate(nodes: Nodes, name):
    credential = {**strangers.CLIENTS_INSIDE, **strangers.CLIENTS_UNKNOWN}[name](nodes)
    with (
        added(nodes.hk) as journal,
        connected(nodes.hk, nodes.hk.back_office_port, files(credential)) as channel,
    ):
        answer = call(channel, f"{NOTICES}GetNotice", GetNoticeRequest(name="notices/hk-1"))
        shown = fingerprint(credential.pem)
        (entry,) = [each for each in journal.read() if each.certificate_sha256 == shown]
    assert (entry.step, entry.outcome, entry.method) == (JournalEntry.REFUSED, answer.reason, f"{NOTICES}GetNotice")
    assert (entry.authority, entry.resources) == ("", []), "what a stranger asks for is not even read"


@pytest.mark.parametrize("name", strangers.NODES_INSIDE)
def test_a_strange_node_is_told_by_the_certificate(nodes: Nodes, name):
    credential = strangers.NODES_INSIDE[name](nodes)
    with added(nodes.hk) as journal, connected(nodes.hk, nodes.hk.peer_port, files(credential)) as channel:
        assert call(channel, PEER, b"").reason == "UNAUTHENTICATED"
        shown = fingerprint(credential.pem)
        (entry,) = [each for each in journal.read() if each.certificate_sha256 == shown]
    assert (entry.outcome, entry.method) == ("UNAUTHENTICATED", PEER)


def test_a_peer_is_told_by_its_streams(nodes: Nodes):
    peer = f"spiffe://{nodes.kr.domain}/node"

    def opened() -> list[JournalEntry]:
        return [each for each in entries_of(nodes.hk) if each.client == peer and each.step == JournalEntry.OPENED]

    both = {(PEER, ""), (PEER.replace("Exchange", "SendAttachments"), "")}
    eventually(lambda: {(each.method, each.authority) for each in opened()} == both)
    assert opened()[0].certificate_sha256 == fingerprint(node_files(nodes.kr)[1])


def test_a_method_that_is_not_served_is_counted(nodes: Nodes, by_role):
    with added(nodes.hk, AUTHOR) as journal:
        for name in ("Nothing", "GetNotic", "Delete"):
            call(by_role[Role.AUTHOR], f"{NOTICES}{name}", b"")
        journal.await_counts({("", "NOT_SERVED"): 3})


def test_a_flood_of_refusals_makes_a_few_entries_that_count_them_all(nodes: Nodes, by_role):
    def ask(number: int) -> str:
        return call(
            by_role[Role.READER], f"{NOTICES}GetNotice", GetNoticeRequest(name=f"notices/hk-none-{number}")
        ).reason

    with added(nodes.hk, READER) as journal, ThreadPoolExecutor(16) as pool:
        assert set(pool.map(ask, range(600))) == {"NOT_FOUND"}
        journal.await_counts({("GetNotice", "NOT_FOUND"): 600})
    assert len(journal.entries) < 60
    assert {name for each in journal.entries for name in each.resources} == {f"notices/hk-none-{n}" for n in range(600)}


# --- what is never told ---------------------------------------------------------------------------------------------


def test_no_content_is_in_the_journal(nodes: Nodes, office: Client):
    secret = content(
        title=[LocalizedText(language_tag="en", text=CANARY)],
        subjects=[Entity(name=CANARY, jurisdiction="HK", licence_number=CANARY)],
        references=[Reference(relation=Reference.SUPERSEDES, notice="notices/hk-none")],
    )
    with pytest.raises(Exception, match="references"):
        office.create_notice(secret, recipient="KR")
    del secret.references[:]
    notice = office.create_notice(secret, recipient="KR")
    with pytest.raises(Exception, match="name"):
        office.get_notice(f"notices/{CANARY} {CANARY}")
    list(office.list_notices(subject_identifier=CANARY))
    office.get_notice(notice.name)
    office.withdraw_notice(notice.name, explanation={"en": CANARY})
    office.get_evidence(notice.name)
    eventually(lambda: Added(nodes.hk, OFFICE, 0).counts()["CreateNotice", "BAD_INPUT"] > 0)
    journal = b"".join(leaves_of(nodes.hk))
    assert CANARY.encode() not in journal
    assert notice.name.encode() in journal
