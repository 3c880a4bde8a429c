"""What status shows of a node: its peers, and what its caller may see."""

import pytest
from regulator.exchange.v1.admin_service_pb2 import Peer, ServerInfo
from regulator.exchange.v1.values_pb2 import Handling

from gateway.cli.status import _show as show_status

ENDED = Peer(jurisdiction="KR", state=Peer.ENDED, ended_by="Chan", end_reason="the memorandum ended")
ENDED.end_time.FromJsonString("2026-11-29T09:00:00Z")
PAIRED = Peer(jurisdiction="SG", state=Peer.PAIRED)


def test_of_an_ended_pairing_it_tells_when_who_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(ServerInfo(), [ENDED, PAIRED], [], [])
    told = capsys.readouterr().out.splitlines()
    assert told[told.index("ended pairings") + 1 :][:1] == ["  KR  2026-11-29 09:00:00Z by Chan: the memorandum ended"]


def test_while_all_pairings_hold_it_tells_of_none_that_ended(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(ServerInfo(), [PAIRED], [], [])
    assert "ended" not in capsys.readouterr().out


def test_a_clearance_that_a_newer_node_has_is_shown_by_its_number(capsys: pytest.CaptureFixture[str]) -> None:
    show_status(ServerInfo(client_clearance=Handling.Tlp.ValueType(9)), [PAIRED], [], [])
    assert "TLP:UNKNOWN (9), all sectors" in capsys.readouterr().out
