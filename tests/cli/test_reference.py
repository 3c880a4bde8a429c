"""docs/cli.md says what the commands say, and names every key of their JSON."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from gateway.cli import app as application
from gateway.cli.failures import INTERRUPTED, NOT_ALL_CHECKED, READER_GONE
from gateway.identity.certificates.x509 import to_pem
from gateway.supervision.files.notices import NoticeFile, write_notice
from tests.cli.sites import acknowledged_notice, profile_path
from tests.cli.transcripts import run
from tests.supervision.assistance_samples import asking
from tests.supervision.samples import content
from tests.support import evidence, journal
from tests.support.nodes import Site, eventually

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "cli.md").read_text()


def test_the_exit_codes_are_documented():
    told = application.__doc__ or ""
    codes = re.findall(r"^\| (\d+) \| ", REFERENCE, re.MULTILINE)
    assert codes == re.findall(r"^    (\d+)  \w", told, re.MULTILINE)
    assert codes == [*map(str, range(NOT_ALL_CHECKED + 1)), str(INTERRUPTED), str(READER_GONE)]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name in command.list_commands(None) if isinstance(command, TyperGroup) else ():
        yield from commands(command.get_command(None, name), (*path, name))


COMMANDS = dict(commands(get_command(application.app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_and_option_says_what_it_is_for(path):
    assert COMMANDS[path].help
    for parameter in COMMANDS[path].params:
        assert getattr(parameter, "help", ""), parameter.name


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_option_has_its_long_name_alone(path):
    """A short one that holds in a few commands is refused in the others."""
    short = [name for each in COMMANDS[path].params for name in each.opts if name.startswith("-") and name[:2] != "--"]
    assert short == []


@pytest.mark.parametrize(
    "name", ["status", "doctor", "check", "certs show", "pair list", "notice list", "notice watch", "framework list"]
)
def test_every_listing_has_json(name):
    assert "--json" in {option for each in COMMANDS[tuple(name.split())].params for option in each.opts}


@pytest.mark.parametrize("module", sorted(set(application.MODULES.values())))
def test_every_command_of_a_module_is_found_by_its_name(module):
    part = typer.Typer()
    import_module(f"gateway.cli.{module}").add_to(part)
    assert set(get_group(part).commands) == {name for name, of in application.MODULES.items() if of == module}


def test_a_back_office_waits_for_no_part_of_the_node():
    script = "import atexit, sys; atexit.register(lambda: print(*sys.modules)); from gateway.cli import main; main()"
    command = [sys.executable, "-c", script, "notice", "show", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    imported = set(done.stdout.splitlines()[-1].split())
    assert "gateway.cli.notices" in imported
    assert imported.isdisjoint({"gateway.node.node", "gateway.home.home", "gateway.store", "sqlalchemy", "alembic"})


def test_a_name_that_is_no_command_is_told_which_is_like_it():
    assert "Did you mean 'status'?" in run("statsu").err


def test_without_arguments_the_help_is_shown():
    ran = run()
    assert "Usage: gateway" in ran.out + ran.err
    assert ran.code in (0, 2)


def test_the_module_is_the_command():
    command = [sys.executable, "-m", "gateway", "notice", "show"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Missing argument" in done.stderr


# --- JSON -----------------------------------------------------------------------------------------------------------


def keys(value: Any) -> Iterator[str]:
    """Every key of a document, but for those of the author's own words and of notices/1, and protobuf's own."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            if key not in {"notice", "comment", "explanation", "act", "purpose", "reason", "conditions"}:
                yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


def documented(*arguments: str | Path, code: int = 0) -> Any:
    ran = run(*arguments, "--json")
    assert ran.code == code, ran.text()
    document = json.loads(ran.out)
    missing = {key for key in keys(document) if f"`{key}`" not in REFERENCE}
    assert not missing
    return document


