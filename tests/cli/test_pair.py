"""A person who pairs is shown whom the document is of, and asked whether its fingerprint was compared."""

import json
import os
import pty
import shutil
import time
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

import pytest

from gateway.errors import BadInput
from gateway.home.certificates import trust_root
from gateway.home.home import Home
from gateway.home.pairing import ended_peers, import_pairing
from gateway.identity.pairing.document import PairingDocument
from gateway.store.database import stopped
from gateway.store.opening import add_channels, channel_names
from tests.cli.transcripts import Ran, run
from tests.conformance.materials import pairing
from tests.conformance.parties import KOREAN_NAMELESS
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


def test_no_document_sends_peers_to_an_address_that_nobody_can_dial(founded):
    home = Home(shutil.copytree(founded[0].home.path, founded[0].path / "everywhere"))
    everywhere = f"0.0.0.0:{founded[0].peer_port}"
    text = home.config_file.read_text().replace(f"127.0.0.1:{founded[0].peer_port}", everywhere)
    home.config_file.write_text(text)
    refused = run("pair", "export", home.path, "--out", home.path / "own.json")
    assert refused.code == 5
    assert f"peer.advertise in config.toml must say where peers dial this node: {everywhere}" in refused.err
    home.config_file.write_text(text.replace("[peer]\n", '[peer]\nadvertise = ["hk.example:7402"]\n'))
    assert run("pair", "export", home.path, "--out", home.path / "own.json").code == 0


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


def test_two_nodes_under_one_root_are_not_paired(paired: Home):
    """A third person refuses all evidence of theirs, which that root could have made alone."""
    own = pairing(KOREAN_NAMELESS)  # a root that names a domain speaks for no other
    trust_root(paired, "node-authority", own.node_authority)
    with pytest.raises(BadInput, match="a root that is this node's own"):
        import_pairing(paired, own.encode(), own.fingerprint(), datetime.now(UTC))
    (kr,) = paired.peer_documents()
    with pytest.raises(BadInput, match="it is a root of KR"):
        trust_root(paired, "node-authority", kr.node_authority)


def test_a_root_is_trusted_for_its_own_domain_and_one_listener(paired: Home):
    """A peer's root as client authority would admit whom the peer names; one root for both, clients among peers."""
    (kr,) = paired.peer_documents()
    with pytest.raises(BadInput, match="whose home this is: its subject names gateway"):
        trust_root(paired, "client-authority", kr.node_authority)
    for name, other in (("client-authority", "node-authority"), ("node-authority", "client-authority")):
        (root,) = paired.roots(other)
        with pytest.raises(BadInput, match=f"it is a {other}"):
            trust_root(paired, name, root)
    assert [len(paired.roots(name)) for name in ("client-authority", "node-authority")] == [1, 1]


# --- the end of a pairing -----------------------------------------------------------------------------------------


@pytest.fixture
def paired(founded: tuple[Site, Site], tmp_path: Path) -> Home:
    """The home of HK, paired with KR, whose pairing never ended."""
    hk, kr = founded
    copy = Home(shutil.copytree(hk.home.path, tmp_path / "hk"))
    shutil.rmtree(copy.peers / "ended", ignore_errors=True)
    file = exported(kr)  # another one has another moment in it
    fingerprint = PairingDocument.parse(file.read_bytes()).fingerprint()
    ran = run("pair", "import", copy.path, file, "--fingerprint", fingerprint)
    assert ran.code == 0, ran.err
    return copy


def end(home: Home, *options: str, peer: str = "KR", reason: str = "it is over") -> Ran:
    return run("pair", "end", home.path, peer, "--reason", reason, *options)


