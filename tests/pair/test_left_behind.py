"""A channel that a rotation left behind, at a node of several replicas, and at one that moves to another database."""

import shutil
from pathlib import Path

import pytest
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.identity.seals.key_uris import KeyUri
from tests.cli.transcripts import run
from tests.pair.asking import checked
from tests.supervision.samples import content
from tests.support.left_behind import behind, end_halted, keys_of, mend, rotated_without
from tests.support.nodes import Site, eventually, pair, running
from tests.support.offline import commit
from tests.support.postgresql import Server
from tests.support.replicas import Replicated, found_replicas
from tests.support.rotation import prepared
from tests.support.softhsm import as_module_here, made_token, needs_softhsm


@pytest.fixture
def shared(database: Server, tmp_path: Path) -> Replicated:
    """Not started. Its channel to Korea, with whom the pairing has ended, waits; that to Singapore takes a rotation."""
    found, sg = found_replicas(tmp_path, database), Site("SG", tmp_path / "sg").found()
    first, *others = found.replicas
    pair(first, sg)
    for other in others:
        shutil.copy(first.home.peer_file("SG"), other.home.peer_file("SG"))

    commit(first, end_halted)
    return found


def test_what_one_replica_left_behind_another_one_tells_and_the_keys_of_before_go_at_both(shared, tmp_path) -> None:
    a, b = shared.replicas
    (before,) = keys_of(a)
    with running(a, b):
        digest = prepared(a, tmp_path / "next")
        assert run("certs", "prepare-seal", b.home.path, tmp_path / "next").code == 0
        with a.client() as at_a, b.client() as at_b:
            assert list(at_a.rotate_seal(digest).channels_left_behind) == ["channels/hk-to-kr"]
            eventually(lambda: at_b.get_channel("hk-to-kr").earlier_seal_sha256 == before)
            for site in (a, b):
                eventually(lambda site=site: keys_of(site) == [digest, before])
            eventually(lambda: not list(at_b.server_info().alarms))
        a.stop()
        file = b.home.peer_file("KR")
        fingerprint = next(each.fingerprint() for each in b.home.peer_documents() if each.jurisdiction == "KR")
        assert run("pair", "import", b.home.path, file, "--fingerprint", fingerprint).code == 0
        with running(shared.kr):
            eventually(lambda: keys_of(b) == [digest])
            assert keys_of(a) == [digest, before]
            a.start()
            eventually(lambda: keys_of(a) == [digest])
            with b.client("SFC") as author, shared.kr.client("FSS") as other:
                for client, name, authority in ((author, "hk-1", "SFC"), (other, "kr-1", "FSS")):
                    recipient = "KR" if client is author else "HK"
                    client.create_notice(content(issuing_authority=authority), recipient=recipient, notice_id=name)
                    eventually(lambda client=client, name=name: client.get_notice(name).state == Notice.DELIVERED)
    for site in (b, shared.kr):
        checked(site)


def test_a_move_to_another_database_and_back_changes_nothing_of_it(database: Server, tmp_path: Path) -> None:
    hk = rotated_without(tmp_path)
    keys, config = keys_of(hk), hk.home.config_file
    for url in (database.new_schema(), "sqlite:///back.db"):
        before = hk.home.config.database.url
        ran = run("migrate", hk.home.path, url)
        assert ran.code == 0, ran.err
        config.write_text(config.read_text().replace(before, url))
        assert hk.home.config.database.url == url
        assert (behind(hk), keys_of(hk)) == (["hk-to-kr"], keys)
        checked(hk)
    mend(hk)
    with running(hk):
        eventually(lambda: keys_of(hk) == keys[:1])
    assert behind(hk) == []


@needs_softhsm
def test_a_key_in_a_token_tells_the_next_one_there_too_and_is_let_go_of(tmp_path: Path) -> None:
    with as_module_here(made_token(tmp_path / "token")) as token:
        hk = Site("HK", tmp_path / "hk").found(seal=KeyUri.parse(token.uri))
        for each in ("KR", "SG"):
            pair(hk, Site(each, tmp_path / each.lower()).found())
        commit(hk, end_halted)
        asked = run("certs", "request-seal", hk.home.path, tmp_path / "next")
        for line in asked.out.splitlines()[1:]:
            assert run(*line.replace("AUTHORITIES", str(hk.path / "authority")).split()[1:]).code == 0, line
        digest = run("certs", "prepare-seal", hk.home.path, tmp_path / "next").out.split()[-1]
        (before,) = keys_of(hk)
        with running(hk), hk.client() as client:
            assert list(client.rotate_seal(digest).channels_left_behind) == ["channels/hk-to-kr"]
        assert keys_of(hk) == [digest, before]
        assert [each.uri() is not None for each in hk.home.seals.signing()] == [True, True]
        mend(hk)
        with running(hk):
            eventually(lambda: keys_of(hk) == [digest])
        assert behind(hk) == []
        checked(hk)
