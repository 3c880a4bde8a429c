"""A node loses its database, or all but its keys: what it had sealed and received comes back, and nothing forks."""

import shutil
from collections.abc import Iterator

import pytest
from regulator.exchange import Client, InvalidRequest, WrongState
from regulator.exchange.v1.admin_service_pb2 import Channel
from regulator.exchange.v1.event_service_pb2 import Event

from gateway.home.pairing import import_pairing
from gateway.home.provisioning import issue_node, issue_seal
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.names import NodeId
from gateway.identity.pairing.document import PairingDocument
from tests.cli.transcripts import run
from tests.pair.asking import checked, done, events, exchanged, in_step, is_told, journal, told
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.rotation import now, rotated


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    """One pair for all disasters: each ends with two nodes that agree."""
    hk, kr = found_pair(tmp_path_factory.mktemp("a path with spaces"))
    with running(hk, kr):
        yield hk, kr


def lose_database(site: Site) -> None:
    site.kill()
    for path in site.home.path.glob("node.db*"):
        path.unlink()


def test_what_came_after_a_backup_comes_back_from_the_peer(own_pair, tmp_path):
    hk, kr = own_pair
    exchanged(hk, kr)
    assert "everything verifies" in done("backup", hk.home.path, tmp_path / "backup")  # while it runs
    exchanged(hk, kr)
    before = told(hk), told(kr)
    with hk.client() as client:
        size = client.get_channel("hk-to-kr").size

    lose_database(hk)
    done("restore", hk.home.path, tmp_path / "backup")
    hk.start()
    eventually(lambda: in_step(hk, kr))
    assert (told(hk), told(kr)) == before
    assert events(hk, Event.CHANNEL_RECOVERED)[-1].detail == f"here again: {size} envelopes"
    assert is_told(hk, "restored from the backup of")
    assert [each.method for each in journal(hk)].count("gateway restore") == 1

    exchanged(hk, kr)
    assert told(hk).keys() == told(kr).keys()
    checked(hk, kr)


def test_a_restored_node_seals_nothing_before_its_peer_was_heard(own_pair, tmp_path):
    hk, kr = own_pair
    exchanged(hk, kr)
    done("backup", hk.home.path, tmp_path / "backup")
    exchanged(hk, kr)
    kr.stop()
    lose_database(hk)
    done("restore", hk.home.path, tmp_path / "backup")
    hk.start()
    with hk.client("SFC") as client, pytest.raises(WrongState, match="RESTORED"):
        client.create_notice(content(), recipient="KR")
    status = run("status", "--profile", hk.path / "clients" / "SFC-office" / "profile.toml")
    assert status.code == 1
    assert "restored from the backup of" in status.out

    kr.start()
    eventually(lambda: in_step(hk, kr))
    exchanged(hk, kr)
    checked(hk, kr)


def test_the_files_of_a_backup_that_somebody_puts_in_place_by_hand_do_no_harm_either(own_pair, tmp_path):
    hk, kr = own_pair
    done("backup", hk.home.path, tmp_path / "backup")
    exchanged(hk, kr)
    kr.stop()
    lose_database(hk)
    shutil.copy(tmp_path / "backup" / "node.db", hk.home.path / "node.db")
    hk.start()
    with hk.client("SFC") as client, pytest.raises(WrongState, match="RESTORED"):
        client.create_notice(content(), recipient="KR")
    kr.start()
    eventually(lambda: in_step(hk, kr))
    assert told(hk).keys() == told(kr).keys()
    checked(hk, kr)


def test_a_copy_of_the_database_that_somebody_puts_in_place_by_hand_does_no_harm_either(own_pair, tmp_path):
    """It has no mark of a backup: the home knows how far the node was."""
    hk, kr = own_pair
    exchanged(hk, kr)
    hk.stop()
    shutil.copy(hk.home.path / "node.db", tmp_path)
    hk.start()
    exchanged(hk, kr)
    kr.stop()
    hk.stop()
    shutil.copy(tmp_path / "node.db", hk.home.path)
    hk.start()
    with hk.client("SFC") as client, pytest.raises(WrongState, match="RESTORED"):
        client.create_notice(content(), recipient="KR")
    kr.start()
    eventually(lambda: in_step(hk, kr))
    assert told(hk).keys() == told(kr).keys()
    assert is_told(hk, "does not hold")
    checked(hk, kr)


@pytest.mark.parametrize("rotates", [False, True], ids=["one-seal", "after-a-rotation"])
def test_a_node_with_an_empty_disk_and_its_keys_has_everything_back_from_its_peer(own_pair, tmp_path, rotates):
    hk, kr = own_pair
    exchanged(hk, kr)
    if rotates:
        rotated(hk, tmp_path / "next")
        rotated(kr, tmp_path / "next of kr")
        exchanged(hk, kr)
    before = told(hk), told(kr)
    lose_database(hk)
    done("restore", hk.home.path, "--from-peers")
    hk.start()
    eventually(lambda: in_step(hk, kr))
    assert (told(hk), told(kr)) == before
    exchanged(hk, kr)
    checked(hk, kr)


