"""A certificate is revoked while its bearer is connected: nothing more is served, and soon."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from regulator.exchange import Client, Unauthenticated
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.identity.certificates.keyfiles import read_certificate
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.rpc.rechecks import RECHECK_SECONDS
from gateway.watching import LOOK_SECONDS
from tests.cli.transcripts import run
from tests.support.hurried import HURRIED
from tests.support.nodes import Site, eventually, found_pair, running

OFFICE = "SFC-office"


@pytest.fixture
def hk(tmp_path: Path) -> Iterator[Site]:
    site = Site("HK", tmp_path / "hk", program=HURRIED).found()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("revocation"))
    with running(hk, kr):
        yield hk, kr


def certificate_of(site: Site, folder: str = OFFICE) -> Path:
    return site.path / "clients" / folder / "client.crt"


@contextmanager
def watching(site: Site) -> Iterator[tuple[Client, Iterator[object]]]:
    """A client with a stream on which nothing happens."""
    with site.client("SFC") as client, client.watch_events(from_now=True) as watch:
        assert not next(watch).HasField("event")
        yield client, watch


def is_refused(client: Client) -> bool:
    try:
        client.server_info()
    except Unauthenticated as error:
        return error.metadata["reason"] == "REVOKED"
    return False


def ways_to_revoke(site: Site) -> dict[str, list[str]]:
    found = read_certificate(certificate_of(site))
    return {
        "certificate": ["--certificate", str(certificate_of(site))],
        "serial": ["--serial", f"{found.serial_number:X}"],
        "identity": ["--id", f"spiffe://{site.domain}/SFC/office"],
    }


@pytest.mark.parametrize("way", ["certificate", "serial", "identity"])
def test_a_client_that_is_revoked_loses_its_calls_and_its_idle_stream(hk, way):
    with watching(hk) as (client, watch):
        ran = run("certs", "revoke", hk.home.path, *ways_to_revoke(hk)[way], "--reason", "lost laptop")
        assert ran.code == 0, ran.err
        with pytest.raises(Unauthenticated) as refused:
            next(watch)
        assert refused.value.metadata["reason"] == "REVOKED"
        assert is_refused(client)
    with hk.client("HKMA") as other:
        assert other.server_info().alarms == []
    assert "lost laptop" in hk.home.denied_file.read_text()


def test_a_stream_ends_within_a_second():
    """A change is taken at the second look that finds it; each open stream is asked for again by itself."""
    assert 2 * LOOK_SECONDS + RECHECK_SECONDS < 1


def test_a_client_on_its_authoritys_list_is_refused_and_a_list_that_goes_back_is_an_alarm(hk):
    folder, there = hk.path / "authority", hk.home.path / "trust" / "client-authority.crl"
    lists = []
    for revoked in ([], ["--certificate", certificate_of(hk)]):
        ran = run("certs", "crl", folder, *revoked)
        assert ran.code == 0, ran.err
        lists.append((folder / "client-authority.crl").read_bytes())
    there.write_bytes(lists[0])
    with watching(hk) as (client, watch), hk.client("HKMA") as other:
        there.write_bytes(lists[1])
        with pytest.raises(Unauthenticated):
            next(watch)
        assert is_refused(client)
        for harm in (lists[0], lists[1][:100], b""):
            there.write_bytes(harm)
            eventually(lambda: [each.about for each in other.server_info().alarms] == ["trust in clients"])
            assert is_refused(client)
            there.write_bytes(lists[1])
            eventually(lambda: not other.server_info().alarms)


def test_a_list_past_its_time_is_an_alarm_and_goes_on(hk):
    authority, now = hk.authority(AuthorityKind.CLIENT), datetime.now(UTC)
    serial = read_certificate(certificate_of(hk)).serial_number
    old = authority.sign_crl({serial: now}, 1, now - timedelta(days=2), 1)
    (hk.home.path / "trust" / "client-authority.crl").write_bytes(old)
    with hk.client("SFC") as client, hk.client("HKMA") as other:
        eventually(lambda: is_refused(client))
        eventually(lambda: [each.about for each in other.server_info().alarms] == ["lists of revoked certificates"])
        with other.watch_events(kinds=[Event.ALARM]) as watch:
            assert "should have been renewed" in next(watch).event.detail


def test_a_list_past_its_time_refuses_all_where_that_is_asked_for(hk):
    hk.stop()
    config = hk.home.config_file
    config.write_text(config.read_text() + '\n[revocation]\nstale_crl = "refuse"\n')
    now = datetime.now(UTC)
    old = hk.authority(AuthorityKind.CLIENT).sign_crl({}, 1, now - timedelta(days=2), 1)
    (hk.home.path / "trust" / "client-authority.crl").write_bytes(old)
    hk.start()
    with hk.client("SFC") as client, pytest.raises(Unauthenticated) as refused:
        client.server_info()
    assert refused.value.metadata["reason"] == "STALE_CRL"


def test_a_peer_whose_certificate_is_revoked_is_cut_off_and_the_other_direction_waits(own_pair):
    hk, kr = own_pair
    with hk.client() as client:
        eventually(lambda: client.get_channel("kr-to-hk").connected)
        ran = run(
            "certs", "crl", kr.path / "authority", "--authority", "node", "--certificate", kr.home.certificate("node")
        )
        assert ran.code == 0, ran.err
        there = hk.home.path / "peers" / "kr.crl"
        there.write_bytes((kr.path / "authority" / "node-authority.crl").read_bytes())
        eventually(lambda: not client.get_channel("kr-to-hk").connected)
        with kr.client() as peer:
            eventually(lambda: grpc.StatusCode.UNAUTHENTICATED.name in peer.get_channel("kr-to-hk").last_error)
        here, there = (run("doctor", site.home.path).out for site in (hk, kr))
        assert "by what is kept here: the certificate is revoked" in here
        assert "put a new certificate of this node in" in there
