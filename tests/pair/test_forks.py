"""A node is put back to an old copy of its disk, seals something else, and its channel forks: what its operators do."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from regulator.exchange import Client
from regulator.exchange.v1.admin_service_pb2 import Channel

from tests.cli.transcripts import run
from tests.pair.asking import checked, done, exchanged, give, in_step, is_told, journal, settled
from tests.pair.asking import told as told_by
from tests.support.nodes import AUTHORITIES, Site, eventually, found_pair, running


@pytest.fixture(scope="module")
def own_pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Site]]:
    hk, kr = found_pair(tmp_path_factory.mktemp("forks"))
    with running(hk, kr):
        yield hk, kr


def copy_of_disk(site: Site, folder: Path) -> Path:
    """What no backup of ours would be: files of a node that was stopped, without any mark."""
    site.stop()
    folder.mkdir()
    for path in (*site.home.path.glob("node.db*"), site.home.high_water):
        shutil.copy(path, folder)
    site.start()
    return folder


def put_back(site: Site, folder: Path) -> None:
    """The disk as it was, and nobody has said so to the node."""
    for path in site.home.path.glob("node.db*"):
        path.unlink()
    for path in folder.iterdir():
        shutil.copy(path, site.home.path)


def is_forked(client: Client, channel: str = "hk-to-kr") -> bool:
    found = client.get_channel(channel)
    return found.state == Channel.HALTED and found.halt_reason.startswith("FORKED")


def profile(site: Site) -> tuple[str, Path]:
    return "--profile", site.path / "clients" / f"{AUTHORITIES[site.jurisdiction][0]}-office" / "profile.toml"


def roots(*sites: Site) -> list[object]:
    found: list[object] = []
    for site in sites:
        found += ["--root", site.home.root("node-authority")]
    return found


def forked(hk: Site, kr: Site, tmp_path: Path) -> set[str]:
    """Hong Kong's disk is put back; it seals another notice than it had; both ends halt that channel.

    Gives the notices that Hong Kong does not have any more.
    """
    exchanged(hk, kr)
    copy = copy_of_disk(hk, tmp_path / "copy of the disk")
    eventually(lambda: in_step(hk, kr))
    before = told_by(kr).keys()
    exchanged(hk, kr)
    lost = told_by(kr).keys() - before
    hk.stop()
    put_back(hk, copy)
    kr.stop()
    hk.start()
    give(hk, "KR", 1)
    kr.start()
    with hk.client() as at_hk, kr.client() as at_kr:
        eventually(lambda: is_forked(at_hk) and is_forked(at_kr))
    return set(lost)


def proof_of_now(site: Site, folder: Path) -> bytes:
    file = folder / f"{site.jurisdiction}.later.proof"
    done("evidence", "fork", "hk-to-kr", *profile(site), "--out", file)
    return file.read_bytes()


def proof_of(site: Site, folder: Path) -> Path:
    file = folder / f"{site.jurisdiction}.proof"
    assert "fork 1 of 1" in done("evidence", "fork", "hk-to-kr", *profile(site), "--out", file)
    return file


def test_a_fork_is_proven_and_the_channel_goes_on_from_what_its_receiver_holds(own_pair, tmp_path):
    hk, kr = own_pair
    old = tmp_path / "old.tlog-proof"
    (first,) = give(hk, "KR", 1)
    eventually(lambda: settled(hk))
    done("evidence", "export", first, *profile(hk), "--out", old)
    only_kr = forked(hk, kr, tmp_path)

    # What both operators see, and can show to anybody.
    proofs = [proof_of(site, tmp_path) for site in (hk, kr)]
    for file in proofs:
        assert "signed two histories of gateway.hk.example/to" in done("evidence", "verify", file, *roots(hk, kr))
        document = json.loads(done("evidence", "verify", file, *roots(hk), "--json"))
        assert [each["signed_at"] for each in document["heads"]]
        assert run("evidence", "verify", file, *roots(kr)).code == 1, "Korea's root says nothing of Hong Kong's seal"
    none = run("evidence", "fork", "kr-to-hk", *profile(kr), "--out", tmp_path / "none")
    assert (none.code, "nobody is known to have signed two histories" in none.text()) == (3, True)
    for site in (hk, kr):
        for told in (run("status", *profile(site)), run("doctor", site.home.path)):
            assert told.code == 1
            assert "A channel halted as forked" in told.out

    # The other direction goes on meanwhile.
    give(kr, "HK", 2)
    with kr.client() as client:
        eventually(lambda: client.get_channel("kr-to-hk").receipted_size == client.get_channel("kr-to-hk").size)

    # Korea keeps what it has; Hong Kong gives up what it sealed beside that.
    for site in (kr, hk):
        site.stop()
    agreed = tmp_path / "agreed"
    said = run("fork", "keep", kr.home.path, "hk-to-kr", "--out", agreed)
    assert said.code == 0, said.text()
    fingerprint = said.err.split()[-1]
    assert run("fork", "give-up", hk.home.path, agreed, "--fingerprint", "0000").code == 1
    told = done("fork", "give-up", hk.home.path, agreed, "--fingerprint", fingerprint)
    assert "Given up of hk-to-kr: 1 envelope," in told
    (kept,) = (hk.home.path / "forks").iterdir()
    assert str(kept) in told.replace("\n", "")
    header, *lines = map(json.loads, kept.read_text().splitlines())
    assert (header["origin"], len(lines)) == ("gateway.hk.example/to/gateway.kr.example", header["envelopes"])
    assert lines[0]["act"].startswith("release of notices/hk-")
    checked(hk, kr)

    for site in (hk, kr):
        site.start()
    eventually(lambda: in_step(hk, kr))
    exchanged(hk, kr)
    assert told_by(hk) == told_by(kr)
    assert only_kr <= told_by(hk).keys(), "what Hong Kong had lost is there again"
    assert lines[0]["act"].removeprefix("release of ") not in told_by(hk)
    assert [each.method for each in journal(hk)].count("gateway fork give-up") == 1
    assert [each.method for each in journal(kr)].count("gateway fork keep") == 1
    assert is_told(hk, "gateway fork give-up")
    checked(hk, kr)
    for site, before in zip((hk, kr), proofs, strict=True):
        assert proof_of_now(site, tmp_path) == before.read_bytes(), "the proof is there for ever"
    assert "PROVEN" in done("evidence", "verify", old, *roots(hk, kr))
    for site in (hk, kr):
        site.stop()
        done("rebuild", site.home.path)
    checked(hk, kr)
