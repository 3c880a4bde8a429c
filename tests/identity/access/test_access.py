from dataclasses import replace

import pytest
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given
from hypothesis import strategies as st
from regulator.exchange.v1 import (
    admin_service_pb2,
    assistance_service_pb2,
    attachment_service_pb2,
    audit_service_pb2,
    draft_service_pb2,
    event_service_pb2,
    evidence_service_pb2,
    framework_service_pb2,
    notice_service_pb2,
    peer_service_pb2,
    sharing_service_pb2,
)
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.errors import ConfigError, GatewayError, NotAllowed, Unauthenticated
from gateway.identity.access.access import METHOD_ROLES, Access, Caller, Role, require_rule
from gateway.identity.access.clients import client_table, read_access

SERVED = (
    notice_service_pb2,
    sharing_service_pb2,
    assistance_service_pb2,
    attachment_service_pb2,
    event_service_pb2,
    evidence_service_pb2,
    draft_service_pb2,
    framework_service_pb2,
    admin_service_pb2,
    audit_service_pb2,
    health_pb2,
    reflection_pb2,
)
NOTICES = "/regulator.exchange.v1.NoticeService"
DESK = "spiffe://hk.test/SFC/desk"
AUDIT = "spiffe://hk.test/HKMA/audit"
AUTHORITIES = ["HKMA", "SFC"]
TEXT = """\
# who may call

[[clients]]
id = "spiffe://hk.test/SFC/desk"
authority = "SFC"
roles = ["author", "reader"]

[[clients]]
id = "spiffe://hk.test/HKMA/audit"
authority = "HKMA"
roles = ["auditor"]
"""


def parse(text: str) -> Access:
    return read_access(text, "hk.test", AUTHORITIES)


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        parse(text)
    return refused.value.message.splitlines()


