"""Tokens with real signatures: which are accepted, and what an officer may do by a system."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.errors import NotAllowed, PersonRequired, Unauthenticated, Unavailable
from gateway.identity.access.access import Caller, Role
from gateway.identity.officers import officers as module
from gateway.identity.officers.claims import Fault, Officer, Presenter
from gateway.identity.officers.issuer_keys import IssuerKeys
from gateway.identity.officers.officers import MAX_TOKEN_CHARACTERS, Officers
from gateway.identity.officers.rules import Algorithm, IssuerRules, OfficerRules
from tests.support.issuers import AUDIENCE, ISSUER, Issuer, public_jwk

DESK = Presenter("spiffe://hk.test/SFC/desk", "thumb")
SYSTEM = Caller(DESK.client, "SFC", frozenset({Role.AUTHOR, Role.READER, Role.OPERATOR}))
NOTICES = "/regulator.exchange.v1.NoticeService/"
ALL = {"algorithms": list(Algorithm)}


def free() -> None:
    """Costs nothing."""


class Source:
    """The keys of an issuer, as a test sets them."""

    name = "keys"

    def __init__(self, issuer: Issuer) -> None:
        self.issuer, self.missed = issuer, 0
        self.load()

    def load(self) -> None:
        self._keys: IssuerKeys | None = IssuerKeys.parse(self.issuer.jwks(), list(Algorithm))

    def look(self) -> None:
        """Has nothing to look at."""

    def lose(self) -> None:
        self._keys = None

    def keys(self) -> IssuerKeys:
        if self._keys is None:
            raise Unavailable("not known now")
        return self._keys

    def miss(self) -> None:
        self.missed += 1


class Desk:
    """A system that presents tokens of one issuer."""

    def __init__(self, issuer: Issuer, **rules) -> None:
        self.issuer, self.source, self.spent = issuer, Source(issuer), 0
        agreed = IssuerRules(issuer=issuer.name, audience=AUDIENCE, jwks="keys.json", **{**ALL, **rules})
        self.officers = Officers(OfficerRules(issuers=(agreed,)), [module.Issuer(agreed, self.source)])

    def officer(self, token: str, later: float = 0) -> Officer:
        return self.officers.officer(token, DESK, time.time() + later, self.spend)

    def spend(self) -> None:
        self.spent += 1

    def fault(self, token: str, later: float = 0) -> str:
        with pytest.raises(Unauthenticated) as error:
            self.officer(token, later)
        assert token not in str(error.value)
        return error.value.metadata["token"]


@pytest.fixture
def desk() -> Desk:
    return Desk(Issuer())


def part(value) -> str:
    return (
        base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode())
        .rstrip(b"=")
        .decode()
    )


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_token_is_accepted_in_each_algorithm(algorithm):
    issuer = Issuer(keys={})
    issuer.add("first", algorithm)
    officer = Desk(issuer).officer(issuer.token())
    assert officer.name == f"{ISSUER}#officer-7"
    assert officer.roles == {Role.AUTHOR, Role.READER, Role.APPROVER}


def test_an_algorithm_that_was_not_agreed_on_is_refused():
    issuer = Issuer()
    issuer.add("second", "RS256")
    desk = Desk(issuer, algorithms=["ES256"])
    assert desk.officer(issuer.token())
    assert desk.fault(issuer.token("second")) == Fault.ALGORITHM


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "HS512", "ES256K", 7, None, ["ES256"], {}])
def test_no_signature_and_no_shared_secret_is_accepted(desk, alg):
    token = f"{part({'alg': alg, 'typ': 'JWT', 'kid': 'first'})}.{part(desk.issuer.claims())}."
    assert desk.fault(token) in (Fault.ALGORITHM, Fault.MALFORMED)
    assert desk.fault(token + part(b"x" * 64)) in (Fault.ALGORITHM, Fault.MALFORMED)


@pytest.mark.parametrize("form", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
def test_a_public_key_is_no_shared_secret(form):
    """The classic confusion: HS256 with the issuer's public key, which everybody has, as the secret."""
    issuer = Issuer(keys={})
    issuer.add("first", "RS256")
    public = issuer.keys["first"][1].public_key()
    for secret in (public.public_bytes(Encoding.PEM, form), public.public_bytes(Encoding.DER, form), issuer.jwks()):
        signed = f"{part({'alg': 'HS256', 'typ': 'JWT', 'kid': 'first'})}.{part(issuer.claims())}"
        mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signed.encode(), secret)
        assert Desk(issuer).fault(f"{signed}.{part(mac)}") == Fault.ALGORITHM


