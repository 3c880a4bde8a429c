"""Who may do what: the clients of a node, and the rule of each method.

A certificate says who calls; ``access.toml`` says whether that is anybody here (``clients``). A client that is
not in it is shut out, whatever certificate it still has. A method without a rule is denied to all.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import ConfigError, Malformed, NotAllowed, Unauthenticated
from gateway.identity.names import ClientId


class Role(StrEnum):
    """What a client may do at its own node."""

    AUTHOR = "author"  # write, acknowledge and withdraw for its authority
    APPROVER = "approver"  # release what an author wrote, where the rules ask for four eyes; decide on onward sharing
    READER = "reader"
    AUDITOR = "auditor"  # read, and take evidence
    OPERATOR = "operator"  # see how the node and its channels do


_ANYONE = frozenset(Role)
_WRITING = frozenset({Role.AUTHOR})
_APPROVING = frozenset({Role.APPROVER})
REVIEWING = frozenset({Role.AUTHOR, Role.APPROVER, Role.AUDITOR})  # of drafts
READING = frozenset({Role.AUTHOR, Role.READER, Role.AUDITOR})  # of all that travels in channels
LOOKING_AFTER = frozenset({Role.OPERATOR, Role.AUDITOR})  # the node: whom alarms are for
_AUDITING = frozenset({Role.AUDITOR})
_OPERATING = READING | {Role.OPERATOR}


def _rules(service: str, **methods: frozenset[Role]) -> dict[str, frozenset[Role]]:
    return {f"/{service}/{method}": roles for method, roles in methods.items()}


METHOD_ROLES: Mapping[str, frozenset[Role]] = {
    **_rules(
        "regulator.exchange.v1.NoticeService",
        CreateNotice=_WRITING,
        BatchCreateNotices=_WRITING,
        SubmitNotices=_WRITING,
        GetNotice=READING,
        ListNotices=READING,
        AcknowledgeNotice=_WRITING,
        WithdrawNotice=_WRITING,
        SupersedeNotice=_WRITING,
    ),
    **_rules(
        "regulator.exchange.v1.FrameworkService",
        PublishVersion=_WRITING,
        GetFramework=READING,
        ListFrameworks=READING,
        GetVersion=READING,
        ListProvisions=READING,
        DiffVersions=READING,
        CompareJurisdictions=READING,
        Assess=_WRITING,
        ListAssessments=READING,
    ),
    **_rules(
        "regulator.exchange.v1.DraftService",
        CreateDraft=_WRITING,
        UpdateDraft=_WRITING,
        SubmitDraft=_WRITING,
        ApproveDraft=_APPROVING,
        RejectDraft=_APPROVING,
        RecallDraft=_WRITING,
        GetDraft=REVIEWING,
        ListDrafts=REVIEWING,
    ),
    **_rules(
        "regulator.exchange.v1.SharingService",
        RequestConsent=_WRITING,
        GetConsent=READING | _APPROVING,
        ListConsents=READING | _APPROVING,
        GrantConsent=_APPROVING,
        RefuseConsent=_APPROVING,
        MarkShared=_WRITING,
        GetShare=READING | _APPROVING,
        ListShares=READING | _APPROVING,
    ),
    **_rules(
        "regulator.exchange.v1.AssistanceService",
        GetAssistanceCase=READING,
        ListAssistanceCases=READING,
    ),
    **_rules(
        "regulator.exchange.v1.AttachmentService",
        CreateAttachment=_WRITING,
        UploadAttachment=_WRITING,
        GetAttachment=READING | _APPROVING,
        DownloadAttachment=READING | _APPROVING,
        DeleteAttachment=_WRITING,
    ),
    **_rules("regulator.exchange.v1.EventService", WatchEvents=_OPERATING | _APPROVING),
    **_rules(
        "regulator.exchange.v1.EvidenceService",
        GetEvidence=READING,
        GetCheckpoint=READING,
        GetConsistencyProof=READING,
        GetForkProof=_OPERATING,
    ),
    **_rules(
        "regulator.exchange.v1.AdminService",
        GetServerInfo=_ANYONE,
        GetPeer=_OPERATING,
        ListPeers=_OPERATING,
        GetChannel=_OPERATING,
        ListChannels=_OPERATING,
        ListCertificates=_OPERATING,
        RotateSeal=frozenset({Role.OPERATOR}),
    ),
    **_rules(
        "regulator.exchange.v1.AuditService",
        ListJournalEntries=_AUDITING,
        ExportJournal=_AUDITING,
        GetJournalCheckpoint=_AUDITING,
        GetJournalProof=_AUDITING,
    ),
    **_rules("grpc.health.v1.Health", Check=_ANYONE, List=_ANYONE, Watch=_ANYONE),
    **_rules("grpc.reflection.v1alpha.ServerReflection", ServerReflectionInfo=_ANYONE),
}
"""Full gRPC method path -> the roles that may call it; any one of them is enough."""

FILE_METHODS = tuple(f"/regulator.exchange.v1.AttachmentService/{each}Attachment" for each in ("Get", "Download"))
"""Full gRPC method paths of those that ask for a file by its own name, or by that of what it belongs to."""

FILE_ROLES: Mapping[str, frozenset[Role]] = {"notices": READING, "drafts": REVIEWING}
"""The collection that a file's name begins with -> the roles to which it is there; to others it is NOT_FOUND."""


