"""The homes of a node whose rotation left a peer behind: the keys that stay, and what operators do without them."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.doctor import examine
from gateway.cli.findings.findings import Finding, Level, Subject
from gateway.home.lifetimes import EARLIER_SEAL, lifetimes_of
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, write_file
from gateway.identity.certificates.lifetimes import warnings
from gateway.store.commits import read_commit
from gateway.store.database import snapshot
from gateway.store.recovery.high_water import HighWater
from tests.cli.sites import profile_path
from tests.cli.transcripts import Ran, run
from tests.support.left_behind import TO_SG, behind, later_seal, mend, new_seal, rotated_without
from tests.support.nodes import Site, eventually, running
from tests.support.offline import commit, sealing


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Hong Kong, whose seal was rotated without Korea."""
    return rotated_without(tmp_path_factory.mktemp("founded"))


@pytest.fixture
def hk(founded: Site, tmp_path: Path) -> Site:
    return replace(founded, path=shutil.copytree(founded.path, tmp_path / "hk"))


def check(site: Site) -> None:
    checked = run("check", site.home.path)
    assert checked.code == 0, checked.out + checked.err


def replaced(site: Site, *arguments: str) -> Ran:
    return run("certs", "replace-seal", site.home.path, *arguments)


def test_the_home_and_its_database_fit_and_the_keys_of_before_are_there(hk: Site) -> None:
    in_force, before = hk.home.seals.signing()
    assert before.keys().public != in_force.keys().public
    assert behind(hk) == ["hk-to-kr"]
    check(hk)


def test_a_node_starts_with_both_seals_and_tells_the_new_one_once_the_channel_is_open(hk: Site) -> None:
    mend(hk)
    with running(hk):
        eventually(lambda: len(hk.home.seals.signing()) == 1)
    assert behind(hk) == []
    check(hk)


def test_without_the_keys_an_operator_puts_the_seal_in_force_there(hk: Site) -> None:
    hk.home.seals.signing()[1].remove_keys()
    assert "has halted: RESTORED" in replaced(hk, "--peer", "kr").err
    mend(hk)
    ran = replaced(hk, "--peer", "kr")
    assert (ran.code, "KR takes nothing" in " ".join(ran.out.split())) == (0, True), ran.err
    assert behind(hk) == []
    assert "nothing to replace" in replaced(hk, "--peer", "KR").err
    check(hk)


def test_a_node_tells_which_channel_was_left_behind_and_asked_to_rotate_again_too(hk: Site) -> None:
    in_force, before = (each.certified().fingerprint for each in hk.home.seals.signing())
    profile = ("--profile", profile_path(hk, "HKMA"))
    with running(hk):
        with hk.client() as client:
            found = {each.name: each.earlier_seal_sha256 for each in client.list_channels()}
            answer = client.rotate_seal(in_force)
        assert {name: seal for name, seal in found.items() if seal} == {"channels/hk-to-kr": before}
        assert list(answer.channels_left_behind) == ["channels/hk-to-kr"]
        assert f"hk-to-kr  {before[:16]} is in force there" in run("status", *profile).out
        assert "hk-to-kr is left behind" in run("certs", "rotate-seal", in_force, *profile).out
    mend(hk)
    with running(hk), hk.client() as client:
        eventually(lambda: not any(each.earlier_seal_sha256 for each in client.list_channels()))
        assert list(client.rotate_seal(in_force).channels_left_behind) == []


def test_its_certificates_are_told_like_others_near_their_end_for_as_long_as_its_keys_are_kept(hk: Site) -> None:
    earlier = hk.home.seals.signing()[1]
    ends = datetime.fromtimestamp(earlier.certified().not_after, UTC)

    def told(at: datetime) -> list[str]:
        lasting = [each for each in lifetimes_of(hk.home, at) if each.purpose == EARLIER_SEAL]
        return list(warnings(lasting, at))

    assert told(ends - timedelta(days=40)) == []
    assert ["at most 7 days left" in each for each in told(ends - timedelta(days=5))] == [True, True]
    assert ["it has ended" in each for each in told(ends + timedelta(days=1))] == [True, True]
    earlier.remove_keys()
    assert told(ends + timedelta(days=1)) == []