def test_a_signature_of_another_key_or_over_something_else_is_refused(desk):
    other = Issuer()
    assert desk.fault(other.token()) == Fault.SIGNATURE
    header, claims, signature = desk.issuer.token().split(".")
    richer = part(desk.issuer.claims(roles=["operator"]))
    assert desk.fault(f"{header}.{richer}.{signature}") == Fault.SIGNATURE
    assert desk.fault(f"{header}.{claims}.") == Fault.SIGNATURE
    assert desk.fault(f"{header}.{claims}.{part(b'x' * 64)}") == Fault.SIGNATURE


def test_an_algorithm_of_another_kind_of_key_is_refused():
    issuer = Issuer(keys={})
    issuer.add("first", "RS256")
    token = issuer.token(headers={"alg": "PS256"})
    assert Desk(issuer).fault(token) == Fault.KEY


def test_a_key_that_is_too_short_is_refused():
    weak = rsa.generate_private_key(65537, 1024)
    issuer = Issuer(keys={"first": ("RS256", weak)})
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = issuer.token()
    assert public_jwk("RS256", weak)
    assert Desk(issuer).fault(token) == Fault.SIGNATURE


def test_an_unknown_key_has_the_keys_asked_for_again(desk):
    desk.issuer.add("second", "ES256")
    assert desk.fault(desk.issuer.token("second")) == Fault.KEY
    assert desk.source.missed == 1
    desk.source.load()
    assert desk.officer(desk.issuer.token("second"))
    assert desk.source.missed == 1


def test_a_key_in_the_token_itself_is_not_believed(desk):
    other = Issuer()
    for headers in (
        {"jwk": other.jwk("first")},
        {"jku": "https://elsewhere.example/keys"},
        {"x5u": "https://e.example"},
    ):
        assert desk.fault(other.token(headers=headers)) == Fault.SIGNATURE
        assert desk.officer(desk.issuer.token(headers=headers))


@pytest.mark.parametrize(
    "headers",
    [{"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}, {"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"typ": 7}],
)
def test_a_token_for_something_else_is_refused(desk, headers):
    assert desk.fault(desk.issuer.token(headers=headers)) in (Fault.MALFORMED, Fault.SIGNATURE)


@pytest.mark.parametrize("issuer", ["https://elsewhere.example", f"{ISSUER}/", "", 7, None, [ISSUER], {}])
def test_another_issuer_is_refused(desk, issuer):
    header, _, signature = desk.issuer.token().split(".")
    assert desk.fault(f"{header}.{part(desk.issuer.claims(iss=issuer))}.{signature}") == Fault.ISSUER


def test_one_issuer_does_not_speak_for_another():
    mine, other = Issuer(), Issuer("https://sign-in.hkma.example")
    agreed = [IssuerRules(issuer=each.name, audience=AUDIENCE, jwks="keys") for each in (mine, other)]
    made = [module.Issuer(rules, Source(each)) for rules, each in zip(agreed, (mine, other), strict=True)]
    officers = Officers(OfficerRules(issuers=tuple(agreed)), made)
    assert officers.officer(other.token(), DESK, time.time(), free).name.startswith(other.name)
    with pytest.raises(Unauthenticated) as error:
        officers.officer(other.token(iss=mine.name), DESK, time.time(), free)
    assert error.value.metadata["token"] == Fault.SIGNATURE


def test_a_large_token_is_refused_before_it_is_read(desk):
    assert desk.fault(desk.issuer.token(more="x" * MAX_TOKEN_CHARACTERS)) == Fault.MALFORMED


