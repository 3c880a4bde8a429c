"""Seals are rotated while both nodes are at work, and replaced where they were lost: nothing fails, nothing is lost."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from regulator.exchange import Client, NotAllowed, WrongState
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.errors import Untrusted
from gateway.home.certificates import trust_root
from gateway.home.pairing import import_pairing
from gateway.home.provisioning import issue_seal
from gateway.identity.access.access import Role
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.evidence.evidence import verify_evidence
from gateway.identity.names import NodeId
from tests.cli.transcripts import run
from tests.pair.asking import checked, give
from tests.support.load import check_delivered, working
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.rotation import client_roots, new_authority, now, prepared, renew_tls, rotated, tell_peer

ENOUGH_NOTICES = int(os.environ.get("GATEWAY_NOTICES", "250"))  # of each node, under a heavy load


@pytest.fixture
def own_pair(tmp_path: Path) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path)
    with running(hk, kr):
        yield hk, kr


def has(site: Site, name: str) -> bool:
    with site.client() as client:
        return name in {each.name for each in client.list_notices(page_size=1000)}


def receipted(site: Site, channel: str) -> bool:
    with site.client() as client:
        found = client.get_channel(channel)
        return found.receipted_size == found.size


def test_seals_of_both_nodes_are_rotated_under_load_and_no_call_fails(own_pair, tmp_path):
    hk, kr = own_pair
    first = give(hk, "KR")[0]
    eventually(lambda: receipted(hk, "hk-to-kr"))
    with working(hk, kr, calls_per_second=30) as works:
        for turn in range(2):
            rotated(hk, tmp_path / f"hk{turn}")
            rotated(kr, tmp_path / f"kr{turn}")
    assert [work.failures for work in works] == [[], []]
    for work, peer in zip(works, (kr, hk), strict=True):
        eventually(lambda w=work, p=peer: check_delivered(w, p))
    last = give(hk, "KR")[0]
    eventually(lambda: receipted(hk, "hk-to-kr"))
    roots = [site.authority(AuthorityKind.NODE).certificate for site in (hk, kr)]
    with hk.client("SFC") as client:
        for name in (first, last):
            proven = verify_evidence(client.get_evidence(name).tlog_proof, roots)
            assert proven.received_at is not None
        with client.watch_events(kinds=[Event.SEAL_ROTATED]) as watch:
            told = [next(watch).event.origin for _ in range(4)]
        assert client.server_info().alarms == []
    assert sorted(told) == sorted([f"{hk.domain}/to/{kr.domain}", f"{kr.domain}/to/{hk.domain}"] * 2)
    for site in (hk, kr):
        checked(site)
        site.stop(signal.SIGKILL)
        site.start()
    again = give(kr, "HK")[0]
    eventually(lambda: has(hk, again))
    tell_peer(hk, kr)  # a document with the seal that the channel has told is taken
    kr.stop()
    kr.start()
    checked(kr)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_tls_roots_and_seals_of_both_nodes_are_rotated_under_a_heavy_load(own_pair, tmp_path):
    """200 calls a second at each node, and everything that can be rotated is; for longer in the deep form."""
    hk, kr = own_pair
    with working(hk, kr, calls_per_second=200, threads=8) as works:
        for site, peer in ((hk, kr), (kr, hk)):
            folder, old = tmp_path / site.jurisdiction, site.authority(AuthorityKind.NODE).certificate
            root = new_authority(site, AuthorityKind.NODE)
            trust_root(site.home, "node-authority", root.certificate)
            client_roots(site, old, root.certificate)
            tell_peer(site, peer)
            renew_tls(site, root, folder / "tls")
            issue_seal(folder / "seal", NodeId(site.domain), root, now())
            digest = run("certs", "prepare-seal", site.home.path, folder / "seal").out.split()[-1]
            with site.client() as client:
                client.rotate_seal(digest)
        eventually(lambda: all(len(work.given) > ENOUGH_NOTICES for work in works), 200)
    assert [work.failures for work in works] == [[], []]
    for work, peer in zip(works, (kr, hk), strict=True):
        eventually(lambda w=work, p=peer: receipted(w.site, channel_to(w.site, p)), 60)
    for site in (hk, kr):
        checked(site)


def channel_to(site: Site, peer: Site) -> str:
    return f"{site.jurisdiction.lower()}-to-{peer.jurisdiction.lower()}"


def test_only_an_operator_rotates_and_only_what_is_prepared(own_pair, tmp_path):
    hk, _ = own_pair
    hk.add_client("SFC", [Role.AUTHOR, Role.AUDITOR], system="desk")
    digest = prepared(hk, tmp_path / "next")

    def refused() -> bool:
        with Client(replace(hk.profile("SFC", "desk"), max_attempts=1)) as desk:
            with pytest.raises(NotAllowed) as error:
                desk.rotate_seal(digest)
            return "roles" in error.value.message

    eventually(refused)
    with hk.client() as operator, pytest.raises(WrongState):
        operator.rotate_seal("0" * 64)


def test_a_lost_seal_is_replaced_by_a_new_pairing_document_and_by_nothing_less(own_pair, tmp_path):
    hk, kr = own_pair
    give(hk, "KR", 2)
    give(kr, "HK")
    eventually(lambda: receipted(hk, "hk-to-kr") and receipted(kr, "kr-to-hk"))
    kr.stop()
    give(hk, "KR")  # sealed under the seal that will be lost, and not delivered
    hk.stop()
    issue_seal(tmp_path / "new", NodeId(hk.domain), hk.authority(AuthorityKind.NODE), now())
    ran = run("certs", "replace-seal", hk.home.path, tmp_path / "new")
    assert ran.code == 0, ran.err
    document = hk.home.pairing_document(now())
    arguments = (document.encode(), document.fingerprint(), now())
    with pytest.raises(Untrusted, match="--replace-seal"):
        import_pairing(kr.home, *arguments)
    import_pairing(kr.home, *arguments, replace_seal=True)
    for site in (hk, kr):
        checked(site)
        site.start()
    given = [give(hk, "KR")[0], give(kr, "HK")[0]]
    eventually(lambda: has(kr, given[0]) and has(hk, given[1]))
    eventually(lambda: receipted(hk, "hk-to-kr") and receipted(kr, "kr-to-hk"))
    for site in (hk, kr):
        checked(site)


def test_a_lost_seal_is_not_replaced_under_a_node_that_runs(own_pair, tmp_path):
    hk, _ = own_pair
    issue_seal(tmp_path / "new", NodeId(hk.domain), hk.authority(AuthorityKind.NODE), now())
    ran = run("certs", "replace-seal", hk.home.path, tmp_path / "new")
    assert ran.code != 0
    assert "another process uses the node's home" in ran.err
