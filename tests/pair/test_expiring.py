"""A node tells operators which of its certificates are near their end: each mark once, also over a restart."""

import json
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from typing import Any

from regulator.exchange.v1.event_service_pb2 import Event

from gateway.home.certificates import sign_crl
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, PUBLIC_MODE, read_certificate, write_file
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import fingerprint, load_certificate
from tests.cli.sites import profile_path
from tests.cli.transcripts import run
from tests.support.certificates import OddCertificates
from tests.support.nodes import AUTHORITIES, Site, eventually, found_pair, running
from tests.support.rotation import now, rotated


def told(site: Site) -> list[str]:
    found = []
    with site.client() as client, client.watch_events(kinds=[Event.CERTIFICATE_EXPIRING]) as watch:
        for response in watch:
            if not response.HasField("event"):
                return found
            found.append(response.event.detail)
    raise AssertionError("the watch ended by itself")


def test_a_certificate_near_its_end_is_told_once(tmp_path):
    site = Site("HK", tmp_path / "hk").found()
    odd = OddCertificates(site.authority(AuthorityKind.NODE), now())
    soon = odd.node(f"spiffe://{site.domain}/node", dns=[site.domain], not_after=now() + timedelta(days=5))
    write_file(site.home.key("node"), soon.key_pem, mode=PRIVATE_MODE, replace=True)
    write_file(site.home.certificate("node"), soon.pem, mode=PUBLIC_MODE, replace=True)
    for _ in range(2):
        site.start()
        try:
            eventually(lambda: len(told(site)) == 1)
            (said,) = told(site)
        finally:
            site.stop()
        assert said.startswith("TLS of this node")
        assert said.endswith("at most 7 days left")
    ran = run("certs", "status", site.home.path)
    assert ran.code == 0
    assert ran.out.splitlines()[1].startswith("TLS of this node")
    assert "expiring" in ran.out.splitlines()[1]


def certificates(*arguments: object) -> list[dict[str, Any]]:
    ran = run("certs", "status", *arguments, "--json")
    assert ran.code == 0, ran.text()
    return json.loads(ran.out)["certificates"]


def test_a_node_lists_its_certificates_as_its_files_do_until_a_peer_has_rotated_its_seal(tmp_path):
    hk, kr = found_pair(tmp_path)
    with running(hk, kr):
        asked, read = certificates("--profile", profile_path(hk, AUTHORITIES["HK"][0])), certificates(hk.home.path)
        assert asked == read
        purposes = Counter(each["purpose"] for each in asked)
        assert purposes["seal of this node"] == purposes["seal of KR"] == 2
        assert {each["state"] for each in asked} == {"valid"}
        with hk.client() as client:
            pages = list(client.list_certificates(page_size=2).pages())
        assert [each.sha256 for page in pages for each in page.certificates] == [each["sha256"] for each in asked]
        rotated(kr, tmp_path / "next")
        seal = [sha256(each).hexdigest() for each in kr.home.seals.in_force.certified().certificates]

        def told() -> list[str]:
            with hk.client() as client:
                return [each.sha256 for each in client.list_certificates() if each.purpose == "seal of KR"]

        eventually(lambda: sorted(told()) == sorted(seal))


def test_what_is_revoked_is_told_and_by_when_a_list_is_renewed(tmp_path):
    hk, kr = found_pair(tmp_path)
    tls = read_certificate(hk.home.certificate("node"))
    assert run("certs", "revoke", hk.home.path, "--sha256", fingerprint(tls)).code == 0
    seal = load_certificate(kr.home.seals.in_force.certified().certificates[0])
    sign_crl(hk.home.peers / "kr.crl", kr.authority(AuthorityKind.NODE), [seal], now(), 30)
    found = certificates(hk.home.path)
    assert [each["sha256"] for each in found if each["state"] == "revoked"] == [fingerprint(tls), fingerprint(seal)]
    assert [each["purpose"] for each in found if each["crl_next_update"]] == ["root of the node authority of KR"]


def test_a_home_or_a_node_must_be_named():
    ran = run("certs", "status")
    assert ran.code != 0
    assert "--profile" in ran.text()