@given(st.text(st.characters(max_codepoint=127)) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_any_text_is_a_token_or_refused(text):
    with pytest.raises(Unauthenticated):
        Desk(Issuer()).officer(text)


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_any_parts_are_a_token_or_refused(header, claims):
    with pytest.raises(Unauthenticated):
        Desk(Issuer()).officer(f"{part(header)}.{part(claims)}.")


def test_a_deep_token_is_refused(desk):
    for head, body in ((b"[" * 3000, b"{}"), (json.dumps({"alg": "ES256"}).encode(), b"[" * 3000)):
        assert desk.fault(f"{part(head)}.{part(body)}.AA") == Fault.MALFORMED


# --- what is remembered ---------------------------------------------------------------------------------------------


def test_a_token_that_was_accepted_ends_all_the_same(desk):
    token = desk.issuer.token()
    assert desk.officer(token)
    assert desk.officer(token, later=300)
    assert desk.fault(token, later=331) == Fault.EXPIRED


def test_a_token_is_refused_once_its_key_is_gone_or_not_known(desk):
    token = desk.issuer.token()
    assert desk.officer(token)
    desk.issuer.add("second", "ES256")
    del desk.issuer.keys["first"]
    desk.source.load()
    assert desk.fault(token) == Fault.KEY
    assert desk.officer(desk.issuer.token("second"))
    desk.source.lose()
    with pytest.raises(Unavailable):
        desk.officer(desk.issuer.token("second"))


def test_only_what_was_not_verified_before_is_spent_for(desk):
    token = desk.issuer.token()
    for _ in range(3):
        desk.officer(token)
    assert desk.spent == 1
    for _ in range(3):
        desk.fault("no.token.here")
    assert desk.spent == 4


def test_what_was_accepted_of_one_system_is_not_of_another():
    issuer = Issuer()
    desk = Desk(issuer, system_claim="azp")
    token = issuer.token(azp=DESK.client)
    assert desk.officer(token)
    with pytest.raises(Unauthenticated):
        desk.officers.officer(token, Presenter("spiffe://hk.test/SFC/other", "thumb"), time.time(), free)


def test_no_token_is_kept_and_only_so_many_are_remembered(desk, monkeypatch):
    monkeypatch.setattr(module, "REMEMBERED", 3)
    tokens = [desk.issuer.token(subject=f"o-{number}") for number in range(6)]
    for token in tokens:
        desk.officer(token)
    assert len(desk.officers._verified) == 3
    assert not any(token in repr(desk.officers._verified) for token in tokens)


# --- what an officer may do -------------------------------------------------------------------------------------------


def officers(*require_person: str) -> Officers:
    agreed = IssuerRules(issuer=ISSUER, audience=AUDIENCE, jwks="keys")
    return Officers(OfficerRules(issuers=(agreed,), require_person=require_person), [])


ROLES = st.frozensets(st.sampled_from(Role))


@given(ROLES, ROLES, st.frozensets(st.sampled_from(Role)))
def test_an_officer_narrows_what_a_system_may_do_and_never_adds(mine, theirs, personal):
    rules, system = officers(*personal), Caller(DESK.client, "SFC", mine)
    acting = rules.acting(system, Officer("a#b", theirs, 0))
    assert (acting.roles, acting.officer) == (mine & theirs, "a#b")
    assert (acting.client, acting.authority, acting.clearance) == (system.client, system.authority, system.clearance)
    alone = rules.acting(system, None)
    assert (alone.roles, alone.officer) == (mine - personal, "")


@pytest.mark.parametrize(
    ("rule", "method", "alone", "with_officer"),
    [
        ((), "CreateNotice", None, None),
        ((), "ListChannels", NotAllowed, NotAllowed),
        (("author",), "CreateNotice", PersonRequired, None),
        (("author",), "GetNotice", None, None),
        (("author", "reader"), "GetNotice", PersonRequired, None),
        (("NoticeService/WithdrawNotice",), "WithdrawNotice", PersonRequired, None),
        (("NoticeService/WithdrawNotice",), "CreateNotice", None, None),
        (("operator",), "CreateNotice", None, None),
    ],
)
def test_what_needs_a_person(rule, method, alone, with_officer):
    rules = officers(*rule)
    system = Caller(DESK.client, "SFC", frozenset({Role.AUTHOR, Role.READER}))
    for officer, error in ((None, alone), (Officer("a#b", system.roles, 0), with_officer)):
        acting = rules.acting(system, officer)
        if error is None:
            rules.require(system, acting, NOTICES + method)
        else:
            with pytest.raises(NotAllowed) as refused:
                rules.require(system, acting, NOTICES + method)
            assert type(refused.value) is error


def test_a_system_that_may_not_is_not_told_to_send_an_officer():
    system = Caller(DESK.client, "SFC", frozenset({Role.OPERATOR}))
    rules = officers("author", "NoticeService/CreateNotice")
    with pytest.raises(NotAllowed) as refused:
        rules.require(system, rules.acting(system, None), f"{NOTICES}CreateNotice")
    assert refused.value.reason == "NOT_ALLOWED"


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://a.example"},
        {"issuer": "https://a.example#b"},
        {"issuer": "https://u@a.example"},
        {"issuer": "https://"},
        {"issuer": "https://[a"},
        {"issuer": "https://a.example/ b"},
        {"jwks": "http://a.example/keys"},
        {"jwks": ""},
        {"audience": ""},
        {"algorithms": []},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"role_names": {"MAKER": "boss"}},
        {"systems": {"desk": "desk"}},
        {"unknown": 1},
    ],
)
def test_rules_of_an_issuer_that_do_not_fit_are_refused(changes):
    with pytest.raises(ValidationError):
        IssuerRules.model_validate({"issuer": ISSUER, "audience": AUDIENCE, "jwks": "keys.json", **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"require_person": ["boss"]},
        {"require_person": ["NoticeService/DeleteNotice"]},
        {"require_person": ["author"], "issuers": []},
        {"keep_seconds": 100, "refresh_seconds": 200},
        {"issuers": [{"issuer": ISSUER, "audience": "a", "jwks": "k"}] * 2},
    ],
)
def test_rules_that_do_not_fit_are_refused(changes):
    issuers = [{"issuer": ISSUER, "audience": AUDIENCE, "jwks": "keys.json"}]
    with pytest.raises(ValidationError):
        OfficerRules.model_validate({"issuers": issuers, **changes})
