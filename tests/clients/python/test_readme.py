"""The README's snippets work as they stand."""

import re
from pathlib import Path

import pytest
from google.rpc.error_details_pb2 import BadRequest
from grpc import StatusCode
from regulator.exchange import Profile
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.clients.python.fake_node import status

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"


def snippet(language):
    return re.search(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]


@pytest.fixture
def office(node, authority, tmp_path, monkeypatch):
    """The README's profile, in the folder one stands in, with the files that it names."""
    issued = authority.client("spiffe://hk.example/HKMA/office")
    files = {"hk-ca.pem": authority.ca, "hkma-office.pem": issued.certificate, "hkma-office.key": issued.key}
    for name, source in files.items():
        (tmp_path / name).write_bytes(source.read_bytes())
    profile = snippet("toml").replace("127.0.0.1:7443", f"127.0.0.1:{node.port}")
    (tmp_path / "office.toml").write_text(profile, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("office")
def test_the_profile_names_every_setting():
    loaded = Profile.load("office.toml")
    assert (loaded.server_name, loaded.deadline_seconds, loaded.max_attempts) == ("gateway.hk.example", 10, 4)
    assert all(f"{name} = " in snippet("toml") for name in Profile.__dataclass_fields__)


@pytest.mark.usefixtures("office")
def test_the_program_gives_a_notice_and_acknowledges_those_received(node, capsys):
    node.happen("kr-1", "kr-2")
    node.answers["CreateNotice"] = lambda _: Notice(name="notices/hk-7")
    exec(compile(snippet("python"), str(README), "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["connected to gateway.hk.example", "sealed as notices/hk-7"]
    assert [request.name for request in node.requests_of("AcknowledgeNotice")] == ["notices/kr-1", "notices/kr-2"]


@pytest.mark.usefixtures("office")
def test_the_program_tells_what_is_wrong_with_a_notice(node, capsys):
    bad = BadRequest(field_violations=[{"field": "notice.content.title", "description": "is required"}])
    node.fail("CreateNotice", status(StatusCode.INVALID_ARGUMENT, "no", bad))
    exec(compile(snippet("python"), str(README), "exec"), {})
    assert "notice.content.title is required" in capsys.readouterr().out