class Bearing(StrEnum):
    """What a caller's clearance and sectors do at a method by which content goes that bears a label."""

    HIDES = "NOT_FOUND"  # what they do not cover is not there
    FILTERS = "left out"  # what they do not cover is passed over
    BINDS = "refused"  # what they do not cover cannot be given
    WHOLE = "needs RED, all sectors"  # what is told cannot be divided: a caller may have all of it, or nothing


def _bearing(service: str, bearing: Bearing, *methods: str) -> dict[str, Bearing]:
    return {f"/regulator.exchange.v1.{service}/{method}": bearing for method in methods}


LABELLED: Mapping[str, Bearing] = {
    **_bearing("NoticeService", Bearing.BINDS, "CreateNotice", "BatchCreateNotices", "SubmitNotices"),
    **_bearing("NoticeService", Bearing.HIDES, "GetNotice", "AcknowledgeNotice", "WithdrawNotice", "SupersedeNotice"),
    **_bearing("NoticeService", Bearing.FILTERS, "ListNotices"),
    **_bearing("DraftService", Bearing.BINDS, "CreateDraft"),
    **_bearing("DraftService", Bearing.HIDES, "UpdateDraft", "SubmitDraft", "ApproveDraft", "RejectDraft"),
    **_bearing("DraftService", Bearing.HIDES, "RecallDraft", "GetDraft"),
    **_bearing("DraftService", Bearing.FILTERS, "ListDrafts"),
    **_bearing("SharingService", Bearing.HIDES, "RequestConsent", "GrantConsent", "RefuseConsent", "GetConsent"),
    **_bearing("SharingService", Bearing.HIDES, "MarkShared", "GetShare"),
    **_bearing("SharingService", Bearing.FILTERS, "ListConsents", "ListShares"),
    **_bearing("AssistanceService", Bearing.HIDES, "GetAssistanceCase"),
    **_bearing("AssistanceService", Bearing.FILTERS, "ListAssistanceCases"),
    **_bearing("AttachmentService", Bearing.HIDES, "GetAttachment", "DownloadAttachment", "DeleteAttachment"),
    **_bearing("EventService", Bearing.FILTERS, "WatchEvents"),
    **_bearing("EvidenceService", Bearing.HIDES, "GetEvidence"),
    **_bearing("AuditService", Bearing.WHOLE, "ListJournalEntries", "ExportJournal"),
    **_bearing("AuditService", Bearing.WHOLE, "GetJournalCheckpoint", "GetJournalProof"),
}
"""Full gRPC method path -> what clearance and sectors do there (docs/handling.md); at others they do nothing."""


def require_rule(method: str) -> None:
    """Passes if some role may call a method, by its full path: what no rule speaks of must not be served.

    Raises:
        ConfigError: no role may.
    """
    if not METHOD_ROLES.get(method):
        raise ConfigError(f"no rule says who may call {method}: the node does not serve it, and does not start")


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that is known here.

    Attributes:
        client: its SPIFFE ID
        authority: code of the authority that it speaks for
        roles: what it may do
        clearance: the highest TLP label that it may see
        sectors: those whose supervision it takes part in; none means all
        officer: who acts by it, as ``issuer#subject``; empty if the system acts by itself
    """

    client: str
    authority: str
    roles: frozenset[Role]
    clearance: Handling.Tlp.ValueType = Handling.AMBER
    sectors: frozenset[Sector.ValueType] = frozenset()
    officer: str = ""


class Access:
    """The clients of one node."""

    def __init__(self, domain: str, callers: Mapping[str, Caller]) -> None:
        self._domain, self._callers = domain, dict(callers)

    def caller(self, spiffe_id: str) -> Caller:
        """Finds who calls, by the exact ID that its certificate was verified for.

        Raises:
            Unauthenticated: it is not the ID of a client of this node.
            NotAllowed: no such client is known here, or it is not any more.
        """
        if known := self._callers.get(spiffe_id):
            return known
        try:
            ours = ClientId.parse(spiffe_id).domain == self._domain
        except Malformed:
            ours = False
        if not ours:
            raise Unauthenticated("the certificate is not that of a client of this node")
        raise NotAllowed("this client is not known here")

    @staticmethod
    def allows(caller: Caller, method: str) -> bool:
        """Whether one of a caller's roles may call a method, by its full path (``/package.Service/Method``)."""
        return not caller.roles.isdisjoint(METHOD_ROLES.get(method, ()))

    @staticmethod
    def require(caller: Caller, method: str) -> None:
        """Asks whether a caller may call a method, by its full path (``/package.Service/Method``).

        Raises:
            NotAllowed: none of its roles may, or no rule is written for the method; or it tells of notices of every
                label and sector, and the caller is not cleared for all.
        """
        if not Access.allows(caller, method):
            raise NotAllowed(_role_lacking(caller, method))
        if LABELLED.get(method) is Bearing.WHOLE and (caller.clearance != Handling.RED or caller.sectors):
            raise NotAllowed("this tells of notices of every label and sector: it needs clearance RED, in all sectors")


def _role_lacking(caller: Caller, method: str) -> str:
    """What a caller is told that may not call a method: no secret, the page has it (docs/access.md)."""
    allowed, has = map(_in_order, (METHOD_ROLES.get(method, ()), caller.roles))
    if not allowed:
        return "no role may call this method"
    name = method.rpartition("/")[2]
    return f"{name} needs one of these roles: {', '.join(allowed)}; the caller has {', '.join(has) or 'none'}"


def _in_order(roles: Collection[Role]) -> list[Role]:
    return [each for each in Role if each in roles]
