"""Whatever is given to a command that is not what it wants: exit code 2, and what would be right; a bad home: 5."""

import os
import shutil
from errno import ENOENT, ENOSPC
from pathlib import Path

import pysqlite3.dbapi2 as sqlite3
import pytest
from regulator.exchange import Client
from regulator.exchange.v1.framework_pb2 import Comparison

from tests.cli.sites import profile_of_nobody
from tests.cli.transcripts import run
from tests.support.nodes import Site

DESK = "spiffe://gateway.hk.example/SFC/desk"
HOME, CERTS, OUT, BAD = "{home}", "{certs}", "{out}", "{bad}"
INIT = ("init", OUT, "--jurisdiction", "HK", "--domain", "gateway.hk.example", "--name", "Hong Kong")
LISTEN = ("--authority", "SFC", "--back-office", "127.0.0.1:7401", "--peer", "127.0.0.1:7402")
ADD = ("client", "add", HOME, "--id", DESK, "--role", "reader")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site("HK", tmp_path_factory.mktemp("given") / "hk").found()


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bad")
    contents = {
        "empty": b"",
        "binary": bytes(range(256)),
        "text": b"hello\n",
        "json": b'{"a": 1}\n',
        "list": b"[1]",
        "pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    }
    found = {name: folder / name for name in contents} | {"odd": folder / os.fsdecode(b"od\xff")}
    for name, path in found.items():
        path.write_bytes(contents.get(name, b"x"))
    (folder / "folder").mkdir()
    return found | {"folder": folder / "folder", "nothing": folder / "nothing", "below": folder / "text" / "below"}


FILES = {
    "pairing document": ("pair", "import", HOME, BAD, "--fingerprint", "0000"),
    "root of evidence": ("evidence", "verify", BAD, "--root", BAD),
    "root of a journal": ("audit", "verify", BAD, "--root", BAD),
    "signing request": ("certs", "issue", CERTS, "--id", DESK, "--out", OUT, "--csr", BAD),
    "root to trust": ("certs", "trust", HOME, "node-authority", BAD),
    "certificate to revoke": ("certs", "revoke", HOME, "--certificate", BAD),
    "certificate of a list": ("certs", "crl", CERTS, "--certificate", BAD),
    "settlement": ("fork", "give-up", HOME, BAD, "--fingerprint", "0000"),
    "notice": ("notice", "create", BAD, "--profile", "{profile}"),
    "profile": ("notice", "list", "--profile", BAD),
    "folder of a seal": ("certs", "prepare-seal", HOME, BAD),
    "folder of a lost seal": ("certs", "replace-seal", HOME, BAD),
    "folder of TLS keys": ("certs", "install", HOME, BAD),
    "authorities of a node": (*INIT, *LISTEN, "--certs", BAD),
    "authorities of a client": (*ADD, "--certs", BAD, "--out", OUT),
    "authorities that issue": ("certs", "issue", BAD, "--id", DESK, "--out", OUT),
    "authorities that revoke": ("certs", "crl", BAD),
}
KINDS = ("empty", "binary", "text", "json", "list", "pem", "odd", "folder", "nothing", "below")


def ran(site: Site, out: Path, bad: Path, arguments: tuple[str, ...]):
    values = {
        HOME: site.home.path,
        CERTS: site.path / "authority",
        OUT: out,
        BAD: bad,
        "{profile}": site.path / "clients" / "HKMA-office" / "profile.toml",
    }
    return run(*(values.get(each, each) for each in arguments))


@pytest.mark.parametrize("what", FILES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_command_cannot_use_is_wrong_use_of_it(site, bad, tmp_path, what, kind):
    before = sorted(site.home.path.rglob("*"))
    ended = ran(site, tmp_path / "out", bad[kind], FILES[what])
    assert ended.code == 2, ended
    assert len(ended.err.strip().splitlines()[-1]) > len("Error: ")
    assert sorted(site.home.path.rglob("*")) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "command", ["check", "rebuild", "upgrade", "pair list", "pair export", "certs status", "serve"]
)
def test_what_is_no_home_does_not_fit(bad, tmp_path, command, kind):
    ended = run(*command.split(), bad[kind])
    assert ended.code == 5
    assert "make a home with gateway init" in ended.err


@pytest.mark.parametrize("kind", ["text", "below"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("init", BAD, *INIT[2:], *LISTEN, "--certs", CERTS),
        (*ADD, "--certs", CERTS, "--out", BAD),
        ("certs", "authority", BAD, "--jurisdiction", "HK", "--domain", "gateway.hk.example"),
        ("certs", "issue", CERTS, "--id", DESK, "--out", BAD),
        ("pair", "export", HOME, "--out", BAD),
    ],
    ids=lambda value: " ".join(value[:2]),
)
def test_a_place_where_nothing_can_be_written_is_told_before_anything_is_done(site, bad, tmp_path, arguments, kind):
    access = site.home.access_file.read_bytes()
    ended = ran(site, tmp_path / "out", bad[kind], arguments)
    assert ended.code == 2
    assert site.home.access_file.read_bytes() == access
    assert bad["text"].read_bytes() == b"hello\n"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--jurisdiction", "Hong Kong"),
        ("--domain", "not a domain"),
        ("--name", "N" * 101),
        ("--authority", "?"),
        ("--back-office", "nowhere"),
        ("--peer", "127.0.0.1:99999"),
        ("--database-url", "mysql://somewhere/else"),
        ("--database-url", "nonsense"),
    ],
)
def test_an_option_of_a_new_node_that_does_not_fit_is_told_by_its_name(site, tmp_path, option, value):
    ended = ran(site, tmp_path / "out", Path(), (*INIT, *LISTEN, "--certs", CERTS, option, value))
    assert ended.code == 2
    assert f"\n  {option}: " in ended.err
    assert not (tmp_path / "out").exists()


