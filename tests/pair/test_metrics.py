"""A pair is scraped over HTTP: while notices travel, while the peer is down, and after a restart."""

import json
import urllib.request
from collections.abc import Iterator

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families
from regulator.exchange import NotFound
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.metrics.table import METRICS
from tests.cli.transcripts import run
from tests.pair.files import give_with
from tests.rpc.calls import client_files, connected
from tests.supervision.samples import content
from tests.support.nodes import eventually, found_pair, running
from tests.support.scraped import Scraped

NOTICES = {"grpc_service": "regulator.exchange.v1.NoticeService"}


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    hk, kr = found_pair(tmp_path_factory.mktemp("metrics"))
    scraped = Scraped(hk, kr)
    with running(hk, kr):
        yield scraped


def is_delivered(scraped: Scraped, notice_id: str) -> bool:
    with scraped.hk.client("SFC") as client:
        return client.get_notice(f"notices/{notice_id}").HasField("receipt_time")


def test_a_notice_that_travels_is_counted_all_along_its_way(scraped):
    with scraped.hk.client("SFC") as client:
        client.create_notice(recipient="KR", content=content(), notice_id="hk-2026-900")
        with pytest.raises(NotFound):
            client.get_notice("notices/hk-2026-901")
    eventually(lambda: is_delivered(scraped, "hk-2026-900"))
    assert scraped.states() == {"hk-to-kr": "serving", "kr-to-hk": "serving"}
    assert scraped.firing() == set()
    assert scraped.value("grpc_server_handled_total", **NOTICES, grpc_method="CreateNotice", grpc_code="OK") == 1
    assert scraped.value("grpc_server_handling_seconds_count", **NOTICES, grpc_method="CreateNotice") == 1
    assert scraped.value("gateway_refusals_total", **NOTICES, grpc_method="GetNotice", reason="NOT_FOUND") == 1
    assert scraped.value("gateway_channel_envelopes", channel="hk-to-kr") == 1
    assert scraped.value("gateway_channel_receipted_envelopes", channel="hk-to-kr") == 1
    assert scraped.value("gateway_delivery_lag_seconds_count", channel="hk-to-kr") == 1
    assert scraped.waited_seconds() == 0
    assert scraped.value("gateway_commit_seconds_count") >= 3
    assert scraped.value("gateway_journal_entries") >= 3
    assert scraped.value("gateway_database_bytes", part="tables") > 4096
    assert scraped.value("gateway_streams_open", listener="peer") == 2  # of envelopes, and of files
    assert scraped.value("gateway_build_info", jurisdiction="HK", domain=scraped.hk.domain) == 1
    assert "hk-2026-900" not in scraped.page()


def test_a_file_is_counted_while_it_goes_and_where_it_stays(scraped, tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(700_000))
    of_sfc = {"authority": "SFC", "peer": ""}
    with scraped.hk.client("SFC") as client:
        name = give_with(client, "hk-2026-910", tmp_path / "a.bin")
        eventually(lambda: client.get_notice(name).state == Notice.DELIVERED)
    assert scraped.value("gateway_attachment_files", **of_sfc, state="whole") == 1
    assert scraped.value("gateway_attachment_bytes", **of_sfc) == 700_000
    assert scraped.value("gateway_attachment_quota_bytes", **of_sfc) == 64 * 2**30
    assert scraped.value("gateway_attachment_moved_bytes_total", channel="hk-to-kr") == 700_000
    for name in ("unattached_notices", "unattached_bytes", "oldest_unattached_seconds", "files_idle_seconds"):
        assert scraped.value(f"gateway_channel_{name}") == 0
    assert scraped.firing() == set()


def test_a_method_that_is_not_served_lends_no_label(scraped):
    before = scraped.value("gateway_refusals_total", grpc_method="unknown", reason="NOT_SERVED")
    hk = scraped.hk
    with connected(hk, hk.back_office_port, client_files(hk, "SFC")) as channel:
        for number in range(5):
            with pytest.raises(grpc.RpcError):
                channel.unary_unary(f"/made.up.Service/Method{number}")(b"", timeout=60)
    assert scraped.value("gateway_refusals_total", grpc_method="unknown", reason="NOT_SERVED") == before + 5
    assert "made.up" not in scraped.page()


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0", "text/html"])
def test_the_page_holds_what_the_table_promises_and_nothing_else(scraped, accept):
    page = scraped.page(accept)
    told = {line.split()[2].removesuffix("_total") for line in page.splitlines() if line.startswith("# TYPE ")}
    assert {each for each in told if not each.startswith("process_")} == {
        each.name.removesuffix("_total") for each in METRICS
    }
    assert len(page) < 40_000


def test_certificates_have_the_days_that_certs_status_tells(scraped):
    ran = run("certs", "status", scraped.hk.home.path, "--json")
    told = {each["sha256"][:16]: each["days_left"] for each in json.loads(ran.out)["certificates"]}
    families = {family.name: family for family in text_string_to_metric_families(scraped.page())}
    days = families["gateway_certificate_days_left"].samples
    assert {each.labels["sha256"]: int(each.value) for each in days} == told


@pytest.mark.parametrize("listener", ["back_office_port", "peer_port"])
def test_metrics_are_not_told_at_another_port(scraped, listener):
    port = getattr(scraped.hk, listener)
    for scheme in ("http", "https"):
        with pytest.raises(OSError, match=r"(?i)reset|closed|certificate|remote|disconnect"):
            urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/metrics", timeout=60)


def test_a_peer_that_is_down_is_told_and_what_waits_for_it(scraped):
    hk, kr = scraped.hk, scraped.kr
    kr.kill()
    eventually(lambda: set(scraped.states().values()) == {"peer_unreachable"})
    assert scraped.firing() == {"GatewayPeerUnreachable"}
    with hk.client("SFC") as client:
        client.create_notice(recipient="KR", content=content(), notice_id="hk-2026-902")
    eventually(lambda: scraped.waited_seconds() > 0)
    hk.stop()
    hk.start()
    eventually(lambda: scraped.waited_seconds() > 1)  # it waits since it was sealed, not since the start
    kr.start()
    eventually(lambda: set(scraped.states().values()) == {"serving"})
    eventually(lambda: scraped.waited_seconds() == 0)
    assert scraped.value("gateway_delivery_lag_seconds_count", channel="hk-to-kr") == 1
    assert scraped.value("gateway_delivery_lag_seconds_sum", channel="hk-to-kr") > 1
