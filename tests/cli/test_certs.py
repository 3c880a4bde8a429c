"""``gateway certs issue``, ``gateway certs crl`` and ``gateway upgrade``."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.home.certificates import trust_root
from gateway.home.home import Home
from gateway.home.provisioning import load_authority, make_authorities
from gateway.identity.certificates.issuing import generate_tls_key
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import fingerprint
from tests.cli.transcripts import run
from tests.support.nodes import Site, found_pair
from tests.support.offline import sealing, writing

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


def test_the_root_of_what_the_node_uses_is_not_distrusted(site, tmp_path):
    """It would run on, and not start again: its own certificates would come from nobody."""
    now, (old,) = datetime.now(UTC), site.home.roots("node-authority")
    make_authorities(tmp_path / "second", "HK", site.domain, now)
    later = load_authority(tmp_path / "second", AuthorityKind.NODE)
    trust_root(site.home, "node-authority", later.certificate)
    distrust = ("certs", "distrust", site.home.path, "node-authority", fingerprint(old))
    renewed = {"node": ("node.crt", "install"), "seal": ("seal-ed25519.crt", "rotate-seal")}
    for profile, (file, command) in renewed.items():
        refused = run(*distrust)
        assert (refused.code, f"that issued {file}" in refused.err, command in refused.err) == (2, True, True)
        made = tmp_path / profile
        assert run("certs", "issue", tmp_path / "second", "--profile", profile, "--id", NODE, "--out", made).code == 0
        for each in made.iterdir():
            each.replace(site.home.path / "keys" / each.name)
    assert len(site.home.roots("node-authority")) == 2
    assert run(*distrust).code == 0
    assert site.home.roots("node-authority") == [later.certificate]


def test_an_upgrade_that_is_not_needed_changes_nothing(site):
    ran = run("upgrade", site.home.path)
    assert ran.code == 0
    assert "has the form of this version" in ran.out


def test_a_seal_that_was_stolen_before_it_was_revoked_proves_nothing_since_then(tmp_path):
    hk, kr = found_pair(tmp_path)
    asyncio.run(_sealed_a_minute_ago(hk))
    file, crl = tmp_path / "file", hk.path / "authority" / "node-authority.crl"
    assert run("evidence", "export", "hk-1", "--stored", hk.home.path, "--out", file).code == 0
    certificates = [hk.home.certificate(name) for name in ("seal-ed25519", "seal-ml-dsa-44")]
    seal = [part for each in certificates for part in ("--certificate", each)]

    def revoke(*more):
        return run("certs", "crl", hk.path / "authority", "--authority", "node", *more)

    def holds():
        roots = [part for site in (hk, kr) for part in ("--root", site.home.root("node-authority"))]
        return run("evidence", "verify", file, *roots, "--crl", crl).code == 0

    assert revoke(*seal).code == 0
    revoked_at = [each.revocation_date_utc for each in x509.load_pem_x509_crl(crl.read_bytes())]
    assert holds(), "it was signed before the seal was revoked"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    told = revoke(*seal, "--since", f"{yesterday:%Y-%m-%d}").out
    assert f"signed at {yesterday:%Y-%m-%d} 00:00:00Z or later proves nothing" in told
    assert not holds()
    assert revoke().code == 0
    assert not holds(), "the next list has forgotten it"
    assert [each.revocation_date_utc for each in x509.load_pem_x509_crl(crl.read_bytes())] == revoked_at
    assert revoke(*seal, "--since", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}").code == 0
    assert holds(), "what is known now counts"


async def _sealed_a_minute_ago(site):
    async with writing(site, lambda: (time.time_ns() - 60_000_000_000) // 1000) as committer:
        await committer.submit(lambda tx: sealing("gateway.hk.example/to/gateway.kr.example", "hk-1")(tx, None))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--since", "2026-05-08"], "is for what --certificate names"),
        (["--since", "2199-05-08", "--certificate"], "since: must not be in the future"),
        (["--since", "yesterday", "--certificate"], "is not a moment such as 2026-05-08"),
    ],
)
def test_since_when_keys_were_in_other_hands_is_said_of_certificates_and_of_the_past(site, more, said):
    named = [site.home.certificate("seal-ed25519")] if more[-1] == "--certificate" else []
    ran = run("certs", "crl", site.path / "authority", "--authority", "node", *more, *named)
    assert (ran.code, said in ran.err) == (2, True), ran.text()
