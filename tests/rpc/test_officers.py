"""Officers at a real node: tokens in metadata over TLS, keys from a file and from an https server."""

import base64
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from regulator.exchange import Client
from regulator.exchange.v1.admin_service_pb2 import ServerInfo

from gateway.identity.access.access import Role
from tests.cli.transcripts import run
from tests.clients.python.authority import Authority
from tests.rpc.calls import ADMIN, CREATE, EVENTS, NOTICES, SERVER_INFO, Answer, call, client_files, connected, refusal
from tests.rpc.journals import added, leaves_of
from tests.support.hurried import HURRIED
from tests.support.issuers import AUDIENCE, Issuer, KeyServer, gives, serving
from tests.support.nodes import Site, eventually, running

UNAUTHENTICATED, DENIED = grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED
EXHAUSTED, UNAVAILABLE = grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE
LIVES_SECONDS = (3, 15, 50)
FETCHED = "https://sign-in.hkma.example"
WITHDRAW = f"{NOTICES}WithdrawNotice"
CONFIG = """
[officers]
require_person = ["approver", "NoticeService/WithdrawNotice"]
refresh_seconds = 5
leeway_seconds = 0

[[officers.issuers]]
issuer = "{mine}"
audience = "{audience}"
jwks = "trust/officers.json"
system_claim = "azp"
systems = {{ desk = "spiffe://gateway.hk.example/SFC/office", flood = "spiffe://gateway.hk.example/SFC/flood" }}

[[officers.issuers]]
issuer = "{fetched}"
audience = "{audience}"
jwks = "{url}"
ca = "trust/officers-ca.crt"
"""


@dataclass
class World:
    """A node, the two issuers that it takes tokens of, and the server of one's keys."""

    hk: Site
    mine: Issuer
    fetched: Issuer
    server: KeyServer
    channel: grpc.Channel
    system: str = "desk"  # whose channel it is, as the issuer calls it

    def token(self, **changes: Any) -> str:
        return self.mine.token(**{"azp": self.system, **changes})

    def ask(self, method: str, *tokens: str, data: bytes = b"") -> Answer:
        return call(self.channel, method, data, metadata=[("authorization", f"Bearer {each}") for each in tokens])

    def info(self, *tokens: str) -> ServerInfo:
        answer = self.ask(SERVER_INFO, *tokens)
        assert answer.code == grpc.StatusCode.OK, answer
        return ServerInfo.FromString(answer.data)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("officers")
    hk, mine, fetched = Site("HK", path / "hk", program=HURRIED).found(), Issuer(), Issuer(FETCHED)
    hk.add_client("SFC", list(Role), system="flood")
    authority = Authority(path / "issuer", "an issuer's root")
    issued = authority.node("localhost")
    with serving(issued.key, issued.certificate, authority.ca, fetched.jwks()) as server:
        text = CONFIG.format(mine=mine.name, fetched=FETCHED, audience=AUDIENCE, url=server.url)
        hk.home.config_file.write_text(hk.home.config_file.read_text() + text)
        (hk.home.path / "trust" / "officers.json").write_bytes(mine.jwks())
        (hk.home.path / "trust" / "officers-ca.crt").write_bytes(authority.ca.read_bytes())
        with running(hk), connected(hk, hk.back_office_port, client_files(hk, "SFC")) as channel:
            yield World(hk, mine, fetched, server, channel)


def test_an_officer_is_named_and_narrows_what_the_system_may_do(world):
    info = world.info(world.token(roles=["author", "reader", "boss"]))
    assert info.client_officer == f"{world.mine.name}#officer-7"
    assert list(info.client_roles) == ["author", "reader"]
    refused = world.ask(f"{ADMIN}ListPeers", world.token(roles=["approver"]))
    assert (refused.code, refused.reason) == (DENIED, "NOT_ALLOWED")


def test_the_journal_names_the_officer_also_of_what_was_refused_and_never_the_token(world):
    officer, token, bad = f"{world.mine.name}#officer-7", world.token(roles=["reader"]), unsigned(world)
    with added(world.hk) as journal:
        world.info(token)
        assert world.ask(WITHDRAW, token).reason == "NOT_ALLOWED"
        world.ask(SERVER_INFO, bad)
        told = [(each.method, each.outcome, each.officer, each.authority) for each in journal.read()]
    assert told == [
        (SERVER_INFO, "OK", officer, "SFC"),
        (WITHDRAW, "NOT_ALLOWED", officer, "SFC"),
        (SERVER_INFO, "UNAUTHENTICATED", "", "SFC"),
    ]
    for part in (*token.split("."), *filter(None, bad.split("."))):
        assert part.encode() not in b"".join(leaves_of(world.hk))


