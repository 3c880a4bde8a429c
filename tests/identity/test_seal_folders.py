"""A seal that comes into force takes the place of the one before, also where its node ended midway."""

from pathlib import Path

import pytest

from gateway.identity.names import NodeId
from gateway.identity.seal_certificates import seal_of
from gateway.identity.seal_files import NAMES, SealFolder
from gateway.identity.seal_folders import SealFolders
from gateway.identity.signers import FileSeal
from gateway.ledger.seals import CertifiedSeal
from tests.support.certificates import issued
from tests.support.evidence import FOUNDED, HK, HONG_KONG, PublicKey


def made(folder: SealFolder) -> CertifiedSeal:
    """A new seal, written into a folder."""
    keys = FileSeal.generate()
    ed25519, ml_dsa_44 = (
        issued(HONG_KONG.authority, "seal", NodeId(HK), FOUNDED, PublicKey(key)).der for key in keys.public_keys
    )
    seal = seal_of((ed25519, ml_dsa_44))
    folder.write(seal, keys)
    return seal


@pytest.fixture
def folders(tmp_path: Path) -> SealFolders:
    return SealFolders(tmp_path / "keys")


def test_the_seal_that_came_into_force_stands_in_its_place_and_of_the_one_before_no_key_is_left(folders):
    before, coming = made(folders.in_force), made(folders.coming)
    folders.adopt(coming)
    assert folders.in_force.certified() == coming
    assert folders.in_force.keys().public == coming.public
    assert folders.earlier() == (before,)
    assert not folders.coming.path.exists()
    assert len(list(folders.keys.rglob("*.key"))) == 2


def test_a_seal_that_is_prepared_and_not_in_force_yet_stays_where_it_is(folders):
    before, coming = made(folders.in_force), made(folders.coming)
    for in_force in (None, before):
        folders.adopt(in_force)
    assert folders.in_force.certified() == before
    assert folders.coming.certified() == coming
    assert folders.earlier() == ()


@pytest.mark.parametrize("written", range(5))
def test_what_was_cut_short_is_done_again(folders, written):
    """As a process leaves it that ended when so many of the four files were in their place."""
    before, coming = made(folders.in_force), made(folders.coming)
    SealFolder(folders.keys / "earlier" / "0123456789abcdef").write(before, None)
    files = [f"{name}.{suffix}" for suffix in ("key", "crt") for name in NAMES]
    for name in files[:written]:
        (folders.keys / name).write_bytes((folders.coming.path / name).read_bytes())
    folders.adopt(coming)
    assert folders.in_force.keys().public == coming.public
    assert before in folders.earlier()
    assert not folders.coming.path.exists()
