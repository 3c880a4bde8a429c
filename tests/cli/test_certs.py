"""``gateway certs issue`` and ``gateway upgrade``."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.home.home import Home
from gateway.identity.certificates.issuing import generate_tls_key
from tests.cli.transcripts import run
from tests.support.nodes import Site

NODE = "spiffe://gateway.hk.example/node"


@pytest.fixture
def site(tmp_path):
    return Site("HK", tmp_path / "hk").found()


def issue(site, out, *more):
    return run("certs", "issue", site.path / "authority", "--out", out, *more)


def test_a_renewed_node_has_new_keys_that_its_home_accepts(site, tmp_path):
    before = site.home.seals.in_force.keys().public
    for profile in ("node", "seal"):
        assert issue(site, tmp_path / "new", "--profile", profile, "--id", NODE).code == 0
    for file in (tmp_path / "new").iterdir():
        file.replace(site.home.path / "keys" / file.name)
    renewed = Home(site.home.path)
    assert renewed.seals.in_force.keys().public != before
    assert renewed.parties(datetime.now(UTC), ()).own.seal.public == renewed.seals.in_force.keys().public


def test_a_request_from_outside_is_certified_for_a_node(site, tmp_path):
    key = generate_tls_key()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, SHA256())
    (tmp_path / "node.csr").write_bytes(request.public_bytes(Encoding.PEM))
    ran = issue(site, tmp_path / "new", "--profile", "node", "--id", NODE, "--csr", tmp_path / "node.csr")
    assert ran.code == 0
    made = x509.load_pem_x509_certificate((tmp_path / "new" / "node.crt").read_bytes())
    assert made.public_key() == key.public_key()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["node.crt"]


@pytest.mark.parametrize(
    ("profile", "identity", "said"),
    [
        ("client", NODE, "must be the ID of a client"),
        ("node", "spiffe://gateway.hk.example/SFC/desk", "must be the ID of a node"),
        ("seal", "spiffe://gateway.hk.example/SFC/desk", "must be the ID of a node"),
        ("node", "https://gateway.hk.example/node", "Invalid value"),
    ],
)
def test_the_identity_must_fit_the_profile(site, tmp_path, profile, identity, said):
    ran = issue(site, tmp_path / "new", "--profile", profile, "--id", identity)
    assert ran.code == 2
    assert said in ran.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("identity", ["spiffe://gateway.kr.example/node", "spiffe://gateway.kr.example/FSC/desk"])
def test_an_authority_issues_nothing_for_another_domain(site, tmp_path, identity):
    profile = "node" if identity.endswith("/node") else "client"
    ran = issue(site, tmp_path / "new", "--profile", profile, "--id", identity)
    assert ran.code == 2
    assert "domain: must be that of the" in ran.err
    assert not (tmp_path / "new").exists()


def test_a_home_is_not_made_with_the_authority_of_another_domain(site, tmp_path):
    listens = ("--back-office", "127.0.0.1:1", "--peer", "127.0.0.1:2", "--certs", site.path / "authority")
    named = ("--jurisdiction", "KR", "--domain", "gateway.kr.example", "--name", "Korea", "--authority", "FSC")
    ran = run("init", tmp_path / "kr", *named, *listens)
    assert ran.code == 2
    assert "gateway.kr.example" in ran.err
    assert not (tmp_path / "kr").exists()


def test_an_upgrade_that_is_not_needed_changes_nothing(site):
    ran = run("upgrade", site.home.path)
    assert ran.code == 0
    assert "has the form of this version" in ran.out