def test_a_system_alone_has_what_needs_no_person(world):
    info = world.info()
    assert info.client_officer == ""
    assert set(info.client_roles) == {*Role} - {Role.APPROVER}
    refused = world.ask(WITHDRAW)
    assert (refused.code, refused.reason) == (DENIED, "PERSON_REQUIRED")
    assert world.ask(WITHDRAW, world.token()).code == grpc.StatusCode.INVALID_ARGUMENT
    assert world.ask(CREATE).code == grpc.StatusCode.INVALID_ARGUMENT


def unsigned(world: World) -> str:
    _, claims, _ = world.token().split(".")
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{header}.{claims}."


BAD: dict[str, tuple[Callable[[World], str], str]] = {
    "no token": (lambda world: "x", "MALFORMED"),
    "unsigned": (unsigned, "ALGORITHM"),
    "signed by another": (lambda world: Issuer().token(azp="desk"), "SIGNATURE"),
    "signed by another issuer": (lambda world: world.fetched.token(iss=world.mine.name, azp="desk"), "SIGNATURE"),
    "of another issuer": (lambda world: Issuer("https://elsewhere.example").token(), "ISSUER"),
    "for somebody else": (lambda world: world.token(aud="other"), "AUDIENCE"),
    "expired": (lambda world: world.token(exp=1_700_000_000), "EXPIRED"),
    "too old": (lambda world: world.token(iat=1_700_000_000), "EXPIRED"),
    "of tomorrow": (lambda world: world.token(nbf=4_000_000_000, exp=4_000_000_001), "TOO_EARLY"),
    "of another system": (lambda world: world.token(azp="other"), "SYSTEM"),
    "of nobody": (lambda world: world.token(subject=""), "SUBJECT"),
    "with a key that is not known": (lambda world: world.token(headers={"kid": "other"}), "KEY"),
    "too large": (lambda world: world.token(more="x" * 9000), "MALFORMED"),
}


@pytest.mark.parametrize(("make", "fault"), BAD.values(), ids=BAD)
def test_a_token_that_is_not_good_is_refused_whatever_is_asked(world, make, fault):
    token = make(world)
    for method in (SERVER_INFO, CREATE, f"{EVENTS}WatchEvents", f"{NOTICES}SubmitNotices"):
        answer = world.ask(method, token)
        assert (answer.code, answer.reason) == (UNAUTHENTICATED, "UNAUTHENTICATED")
        assert answer.infos[0].metadata["token"] == fault
        assert token not in answer.text or len(token) < 2
    assert len(token) < 2 or token not in world.hk.log_text()


@pytest.mark.parametrize(
    "sent",
    [["Basic dTpw"], ["Bearer"], ["Bearer "], ["{}"], ["bearer{}"], [""], ["Bearer {}", "Bearer {}"], ["Bearer {} {}"]],
)
def test_what_is_sent_in_another_form_is_refused(world, sent):
    metadata = [("authorization", each.replace("{}", world.token())) for each in sent]
    assert call(world.channel, SERVER_INFO, b"", metadata=metadata).code == UNAUTHENTICATED


def test_a_token_bound_to_a_certificate_is_for_that_one_alone(world):
    _, pem = client_files(world.hk, "SFC")
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    mine = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    assert world.info(world.token(cnf={"x5t#S256": mine})).client_officer
    refused = world.ask(SERVER_INFO, world.token(cnf={"x5t#S256": mine.swapcase()}))
    assert refused.infos[0].metadata["token"] == "SYSTEM"


@pytest.fixture
def flooding(world: World) -> Iterator[World]:
    """A system that nothing else calls as: how many new tokens it may send is counted for each system by itself."""
    with connected(world.hk, world.hk.back_office_port, client_files(world.hk, "SFC", "flood")) as channel:
        yield replace(world, channel=channel, system="flood")


def test_a_flood_of_tokens_is_refused_before_they_are_looked_into(world, flooding):
    """Calls with no token, or with one that was verified, go on meanwhile; so do other systems' new tokens."""
    good, ask = flooding.token(), flooding.channel.unary_unary(SERVER_INFO)
    assert flooding.info(good).client_officer
    numbers, codes = itertools.count(), Counter()

    def flooded() -> bool:
        sent = [[("authorization", f"Bearer {next(numbers)}.a.b")] for _ in range(600)]
        codes.update(each.exception().code() for each in [ask.future(b"", metadata=one, timeout=60) for one in sent])
        return codes.keys() >= {UNAUTHENTICATED, EXHAUSTED}

    eventually(flooded)  # a machine with other work may take so long for the first ones that the rate is kept
    assert codes.keys() <= {UNAUTHENTICATED, EXHAUSTED, UNAVAILABLE}  # gRPC itself refuses what is too much
    assert flooding.info(good).client_officer
    assert flooding.info().client_officer == ""
    assert world.info(world.token()).client_officer