def methods(*modules) -> set[str]:
    return {
        f"/{service.full_name}/{method.name}"
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def caller(*roles: Role) -> Caller:
    return Caller(DESK, "SFC", frozenset(roles))


def test_every_method_that_is_served_has_a_rule_and_no_rule_is_left_over():
    assert methods(*SERVED) == set(METHOD_ROLES)


def test_no_rule_is_empty():
    assert all(METHOD_ROLES.values())


@pytest.mark.parametrize("method", sorted(methods(*SERVED)))
@pytest.mark.parametrize("role", Role)
def test_a_role_calls_what_its_rule_names_and_nothing_else(role, method):
    if role in METHOD_ROLES[method]:
        Access.require(replace(caller(role), clearance=Handling.RED), method)
    else:
        with pytest.raises(NotAllowed):
            Access.require(caller(role), method)


@pytest.mark.parametrize(
    ("role", "allowed", "denied"),
    [
        (Role.AUTHOR, {"CreateNotice", "SubmitNotices", "AcknowledgeNotice", "GetNotice", "GetEvidence"}, set()),
        (Role.READER, {"ListNotices", "WatchEvents", "GetEvidence", "ListPeers"}, {"CreateNotice", "WithdrawNotice"}),
        (Role.AUDITOR, {"GetNotice", "GetConsistencyProof"}, {"SupersedeNotice", "AcknowledgeNotice"}),
        (Role.OPERATOR, {"ListChannels", "GetServerInfo", "WatchEvents"}, {"GetNotice", "GetEvidence"}),
        (Role.APPROVER, {"GetServerInfo", "Check"}, {"CreateNotice", "GetNotice", "ListPeers"}),
    ],
)
def test_what_each_role_is_for(role, allowed, denied):
    can = {method.rsplit("/", 1)[1] for method, roles in METHOD_ROLES.items() if role in roles}
    assert allowed <= can
    assert denied.isdisjoint(can)


@pytest.mark.parametrize(
    "method", [*sorted(methods(peer_service_pb2)), "", "/", f"{NOTICES}/Delete", f"{NOTICES}/getNotice"]
)
def test_a_method_without_a_rule_is_denied_to_all(method):
    with pytest.raises(NotAllowed):
        Access.require(caller(*Role), method)


@pytest.mark.parametrize("method", [*sorted(methods(peer_service_pb2)), f"{NOTICES}/Delete"])
def test_a_method_without_a_rule_must_not_be_served(method):
    with pytest.raises(ConfigError, match=method):
        require_rule(method)
    for known in METHOD_ROLES:
        require_rule(known)


@pytest.mark.parametrize("method", [each for each in sorted(METHOD_ROLES) if "AuditService" in each])
@pytest.mark.parametrize(
    ("clearance", "sectors", "may"),
    [
        (Handling.RED, frozenset(), True),
        (Handling.RED, frozenset({Sector.Value("SECTOR_CUSTODY")}), False),
        (Handling.AMBER_STRICT, frozenset(), False),
        (Handling.TLP_UNSPECIFIED, frozenset(), False),
    ],
)
def test_the_journal_is_for_auditors_who_are_cleared_for_all_that_it_names(method, clearance, sectors, may):
    auditor = replace(caller(Role.AUDITOR), clearance=clearance, sectors=sectors)
    if may:
        Access.require(auditor, method)
    else:
        with pytest.raises(NotAllowed, match="RED, in all sectors"):
            Access.require(auditor, method)


def test_a_caller_without_roles_calls_nothing():
    for method in METHOD_ROLES:
        with pytest.raises(NotAllowed):
            Access.require(caller(), method)


@pytest.mark.parametrize(
    ("roles", "method", "told"),
    [
        ({Role.READER}, "CreateNotice", "CreateNotice needs one of these roles: author; the caller has reader"),
        (set(), "GetNotice", "GetNotice needs one of these roles: author, reader, auditor; the caller has none"),
        (set(Role), "Delete", "no role may call this method"),
    ],
)
def test_who_may_not_call_a_method_is_told_which_roles_may(roles, method, told):
    with pytest.raises(NotAllowed) as refused:
        Access.require(caller(*roles), f"{NOTICES}/{method}")
    assert refused.value.message == told


def test_one_role_of_several_is_enough():
    Access.require(caller(Role.OPERATOR, Role.AUTHOR), f"{NOTICES}/CreateNotice")


def test_a_client_in_the_file_is_known_with_its_authority_and_roles():
    assert parse(TEXT).caller(DESK) == Caller(DESK, "SFC", frozenset({Role.AUTHOR, Role.READER}))


def test_a_client_is_cleared_for_amber_and_for_all_sectors_if_the_file_says_nothing():
    known = parse(TEXT).caller(DESK)
    assert (known.clearance, known.sectors, known.officer) == (Handling.AMBER, frozenset(), "")


def test_the_file_says_what_a_client_may_see():
    known = parse(f'{TEXT}clearance = "AMBER_STRICT"\nsectors = ["custody", "exchange"]\n').caller(AUDIT)
    assert known.clearance == Handling.AMBER_STRICT
    assert known.sectors == {Sector.Value("SECTOR_CUSTODY"), Sector.SECTOR_EXCHANGE}


@given(
    st.builds(
        Caller,
        client=st.just(DESK),
        authority=st.just("SFC"),
        roles=st.frozensets(st.sampled_from(Role), min_size=1),
        clearance=st.sampled_from([number for number in Handling.Tlp.values() if number]),
        sectors=st.frozensets(st.sampled_from([number for number in Sector.values() if number])),
    )
)
def test_a_client_that_is_written_is_read_as_it_was(known):
    assert parse(client_table(known)).caller(DESK) == known


@pytest.mark.parametrize(
    "client", ["spiffe://hk.test/SFC/other", "spiffe://hk.test/SFC/Desk", "spiffe://hk.test/sfc/desk"]
)
def test_a_client_that_is_not_in_the_file_is_not_allowed(client):
    with pytest.raises(NotAllowed):
        parse(TEXT).caller(client)


def test_a_client_that_was_taken_out_is_not_allowed_any_more():
    before, after = parse(TEXT), parse(TEXT[: TEXT.rindex("[[clients]]")])
    assert before.caller(AUDIT).roles == {Role.AUDITOR}
    with pytest.raises(NotAllowed):
        after.caller(AUDIT)


@pytest.mark.parametrize(
    "client", ["", "SFC", "spiffe://hk.test/node", "spiffe://kr.test/SFC/desk", DESK + "/", f"{DESK}\x00"]
)
def test_who_is_no_client_of_this_node_is_not_authenticated(client):
    with pytest.raises(Unauthenticated):
        parse(TEXT).caller(client)


@pytest.mark.parametrize("text", ["", "# nobody yet\n", "clients = []\n"])
def test_an_empty_file_lets_nobody_in(text):
    with pytest.raises(NotAllowed):
        parse(text).caller(DESK)


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ('roles = ["auditor"]', 'roles = ["boss"]', 11, "role 'boss' must be one of author, approver, reader"),
        ('roles = ["auditor"]', "roles = []", 11, "at least one of author"),
        ('roles = ["auditor"]', 'roles = "auditor"', 11, "roles must be a list"),
        ('roles = ["auditor"]', 'roles = ["auditor", "auditor"]', 11, "'auditor' stands here twice"),
        ('roles = ["auditor"]', 'roles = [\n  "auditor",\n  "Reader",\n]', 13, "role 'Reader'"),
        ('roles = ["auditor"]', "roles = [7]", 11, "role 7"),
        ('roles = ["auditor"]', "", 8, "roles must be a list"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nclearing = "RED"', 12, "unknown key 'clearing'"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nclearance = "red"', 12, "clearance 'red' must be one of CLEAR"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nclearance = "TLP_UNSPECIFIED"', 12, "must be one of CLEAR"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nclearance = 5', 12, "clearance 5 must be one of CLEAR, GREEN"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nclearance = ["RED"]', 12, "must be one of CLEAR, GREEN"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nsectors = []', 12, "sectors must be a list of at least one"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nsectors = "custody"', 12, "sectors must be a list"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nsectors = ["bank"]', 12, "sector 'bank' must be one of exchange"),
        ('roles = ["auditor"]', 'roles = ["auditor"]\nsectors = ["custody", "custody"]', 12, "stands here twice"),
        ("/HKMA/audit", "/SFC/audit", 9, "names the authority SFC, and authority = 'HKMA'"),
        ("//hk.test/HKMA", "//kr.test/HKMA", 9, "must be of the domain of this node, hk.test"),
        ("/HKMA/audit", "/HKMA/audit/2", 9, "must be the ID of a client"),
        ("spiffe://hk.test/HKMA/audit", "spiffe://hk.test/node", 9, "must be the ID of a client"),
        ('id = "spiffe://hk.test/HKMA/audit"', "id = 7", 9, "must be the ID of a client"),
        ('id = "spiffe://hk.test/HKMA/audit"\n', "", 8, "must be the ID of a client"),
        ("HKMA", "FSTB", 10, "authority 'FSTB' must be one of HKMA, SFC"),
        ('authority = "HKMA"', 'authority = ["HKMA"]', 10, "must be one of HKMA, SFC"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_value(old, new, line, told):
    assert old in TEXT
    found = mistakes(TEXT.replace(old, new))
    assert any(each.startswith(f"line {line}: ") and told in each for each in found), found


def test_a_client_that_stands_twice_is_told():
    (mistake,) = mistakes(
        TEXT + '\n[[clients]]\nid = "spiffe://hk.test/SFC/desk"\nauthority = "SFC"\nroles = ["reader"]\n'
    )
    assert mistake == "line 14: spiffe://hk.test/SFC/desk stands here twice"


def test_all_mistakes_are_told_at_once():
    found = mistakes(TEXT.replace('"reader"', '"rader"').replace('"auditor"', '"auditer"'))
    assert [each.split(":")[0] for each in found] == ["line 6", "line 11"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[clients]\n", "at line 1"),
        ("\nrole = 5\n", "line 2: unknown key 'role'"),
        ("\n[client]\nid = 1\n", "line 2: unknown key 'client'"),
        ("\nclients = 5\n", "line 2: write each client as a [[clients]] table"),
        ("\nclients = [{id = 1}]\n", "line 2: write each client as a [[clients]] table"),
        ("[clients]\nid = 1\n", "line 1: write each client as a [[clients]] table"),
        ("#" * (1 << 21), "larger than"),
    ],
)
def test_a_file_of_another_form_is_told(text, told):
    assert told in mistakes(text)[0]


def test_a_header_inside_a_text_does_not_shift_the_lines():
    odd = TEXT.replace('authority = "HKMA"', 'authority = """\n[[clients]]\n"""')
    assert "write each client as a [[clients]] table" in mistakes(odd)[0]


@given(st.text() | st.text().map(lambda tail: TEXT + tail))
def test_any_text_gives_access_or_one_documented_error(text):
    try:
        parse(text)
    except GatewayError as error:
        assert isinstance(error, ConfigError)  # noqa: PT017