def doctor(site: Site, at: datetime | None = None) -> list[Finding]:
    found = examine(Subject(site.home, at or datetime.now(UTC)))
    return [each for each in found if "left behind" in each.said or "earlier seal" in each.said]


def test_the_doctor_tells_of_it_and_what_to_do_without_its_keys(hk: Site) -> None:
    before = hk.home.seals.signing()[1]
    (said,) = doctor(hk)
    assert (said.level, f"{before.certified().fingerprint[:16]} is in force there" in said.said) == (Level.OK, True)
    ends = datetime.fromtimestamp(before.certified().not_after, UTC)
    for at, words in ((ends - timedelta(days=5), "ends in 5 days"), (ends + timedelta(days=1), "has ended")):
        late = [each for each in doctor(hk, at) if each.level is not Level.OK]
        assert [(each.level, words in each.said) for each in late] == [(Level.WARN, True)] * 2
    before.remove_keys()
    (said,) = doctor(hk)
    assert (said.level, said.remedy.command) == (Level.WARN, f"gateway certs replace-seal {hk.home.path} --peer KR")


def test_a_lost_seal_is_replaced_in_the_channels_that_are_whole_and_told_in_those_that_go_on(
    hk: Site, tmp_path: Path
) -> None:
    oldest = hk.home.seals.signing()[1].certified()
    refused = replaced(hk, str(new_seal(hk, tmp_path / "too early").path))
    assert (refused.code, "SG may not know of the rotation" in refused.err) == (2, True), refused.text()
    new = later_seal(hk, tmp_path / "new")
    assert "replaced, but for KR" in replaced(hk, str(new.path)).out
    assert [each.certified() for each in hk.home.seals.signing()] == [new.certified(), oldest]
    assert behind(hk) == ["hk-to-kr"]
    check(hk)
    assert "replaced, but for KR" in replaced(hk, str(new.path)).out, "said again, it does nothing more"
    mend(hk)
    with running(hk):
        eventually(lambda: len(hk.home.seals.signing()) == 1)
    assert behind(hk) == []
    check(hk)


def test_a_database_that_was_put_back_is_found_before_a_seal_is_replaced_in_it(hk: Site, tmp_path: Path) -> None:
    mend(hk)
    before = {each: each.read_bytes() for each in hk.home.path.glob("node.db*")}
    commit(hk, sealing(TO_SG, "hk-lost"))
    with snapshot(hk.home.config.database.url, hk.home.path) as connection:
        hk.home.high_water.write_bytes(HighWater.of(read_commit(connection), 0).encode())
    for file in hk.home.path.glob("node.db*"):
        file.unlink()
    for file, data in before.items():
        file.write_bytes(data)
    ran = replaced(hk, str(new_seal(hk, tmp_path / "new").path))
    assert "replaced, but for KR, SG" in ran.out, ran.text()


def test_a_restore_without_the_keys_of_before_says_what_to_do(hk: Site, tmp_path: Path) -> None:
    assert run("backup", hk.home.path, tmp_path / "backup").code == 0
    keys = {file.name: file.read_bytes() for file in (hk.home.path / "keys").glob("*.key")}
    before = hk.home.seals.signing()[1].certified().fingerprint
    shutil.rmtree(hk.home.path)
    (hk.home.path / "keys").mkdir(mode=0o700, parents=True)
    for name, data in keys.items():
        write_file(hk.home.path / "keys" / name, data, mode=PRIVATE_MODE)
    ran = run("restore", hk.home.path, tmp_path / "backup")
    assert ran.code == 0, ran.err
    assert f"{before[:16]} is in force there, and its keys are not here" in ran.out
    assert f"gateway certs replace-seal {hk.home.path} --peer KR" in ran.out


@pytest.mark.parametrize(("arguments", "said"), [((), "or else --peer"), (("--peer", "JP"), "JP is not a peer")])
def test_what_is_meant_must_be_said(hk: Site, arguments: tuple[str, ...], said: str) -> None:
    ran = replaced(hk, *arguments)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