def test_the_json_of_a_node_is_documented(started_pair: tuple[Site, Site]):
    hk, kr = started_pair
    acknowledged_notice(hk, kr, "hk-cli-json")
    sfc = profile_path(hk, "SFC")
    status = documented("status", "--profile", sfc)
    assert {each["name"]: each["connected"] for each in status["channels"]} == {"hk-to-kr": True, "kr-to-hk": True}
    withdrawn = documented("notice", "withdraw", "hk-cli-json", "--reason", "en=No.", "--profile", sfc)
    assert withdrawn["state"] == "withdrawn"
    assert withdrawn["withdrawal"]["explanation"] == {"en": "No."}
    shown = documented("notice", "show", "notices/hk-cli-json", "--profile", sfc)
    assert shown["acknowledgement"]["author"]["authority"] == "FSS"
    listed = documented("notice", "list", "--state", "withdrawn", "--profile", sfc)["notices"]
    assert shown in [each | {"consents": [], "shares": []} for each in listed]
    assert documented("doctor", hk.home.path)["findings"]


def test_the_json_of_onward_sharing_is_documented(started_pair: tuple[Site, Site]):
    hk, kr = started_pair
    acknowledged_notice(hk, kr, "hk-cli-shared")
    sfc, fss = ("--profile", profile_path(hk, "SFC")), ("--profile", profile_path(kr, "FSS"))
    what = ("hk-cli-shared", "--to", "FINMA=CH", "--use", "supervision")
    name = documented("sharing", "request", *what, "--purpose", "en=Why.", *fss)["consent"]
    eventually(lambda: run("sharing", "show", name, *sfc).code == 0)
    granted = documented("sharing", "grant", name, "--until", "2099-12-31", "--condition", "en=Quietly.", *sfc)
    eventually(lambda: documented("sharing", "show", name, *fss) == granted)
    share = documented("sharing", "mark", *what, *fss)
    eventually(lambda: documented("sharing", "list", "hk-cli-shared", "--shares", *sfc)["shares"] == [share])
    assert documented("sharing", "show", share["share"], *sfc) == share
    shown = documented("notice", "show", "hk-cli-shared", *sfc)
    assert (shown["consents"], shown["shares"]) == ([granted], [share])


def test_the_json_of_assistance_is_documented(started_pair: tuple[Site, Site], tmp_path: Path):
    hk, kr = started_pair
    sfc, fss = ("--profile", profile_path(hk, "SFC")), ("--profile", profile_path(kr, "FSS"))
    (tmp_path / "asked.json").write_text(write_notice(NoticeFile("hk-cli-asking", "HK", "KR", asking())))
    assert run("notice", "create", tmp_path / "asked.json", *sfc).code == 0
    eventually(lambda: run("assistance", "show", "hk-cli-asking", *fss).code == 0)
    answer = ("assistance", "answer", "hk-cli-asking", "--outcome", "partial", "--reply", "1=en=A firm.")
    given = documented(*answer, "--summary", "en=Who.", "--id", "kr-cli-answer", *fss)
    assert given["notice"]["detail"]["answer"]["replies"] == {"1": {"en": "A firm."}}
    eventually(lambda: documented("assistance", "show", "hk-cli-asking", *sfc)["state"] == "partly_answered")
    case = documented("assistance", "show", "hk-cli-asking", *sfc)
    assert [each["notice"] for each in case.pop("notices")] == [given["notice"]]
    assert [each["answer"] for each in case["answers"]] == ["kr-cli-answer"]
    assert case["request"]["notice"] == json.loads((tmp_path / "asked.json").read_text())
    assert case in documented("assistance", "list", "--state", "partly_answered", *sfc)["cases"]


def test_what_is_shown_as_json_can_be_given_again(started_pair: tuple[Site, Site], tmp_path: Path):
    hk, kr = started_pair
    sfc = profile_path(hk, "SFC")
    acknowledged_notice(hk, kr, "hk-cli-again")
    notice = documented("notice", "show", "hk-cli-again", "--profile", sfc)["notice"]
    (tmp_path / "again.json").write_text(json.dumps(notice))
    arguments = ("notice", "create", tmp_path / "again.json", "--id", "hk-cli-copy", "--profile", sfc)
    (created,) = documented(*arguments, "--request-id", "123e4567-e89b-42d3-a456-426614174000")["notices"]
    assert created["notice"] == notice | {"id": "hk-cli-copy"}
    (again,) = documented(*arguments, "--request-id", "123e4567-e89b-42d3-a456-426614174000")["notices"]
    assert (again["notice"], again["index"]) == (created["notice"], created["index"])


