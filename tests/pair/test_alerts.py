"""Alerts are provoked on nodes that run: each fires by what the node tells, is over afterwards, and what an operator
types first says the same."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from regulator.exchange import Unavailable
from regulator.exchange.v1.notice_service_pb2 import GetNoticeRequest, Notice

from gateway.home.certificates import sign_crl
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, PUBLIC_MODE, write_file
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import load_certificate
from tests.cli.sites import profile_path
from tests.cli.transcripts import run
from tests.docs.rules import alerts
from tests.pair.files import give_with
from tests.rpc.calls import client_files, connected
from tests.supervision.samples import content
from tests.support.certificates import OddCertificates
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.scraped import SURE, Scraped
from tests.support.shifted import SHIFT_FILE
from tests.support.strace import needs_strace, traced

GET = "/regulator.exchange.v1.NoticeService/GetNotice"
CALLS = 330  # more than one a second of the five minutes over which alerts ask
QUOTA_BYTES = 1_000_000
NOT_HERE = {  # the names alone are looked at, below
    "GatewayDown",  # who does not answer tells nothing
    "GatewayPeerUnreachable",  # tests/pair/test_metrics.py
    "GatewayReplicaMissing",  # tests/pair/test_replicas.py
    "GatewayUnavailable",  # what makes commits fail, for minutes
    "GatewayDiskFilling",  # these depend on the machine alone
    "GatewayDiskFull",
    "GatewayMemoryLarge",
    "GatewayLoopLate",
    "GatewayQueueFull",
    "GatewayDeliverySlow",
}


class Watched(Scraped):
    """Hong Kong with a clock that can be set."""

    def __init__(self, hk: Site, kr: Site, shift: Path) -> None:
        super().__init__(hk, kr)
        hk.program = ("tests.support.shifted",)
        self._shift = shift

    def start(self) -> None:
        self.hk.start(**{SHIFT_FILE: str(self._shift)})

    def jump(self, seconds: int) -> None:
        """Hong Kong's clock is now so far ahead of Korea's: less than what a node does not believe any more."""
        new = self._shift.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self._shift)

    def fires(self, *names: str) -> None:
        """Just these do; of few calls it is chance whether one in twenty finds the node unavailable."""
        assert self.firing({*SURE, *names}) - {"GatewayUnavailable"} == set(names)

    def says(self, status: str, doctor: str) -> None:
        """What is typed first names it, and what to do; each is a pattern, empty where it has nothing to say."""
        for pattern, ran in (
            (status, run("status", "--profile", profile_path(self.hk, "SFC"))),
            (doctor, run("doctor", self.hk.home.path)),
        ):
            if pattern:
                assert re.search(rf"{pattern}.*(?:\n +.*)*\n +-> .*\n +\$  ", ran.text()), ran.text()

    def is_well(self) -> bool:
        return set(self.states().values()) == {"serving"} and self.value("gateway_alarm_raised") == 0


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("alerts")
    hk, kr = found_pair(folder)
    hk.configure(f"[attachments]\nauthority_quota_bytes = {QUOTA_BYTES}\n")
    hk.configure(f'[limits.clients."spiffe://{hk.domain}/HKMA/office"]\ncalls_per_second = 1\nburst_calls = 1\n')
    kr.configure("[attachments]\npeer_quota_bytes = 1000\n")
    found = Watched(hk, kr, folder / "shift")
    try:
        found.start()
        kr.start()
        yield found
    finally:
        hk.stop_if_running()
        kr.stop_if_running()


@pytest.fixture
def watched(own_pair: Watched) -> Iterator[Watched]:
    """Nothing fires before, and nothing once it is over."""
    eventually(own_pair.is_well)
    own_pair.fires()
    yield own_pair
    eventually(own_pair.is_well)
    own_pair.fires()


def refused(site: Site, authority: str, count: int) -> None:
    """Asks so often, by gRPC alone: the client library would wait, and try again."""
    request = GetNoticeRequest(name="notices/hk-2026-001").SerializeToString()
    with connected(site, site.back_office_port, client_files(site, authority)) as channel:
        ask = channel.unary_unary(GET)
        for _ in range(count):
            with pytest.raises(grpc.RpcError):
                ask(request, timeout=60)


def given(site: Site, notice_id: str) -> None:
    with site.client("SFC") as client:
        client.create_notice(content(), recipient="KR", notice_id=notice_id)


def test_a_file_that_cannot_be_used(watched):
    file = watched.hk.home.access_file
    good = file.read_text()
    file.write_text(f"{good}\n[[clients]]\nid = 1\n")
    eventually(lambda: watched.value("gateway_alarm_raised", about="access.toml") == 1)
    watched.fires("GatewayAlarm")
    watched.says("FAIL  alarm +access.toml", "FAIL  access ")
    file.write_text(good)


def test_a_client_that_is_not_admitted_any_more(watched):
    file = watched.hk.home.access_file
    good = file.read_text()
    head, *clients = good.split("[[clients]]")
    file.write_text("[[clients]]".join([head, *(each for each in clients if "FSTB" not in each)]))

    def is_refused() -> bool:
        run("status", "--profile", profile_path(watched.hk, "FSTB"))
        return watched.value("gateway_refusals_total", reason="NOT_ALLOWED") > 0

    eventually(is_refused)
    refused(watched.hk, "FSTB", 1)
    watched.look()
    refused(watched.hk, "FSTB", CALLS)
    watched.fires("GatewayCallersRefused")
    ran = run("audit", "list", "--profile", profile_path(watched.hk, "SFC"))
    assert f"{watched.hk.domain}/FSTB/office" in ran.text()
    file.write_text(good)


def test_a_client_that_calls_too_often(watched):
    with watched.hk.client("HKMA") as client:
        client.server_info()
    refused(watched.hk, "HKMA", 2)
    watched.look()
    refused(watched.hk, "HKMA", CALLS)
    watched.fires("GatewayLimitsHit")


def test_a_quota_that_is_nearly_full(watched, tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(950_000))
    with watched.hk.client("SFC") as client:
        name = client.upload_attachment(tmp_path / "a.bin").name
        watched.fires("GatewayQuotaFilling")
        watched.says("WARN  files +the files of SFC", "WARN  files +SFC")
        client.delete_attachment(name)


def test_an_envelope_and_files_that_do_not_move(watched, tmp_path):
    hk, kr = watched.hk, watched.kr
    (tmp_path / "a.bin").write_bytes(bytes(2000))
    with hk.client("SFC") as client:
        name = give_with(client, "hk-2026-010", tmp_path / "a.bin")
        eventually(lambda: client.get_notice(name).state == Notice.RELEASED)
    eventually(lambda: watched.value("gateway_channel_unattached_notices") == 1)
    watched.jump(1000)
    watched.fires("GatewayFilesStuck")
    watched.says("files +hk-to-kr", "")
    kr.stop()
    given(hk, "hk-2026-011")
    eventually(lambda: set(watched.states().values()) == {"peer_unreachable"})
    watched.jump(2000)
    watched.fires("GatewayFilesStuck", "GatewayPeerUnreachable", "GatewayNotReceipted")
    watched.says("FAIL  receipts +hk-to-kr", "WARN  peers +KR")
    config = kr.home.config_file
    config.write_text(config.read_text().replace("peer_quota_bytes = 1000", "peer_quota_bytes = 100000"))
    kr.start()
    eventually(lambda: watched.waited_seconds() == watched.value("gateway_channel_unattached_notices") == 0)


def test_a_database_that_was_put_back(watched, tmp_path):
    hk, kr = watched.hk, watched.kr
    hk.stop()
    shutil.copy(hk.home.path / "node.db", tmp_path / "node.db")
    watched.start()
    given(hk, "hk-2026-020")
    eventually(lambda: watched.waited_seconds() == 0)
    hk.stop()
    kr.stop()
    shutil.copy(tmp_path / "node.db", hk.home.path / "node.db")
    watched.start()
    watched.fires("GatewayChannelHalted", "GatewayPeerUnreachable")
    watched.says("FAIL  channel +hk-to-kr has halted: RESTORED", "channels +hk-to-kr.*RESTORED")
    kr.start()


@needs_strace
def test_a_disk_that_takes_nothing(watched, tmp_path):
    hk = watched.hk
    watched.look()
    with traced(hk, tmp_path / "strace", inject="pwrite64:error=ENOSPC", of=("pwrite64",)):
        with pytest.raises(Unavailable):
            given(hk, "hk-2026-030")
        watched.fires("GatewayCommitsFail", "GatewayCannotWrite")
        watched.says("", "FAIL  queue +the node cannot write")
    eventually(lambda: watched.value("gateway_can_write") == 1)


@needs_strace
def test_a_disk_that_is_slow(watched, tmp_path):
    hk = watched.hk
    given(hk, "hk-2026-040")
    watched.look()
    with traced(hk, tmp_path / "strace", inject="fsync:delay_enter=1500000", of=("fsync",)):
        for each in ("hk-2026-041", "hk-2026-042"):
            given(hk, each)
        watched.fires("GatewayCommitsSlow", "GatewayCallsSlow")


def test_certificates_that_end_are_revoked_or_cannot_be_read(tmp_path):
    """On a node of its own: a node reads them for a scrape once a minute at most."""
    hk, kr = found_pair(tmp_path)
    alone, now = Scraped(hk, kr), datetime.now(UTC)
    odd = OddCertificates(hk.authority(AuthorityKind.NODE), now)
    ending = odd.node(f"spiffe://{hk.domain}/node", dns=[hk.domain], not_before=now, not_after=now + timedelta(days=5))
    write_file(hk.home.key("node"), ending.key_pem, mode=PRIVATE_MODE, replace=True)
    write_file(hk.home.certificate("node"), ending.pem, mode=PUBLIC_MODE, replace=True)
    seal = load_certificate(kr.home.seals.in_force.certified().certificates[0])
    sign_crl(hk.home.peers / "kr.crl", kr.authority(AuthorityKind.NODE), [seal], now - timedelta(days=29.5), 30)
    root = hk.home.root("client-authority")
    with running(hk, kr):
        root.rename(tmp_path / "root")
        alone.look()
        ran = run("status", "--profile", profile_path(hk, "SFC"))
        assert "FAIL  certificate     the node cannot read those in its home" in ran.out
        eventually(lambda: alone.value("gateway_alarm_raised") == 1)
        found = {"GatewayMetricsUnreadable", "GatewayInternalErrors", "GatewayAlarm"}
        assert alone.firing() == found
        assert "client-authority.crt cannot be read" in run("doctor", hk.home.path).out
        (tmp_path / "root").rename(root)
        eventually(lambda: alone.value("gateway_alarm_raised") == 0)
        soon = {"GatewayCertificateExpiring", "GatewayCertificateEnding", "GatewayCertificateRevoked", "GatewayCrlLate"}
        assert soon <= alone.firing()
        for words in (("status", "--profile", profile_path(hk, "SFC")), ("doctor", hk.home.path)):
            said = run(*words).out
            assert re.search(r"node.*(ends in|is valid for) 4 ", said), said
            assert re.search(r"seal of KR.* is revoked", said), said


def test_every_alert_is_provoked_here_or_cannot_be():
    assert {each.name for each in alerts()} == set(re.findall(r'"(Gateway\w+)"', Path(__file__).read_text()))
