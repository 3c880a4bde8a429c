"""Who meets what: every client that one role, one clearance and one authority make, at every method and every label.

What must come of it is worked out here from the table of ``docs/access.md`` and the order of the labels alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from itertools import product
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from regulator.exchange import Client
from regulator.exchange.requests import create_notice
from regulator.exchange.v1 import assistance_service_pb2 as assistance
from regulator.exchange.v1 import attachment_service_pb2 as attachments
from regulator.exchange.v1 import evidence_service_pb2 as evidence
from regulator.exchange.v1 import notice_service_pb2 as pb
from regulator.exchange.v1 import sharing_service_pb2 as sharing
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.event_service_pb2 import Event, WatchEventsRequest, WatchEventsResponse
from regulator.exchange.v1.values_pb2 import (
    SECTOR_CUSTODY,
    SECTOR_EXCHANGE,
    Attachment,
    Handling,
    LocalizedText,
    Sector,
)

from gateway.home.provisioning import issue_client
from gateway.identity.access.access import Caller, Role
from gateway.identity.access.clients import client_table
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.names import ClientId
from tests.rpc.access_table import METHODS, promised, promised_of_files, promised_of_labels
from tests.rpc.calls import (
    ASSISTANCE,
    ATTACHMENTS,
    CREATE,
    EVENTS,
    EVIDENCE,
    NOTICES,
    REFLECTION,
    SHARING,
    Answer,
    call,
    call_each,
    client_files,
    connected,
)
from tests.rpc.matrix_giving import LABELS, ask_and_answer, pass_on, what
from tests.supervision.sharing_samples import MAS
from tests.support.nodes import Site, eventually, found_pair, running

PROMISED, OF_LABELS, OF_FILES = promised(), promised_of_labels(), promised_of_files()
WHOLE = "needs RED, all sectors"
WHY = [LocalizedText(language_tag="en", text="It was wrong.")]
OK, DENIED, NOT_FOUND, WRONG_STATE = (
    grpc.StatusCode.OK,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
)
LET_THROUGH = {OK, WRONG_STATE}  # the second client that acts on a notice comes too late, and was let through


@dataclass(frozen=True)
class Who:
    """A client of the matrix. The notices of Hong Kong are the SFC's, and all are of the sector of exchanges."""

    authority: str
    role: Role
    clearance: Handling.Tlp.ValueType
    sectors: tuple[Sector.ValueType, ...] = ()

    @property
    def system(self) -> str:
        return f"{self.role}-{self.clearance}-{'-'.join(map(str, self.sectors))}".rstrip("-")

    def sees(self, label: Handling.Tlp.ValueType) -> bool:
        in_sector = not self.sectors or SECTOR_EXCHANGE in self.sectors
        return in_sector and LABELS.index(label) <= LABELS.index(self.clearance)

    def may(self, method: str) -> bool:
        is_cleared = (self.clearance, self.sectors) == (Handling.RED, ()) or OF_LABELS.get(method) != WHOLE
        return self.role in PROMISED[method] and is_cleared


CLEARED = [*((label, ()) for label in LABELS), (Handling.RED, (SECTOR_EXCHANGE,)), (Handling.RED, (SECTOR_CUSTODY,))]
EVERYBODY = [Who(authority, role, *cleared) for authority, role, cleared in product(("SFC", "HKMA"), Role, CLEARED)]

Key = tuple[str, Handling.Tlp.ValueType]


