"""The doctor finds what is wrong with a home, with its certificates, around it, and says what to do."""

import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import split

import grpc
import pytest

from gateway.cli.doctor import examine
from gateway.cli.findings.findings import Finding, Level, Subject
from gateway.home.home import Home
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import fingerprint, to_pem
from gateway.identity.names import NodeId
from tests.cli.listeners import context_of, listening, taking_hybrid_keys_alone
from tests.cli.transcripts import run
from tests.support.certificates import OddCertificates, authority, issued
from tests.support.commands import unknown_in
from tests.support.nodes import Site, found_pair

STRANGER = 65534  # a user who is not this one


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site]:
    """Founded and paired, not running."""
    return found_pair(tmp_path_factory.mktemp("doctor"))


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else fills this machine's disk, the doctor finds room; ``test_doctor_store`` tries the other."""
    monkeypatch.setattr("gateway.cli.findings.doctor_store.LEAST_FREE_PART", 0)


@pytest.fixture
def home(founded, tmp_path) -> Home:
    """A copy of Hong Kong's home, to be spoilt."""
    shutil.copytree(founded[0].home.path, tmp_path / "home")
    return Home(tmp_path / "home")


def findings(home: Home, now: datetime | None = None, about: str = "") -> list[Finding]:
    found = examine(Subject(Home(home.path), now or datetime.now(UTC)))
    return [each for each in found if not about or each.about == about]


def failures(home: Home, now: datetime | None = None) -> list[Finding]:
    return [each for each in findings(home, now) if each.level is Level.FAIL]


def unknown_commands(found: Iterable[Finding]) -> list[str]:
    return [each for one in found for each in unknown_in(f"{one.remedy.todo}; {one.remedy.command}")]


def test_what_is_to_be_typed_holds_the_homes_path_as_one_word(home, tmp_path):
    spoilt = Home(shutil.copytree(home.path, tmp_path / "a home"))
    for path in (spoilt.path, spoilt.key("node"), spoilt.path / "trust"):
        path.chmod(0o777)
    (spoilt.path / "access.toml").write_text("")
    (spoilt.peers / "KR.crl").write_text("")
    commands = [each.remedy.command for each in findings(spoilt)]
    naming = [command for command in commands if spoilt.path.name in command]
    assert len(naming) >= 6
    assert [command for command in naming if not any(str(spoilt.path) in word for word in split(command))] == []


def test_a_good_home_that_does_not_run_has_no_failure(founded):
    ran = run("doctor", founded[0].home.path)
    assert ran.code == 0, ran.out
    assert "this node's" in ran.out
    assert f"WARN  peers           KR at 127.0.0.1:{founded[1].peer_port} does not answer" in ran.out
    assert "-> ask its operator" in ran.out


def test_a_node_that_runs_is_found_and_reaches_its_peer(started_pair):
    for site, peer in (started_pair, started_pair[::-1]):
        ran = run("doctor", site.home.path)
        assert ran.code == 0, ran.out
        assert "WARN" not in ran.out
        assert ran.out.count("this node answers") == 2
        assert f"OK    peers           {peer.jurisdiction} at 127.0.0.1:{peer.peer_port}: TLS 1.3 both ways" in ran.out


def test_a_failure_ends_with_exit_code_1(home):
    home.config_file.write_text("[node]\n")
    ran = run("doctor", home.path)
    assert ran.code == 1
    assert ran.out.startswith("FAIL  configuration   ")
    assert "nothing else was checked" in ran.out


def _without_certificate(home: Home) -> None:
    home.certificate("node").unlink()


def _open_key(home: Home) -> None:
    home.key("seal-ed25519").chmod(0o644)


def _no_key(home: Home) -> None:
    home.key("seal-ed25519").unlink()


def _swapped_key(home: Home) -> None:
    shutil.copy(home.key("seal-ed25519"), home.key("seal-ml-dsa-44"))


def _bad_access(home: Home) -> None:
    home.access_file.write_text("[[clients]]\nid = 1\n")


def _other_root(home: Home) -> None:
    other = authority(AuthorityKind.NODE, "HK", home.config.node.domain, datetime.now(UTC))
    home.root("node-authority").write_bytes(to_pem(other.certificate))


def _other_domain(home: Home) -> None:
    home.config_file.write_text(home.config_file.read_text().replace("gateway.hk.example", "hk.example"))
    home.access_file.write_text("")


def _no_database(home: Home) -> None:
    for file in home.path.glob("node.db*"):
        file.unlink()


