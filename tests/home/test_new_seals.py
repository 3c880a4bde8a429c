"""A seal follows another one with keys of its own: a key that was certified anew would be one seal and another."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.errors import Untrusted
from gateway.home.pairing import import_pairing
from gateway.home.provisioning import issue_seal
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.names import NodeId
from gateway.identity.seals.files import SealFolder
from gateway.identity.seals.signers import FileSeal
from tests.cli.transcripts import run
from tests.support.nodes import Site, pair
from tests.support.offline import commit

Keys = Callable[[FileSeal], FileSeal]

OLD: dict[str, Keys] = {
    "both": lambda seal: seal,
    "ed25519": lambda seal: FileSeal(seal.request_keys()[0], MLDSA44PrivateKey.generate()),
    "ml-dsa-44": lambda seal: FileSeal(Ed25519PrivateKey.generate(), seal.request_keys()[1]),
}


def seal_of(site: Site) -> FileSeal:
    keys = site.home.seals.in_force.keys()
    assert isinstance(keys, FileSeal)
    return keys


def issued(site: Site, folder: Path, keys: FileSeal) -> SealFolder:
    issue_seal(folder, NodeId(site.domain), site.authority(AuthorityKind.NODE), datetime.now(UTC), keys)
    return SealFolder(folder)


@pytest.mark.parametrize("kept", OLD)
def test_a_seal_with_a_key_of_the_one_in_force_is_neither_prepared_nor_put_in_its_place(tmp_path: Path, kept: str):
    site = Site("HK", tmp_path / "hk").found()
    before = site.home.seals.in_force.certified()
    issued(site, tmp_path / "new", OLD[kept](seal_of(site)))
    for command in ("prepare-seal", "replace-seal"):
        ran = run("certs", command, site.home.path, tmp_path / "new")
        assert (ran.code, "a key of this seal is one of a seal before" in ran.err) == (2, True), ran.err
    assert not site.home.seals.coming.holds_one()
    assert site.home.seals.in_force.certified() == before


def test_nor_is_one_with_a_key_of_a_seal_before_that(tmp_path: Path):
    site = Site("HK", tmp_path / "hk").found()
    first = seal_of(site)
    issued(site, tmp_path / "second", FileSeal.generate())
    assert run("certs", "replace-seal", site.home.path, tmp_path / "second").code == 0
    issued(site, tmp_path / "third", first)
    assert run("certs", "prepare-seal", site.home.path, tmp_path / "third").code == 2


def test_the_seal_that_is_prepared_may_be_prepared_again(tmp_path: Path):
    site = Site("HK", tmp_path / "hk").found()
    issued(site, tmp_path / "new", FileSeal.generate())
    for _ in range(2):
        assert run("certs", "prepare-seal", site.home.path, tmp_path / "new").code == 0


def test_a_pairing_document_replaces_no_seal_by_one_with_a_key_of_it(tmp_path: Path):
    hk, kr = (Site(each, tmp_path / each.lower()).found() for each in ("HK", "KR"))
    pair(hk, kr)
    commit(hk, lambda _tx, _state: None)  # as it is once it has run
    issued(kr, tmp_path / "new", OLD["ml-dsa-44"](seal_of(kr)))
    seal = SealFolder(tmp_path / "new")
    kr.home.seals.in_force.write(seal.certified(), seal.keys())
    document = kr.home.pairing_document(datetime.now(UTC))
    with pytest.raises(Untrusted, match="one that it had before"):
        import_pairing(hk.home, document.encode(), document.fingerprint(), datetime.now(UTC), replace_seal=True)