def test_a_profile_may_name_the_token(world):
    folder = world.hk.path / "clients" / "SFC-office"
    profile = folder / "officer.toml"
    profile.write_text((folder / "profile.toml").read_text() + 'token = "officer.jwt"\n')
    (folder / "officer.jwt").write_text(world.token())
    assert f"you act for  {world.mine.name}#officer-7" in run("status", "--profile", profile).out
    (folder / "officer.jwt").write_text(world.token(aud="other"))
    refused = run("status", "--profile", profile)
    assert (refused.code, refused.out) == (3, "")
    assert "it is for somebody else (UNAUTHENTICATED)" in refused.err


def open_stream(world: World) -> Any:
    """A watch that has begun, whose token ends soon; on a busy machine it is one that ends later."""
    for life in LIVES_SECONDS:
        metadata = [("authorization", f"Bearer {world.token(exp=world.mine.claims()['iat'] + life)}")]
        watch = world.channel.unary_stream(f"{EVENTS}WatchEvents")(b"\x10\x01", metadata=metadata)
        with suppress(grpc.RpcError):
            next(watch)
            return watch
    raise AssertionError("no watch began before its token's end")


def test_an_open_stream_ends_with_its_token(world):
    with pytest.raises(grpc.RpcError) as refused:
        next(open_stream(world))
    assert refusal(refused.value).infos[0].metadata["token"] == "EXPIRED"


def test_an_issuer_changes_its_keys_in_its_file(world):
    world.mine.add("second", "EdDSA")
    file = world.hk.home.path / "trust" / "officers.json"
    file.write_bytes(world.mine.jwks())
    eventually(lambda: world.ask(SERVER_INFO, world.token(kid="second")).code == grpc.StatusCode.OK)
    good = file.read_bytes()
    file.write_bytes(b"no keys")
    eventually(lambda: [each.about for each in world.info().alarms] == ["trust/officers.json"])
    assert world.info(world.token(kid="second")).client_officer
    file.write_bytes(good)
    eventually(lambda: not world.info().alarms)


def test_an_issuer_changes_its_keys_at_its_server(world):
    eventually(lambda: world.ask(SERVER_INFO, world.fetched.token()).code == grpc.StatusCode.OK)
    old = world.fetched.token()
    world.fetched.keys.clear()
    world.fetched.add("second", "RS256")
    world.server.answer = gives(world.fetched.jwks())
    eventually(lambda: world.ask(SERVER_INFO, world.fetched.token("second")).code == grpc.StatusCode.OK)
    assert world.ask(SERVER_INFO, old).code == UNAUTHENTICATED


def test_keys_that_cannot_be_fetched_again_are_an_alarm_and_stay_in_force(world):
    eventually(lambda: world.ask(SERVER_INFO, world.fetched.token(next(iter(world.fetched.keys)))).code.value[0] == 0)
    before, world.server.answer = world.server.answer, gives(b"", 500)
    eventually(lambda: [each.about for each in world.info().alarms] == [world.server.url])
    (alarm,) = world.info().alarms
    assert "answered 500; those fetched before stay in force" in alarm.detail
    assert world.info(world.fetched.token(next(iter(world.fetched.keys)))).client_officer
    world.server.answer = before
    eventually(lambda: not world.info().alarms)


def test_doctor_looks_at_the_keys_of_each_issuer(world):
    before = world.server.answer
    assert run("doctor", world.hk.home.path).out.count("OK    officers") == 2
    world.server.answer = gives(b"", 404)
    assert "answered 404" in run("doctor", world.hk.home.path).out
    world.server.answer = before


def test_a_node_without_issuers_accepts_no_token(tmp_path):
    site = Site("HK", tmp_path / "hk").found()
    with running(site), connected(site, site.back_office_port, client_files(site, "SFC")) as channel:
        answer = call(channel, SERVER_INFO, b"", metadata=[("authorization", f"Bearer {Issuer().token()}")])
        assert (answer.code, answer.infos[0].metadata["token"]) == (UNAUTHENTICATED, "ISSUER")
        with Client(site.profile("SFC")) as client:
            assert client.server_info().client_officer == ""