def test_the_json_of_a_draft_is_documented(four_eyes_pair: tuple[Site, Site], tmp_path: Path):
    hk, _ = four_eyes_pair
    sfc, desk = profile_path(hk, "SFC"), profile_path(hk, "SFC", "desk")
    (tmp_path / "notice.json").write_text(write_notice(NoticeFile("", "HK", "KR", content())))
    made = documented("draft", "create", tmp_path / "notice.json", "--profile", sfc)
    pending = documented("draft", "submit", made["draft"], "--profile", sfc)
    done = documented("draft", "approve", made["draft"], "--etag", pending["etag"], "--profile", desk)
    assert (pending["act"], done["act"]) == (made["act"], None)
    assert done in documented("draft", "list", "--state", "released", "--profile", sfc)["drafts"]


def test_the_json_of_files_is_documented(started_pair: tuple[Site, Site]):
    hk, _ = started_pair
    assert [each["jurisdiction"] for each in documented("pair", "list", hk.home.path)["peers"]] == ["KR"]
    found = documented("certs", "show", hk.home.path)["certificates"]
    assert {each["profile"] for each in found} == {"node", "seal", "authority"}
    assert any(each["file"].endswith("peers/kr.json: seal-ml-dsa-44") for each in found)


def test_the_json_of_evidence_is_documented(tmp_path: Path):
    paths = {"file": evidence.FILE, "hk.crt": to_pem(evidence.ROOTS[0]), "kr.crt": to_pem(evidence.ROOTS[1])}
    for name, data in paths.items():
        (tmp_path / name).write_bytes(data)
    verify = ("evidence", "verify", tmp_path / "file", "--root", tmp_path / "hk.crt")
    proven = documented(*verify, "--root", tmp_path / "kr.crt")
    assert (proven["proven"], proven["receipted"], len(proven["steps"])) == (True, True, 7)
    refused = documented(*verify, code=1)
    assert not refused["proven"]
    assert refused["failed"]["step"] == "receiver certificates"
    assert len(refused["steps"]) == 5


def test_the_json_of_a_verified_journal_is_documented(tmp_path: Path):
    files = {"file": journal.export(), "kept": journal.export(journal.LEAVES[:3]), "cut": journal.export()[:-1]}
    for name, data in {**files, "hk.crt": to_pem(evidence.ROOTS[0])}.items():
        (tmp_path / name).write_bytes(data)
    root = ("--root", tmp_path / "hk.crt")
    proven = documented("audit", "verify", tmp_path / "file", *root, "--earlier", tmp_path / "kept")
    assert (proven["proven"], proven["size"], proven["earlier_size"], len(proven["steps"])) == (True, 7, 3, 5)
    refused = documented("audit", "verify", tmp_path / "cut", *root, code=1)
    assert refused["failed"]["step"] == "entries"


# --- what goes on until it is stopped -------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [False, True])
def test_a_watch_tells_events_until_ctrl_c_and_says_where_to_go_on(started_pair: tuple[Site, Site], as_json):
    hk, kr = started_pair
    notice_id = f"hk-cli-watch-{int(as_json)}"
    acknowledged_notice(hk, kr, notice_id)
    command = [sys.executable, "-m", "gateway", "notice", "watch", "--kind", "notice_acknowledged"]
    process = subprocess.Popen(
        [*command, "--profile", str(profile_path(hk, "SFC")), *(["--json"] if as_json else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    line = next(each for each in process.stdout if notice_id in each)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    if as_json:
        event = json.loads(line)
        assert {f"`{key}`" in REFERENCE for key in keys(event)} == {True}
        assert (event["kind"], event["notice"]) == ("notice_acknowledged", notice_id)
    else:
        assert line.split()[2:] == ["notice_acknowledged", notice_id]
    assert "--cursor" in errors
