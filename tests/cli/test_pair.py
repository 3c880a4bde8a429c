"""A person who pairs is shown whom the document is of, and asked whether its fingerprint was compared."""

import os
import pty
from pathlib import Path

import pytest

from gateway.identity.pairing import PairingDocument
from tests.cli.transcripts import run
from tests.support.forking import finished
from tests.support.nodes import Site


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site]:
    path = tmp_path_factory.mktemp("founded")
    return Site("HK", path / "hk").found(), Site("KR", path / "kr").found()


def exported(site: Site) -> Path:
    path = site.path / "document.json"
    path.unlink(missing_ok=True)
    assert run("pair", "export", site.home.path, "--out", path).code == 0
    return path


def at_a_terminal(answer: str, *arguments: str | Path) -> tuple[int, str]:
    """Runs the command with a terminal as its standard input, on which somebody types."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, answer.encode())
        done = finished(*arguments, stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout + done.stderr


def test_a_person_who_says_yes_pairs(founded):
    hk, kr = founded
    document = exported(kr)
    code, told = at_a_terminal("y\n", "pair", "import", hk.home.path, document)
    assert code == 0, told
    peer = PairingDocument.parse(document.read_bytes())
    for essential in (peer.fingerprint(), peer.domain, peer.display_name, *peer.addresses, *peer.authorities):
        assert essential in told
    assert [each.domain for each in hk.home.peer_documents()] == [kr.domain]


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_a_person_who_does_not_say_yes_pairs_nobody(founded, answer):
    hk, kr = founded
    code, told = at_a_terminal(answer, "pair", "import", kr.home.path, exported(hk))
    assert code == 1, told
    assert kr.home.peer_documents() == []


def test_a_document_that_was_changed_is_refused(founded):
    hk, kr = founded
    document = exported(hk)
    changed = document.read_bytes().replace(b"HK test node", b"HK best node")
    fingerprint = PairingDocument.parse(document.read_bytes()).fingerprint()
    ran = run("pair", "import", kr.home.path, "-", "--fingerprint", fingerprint, given=changed)
    assert ran.code == 1
    assert "ask the peer's operator" in ran.err
    assert kr.home.peer_documents() == []


def test_a_node_is_not_paired_with_itself(founded):
    hk, _ = founded
    document = exported(hk)
    fingerprint = PairingDocument.parse(document.read_bytes()).fingerprint()
    ran = run("pair", "import", hk.home.path, document, "--fingerprint", fingerprint)
    assert ran.code == 2


def test_what_is_no_document_is_refused(founded):
    hk, _ = founded
    assert run("pair", "import", hk.home.path, "-", given=b"nonsense").code == 2


def test_a_peer_under_another_jurisdiction_is_no_fault_of_the_home(founded):
    hk, kr = founded
    document = exported(kr)
    read = PairingDocument.parse(document.read_bytes())
    assert run("pair", "import", hk.home.path, document, "--fingerprint", read.fingerprint()).code == 0
    other = PairingDocument.parse(document.read_bytes().replace(b'"jurisdiction": "KR"', b'"jurisdiction": "SG"'))
    ran = run("pair", "import", hk.home.path, "-", "--fingerprint", other.fingerprint(), given=other.encode())
    assert ran.code == 2
    assert "gateway.kr.example is of SG; it is paired here as KR" in ran.err
    assert [each.jurisdiction for each in hk.home.peer_documents()] == ["KR"]
