"""A node tells operators which of its certificates are near their end: each mark once, also over a restart."""

from datetime import timedelta

from regulator.exchange.v1.event_service_pb2 import Event

from gateway.identity.keyfiles import PRIVATE_MODE, PUBLIC_MODE, write_file
from gateway.identity.profiles import AuthorityKind
from tests.cli.transcripts import run
from tests.support.certificates import OddCertificates
from tests.support.nodes import Site, eventually
from tests.support.rotation import now


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
