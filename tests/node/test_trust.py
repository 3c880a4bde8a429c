"""What a node trusts is read from its home, at its start and again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from gateway.errors import ConfigError, Untrusted
from gateway.home.certificates import deny, sign_crl
from gateway.home.lifetimes import lifetimes_of
from gateway.identity.certificates.denied import MAX_DENIED
from gateway.identity.certificates.keyfiles import read_certificate
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import Cause, load_certificate
from gateway.node.trust import TrustStore
from tests.support.nodes import Site, found_pair


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site("HK", tmp_path / "hk").found()


@pytest.fixture
def revoke(site: Site) -> Callable[..., bytes]:
    """Signs the client authority's next list, and puts it into the home; gives its bytes."""

    def sign(*certificates: Certificate) -> bytes:
        file = site.home.path / "trust" / "client-authority.crl"
        sign_crl(file, site.authority(AuthorityKind.CLIENT), certificates, now(), 30)
        return file.read_bytes()

    return sign


def test_a_list_that_goes_back_while_the_node_is_stopped_keeps_it_from_starting(site, revoke):
    """Else a revoked certificate would be good again after a restart."""
    older = revoke()
    TrustStore(site.home, (), now)
    office = read_certificate(site.path / "clients" / "SFC-office" / "client.crt")
    revoke(office)
    trusted = TrustStore(site.home, (), now).clients.current.verifier
    with pytest.raises(Exception, match="revoked") as refused:
        trusted.verify(office.public_bytes(Encoding.DER), now())
    assert refused.value.metadata["reason"] == Cause.REVOKED
    file = site.home.path / "trust" / "client-authority.crl"
    file.write_bytes(older)
    with pytest.raises(ConfigError, match="has the number 1, after 2"):
        TrustStore(site.home, (), now)
    file.unlink()
    with pytest.raises(ConfigError, match="not there any more"):
        TrustStore(site.home, (), now)


def test_without_a_list_nothing_is_remembered(site):
    TrustStore(site.home, (), now)
    assert not (site.home.path / "trust" / "crl-numbers.txt").exists()


def test_a_list_of_everything_that_may_be_refused_is_read(site):
    """It is longer than a file that holds a certificate may be."""
    site.home.denied_file.write_text("".join(f"sha256 {number:064x}\n" for number in range(MAX_DENIED)))
    assert len(site.home.denied().fingerprints) == MAX_DENIED


def test_a_list_of_many_revoked_certificates_is_read_and_followed_by_the_next(site, revoke):
    authority, file = site.authority(AuthorityKind.CLIENT), site.home.path / "trust" / "client-authority.crl"
    file.write_bytes(authority.sign_crl(dict.fromkeys(range(1, 3001), now()), 1, now(), 30))
    assert [len(crl.revoked) for crl in TrustStore(site.home, (), now).clients.current.crls.values()] == [3000]
    revoke(read_certificate(site.path / "clients" / "SFC-office" / "client.crt"))
    assert [len(crl.revoked) for crl in TrustStore(site.home, (), now).clients.current.crls.values()] == [3001]


@pytest.mark.parametrize("seconds", [3599, 3601])
def test_after_an_hour_of_roots_that_cannot_be_read_a_listener_trusts_nobody_new(tmp_path, seconds, monkeypatch):
    """What an operator wanted to be refused may not be known here. What links present goes on, and so do open calls."""
    hk, _ = found_pair(tmp_path)
    trust = TrustStore(hk.home, ("KR",), now)
    before = trust.for_clients().roots, trust.for_peers().roots
    for each in (trust.clients, trust.peers):
        monkeypatch.setattr(each, "failing_seconds", lambda: float(seconds))
    after = trust.for_clients().roots, trust.for_peers().roots
    assert all(one == other for one, other in zip(before, after, strict=True)) == (seconds < 3600)
    assert trust.clients.current.roots == before[0]
    if seconds > 3600:
        assert not {before[0], before[1]} & {*after}


def test_to_deny_says_that_the_list_cannot_be_read(site):
    site.home.denied_file.write_bytes(b"# \xe9\n")
    with pytest.raises(ConfigError, match=r"denied\.txt is not UTF-8"):
        deny(site.home, "serial 1", "")


def test_a_seal_that_its_authority_revokes_signs_nothing_more_and_what_it_signed_before_is_good(tmp_path):
    hk, kr = found_pair(tmp_path)
    seal = kr.home.seals.in_force.certified()
    trust = TrustStore(hk.home, ("KR",), now)
    before = int(now().timestamp()) - 60
    trust.require_unrevoked(kr.domain, seal, before)
    file = hk.home.peers / "kr.crl"
    sign_crl(file, kr.authority(AuthorityKind.NODE), [load_certificate(seal.certificates[1])], now(), 30)
    trust = TrustStore(hk.home, ("KR",), now)
    trust.require_unrevoked(kr.domain, seal, before)
    after = int(now().timestamp()) + 1
    with pytest.raises(Untrusted, match="was revoked before it did"):
        trust.require_unrevoked(kr.domain, seal, after)
    with pytest.raises(Untrusted, match="was revoked before it did"):
        trust.certify(kr.domain, seal.certificates, after)


def test_a_seal_that_this_node_denies_signs_nothing_whatever_the_time(tmp_path):
    hk, kr = found_pair(tmp_path)
    seal = kr.home.seals.in_force.certified()
    deny(hk.home, f"sha256 {sha256(seal.certificates[0]).hexdigest()}", "")
    with pytest.raises(Untrusted):
        TrustStore(hk.home, ("KR",), now).require_unrevoked(kr.domain, seal, 0)


def test_a_list_of_a_peer_whose_pairing_has_ended_needs_no_renewal(tmp_path):
    hk, kr = found_pair(tmp_path)
    old = kr.authority(AuthorityKind.NODE).sign_crl({}, 1, now() - timedelta(days=2), 1)
    hk.home.peers.joinpath("kr.crl").write_bytes(old)
    trust = TrustStore(hk.home, ("KR",), now)
    times = trust.watched[-1]
    with pytest.raises(ConfigError, match="should have been renewed"):
        times.look()
    trust.is_ended = lambda peer: peer == "KR"
    times.look()


def test_nothing_depends_on_the_certificates_of_a_peer_whose_pairing_has_ended(tmp_path):
    hk, _ = found_pair(tmp_path)
    about_peer = [each.purpose for each in lifetimes_of(hk.home, now()) if "KR" in each.purpose]
    assert about_peer
    left = [each.purpose for each in lifetimes_of(hk.home, now(), ended={"KR"})]
    assert len(left) == len(lifetimes_of(hk.home, now())) - len(about_peer)