def test_cursors_and_page_tokens_of_before_are_refused_by_a_restored_node(own_pair, tmp_path):
    hk, kr = own_pair
    exchanged(hk, kr)
    done("backup", hk.home.path, tmp_path / "backup")
    with hk.client() as client:
        cursor = last_cursor(client)
    lose_database(hk)
    done("restore", hk.home.path, tmp_path / "backup")
    hk.start()
    with (
        hk.client() as client,
        pytest.raises(InvalidRequest, match="cursor"),
        client.watch_events(cursor=cursor) as watch,
    ):
        next(iter(watch))


def last_cursor(client: Client) -> str:
    with client.watch_events() as watch:
        for response in watch:
            if not response.HasField("event"):
                return response.cursor
    raise AssertionError("a watch tells when it has told all")


@pytest.mark.parametrize("is_marked", [True, False], ids=["backup", "copy that something else made"])
def test_a_peers_seal_that_was_replaced_since_may_be_imported_again_at_once(own_pair, tmp_path, is_marked):
    """Though more has to come back that the seal before it signed: each holds where the log bears it."""
    hk, kr = own_pair
    exchanged(hk, kr)
    done("backup", hk.home.path, tmp_path / "backup")
    hk.stop()
    shutil.copy(hk.home.path / "node.db", tmp_path)
    document, before = hk.home.peer_file("KR"), hk.home.peer_file("KR").read_bytes()
    hk.start()
    exchanged(hk, kr)
    hk.stop()
    kr.stop()
    issue_seal(tmp_path / "seal", NodeId(kr.domain), kr.authority(AuthorityKind.NODE), now())
    done("certs", "replace-seal", kr.home.path, tmp_path / "seal")
    done("pair", "export", kr.home.path, "--out", tmp_path / "kr.json")
    fingerprint = PairingDocument.parse((tmp_path / "kr.json").read_bytes()).fingerprint()
    again = "pair", "import", hk.home.path, tmp_path / "kr.json", "--fingerprint", fingerprint, "--replace-seal"
    assert "log bears it" not in done(*again)
    hk.start()
    kr.start()
    exchanged(hk, kr)
    had = told(hk), told(kr)

    if is_marked:
        lose_database(hk)
        done("restore", hk.home.path, tmp_path / "backup")
    else:
        hk.stop()
        shutil.copy(tmp_path / "node.db", hk.home.path)
    document.write_bytes(before)
    assert "holds from where its log bears it" in done(*again)
    hk.start()
    eventually(lambda: in_step(hk, kr))
    assert (told(hk), told(kr)) == had
    exchanged(hk, kr)
    checked(hk, kr)


def test_keys_and_database_are_lost_at_once(own_pair, tmp_path):
    """The seal is replaced last, once its peer has handed back what bears the one that is gone."""
    hk, kr = own_pair
    exchanged(hk, kr)
    done("backup", hk.home.path, tmp_path / "backup")
    exchanged(hk, kr)
    before = told(hk), told(kr)
    hk.kill()
    shutil.rmtree(hk.home.path)

    refused = run("restore", hk.home.path, tmp_path / "backup")
    assert (refused.code, "put the node's keys into its home" in refused.err) == (5, True), refused.err
    issue_node(tmp_path / "node", NodeId(hk.domain), hk.authority(AuthorityKind.NODE), now())
    issue_seal(tmp_path / "seal", NodeId(hk.domain), hk.authority(AuthorityKind.NODE), now())
    done("certs", "install", hk.home.path, tmp_path / "node")
    said = done("certs", "replace-seal", hk.home.path, tmp_path / "seal")
    assert "in the files of the home alone" in said
    assert "replaced, but for KR" in said
    assert "its gateway status shows UNKNOWN_SEAL" in " ".join(said.split())
    document = hk.home.pairing_document(now())
    done("restore", hk.home.path, tmp_path / "backup")
    refused = run("certs", "replace-seal", hk.home.path, "--peer", "KR")
    assert (refused.code, "has halted: RESTORED" in refused.err) == (2, True), refused.text()
    hk.start()
    with hk.client() as client:
        eventually(lambda: client.get_channel("hk-to-kr").state == Channel.OPEN)
        eventually(lambda: "seal" in {each.about for each in client.server_info().alarms})
        with kr.client("FSS") as peer:
            kept = peer.create_notice(content(issuing_authority="FSS"), recipient="HK").name
            eventually(lambda: kept in {each.name for each in client.list_notices()})
            eventually(lambda: peer.get_channel("kr-to-hk").last_error.startswith("UNKNOWN_SEAL"))
        kr.stop()
        import_pairing(kr.home, document.encode(), document.fingerprint(), now(), replace_seal=True)
        kr.start()
        with kr.client("FSS") as peer:
            eventually(lambda: (told := peer.get_channel("kr-to-hk")).receipted_size == told.size)
    hk.stop()
    assert "is signed by another key of gateway.hk.example" in run("check", hk.home.path).out
    assert "KR takes nothing" in " ".join(done("certs", "replace-seal", hk.home.path, "--peer", "KR").split())
    hk.start()
    exchanged(hk, kr)
    assert told(hk).items() >= before[0].items()
    assert told(hk).keys() == told(kr).keys()
    checked(hk, kr)
