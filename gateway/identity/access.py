"""Who may do what: the clients of ``access.toml``, and the rule of each method.

The file names every back-office system that may call this node::

    [[clients]]
    id = "spiffe://node.hk.example/SFC/case-desk"
    authority = "SFC"
    roles = ["author", "reader"]

A certificate says who calls; this file says whether that is anybody here. A client that is not in it when the node
starts is shut out, whatever certificate it still has. A method without a rule is denied to all.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.errors import ConfigError, Malformed, NotAllowed, Unauthenticated
from gateway.identity.access_file import Table, read_tables
from gateway.identity.names import ClientId


class Role(StrEnum):
    """What a client may do at its own node."""

    AUTHOR = "author"  # write, acknowledge and withdraw for its authority
    APPROVER = "approver"  # release what an author wrote, where the rules ask for four eyes
    READER = "reader"
    AUDITOR = "auditor"  # read, and take evidence
    OPERATOR = "operator"  # see how the node and its channels do


_ANYONE = frozenset(Role)
_WRITING = frozenset({Role.AUTHOR})
_READING = frozenset({Role.AUTHOR, Role.READER, Role.AUDITOR})
_OPERATING = _READING | {Role.OPERATOR}


def _rules(service: str, **methods: frozenset[Role]) -> dict[str, frozenset[Role]]:
    return {f"/{service}/{method}": roles for method, roles in methods.items()}


METHOD_ROLES: Mapping[str, frozenset[Role]] = {
    **_rules(
        "regulator.exchange.v1.NoticeService",
        CreateNotice=_WRITING,
        BatchCreateNotices=_WRITING,
        SubmitNotices=_WRITING,
        GetNotice=_READING,
        ListNotices=_READING,
        AcknowledgeNotice=_WRITING,
        WithdrawNotice=_WRITING,
        SupersedeNotice=_WRITING,
    ),
    **_rules(
        "regulator.exchange.v1.FrameworkService",
        PublishVersion=_WRITING,
        GetFramework=_READING,
        ListFrameworks=_READING,
        GetVersion=_READING,
        ListProvisions=_READING,
        DiffVersions=_READING,
        CompareJurisdictions=_READING,
        Assess=_WRITING,
        ListAssessments=_READING,
    ),
    **_rules("regulator.exchange.v1.EventService", WatchEvents=_READING),
    **_rules(
        "regulator.exchange.v1.EvidenceService",
        GetEvidence=_READING,
        GetCheckpoint=_READING,
        GetConsistencyProof=_READING,
    ),
    **_rules(
        "regulator.exchange.v1.AdminService",
        GetServerInfo=_ANYONE,
        GetPeer=_OPERATING,
        ListPeers=_OPERATING,
        GetChannel=_OPERATING,
        ListChannels=_OPERATING,
    ),
    **_rules("grpc.health.v1.Health", Check=_ANYONE, List=_ANYONE, Watch=_ANYONE),
    **_rules("grpc.reflection.v1alpha.ServerReflection", ServerReflectionInfo=_ANYONE),
}
"""Full gRPC method path -> the roles that may call it; any one of them is enough."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that is known here: its SPIFFE ID, the authority it speaks for, its roles."""

    client: str
    authority: str
    roles: frozenset[Role]


class Access:
    """The clients of one node."""

    def __init__(self, domain: str, callers: Mapping[str, Caller]) -> None:
        self._domain, self._callers = domain, dict(callers)

    @classmethod
    def parse(cls, text: str, domain: str, authorities: Collection[str]) -> "Access":
        """Reads an access file.

        Args:
            text: TOML
            domain: of this node: clients of another one do not belong here
            authorities: codes of the authorities that this node serves

        Raises:
            ConfigError: with a line for each mistake: where it is, what stands there, what would be right.
        """
        callers: dict[str, Caller] = {}
        mistakes: list[str] = []
        for table in read_tables(text):
            found = list(_mistakes(table, domain, authorities))
            mistakes += found
            if found:
                continue
            caller = _caller(table.values)
            if caller.client in callers:
                mistakes.append(f"line {table.line_of('id', caller.client)}: {caller.client} stands here twice")
            callers[caller.client] = caller
        if mistakes:
            raise ConfigError("\n".join(mistakes))
        return cls(domain, callers)

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
    def require(caller: Caller, method: str) -> None:
        """Asks whether a caller may call a method, by its full path (``/package.Service/Method``).

        Raises:
            NotAllowed: none of its roles may, or no rule is written for the method.
        """
        if caller.roles.isdisjoint(METHOD_ROLES.get(method, ())):
            raise NotAllowed("none of the caller's roles may call this method")


def _caller(values: Mapping[str, Any]) -> Caller:
    return Caller(values["id"], values["authority"], frozenset(map(Role, values["roles"])))


def _mistakes(table: Table, domain: str, authorities: Collection[str]) -> Iterator[str]:
    for key in table.values:
        if key not in {"id", "authority", "roles"}:
            yield f"line {table.line_of(key)}: unknown key {key!r}; a client has id, authority and roles"
    for key, fault in (
        ("id", _id_fault(table.values, domain)),
        ("authority", _authority_fault(table.values, authorities)),
    ):
        if fault:
            value = table.values.get(key, "")
            yield f"line {table.line_of(key, value)}: {key} {value!r} {fault}"
    yield from _role_mistakes(table)


def _id_fault(values: Mapping[str, Any], domain: str) -> str | None:
    try:
        client = ClientId.parse(str(values.get("id", "")))
    except Malformed as error:
        return f"must be the ID of a client: {error.message}"
    if client.domain != domain:
        return f"must be of the domain of this node, {domain}"
    if client.authority != values.get("authority"):
        return f"names the authority {client.authority}, and authority = {values.get('authority')!r}"
    return None


def _authority_fault(values: Mapping[str, Any], authorities: Collection[str]) -> str | None:
    if values.get("authority") not in tuple(authorities):  # of whatever type it is
        return f"must be one of {', '.join(sorted(authorities))}"
    return None


def _role_mistakes(table: Table) -> Iterator[str]:
    roles = table.values.get("roles")
    known = ", ".join(Role)
    if not isinstance(roles, list) or not roles:
        yield f"line {table.line_of('roles')}: roles must be a list of at least one of {known}"
        return
    for place, role in enumerate(roles):
        if role not in list(Role):
            yield f"line {table.line_of('roles', role)}: role {role!r} must be one of {known}"
        elif role in roles[:place]:
            yield f"line {table.line_of('roles', role)}: role {role!r} stands here twice"