def test_a_user_without_a_name_ends_a_pairing_under_the_number(paired: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, which runs under any number."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)
    ran = end(paired, "--yes")
    assert ran.code == 0, ran.text()
    assert json.loads(paired.endings.path("KR").read_text())["ended_by"] == "uid 1234567"


def test_an_end_is_marked_with_who_when_and_why_and_the_document_stays(paired: Home) -> None:
    before = paired.peer_file("KR").read_bytes()
    ran = end(paired, "--yes", "--by", "Chan", peer="kr")
    assert (ran.code, "within seconds" in ran.out) == (0, True), ran.err
    mark = json.loads(paired.endings.path("KR").read_text())
    assert (mark["schema"], mark["ended_by"], mark["reason"]) == ("pairing-end/1", "Chan", "it is over")
    assert (mark["domain"], mark["fingerprint"]) == ("gateway.kr.example", paired.peer_documents()[0].fingerprint())
    assert abs(mark["ended_time"] - time.time()) < 600
    assert paired.peer_file("KR").read_bytes() == before
    assert run("check", paired.path).code == 0
    (listed,) = json.loads(run("pair", "list", paired.path, "--json").out)["peers"]
    assert listed["ended"]["by"] == "Chan"


def test_who_ends_it_is_the_user_who_types_it_if_nobody_is_named(paired: Home) -> None:
    assert end(paired, "--yes").code == 0
    mark = paired.endings.read("KR")
    assert mark is not None
    assert mark.by == getuser()


def test_to_end_it_twice_changes_nothing(paired: Home) -> None:
    assert end(paired, "--yes").code == 0
    mark = paired.endings.path("KR").read_bytes()
    ran = end(paired, "--yes", reason="another reason")
    assert (ran.code, "has ended already" in ran.out) == (0, True), ran.err
    assert paired.endings.path("KR").read_bytes() == mark


def test_a_peer_that_is_none_is_named_and_those_that_are(paired: Home) -> None:
    ran = end(paired, "--yes", peer="SG")
    assert ran.code == 2
    assert "SG is not a peer of this node; its peers are: KR" in ran.err
    assert not paired.endings.folder.exists()


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\u202eb"])
def test_a_reason_that_cannot_be_shown_is_refused(paired: Home, reason: str) -> None:
    ran = end(paired, "--yes", reason=reason)
    assert ran.code == 2
    assert "--reason" in ran.err
    assert paired.endings.read("KR") is None


def test_nobody_is_asked_where_nobody_can_be(paired: Home) -> None:
    ran = end(paired)
    assert ran.code == 2
    assert "--yes" in ran.err
    assert paired.endings.read("KR") is None


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_a_person_is_asked_whether_to_end_it(paired: Home, answer: str, code: int) -> None:
    ended, told = at_a_terminal(answer, "pair", "end", paired.path, "KR", "--reason", "it is over")
    assert ended == code, told
    assert "gateway.kr.example" in told
    assert (paired.endings.read("KR") is not None) == (code == 0)


def test_an_import_takes_it_up_again_and_says_so(paired: Home) -> None:
    assert end(paired, "--yes").code == 0
    (document,) = paired.peer_documents()
    again = ("pair", "import", paired.path, paired.peer_file("KR"), "--fingerprint", document.fingerprint())
    ran = run(*again)
    assert (ran.code, "is paired again" in ran.out, "anew" in ran.out) == (0, True, False), ran.err
    assert not ended_peers(paired)
    assert end(paired, "--yes", reason="it is over once more").code == 0
    assert set(ended_peers(paired)) == {"KR"}


def test_an_import_says_whether_a_node_must_be_started_again(paired: Home, founded: tuple[Site, Site]) -> None:
    kept = paired.peer_file("KR")
    (document,) = paired.peer_documents()
    again = ("pair", "import", paired.path, kept, "--fingerprint", document.fingerprint())
    before = kept.read_bytes()
    ran = run(*again)
    assert (ran.code, ran.out.strip().endswith("by this very document already: nothing changed.")) == (0, True), ran.out
    assert kept.read_bytes() == before
    other = document.model_copy(update={"display_name": "KR under another name"})
    renamed = ("pair", "import", paired.path, "-", "--fingerprint", other.fingerprint())
    assert "takes its roots by itself within seconds, all else" in run(*renamed, given=other.encode()).out
    assert end(paired, "--yes").code == 0
    taken_up = run("pair", "import", paired.path, "-", "--fingerprint", document.fingerprint(), given=before)
    assert "What the document says anew" in taken_up.out


def test_an_import_under_a_seal_that_is_not_known_leaves_it_ended(paired: Home, tmp_path: Path) -> None:
    assert end(paired, "--yes").code == 0
    other = Site("KR", tmp_path / "other").found()
    file = exported(other)
    fingerprint = PairingDocument.parse(file.read_bytes()).fingerprint()
    with stopped(paired.config.database.url, paired.path) as database:
        add_channels(database, channel_names(paired.parties(datetime.now(UTC))))
    ran = run("pair", "import", paired.path, file, "--fingerprint", fingerprint)
    assert ran.code == 1
    assert f"import {paired.peer_file('KR')}" in " ".join(ran.err.split())
    assert set(ended_peers(paired)) == {"KR"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": "pairing-end/2"}', "nonsense"])
def test_a_mark_that_is_none_is_told(paired: Home, text: str) -> None:
    assert end(paired, "--yes").code == 0
    paired.endings.path("KR").write_text(text)
    ran = run("pair", "list", paired.path)
    assert ran.code == 5
    assert "peers/ended/kr.json" in ran.err
    assert "move it away, and say the end again unless gateway pair list tells it then" in ran.err
