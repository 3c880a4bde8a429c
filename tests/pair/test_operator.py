"""What an operator is shown while something is wrong with a pair that runs: by status, and by the doctor."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from regulator.exchange.v1.admin_service_pb2 import Channel

from gateway.cli.findings import status as status_findings
from tests.cli.sites import profile_path
from tests.cli.transcripts import run
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, found_pair, running


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("operator"))
    hk.serve_metrics()
    with running(hk, kr):
        yield hk, kr


def connected(site: Site) -> set[bool]:
    with site.client() as client:
        return {each.connected and each.state == Channel.OPEN for each in client.list_channels()}


def test_nothing_is_wrong_while_all_is_well(own_pair, monkeypatch):
    monkeypatch.setattr(
        "gateway.cli.findings.doctor_store.LEAST_FREE_PART", 0
    )  # whatever else fills this machine's disk
    hk, _ = own_pair
    eventually(lambda: connected(hk) == {True})
    ran = run("status", "--profile", profile_path(hk, "SFC"))
    assert (ran.code, "->" in ran.out) == (0, False), ran.out
    ran = run("doctor", hk.home.path)
    assert (ran.code, "->" in ran.out) == (0, False), ran.out
    assert "OK    metrics" in ran.out
    assert "OK    queue" in ran.out


def test_a_peer_that_is_down_is_told_with_what_waits_and_what_to_do(own_pair, monkeypatch):
    hk, kr = own_pair
    kr.kill()
    eventually(lambda: connected(hk) == {False})
    with hk.client("SFC") as client:
        client.create_notice(recipient="KR", content=content())
    monkeypatch.setattr(status_findings, "STUCK_SECONDS", -timedelta(minutes=1).total_seconds())
    ran = run("status", "--profile", profile_path(hk, "SFC"), "--json")
    told = json.loads(ran.out)
    assert ran.code == 1
    assert {each["about"] for each in told["findings"]} == {"channel", "receipts"}
    assert all(each["todo"] and each["command"] for each in told["findings"])
    assert {each["name"]: bool(each["oldest_unreceipted_time"]) for each in told["channels"]} == {
        "hk-to-kr": True,
        "kr-to-hk": False,
    }
    ran = run("status", "--profile", profile_path(hk, "SFC"))
    assert re.search(r"FAIL  channel +hk-to-kr is down: .*UNAVAILABLE", ran.out)
    assert "$  gateway doctor HOME" in ran.out
    ran = run("doctor", hk.home.path)
    assert ran.code == 0  # nothing is wrong with this node
    assert f"$  nc -vz 127.0.0.1 {kr.peer_port}" in ran.out


@pytest.mark.parametrize("name", ["trust/client-authority.crt", "keys/node.crt", "keys/seal-ed25519.crt"])
def test_a_certificate_that_is_gone_keeps_status_from_telling_nothing_else(own_pair, tmp_path, name):
    hk, _ = own_pair
    gone = (hk.home.path / name).rename(tmp_path / "gone")
    try:
        ran = run("status", "--profile", profile_path(hk, "SFC"))
    finally:
        gone.rename(hk.home.path / name)
    assert ran.code == 1, ran.text()
    assert "node         HK gateway.hk.example" in ran.out
    assert re.search(r"FAIL  certificate +the node cannot read those in its home", ran.out)
