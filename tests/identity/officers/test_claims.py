import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Unauthenticated
from gateway.identity.access.access import Role
from gateway.identity.officers.claims import Fault, Presenter, read_claims
from gateway.identity.officers.rules import IssuerRules, OfficerRules

NOW = 1_800_000_000
DESK = Presenter("spiffe://hk.test/SFC/desk", "thumb")
ISSUER = IssuerRules(issuer="https://a.example", audience="gateway", jwks="keys.json")
RULES = OfficerRules(issuers=(ISSUER,), leeway_seconds=30, max_age_seconds=600)
GOOD = {"iss": "https://a.example", "aud": "gateway", "sub": "o-1", "iat": NOW, "exp": NOW + 300, "roles": ["reader"]}


def read(changes=None, now=NOW, issuer=ISSUER, presenter=DESK):
    claims = {name: value for name, value in {**GOOD, **(changes or {})}.items() if value is not None}
    return read_claims(claims, issuer, RULES, presenter, now)


def fault(*arguments, **named):
    with pytest.raises(Unauthenticated) as error:
        read(*arguments, **named)
    return error.value.metadata["token"]


def changed(**changes):
    return IssuerRules.model_validate({**ISSUER.model_dump(), **changes})


def test_a_good_token_names_an_officer():
    officer = read()
    assert (officer.name, officer.roles, officer.until) == ("https://a.example#o-1", {Role.READER}, NOW + 330)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://a.example/"}, Fault.ISSUER),
        ({"iss": None}, Fault.ISSUER),
        ({"aud": "gateway2"}, Fault.AUDIENCE),
        ({"aud": ["other", "gatewa"]}, Fault.AUDIENCE),
        ({"aud": None}, Fault.AUDIENCE),
        ({"aud": {"gateway": 1}}, Fault.AUDIENCE),
        ({"exp": None}, Fault.MALFORMED),
        ({"exp": "soon"}, Fault.MALFORMED),
        ({"exp": True}, Fault.MALFORMED),
        ({"exp": float("inf")}, Fault.MALFORMED),
        ({"exp": float("nan")}, Fault.MALFORMED),
        ({"exp": 10**400}, Fault.MALFORMED),
        ({"exp": -1}, Fault.MALFORMED),
        ({"iat": None}, Fault.MALFORMED),
        ({"nbf": "now"}, Fault.MALFORMED),
        ({"exp": NOW - 30}, Fault.EXPIRED),
        ({"iat": NOW - 630}, Fault.EXPIRED),
        ({"iat": NOW + 31}, Fault.TOO_EARLY),
        ({"nbf": NOW + 31}, Fault.TOO_EARLY),
        ({"sub": None}, Fault.SUBJECT),
        ({"sub": ""}, Fault.SUBJECT),
        ({"sub": 7}, Fault.SUBJECT),
        ({"sub": "a\nb"}, Fault.SUBJECT),
        ({"sub": "a" * 256}, Fault.SUBJECT),
        ({"cnf": {"x5t#S256": "other"}}, Fault.SYSTEM),
        ({"cnf": {"jkt": "thumb"}}, Fault.SYSTEM),
        ({"cnf": "thumb"}, Fault.SYSTEM),
    ],
)
def test_a_token_that_does_not_fit_is_refused(changes, why):
    assert fault(changes) == why


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["other", "gateway"]},
        {"exp": NOW - 29},
        {"iat": NOW - 629, "exp": NOW + 10_000},
        {"iat": NOW + 30, "nbf": NOW + 30},
        {"cnf": {"x5t#S256": "thumb"}},
        {"exp": NOW + 0.5},
    ],
)
def test_a_token_that_fits_within_the_leeway_is_accepted(changes):
    assert read(changes).name


@given(st.integers(-700, 700), st.integers(-700, 700), st.integers(0, 2000))
def test_an_accepted_token_is_accepted_until_its_end_and_not_after(issued, expires, later):
    claims = {"iat": NOW + issued, "exp": NOW + expires}
    try:
        officer = read(claims)
    except Unauthenticated:
        return
    assert officer.until <= NOW + expires + 30
    assert officer.until <= NOW + issued + 630
    assert officer.until > NOW
    if NOW + later < officer.until:
        assert read(claims, now=NOW + later) == officer
    else:
        assert fault(claims, now=NOW + later) == Fault.EXPIRED


@pytest.mark.parametrize(
    ("named", "systems", "is_good"),
    [
        (DESK.client, {}, True),
        ("desk-7", {"desk-7": DESK.client}, True),
        ("desk-8", {"desk-7": DESK.client}, False),
        (DESK.client, {"desk-7": DESK.client}, False),
        ("spiffe://hk.test/SFC/other", {}, False),
        (None, {}, False),
        (["desk-7"], {"desk-7": DESK.client}, False),
    ],
)
def test_a_token_may_be_bound_to_the_system_that_calls(named, systems, is_good):
    issuer = changed(system_claim="azp", systems=systems)
    if is_good:
        assert read({"azp": named}, issuer=issuer).name
    else:
        assert fault({"azp": named}, issuer=issuer) == Fault.SYSTEM


@pytest.mark.parametrize(
    ("claim", "names", "changes", "roles"),
    [
        ("roles", {}, {"roles": ["author", "boss", 7, None]}, {Role.AUTHOR}),
        ("roles", {}, {"roles": "author reader"}, {Role.AUTHOR, Role.READER}),
        ("roles", {}, {"roles": 7}, set()),
        ("roles", {}, {"roles": None}, set()),
        ("roles", {}, {"roles": {"author": 1}}, set()),
        ("realm.roles", {}, {"realm": {"roles": ["auditor"]}}, {Role.AUDITOR}),
        ("realm.roles", {}, {"realm": ["auditor"]}, set()),
        ("https://a.example/roles", {}, {"https://a.example/roles": ["auditor"]}, {Role.AUDITOR}),
        ("roles", {"SFC_MAKER": "author"}, {"roles": ["SFC_MAKER", "reader"]}, {Role.AUTHOR}),
    ],
)
def test_the_roles_are_read_as_was_agreed(claim, names, changes, roles):
    assert read(changes, issuer=changed(roles_claim=claim, role_names=names)).roles == roles


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "iat", "exp", "nbf", "roles", "cnf", "azp"]), JSON))
def test_whatever_a_token_claims_it_names_an_officer_or_is_refused(claims):
    for issuer in (ISSUER, changed(system_claim="azp", roles_claim="roles.a.b")):
        try:
            officer = read_claims({**GOOD, **claims}, issuer, RULES, DESK, NOW)
        except Unauthenticated:
            continue
        assert officer.roles <= set(Role)
        assert officer.name.startswith("https://a.example#")
