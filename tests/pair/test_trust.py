"""TLS keys, certificates and roots are replaced while nodes are at work: no call fails, and what is wrong is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from regulator.exchange import Client, ExchangeError

from gateway.home.certificates import distrust_root, trust_root
from gateway.home.provisioning import issue_node
from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import fingerprint, to_pem
from gateway.identity.names import ClientId, NodeId
from tests.rpc.calls import SERVER_INFO, call
from tests.support.certificates import issued
from tests.support.hurried import HURRIED
from tests.support.load import check_delivered, working
from tests.support.nodes import AUTHORITIES, Site, eventually, found_pair, running
from tests.support.rotation import (
    client_roots,
    new_authority,
    now,
    renew_clients,
    renew_tls,
    shown,
    tell_peer,
)

REFUSE_AFTER_SECONDS = 1.0  # longer than what files may contradict each other, so that the alarm comes first


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("trust"))
    config = hk.home.config_file
    config.write_text(config.read_text() + f"\n[revocation]\nrefuse_after_seconds = {REFUSE_AFTER_SECONDS}\n")
    hk.program = kr.program = HURRIED
    with running(hk, kr):
        yield hk, kr


def alarms(site: Site) -> dict[str, str]:
    """By what they are about."""
    with site.client() as client:
        return {each.about: each.detail for each in client.server_info().alarms}


def connects(site: Site) -> bool:
    """Whether a new connection is served."""
    try:
        with Client(replace(site.profile("SFC"), max_attempts=1)) as client:
            client.server_info()
    except ExchangeError:
        return False
    return True


def dialled(site: Site, channel: str) -> bool:
    with site.client() as client:
        return client.get_channel(channel).connected


@contextmanager
def changed(path: Path, content: bytes | None) -> Iterator[None]:
    """A file says something else for a while, or is not there."""
    before = path.read_bytes()
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    yield
    path.write_bytes(before)


def test_tls_keys_and_both_roots_are_replaced_under_load_and_no_call_fails(own_pair, tmp_path):
    hk, kr = own_pair
    with working(hk, kr, calls_per_second=30) as works:
        for site, peer in ((hk, kr), (kr, hk)):
            old, new = site.authority(AuthorityKind.NODE).certificate, new_authority(site, AuthorityKind.NODE)
            renew_tls(site, site.authority(AuthorityKind.NODE), tmp_path / site.jurisdiction / "1")
            # The node authority: trusted by the node, its clients and its peer before anything comes from it.
            trust_root(site.home, "node-authority", new.certificate)
            client_roots(site, old, new.certificate)
            tell_peer(site, peer)
            renew_tls(site, new, tmp_path / site.jurisdiction / "2")
            # The client authority.
            clients, follower = site.authority(AuthorityKind.CLIENT), new_authority(site, AuthorityKind.CLIENT)
            trust_root(site.home, "client-authority", follower.certificate, first=True)
            eventually(lambda s=site, f=follower: takes_clients_of(s, f))
            renew_clients(site, follower, tmp_path / site.jurisdiction / "clients")
            works[site is kr].all_reconnect()
            distrust_root(site.home, "client-authority", fingerprint(clients.certificate))
    assert [work.failures for work in works] == [[], []]
    assert all(len(work.given) > 20 for work in works)
    for work, peer in zip(works, (kr, hk), strict=True):
        eventually(lambda w=work, p=peer: check_delivered(w, p))
    assert alarms(hk) == alarms(kr) == {}
    eventually(lambda: dialled(hk, "hk-to-kr") and dialled(kr, "kr-to-hk"))


def takes_clients_of(site: Site, authority: Authority) -> bool:
    """Whether a node takes a client's certificate by an authority."""
    desk = ClientId(site.domain, AUTHORITIES[site.jurisdiction][0], "office")
    credential = issued(authority, "client", desk, now())
    roots = site.home.root("node-authority").read_bytes()
    credentials = grpc.ssl_channel_credentials(roots, credential.key_pem, credential.pem)
    options = [("grpc.ssl_target_name_override", site.domain), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(f"127.0.0.1:{site.back_office_port}", credentials, options) as channel:
        return call(channel, SERVER_INFO, b"").code == grpc.StatusCode.OK


BAD_PAIRS = {
    "a key that is not that of the certificate": ("node.key", lambda other: (other / "node.key").read_bytes()),
    "a certificate that is not that of the key": ("node.crt", lambda other: (other / "node.crt").read_bytes()),
    "a broken certificate": ("node.crt", lambda other: (other / "node.crt").read_bytes()[:100]),
    "an empty file": ("node.key", lambda other: b""),
    "a file that is not there": ("node.crt", lambda other: None),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_a_tls_pair_that_cannot_serve_keeps_the_old_and_raises_an_alarm(own_pair, tmp_path, case):
    hk, _ = own_pair
    name, content = BAD_PAIRS[case]
    issue_node(tmp_path, NodeId(hk.domain), hk.authority(AuthorityKind.NODE), now())
    before = shown(hk)
    with changed(hk.home.path / "keys" / name, content(tmp_path)):
        eventually(lambda: "TLS key and certificate" in alarms(hk))
        assert shown(hk) == before
    eventually(lambda: alarms(hk) == {})
    assert shown(hk) == before


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", None])
def test_roots_that_cannot_be_read_keep_the_old_for_a_time_and_then_take_no_new_connection(own_pair, content):
    hk, _ = own_pair
    with Client(hk.profile("SFC")) as open_before:
        open_before.server_info()
        with changed(hk.home.root("client-authority"), content):
            eventually(lambda: any(each.about == "trust in clients" for each in open_before.server_info().alarms))
            eventually(lambda: not connects(hk))
            open_before.server_info()
        eventually(lambda: connects(hk))
    eventually(lambda: alarms(hk) == {})


def test_a_leaf_in_place_of_a_root_is_not_taken(own_pair):
    hk, _ = own_pair
    leaf = hk.home.certificate("node").read_bytes()
    with changed(hk.home.root("client-authority"), leaf), Client(hk.profile("SFC")) as client:
        eventually(lambda: any("not that of an authority" in each.detail for each in client.server_info().alarms))
    eventually(lambda: alarms(hk) == {})


def test_a_pairing_document_that_is_damaged_keeps_the_peers_roots(own_pair):
    hk, _ = own_pair
    with changed(hk.home.peer_file("KR"), b"{}"):
        eventually(lambda: "trust in peers" in alarms(hk))
        assert dialled(hk, "hk-to-kr")
    eventually(lambda: alarms(hk) == {})


def test_a_stranger_of_the_same_name_is_not_trusted_by_a_bundle(own_pair):
    """Both roots bear one name; a third of that name does not come in with them."""
    hk, _ = own_pair
    second, stranger = (new_authority(hk, AuthorityKind.CLIENT) for _ in range(2))
    bundle = hk.home.root("client-authority").read_bytes() + to_pem(second.certificate)
    with changed(hk.home.root("client-authority"), bundle):
        eventually(lambda: takes_clients_of(hk, second))
        assert stranger.certificate.subject == second.certificate.subject
        assert not takes_clients_of(hk, stranger)
        assert connects(hk)