def _database_of_another(home: Home) -> None:
    _no_database(home)
    shutil.copy(home.path / "other.db", home.path / "node.db")


def _bad_pairing(home: Home) -> None:
    (home.peers / "kr.json").write_bytes(b"{}")


def _bad_denied(home: Home) -> None:
    home.denied_file.write_text("rubbish\n")


def _bad_list_of_clients(home: Home) -> None:
    (home.path / "trust" / "client-authority.crl").write_bytes(b"rubbish")


def _no_sqlite(home: Home) -> None:
    _no_database(home)
    (home.path / "node.db").write_bytes(b"rubbish" * 1000)


def _bad_list_of_a_peer(home: Home) -> None:
    (home.peers / "kr.crl").write_bytes(b"rubbish")


@pytest.mark.parametrize(
    ("spoil", "about", "words"),
    [
        (_without_certificate, "keys", "node.crt cannot be read"),
        (_open_key, "keys", "chmod 600"),
        (_no_key, "keys", "put it back from where the node's keys are kept"),
        (_swapped_key, "keys", "is not the key of seal-ml-dsa-44.crt"),
        (_bad_access, "access", "line 2"),
        (_other_root, "certificates", "no authority that is trusted here issued"),
        (_other_root, "seal", "none of the given roots issued"),
        (_other_domain, "certificates", "config.toml says hk.example"),
        (_no_database, "database", "gateway restore makes it again, from a backup or from the peers"),
        (_no_database, "database", "without one, --from-peers"),
        (_no_sqlite, "database", "cannot be read: file is not a database Remedy"),
        (_bad_pairing, "pairings", "kr.json"),
        (_bad_denied, "revocation", "denied.txt: line 1"),
        (_bad_list_of_clients, "revocation", "client-authority.crl"),
        (_bad_list_of_a_peer, "revocation", "kr.crl"),
    ],
)
def test_what_is_wrong_with_a_home_is_found(home, spoil: Callable[[Home], None], about, words):
    spoil(home)
    found = [each for each in failures(home) if each.about == about]
    assert any(words in f"{each.said} {each.remedy}" for each in found), findings(home)
    assert unknown_commands(findings(home)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone gives files away")
def test_what_another_user_left_in_the_home_is_found(home):
    """As root does, with whose umask what it writes is its own: the node runs as another user."""
    mine = home.path.stat().st_uid
    for path in (home.path, *home.path.rglob("*")):
        os.chown(path, STRANGER, STRANGER)
    assert [each for each in failures(home) if each.about == "home"] == []
    for name in ("peers/kr.json", "lock"):
        os.chown(home.path / name, mine, mine)
    (home.peers / "kr.json").chmod(0o600)
    (home.path / "lock").chmod(0o644)
    os.chown(home.config_file, mine, mine)  # which it may read
    (found,) = [each for each in failures(home) if each.about == "home"]
    assert found.said.endswith("who may not use what others own in it: lock, peers/kr.json")
    assert found.remedy.command == f"chown -R --reference={home.path} {home.path}"


def test_the_database_of_another_node_is_found(founded, home):
    shutil.copy(founded[1].home.path / "node.db", home.path / "other.db")
    _database_of_another(home)
    (found,) = failures(home)
    assert found.said.startswith("the database is not that of HK gateway.hk.example, but of KR gateway.kr.example: ")


def test_what_is_open_to_others_is_a_warning(home):
    (home.path / "keys").chmod(0o755)
    warned = [each for each in findings(home, about="keys") if each.level is Level.WARN]
    assert [each.remedy.command for each in warned] == [f"chmod 700 {home.path / 'keys'}"]


@pytest.mark.parametrize("name", ["peers/KR.crl", "peers/node-authority.crl", "trust/kr.crl"])
def test_a_list_of_revoked_certificates_under_a_name_that_nobody_reads_is_a_warning(home, name):
    (home.path / name).write_bytes(b"a list")
    warned = [each for each in findings(home, about="revocation") if each.level is Level.WARN]
    assert [each.said for each in warned] == [f"{name} is not read: no authority's list has that name"]
    assert "peers/kr.crl" in warned[0].remedy.todo
    assert warned[0].remedy.command == f"ls {home.path}/trust {home.path}/peers"


def test_a_home_without_clients_or_peers_is_a_warning(home):
    home.access_file.write_text("")
    (home.peers / "kr.json").unlink()
    warned = {each.about: each.remedy.command for each in findings(home) if each.level is Level.WARN}
    assert warned["access"].startswith(f"gateway client add {home.path} --certs AUTHORITIES --id spiffe://")
    assert warned["pairings"] == f"gateway pair export {home.path} --out own.json"
    assert len(warned) == 2


@pytest.mark.parametrize(
    ("days", "level", "words"),
    [(360, Level.OK, "36 more days"), (370, Level.WARN, "26 more days"), (400, Level.FAIL, "expired at")],
)
def test_a_certificate_is_warned_of_before_it_ends(home, days, level, words):
    later = datetime.now(UTC) + timedelta(days=days)
    (found,) = [each for each in findings(home, later, "certificates") if each.said.startswith("node.crt")]
    assert found.level is level
    assert words in found.said
    assert bool(found.remedy.todo) is (level is not Level.OK)


def test_a_client_authority_of_another_domain_is_a_warning(home):
    foreign = authority(AuthorityKind.CLIENT, "KR", "gateway.kr.example", datetime.now(UTC)).certificate
    with home.root("client-authority").open("ab") as file:
        file.write(to_pem(foreign))
    (found,) = [each for each in findings(home, about="certificates") if each.level is Level.WARN]
    assert "is of gateway.kr.example, by its subject, and trusted here" in found.said
    assert found.remedy.command == f"gateway certs distrust {home.path} client-authority {fingerprint(foreign)}"


def test_a_peer_whose_seal_has_expired_is_found(home):
    later = datetime.now(UTC) + timedelta(days=1900)
    assert {"seal", "pairings"} <= {each.about for each in failures(home, later)}


def test_a_clock_that_is_behind_is_found(home):
    before = datetime.now(UTC) - timedelta(days=2)
    found = failures(home, before)
    assert "clock" in {each.about for each in found}
    early = [each for each in found if "is not valid before" in each.said]
    assert {each.about for each in early} >= {"certificates", "seal"}
    assert {each.remedy.command for each in early} == {"date -u"}


# --- the network ----------------------------------------------------------------------------------------------------


def peer_findings(site: Site) -> list[Finding]:
    return findings(site.home, about="peers")


def test_a_peer_under_another_root_is_found(founded, tmp_path):
    hk, kr = founded
    impostor = authority(AuthorityKind.NODE, "KR", kr.domain, datetime.now(UTC))
    server = issued(impostor, "node", NodeId(kr.domain), datetime.now(UTC))
    own_root = hk.authority(AuthorityKind.NODE).certificate
    with listening(context_of(server, own_root, tmp_path / "tls"), kr.peer_port):
        (found,) = peer_findings(hk)
    assert found.level is Level.FAIL
    assert "verify failed" in found.said
    assert "fingerprint" in found.remedy.todo


@pytest.mark.parametrize(
    ("days", "said"), [(-100, "its certificate has expired"), (5, "its certificate is not valid yet")]
)
def test_a_certificate_whose_time_it_is_not_is_told_as_that(founded, tmp_path, days, said):
    """Of the peer, and of this node, which is no stranger on its own port."""
    hk, kr = founded
    then, root = datetime.now(UTC) + timedelta(days=days), hk.authority(AuthorityKind.NODE).certificate
    servers = [
        OddCertificates(site.authority(AuthorityKind.NODE), then).node(str(NodeId(site.domain)), dns=[site.domain])
        for site in (hk, kr)
    ]
    own, peer = (context_of(server, root, tmp_path / str(place)) for place, server in enumerate(servers))
    with listening(own, hk.peer_port), listening(peer, kr.peer_port):
        (of_peer,) = peer_findings(hk)
        (of_own,) = [each for each in findings(hk.home, about="listeners") if each.level is Level.FAIL]
    assert said in of_peer.said
    assert of_peer.remedy.command == "date -u"
    assert f"this node answers, and {said}" in of_own.said
    assert of_own.remedy.command == f"gateway certs status {hk.home.path}"


def peer_that_is(hk: Site, kr: Site, identity: str, folder: Path) -> ssl.SSLContext:
    odd = OddCertificates(kr.authority(AuthorityKind.NODE), datetime.now(UTC))
    server = odd.node(identity, dns=[kr.domain])
    return context_of(server, hk.authority(AuthorityKind.NODE).certificate, folder)


@pytest.mark.parametrize("identity", ["spiffe://gateway.sg.example/node", "spiffe://gateway.kr.example/FSS/desk"])
def test_a_peer_with_another_spiffe_id_is_found(founded, tmp_path, identity):
    hk, kr = founded
    with listening(peer_that_is(hk, kr, identity, tmp_path / "tls"), kr.peer_port):
        (found,) = peer_findings(hk)
    assert found.level is Level.FAIL
    assert identity in found.said


def test_a_peer_that_speaks_only_tls_1_2_is_found(founded, tmp_path):
    hk, kr = founded
    context = peer_that_is(hk, kr, str(NodeId(kr.domain)), tmp_path / "tls")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with listening(context, kr.peer_port):
        (found,) = peer_findings(hk)
    assert found.level is Level.FAIL


def test_a_peer_that_takes_hybrid_keys_alone_is_a_good_one(founded):
    """As one may that somebody else has written; Python's own TLS may offer it none."""
    hk, kr = founded
    server = issued(kr.authority(AuthorityKind.NODE), "node", NodeId(kr.domain), datetime.now(UTC))
    root = to_pem(hk.authority(AuthorityKind.NODE).certificate)
    node = grpc.server(ThreadPoolExecutor(1))  # it knows no method: one of an earlier version answers so
    credentials = grpc.ssl_server_credentials([(server.key_pem, server.pem)], root, require_client_auth=True)
    behind = node.add_secure_port("127.0.0.1:0", credentials)
    node.start()
    try:
        with taking_hybrid_keys_alone(kr.peer_port, behind):
            (found,) = peer_findings(hk)
    finally:
        node.stop(0).wait()
    assert found.level is Level.OK, found
    assert "it takes streams" in found.said


def test_a_peer_that_does_not_admit_this_node_is_found(founded, tmp_path):
    """In TLS 1.3 the refusal of a client's certificate comes after the handshake."""
    hk, kr = founded
    now = datetime.now(UTC)
    server = issued(kr.authority(AuthorityKind.NODE), "node", NodeId(kr.domain), now)
    stranger = authority(AuthorityKind.NODE, "SG", "gateway.sg.example", now).certificate
    with listening(context_of(server, stranger, tmp_path / "tls"), kr.peer_port):
        (found,) = peer_findings(hk)
    assert found.level is Level.FAIL, found
    assert "it does not admit this node's certificate" in found.said
    assert "the node started since" in found.remedy.todo


def test_what_takes_certificates_and_no_calls_is_not_taken_for_a_good_peer(founded, tmp_path, monkeypatch):
    hk, kr = founded
    monkeypatch.setattr("gateway.cli.findings.doctor_network.TIMEOUT_SECONDS", 0.5)
    server = issued(kr.authority(AuthorityKind.NODE), "node", NodeId(kr.domain), datetime.now(UTC))
    with listening(context_of(server, hk.authority(AuthorityKind.NODE).certificate, tmp_path / "tls"), kr.peer_port):
        (found,) = peer_findings(hk)
    assert found.level is Level.WARN, found
    assert "it speaks no gRPC" in found.said


def test_a_peer_that_says_nothing_is_not_taken_for_a_good_one(founded, tmp_path, monkeypatch):
    hk, kr = founded
    monkeypatch.setattr("gateway.cli.findings.doctor_network.TIMEOUT_SECONDS", 0.5)
    server = issued(kr.authority(AuthorityKind.NODE), "node", NodeId(kr.domain), datetime.now(UTC))
    context = context_of(server, hk.authority(AuthorityKind.NODE).certificate, tmp_path / "tls")
    with listening(context, kr.peer_port, says=b""):
        (found,) = peer_findings(hk)
    assert found.level is Level.WARN, found
    assert "timed out" in found.said


def test_something_else_on_a_port_of_ours_is_found(founded):
    hk, _ = founded
    with listening(None, hk.back_office_port):
        found = {each.said.split()[0]: each.level for each in findings(hk.home, about="listeners")}
    assert found == {"back_office": Level.FAIL, "peer": Level.OK}


def test_a_node_that_stands_still_is_not_taken_for_something_else(founded, monkeypatch):
    """Its machine takes connections for it. Whoever is told to stop what has its port stops the node."""
    hk, _ = founded
    monkeypatch.setattr("gateway.cli.findings.doctor_network.TIMEOUT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", hk.peer_port)):
        (found,) = [each for each in findings(hk.home, about="listeners") if each.level is Level.FAIL]
    assert found.said.endswith("what has the port says nothing")
    assert found.remedy.command == f"ps -o pid,stat,etime,args -p $(cat {hk.home.path}/lock)"


def test_an_address_of_another_machine_is_found(home):
    text = home.config_file.read_text()
    home.config_file.write_text(text.replace('[peer]\nlisten = "127.0.0.1:', '[peer]\nlisten = "192.0.2.1:'))
    found = [each for each in failures(home) if each.about == "listeners"]
    assert ["cannot be used" in each.said for each in found] == [True]