def test_a_database_that_cannot_be_made_is_not_in_the_way_of_the_next_attempt(site, tmp_path):
    away = "postgresql://nobody@127.0.0.1:1/gateway?connect_timeout=5"
    assert ran(site, tmp_path / "out", Path(), (*INIT, *LISTEN, "--certs", CERTS, "--database-url", away)).code == 4
    assert ran(site, tmp_path / "out", Path(), (*INIT, *LISTEN, "--certs", CERTS)).code == 0


def test_a_seal_that_is_not_this_nodes_is_a_fault_of_the_home(site, tmp_path):
    home = shutil.copytree(site.home.path, tmp_path / "home")
    other = Site("KR", tmp_path / "kr").found().home
    (home / "trust" / "node-authority.crt").write_bytes(other.root("node-authority").read_bytes())
    for command in (("check", home), ("pair", "export", home), ("upgrade", home)):
        ended = run(*command)
        assert ended.code == 5
        assert f"the seal in {home / 'keys'} cannot be used" in ended.err


@pytest.mark.parametrize("command", ["rebuild", "upgrade", "check"])
def test_a_file_that_is_no_database_is_a_fault_of_the_home(site, tmp_path, command):
    home = shutil.copytree(site.home.path, tmp_path / "home")
    (home / "node.db").write_bytes(b"no database" * 100)
    ended = run(command, home)
    assert ended.code == 5
    assert "file is not a database" in ended.err


def test_a_database_of_a_later_version_is_not_taken_for_an_earlier_one(site, tmp_path):
    home = shutil.copytree(site.home.path, tmp_path / "home")
    with sqlite3.connect(home / "node.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for command in ("check", "upgrade"):
        ended = run(command, home)
        assert ended.code == 5
        assert "revision 9999, which this version does not know" in ended.err


def test_certificates_are_asked_of_a_home_or_of_a_node_and_not_of_both(site, monkeypatch):
    profile = site.path / "clients" / "HKMA-office" / "profile.toml"
    both = run("certs", "status", site.home.path, "--profile", profile)
    assert both.code == 2
    assert "not both" in both.err
    monkeypatch.setenv("GATEWAY_PROFILE", str(profile))  # it may stand there for all other commands
    assert run("certs", "status", site.home.path).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("notice", "show", os.fsdecode(b"hk-\xff")),
        ("notice", "list", "--subject", os.fsdecode(b"\xff")),
        ("notice", "list", "--limit", "9" * 20),
        ("notice", "list", "--since", "9999-12-31T23:59:59-12:00"),
        ("audit", "export", "--out", "journal", "--from", "9" * 20),
        ("attachment", "upload", BAD),
    ],
    ids=lambda value: " ".join(map(ascii, value)),
)
def test_words_and_numbers_that_no_node_could_take_are_told_without_asking_one(site, bad, tmp_path, arguments):
    ended = ran(site, tmp_path, bad["empty"], (*arguments, "--profile", "{profile}"))
    assert ended.code == 2, ended


def test_a_client_is_not_added_to_a_file_that_is_no_text_and_its_line_is_told(site: Site, tmp_path: Path) -> None:
    home = shutil.copytree(site.home.path, tmp_path / "home")
    (home / "access.toml").write_bytes(b"# fine\n\xce\x01\n")
    ran = run(
        *("client", "add", home, "--id", DESK, "--role", "reader"),
        "--certs",
        site.path / "authority",
        "--out",
        tmp_path / "out",
    )
    assert ran.code == 5, ran.text()
    assert "access.toml: line 2: the byte 0xce is not UTF-8" in ran.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("framework", "compare", "HK", "KR", "--html"),
        ("attachment", "download", "hk-1/attachments/1", "--out"),
    ],
    ids=lambda command: command[-1],
)
@pytest.mark.parametrize(("number", "code"), [(ENOENT, 2), (ENOSPC, 5)])
def test_a_file_that_cannot_be_written_there_is_wrong_use_but_where_there_is_no_room(
    tmp_path, monkeypatch, command, number, code
):
    profile = profile_of_nobody(tmp_path)

    def write(*_: object, **__: object) -> None:
        raise OSError(number, "away", "x.part")

    monkeypatch.setattr(Client, "compare_jurisdictions", lambda *_, **__: Comparison())
    monkeypatch.setattr(Client, "download_attachment", write)
    monkeypatch.setattr(Path, "write_text", write)
    ran = run(*command, tmp_path / "there", "--profile", profile)
    assert ran.code == code
    assert ("x.part cannot be written: away" in ran.err) == (code == 2)