@dataclass(frozen=True)
class World:
    """Two nodes, and notices of each label: ``given`` here, two of each, and ``received`` from Korea.

    Of each label Korea asked for consent to pass on the one that the SFC gave, had it, and passed the notice on; and it
    asked the SFC for assistance, which it accepted. What was asked in CLEAR it answered in RED. The SFC's office has a
    draft of each label, with a file.
    """

    hk: Site
    notices: Mapping[Key, str]
    consents: Mapping[Handling.Tlp.ValueType, str]
    shares: Mapping[Handling.Tlp.ValueType, str]
    cases: Mapping[Handling.Tlp.ValueType, str]
    drafts: Mapping[Handling.Tlp.ValueType, str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    hk, kr = found_pair(tmp_path_factory.mktemp("matrix"))
    admit_everybody(hk)
    with running(hk, kr):
        notices = {(kind, label): give(hk, "SFC", "KR", label) for kind in ("SFC", "HKMA") for label in LABELS}
        file = named_file(tmp_path_factory.mktemp("files"))
        with kr.client("FSC") as client:
            client.upload_attachment(file)
        with hk.client("SFC") as client:
            client.upload_attachment(file)
            drafts = {label: draft_of(client, label) for label in LABELS}
        notices |= {("received", label): give(kr, "FSC", "HK", label, NAMED) for label in LABELS}
        with hk.client("SFC") as client:
            eventually(lambda: set(notices.values()) <= {each.name for each in client.list_notices()})
        consents, shares = pass_on({label: notices["SFC", label] for label in LABELS}, hk, kr)
        yield World(hk, notices, consents, shares, ask_and_answer(hk, kr), drafts)


def admit_everybody(site: Site) -> None:
    issuer, now = site.authority(AuthorityKind.CLIENT), datetime.now(UTC)
    tables = []
    for who in EVERYBODY:
        client = ClientId(site.domain, who.authority, who.system)
        issue_client(site.path / "clients" / f"{who.authority}-{who.system}", client, issuer, now)
        caller = Caller(str(client), who.authority, frozenset({who.role}), who.clearance, frozenset(who.sectors))
        tables.append(client_table(caller))
    site.home.access_file.write_text("\n".join([site.home.access_file.read_text(), *tables]))


def give(site: Site, authority: str, recipient: str, label: Handling.Tlp.ValueType, *attached: Attachment) -> str:
    said = what(label, authority)
    said.attachments.extend(attached)
    with site.client(authority) as client:
        return str(client.create_notice(said, recipient=recipient).name)


def draft_of(client: Client, label: Handling.Tlp.ValueType) -> str:
    said = what(label, "SFC")
    said.attachments.append(NAMED)
    return str(client.create_draft(create_notice(said, recipient="KR")).name)


def named_file(folder: Path) -> Path:
    path = folder / NAMED.file_name
    path.write_bytes(BYTES)
    return path


@pytest.fixture(scope="module")
def connect(world: World) -> Iterator[Callable[[Who], grpc.Channel]]:
    """Gives each client's connection, which is made once."""
    with ExitStack() as stack:

        @cache
        def connection(who: Who) -> grpc.Channel:
            files = client_files(world.hk, who.authority, who.system)
            return stack.enter_context(connected(world.hk, world.hk.back_office_port, files))

        yield connection


def expected(who: Who, method: str, label: Handling.Tlp.ValueType, *, of_own_authority: bool) -> set[grpc.StatusCode]:
    """First whether the role may, then whether the notice is there for this client, then whose it is."""
    if not who.may(method):
        return {DENIED}
    if not who.sees(label):
        return {NOT_FOUND}
    return LET_THROUGH if of_own_authority else {DENIED, WRONG_STATE}


def of_each_label(
    channel: grpc.Channel, method: str, asked: Sequence[Message]
) -> Iterator[tuple[Handling.Tlp.ValueType, Answer]]:
    """The answers to one request for each label, which are made at once."""
    return zip(LABELS, call_each(channel, *[(method, each) for each in asked]), strict=True)


READS: Mapping[str, Callable[[str], Message]] = {
    f"{NOTICES}GetNotice": lambda name: pb.GetNoticeRequest(name=name),
    f"{EVIDENCE}GetEvidence": lambda name: evidence.GetEvidenceRequest(notice=name),
}
ACTS: Mapping[str, Callable[[str, Who], Message]] = {
    f"{NOTICES}WithdrawNotice": lambda name, who: pb.WithdrawNoticeRequest(name=name, explanation=WHY),
    f"{NOTICES}SupersedeNotice": lambda name, who: pb.SupersedeNoticeRequest(
        name=name, content=what(Handling.CLEAR, who.authority, [SECTOR_EXCHANGE, SECTOR_CUSTODY])
    ),
}


DOWNLOAD = f"{ATTACHMENTS}DownloadAttachment"
ASKED: Mapping[str, Callable[[str], Message]] = {
    f"{ATTACHMENTS}GetAttachment": lambda name: attachments.GetAttachmentRequest(name=name),
    DOWNLOAD: lambda name: attachments.DownloadAttachmentRequest(name=name),
}

BYTES = b"What else there is to it."
NAMED = Attachment(file_name="a.txt", media_type="text/plain", size_bytes=len(BYTES), sha256=sha256(BYTES).digest())
CONSENT = sharing.Consent(recipients=[MAS], use=Handling.SUPERVISION, purpose=WHY)
PASSING_ON: Mapping[str, Callable[[str], Message]] = {
    f"{SHARING}RequestConsent": lambda name: sharing.RequestConsentRequest(
        parent=name, consent=CONSENT, validate_only=True
    ),
    f"{SHARING}MarkShared": lambda name: sharing.MarkSharedRequest(
        parent=name, share=sharing.Share(recipients=[MAS], use=Handling.SUPERVISION), validate_only=True
    ),
}


DECISIONS: Mapping[str, Callable[[str], Message]] = {
    f"{SHARING}GrantConsent": lambda name: sharing.GrantConsentRequest(name=name, validate_only=True),
    f"{SHARING}RefuseConsent": lambda name: sharing.RefuseConsentRequest(name=name, reason=WHY, validate_only=True),
}


@pytest.mark.parametrize("who", EVERYBODY, ids=lambda who: f"{who.authority}-{who.system}")
class TestEverybody:
    def test_may_call_what_its_role_may_and_the_whole_journal_if_it_is_cleared_for_all(self, connect, who):
        channel, listing = connect(who), ServerReflectionRequest(list_services="")
        asked = [(method, listing if method == REFLECTION else b"") for method in METHODS]
        found = dict(zip(METHODS, call_each(channel, *asked), strict=True))
        assert {method for method, answer in found.items() if answer.code != DENIED} == set(filter(who.may, METHODS))

    @pytest.mark.parametrize("method", READS)
    def test_reads_what_it_is_cleared_for_whoever_gave_it(self, world, connect, who, method):
        answers = call_each(connect(who), *[(method, READS[method](name)) for name in world.notices.values()])
        for ((_, label), name), answer in zip(world.notices.items(), answers, strict=True):
            assert answer.code in expected(who, method, label, of_own_authority=True), (label, name)

    def test_acknowledges_what_it_is_cleared_for_for_its_authority(self, world, connect, who):
        method = f"{NOTICES}AcknowledgeNotice"
        asked = [pb.AcknowledgeNoticeRequest(name=world.notices["received", label]) for label in LABELS]
        for label, answer in of_each_label(connect(who), method, asked):
            assert answer.code in expected(who, method, label, of_own_authority=True), label

    @pytest.mark.parametrize("method", PASSING_ON)
    def test_passes_on_what_it_is_cleared_for(self, world, connect, who, method):
        asked = [PASSING_ON[method](world.notices["received", label]) for label in LABELS]
        for label, answer in of_each_label(connect(who), method, asked):
            assert answer.code in expected(who, method, label, of_own_authority=True), label

    @pytest.mark.parametrize("method", DECISIONS)
    def test_decides_on_the_sharing_of_what_is_its_own_and_nothing_else(self, world, connect, who, method):
        """All of it was given by the SFC."""
        asked = [DECISIONS[method](world.consents[label]) for label in LABELS]
        for label, answer in of_each_label(connect(who), method, asked):
            assert answer.code in expected(who, method, label, of_own_authority=who.authority == "SFC"), label

    def test_reads_what_is_known_of_the_sharing_of_what_it_is_cleared_for(self, world, connect, who):
        for method, asked in (
            (f"{SHARING}GetConsent", [sharing.GetConsentRequest(name=world.consents[label]) for label in LABELS]),
            (f"{SHARING}GetShare", [sharing.GetShareRequest(name=world.shares[label]) for label in LABELS]),
        ):
            for label, answer in of_each_label(connect(who), method, asked):
                assert answer.code in expected(who, method, label, of_own_authority=True), (label, method)

    def test_lists_the_sharing_of_what_it_is_cleared_for_and_nothing_else(self, world, connect, who):
        listed = (
            ("ListConsents", sharing.ListConsentsRequest(parent="notices/-"), world.consents),
            ("ListShares", sharing.ListSharesRequest(parent="notices/-"), world.shares),
        )
        for method, request, names in listed:
            answer = call(connect(who), f"{SHARING}{method}", request)
            assert (answer.code == OK) == who.may(f"{SHARING}{method}")
            found = getattr(sharing, f"{method}Response").FromString(answer.data)
            named = {each.name for each in (found.consents if method == "ListConsents" else found.shares)}
            cleared = {name for label, name in names.items() if who.sees(label)}
            assert named == (cleared if who.may(f"{SHARING}{method}") else set())

    def test_reads_cases_and_answers_that_it_is_cleared_for_and_nothing_else(self, world, connect, who):
        channel, method = connect(who), f"{ASSISTANCE}GetAssistanceCase"
        asked = [assistance.GetAssistanceCaseRequest(name=world.cases[label]) for label in LABELS]
        for label, answer in of_each_label(channel, method, asked):
            name = world.cases[label]
            assert answer.code in expected(who, method, label, of_own_authority=True), label
            if answer.code == OK:
                self.check_case(assistance.AssistanceCase.FromString(answer.data), label, who)
            elif answer.code == NOT_FOUND:
                absent = assistance.GetAssistanceCaseRequest(name="assistanceCases/hk-0")
                told = answer.text.replace(name.removeprefix("assistanceCases/"), "hk-0")
                assert told == call(channel, method, absent).text

    def test_lists_cases_that_it_is_cleared_for_and_nothing_else(self, world, connect, who):
        method = f"{ASSISTANCE}ListAssistanceCases"
        answer = call(connect(who), method, assistance.ListAssistanceCasesRequest(page_size=1000))
        assert (answer.code == OK) == who.may(method)
        found = assistance.ListAssistanceCasesResponse.FromString(answer.data).assistance_cases
        cleared = {name: label for label, name in world.cases.items() if who.sees(label) and who.may(method)}
        assert {each.name for each in found} == set(cleared)
        for case in found:
            self.check_case(case, cleared[case.name], who)

    @staticmethod
    def check_case(case: assistance.AssistanceCase, label: Handling.Tlp.ValueType, who: Who) -> None:
        """Answers above the clearance are left out; the state is the case's own."""
        is_clear, outcomes = label == Handling.CLEAR, [each.outcome for each in case.answers]
        assert case.state == (case.ANSWERED if is_clear else case.ACCEPTED)
        seen = [AssistanceAnswer.COMPLETE] if is_clear and who.sees(Handling.RED) else []
        assert outcomes == [AssistanceAnswer.ACCEPTED, *seen]

    @pytest.mark.parametrize("method", ASKED)
    def test_reads_the_files_of_what_it_is_cleared_for_and_may_read(self, world, connect, who, method):
        """Korea's node gave those of notices; those of drafts are the SFC's alone."""
        of_notices = {label: world.notices["received", label] for label in LABELS}
        for named, is_theirs in ((of_notices, True), (world.drafts, who.authority == "SFC")):
            asked = [ASKED[method](f"{named[label]}/attachments/1") for label in LABELS]
            for label, answer in of_each_label(connect(who), method, asked):
                allowed = expected(who, method, label, of_own_authority=True)
                is_there = is_theirs and who.role in OF_FILES[method, named[label].partition("/")[0]]
                assert answer.code in (allowed if is_there or DENIED in allowed else {NOT_FOUND}), named[label]

    @pytest.mark.parametrize("method", ACTS)
    def test_takes_back_what_is_its_own_and_nothing_else(self, world, connect, who, method):
        """The SFC's clients act on one of the SFC's notices of each label, the HKMA's on the other one."""
        asked = [ACTS[method](world.notices[who.authority, label], who) for label in LABELS]
        for label, answer in of_each_label(connect(who), method, asked):
            assert answer.code in expected(who, method, label, of_own_authority=who.authority == "SFC"), label

    def test_gives_what_it_could_read_again(self, connect, who):
        given = [pb.Notice(recipient="KR", content=what(label, who.authority)) for label in LABELS]
        asked = [pb.CreateNoticeRequest(notice=each, validate_only=True) for each in given]
        for label, answer in of_each_label(connect(who), CREATE, asked):
            assert answer.code == (OK if who.may(CREATE) and who.sees(label) else DENIED), label

    def test_lists_what_it_is_cleared_for_and_nothing_else(self, world, connect, who):
        method = f"{NOTICES}ListNotices"
        answer = call(connect(who), method, pb.ListNoticesRequest(page_size=1000))
        assert (answer.code == OK) == who.may(method)
        named = {each.name for each in pb.ListNoticesResponse.FromString(answer.data).notices}
        assert named & set(world.notices.values()) == visible(world, who) if who.may(method) else not named

    def test_is_told_of_what_it_is_cleared_for_and_nothing_else(self, world, connect, who):
        if not who.may(f"{EVENTS}WatchEvents"):
            return
        request = WatchEventsRequest(kinds=[Event.NOTICE_RELEASED, Event.NOTICE_RECEIVED]).SerializeToString()
        named = set()
        for data in connect(who).unary_stream(f"{EVENTS}WatchEvents")(request, timeout=60):
            message = WatchEventsResponse.FromString(data)
            if not message.HasField("event"):
                break
            named.add(message.event.notice)
        reads = who.may(f"{NOTICES}GetNotice")  # an operator or approver alone is told nothing of what travels
        assert named & set(world.notices.values()) == (visible(world, who) if reads else set())


def visible(world: World, who: Who) -> set[str]:
    return {name for (_, label), name in world.notices.items() if who.sees(label)}


def test_the_matrix_is_whole():
    assert len({who.system for who in EVERYBODY}) == len(Role) * len(CLEARED)
    assert {who.role for who in EVERYBODY} == set(Role)
    assert sorted(LABELS) == [number for number in Handling.Tlp.values() if number]


def test_the_page_says_whose_files_are_for_whom():
    assert set(OF_FILES) == {(method, collection) for method in ASKED for collection in ("notices", "drafts")}
    assert OF_FILES[DOWNLOAD, "drafts"] == PROMISED["/regulator.exchange.v1.DraftService/GetDraft"]
    assert OF_FILES[DOWNLOAD, "notices"] == PROMISED[f"{NOTICES}GetNotice"]


def test_the_page_says_at_which_methods_clearance_counts():
    here = {method: bearing for method, bearing in OF_LABELS.items() if "DraftService" not in method}
    found = dict.fromkeys([*READS, *ACTS, *PASSING_ON, *DECISIONS, f"{NOTICES}AcknowledgeNotice"], "NOT_FOUND")
    found |= dict.fromkeys([f"{SHARING}{each}" for each in ("GetConsent", "GetShare")], "NOT_FOUND")
    found |= dict.fromkeys([f"{SHARING}{each}" for each in ("ListConsents", "ListShares")], "left out")
    found |= dict.fromkeys([f"{NOTICES}ListNotices", f"{EVENTS}WatchEvents"], "left out")
    found |= dict.fromkeys([CREATE, f"{NOTICES}BatchCreateNotices", f"{NOTICES}SubmitNotices"], "refused")
    found |= dict.fromkeys([method for method in METHODS if "AuditService" in method], WHOLE)
    found |= dict.fromkeys([*ASKED, f"{ATTACHMENTS}DeleteAttachment"], "NOT_FOUND")
    found |= {f"{ASSISTANCE}GetAssistanceCase": "NOT_FOUND", f"{ASSISTANCE}ListAssistanceCases": "left out"}
    assert here == found
