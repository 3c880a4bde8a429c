"""The programs in docs/examples do what they say, with real nodes."""

import runpy
import sys
from pathlib import Path

import pytest
from regulator.exchange import attachment_of
from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.cli.sites import profile_path
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["case_desk.py", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / "case_desk.py"), run_name="__main__")
    return ended.value.code


def told(capsys: pytest.CaptureFixture[str], name: str) -> list[str]:
    """What it wrote, but for other notices that may come to a node of several tests."""
    lines = capsys.readouterr().out.splitlines()
    return [each for each in lines if not each.startswith("notices/") or each.startswith(name)]


def come(hk: Site, kr: Site, folder: Path) -> str:
    """A notice with a file, of which all is at Hong Kong's node; the desk has seen nothing before it."""
    with hk.client("SFC") as sfc, sfc.watch_events() as events:
        (folder / "cursor").write_text(next(each.cursor for each in events if not each.HasField("event")))
    (folder / "거래.csv").write_text("a,b\n")
    with kr.client("FSS") as fss, hk.client("SFC") as sfc:
        file = attachment_of(folder / "거래.csv", fss.upload_attachment(folder / "거래.csv"))
        said = content(issuing_authority="FSS", attachments=[file])
        name = fss.create_notice(said, recipient="HK").name
        eventually(lambda: fss.get_notice(name).state == Notice.DELIVERED)
    return name


def test_a_case_desk_gives_each_notice_once_and_takes_in_what_came(
    started_pair: tuple[Site, Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    hk, kr = started_pair
    name = come(hk, kr, tmp_path)
    (tmp_path / "alerts.csv").write_text("Foo,desk-1.example\nBar,no domain\nBaz,desk-2.example\n")
    (tmp_path / "report.pdf").write_bytes(b"%PDF-")
    given = [
        "2 of 3 are sealed",
        "Bar: InvalidRequest: notice.content.investor_alert.domains[0]: must be a host name such as www.example.com",
    ]
    assert run(monkeypatch, profile_path(hk, "SFC"), tmp_path) == 0
    taken = [f"{name} is acknowledged", f"{name}: 거래.csv is here"]
    assert told(capsys, name) == given + taken
    assert (tmp_path / name.removeprefix("notices/") / "거래.csv").read_text() == "a,b\n"
    assert run(monkeypatch, profile_path(hk, "SFC"), tmp_path) == 0
    assert told(capsys, name) == given
    with hk.client("SFC") as sfc, kr.client("FSS") as fss:
        listed = sfc.list_notices(direction="OUTGOING", kind="INVESTOR_ALERT")
        domains = [domain for each in listed for domain in each.content.investor_alert.domains]
        assert (domains.count("desk-1.example"), domains.count("desk-2.example")) == (1, 1)
        eventually(lambda: fss.get_notice(name).state == Notice.ACKNOWLEDGED)


def test_a_case_desk_whose_cursor_is_of_a_database_that_was_put_back_begins_anew(
    started_pair: tuple[Site, Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    hk, kr = started_pair
    name = come(hk, kr, tmp_path)
    (tmp_path / "alerts.csv").write_text("")
    (tmp_path / "cursor").write_text("of another time")
    assert run(monkeypatch, profile_path(hk, "SFC"), tmp_path) == 1
    assert "the cursor is refused, and thrown away" in capsys.readouterr().out
    assert run(monkeypatch, profile_path(hk, "SFC"), tmp_path) == 0
    assert f"{name} is acknowledged" in capsys.readouterr().out


def test_a_case_desk_tells_that_its_profile_does_not_fit(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "profile.toml").write_text("address = 1\n")
    assert run(monkeypatch, tmp_path / "profile.toml", tmp_path) == 1
    assert capsys.readouterr().out.startswith("ProfileError: ")


def test_a_case_desk_that_is_not_told_where_says_how_it_is_called(monkeypatch, capsys):
    assert run(monkeypatch, "profile.toml") == 2
    assert "python case_desk.py PROFILE FOLDER" in capsys.readouterr().out
