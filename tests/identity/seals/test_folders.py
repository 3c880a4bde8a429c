"""A seal that comes into force takes the place of the one before, also where its node ended midway."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.identity.names import NodeId
from gateway.identity.seals.certificates import seal_of
from gateway.identity.seals.files import NAMES, SealFolder
from gateway.identity.seals.folders import SealFolders
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.pins import Pin
from gateway.identity.seals.pkcs11_access import TokenAccess
from gateway.identity.seals.signers import FileSeal, SealKeys
from gateway.ledger.seals import CertifiedSeal
from tests.support.certificates import issued
from tests.support.evidence import FOUNDED, HK, HONG_KONG, PublicKey

URI = KeyUri(token="an HSM", object="seal", id=b"\x01")


def made(folder: SealFolder, uri: KeyUri | None = None) -> CertifiedSeal:
    """A new seal, written into a folder; with the name of a key in a token, where one is given."""
    keys: SealKeys = FileSeal.generate()
    if uri:
        path = folder.path.with_suffix(".ml-dsa")
        keys.save(path.with_suffix(".ed25519"), path, replace=True)
        keys = folder.tokens.seal(uri, keys.public.ed25519, path)
    ed25519, ml_dsa_44 = (
        issued(HONG_KONG.authority, "seal", NodeId(HK), FOUNDED, PublicKey(key)).der for key in keys.public_keys
    )
    seal = seal_of((ed25519, ml_dsa_44))
    folder.write(seal, keys)
    return seal


@pytest.fixture
def folders(tmp_path: Path) -> SealFolders:
    tokens = TokenAccess(tmp_path / "module.so", Pin(tmp_path / "pin", tmp_path / "memory"))
    return SealFolders(tmp_path / "keys", tokens)


def test_the_seal_that_came_into_force_stands_in_its_place_and_of_the_one_before_no_key_is_left(folders):
    before, coming = made(folders.in_force), made(folders.coming)
    folders.adopt(coming)
    assert folders.in_force.certified() == coming
    assert folders.in_force.keys().public == coming.public
    assert folders.earlier() == (before,)
    assert not folders.coming.path.exists()
    assert len(list(folders.keys.rglob("*.key"))) == 2


@pytest.mark.parametrize("there", [(), NAMES[:1]], ids=["nothing", "one of two"])
def test_one_before_that_was_cut_short_as_it_was_kept_is_no_seal_and_is_kept_whole_by_the_next_try(folders, there):
    before, coming = made(folders.in_force), made(folders.coming)
    kept = folders.keys / "earlier" / before.fingerprint[:16]
    kept.mkdir(parents=True)
    for name in there:
        (kept / f"{name}.crt").write_bytes((folders.keys / f"{name}.crt").read_bytes())
    assert folders.earlier() == ()
    folders.adopt(coming)
    assert folders.earlier() == (before,)


def test_its_keys_stay_as_long_as_a_channel_has_yet_to_be_told_of_the_new_one(folders):
    before, coming = made(folders.in_force), made(folders.coming)
    folders.adopt(coming, is_told=False)
    assert [each.certified() for each in folders.signing()] == [coming, before]
    assert folders.signing()[1].keys().public == before.public
    third = made(folders.coming)
    folders.adopt(before, is_told=True)  # as a database tells it that was put back
    folders.adopt(third, is_told=False)
    assert {each.certified() for each in folders.signing()} == {before, coming, third}
    folders.adopt(third, is_told=True)
    assert [each.certified() for each in folders.signing()] == [third]
    assert set(folders.earlier()) == {before, coming}
    assert len(list(folders.keys.rglob("*.key"))) == 2


@pytest.mark.parametrize("written", range(5))
def test_they_stay_also_where_it_was_cut_short(folders, written):
    before, coming = made(folders.in_force), made(folders.coming)
    digest = sha256(before.certificates[0]).hexdigest()
    SealFolder(folders.keys / "earlier" / digest[:16]).write(before, folders.in_force.keys())
    files = [f"{name}.{suffix}" for suffix in ("key", "crt") for name in NAMES]
    for name in files[:written]:
        (folders.keys / name).write_bytes((folders.coming.path / name).read_bytes())
    folders.adopt(coming, is_told=False)
    assert folders.in_force.keys().public == coming.public
    assert before.public in {each.keys().public for each in folders.signing()}


def test_the_name_of_a_key_in_a_token_stays_in_the_same_way(folders):
    made(folders.in_force, URI)
    coming = made(folders.coming)
    folders.adopt(coming, is_told=False)
    assert [each.uri() for each in folders.signing()] == [None, URI]
    folders.adopt(coming, is_told=True)
    assert [each.uri() for each in folders.signing()] == [None]
    assert list(folders.keys.rglob("*.uri")) == []


def test_a_seal_that_is_prepared_and_not_in_force_yet_stays_where_it_is(folders):
    before, coming = made(folders.in_force), made(folders.coming)
    for in_force in (None, before):
        folders.adopt(in_force)
    assert folders.in_force.certified() == before
    assert folders.coming.certified() == coming
    assert folders.earlier() == ()


@pytest.mark.parametrize("to_token", [True, False])
def test_the_name_of_a_key_in_a_token_takes_the_place_of_a_file_and_the_other_way_round(folders, to_token):
    made(folders.in_force, None if to_token else URI)
    coming = made(folders.coming, URI if to_token else None)
    assert folders.coming.holds_one()
    folders.adopt(coming)
    assert folders.in_force.uri() == (URI if to_token else None)
    assert folders.in_force.keys().public == coming.public, "the token is not asked for that"
    first_key = {each.suffix for each in folders.keys.glob("seal-ed25519.*")}
    assert first_key == ({".uri", ".crt"} if to_token else {".key", ".crt"})
    assert not folders.coming.path.exists()


def test_a_move_to_a_token_that_was_cut_short_is_done_again(folders):
    made(folders.in_force)
    coming = made(folders.coming, URI)
    (folders.keys / "seal-ed25519.uri").write_bytes((folders.coming.path / "seal-ed25519.uri").read_bytes())
    with pytest.raises(ConfigError, match="name two keys"):
        folders.in_force.keys()
    folders.adopt(coming)
    assert folders.in_force.uri() == URI


def test_a_key_in_a_token_that_nothing_says_how_to_reach_is_told(folders):
    made(folders.in_force, URI)
    with pytest.raises(ConfigError, match=r"\[pkcs11\]"):
        SealFolders(folders.keys).in_force.keys()


@pytest.mark.parametrize("text", ["", "seal", "pkcs11:object=seal", "pkcs11:token=a?pin-value=1"])
def test_what_names_no_key_is_told(folders, text):
    made(folders.in_force, URI)
    (folders.keys / "seal-ed25519.uri").write_text(text)
    with pytest.raises(ConfigError, match=r"seal-ed25519\.uri: "):
        folders.in_force.keys()


def test_without_the_library_it_is_told_what_to_install(folders, monkeypatch):
    made(folders.in_force, URI)
    for name in ("gateway.identity.seals.pkcs11_seals", "gateway.identity.seals.pkcs11_tokens"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    fresh = replace(folders, tokens=replace(folders.tokens, _sessions={}))
    with pytest.raises(ConfigError, match=r"install regulatory-gateway\[pkcs11\]"):
        fresh.in_force.keys()


@pytest.mark.parametrize("written", range(5))
def test_what_was_cut_short_is_done_again(folders, written):
    """As a process leaves it that ended when so many of the four files were in their place."""
    before, coming = made(folders.in_force), made(folders.coming)
    digest = sha256(before.certificates[0]).hexdigest()
    SealFolder(folders.keys / "earlier" / digest[:16]).write(before, None)
    files = [f"{name}.{suffix}" for suffix in ("key", "crt") for name in NAMES]
    for name in files[:written]:
        (folders.keys / name).write_bytes((folders.coming.path / name).read_bytes())
    folders.adopt(coming)
    assert folders.in_force.keys().public == coming.public
    assert folders.earlier() == (before,)
    assert not folders.coming.path.exists()


class Ended(Exception):
    """The process, before one of its steps."""


STEPS = ("rename", "replace", "unlink", "rmdir")  # of a folder's files, each at once or not at all


@pytest.mark.parametrize("last", range(20))
def test_nothing_stays_behind_wherever_its_node_ended(folders, last, monkeypatch):
    before, coming = made(folders.in_force), made(folders.coming)
    left = iter(range(last))

    def counted(step: Callable[..., object]) -> Callable[..., object]:
        def take(*arguments: object, **named: object) -> object:
            if next(left, None) is None:
                raise Ended
            return step(*arguments, **named)

        return take

    with monkeypatch.context() as patch:
        for step in STEPS:
            patch.setattr(Path, step, counted(getattr(Path, step)))
        with suppress(Ended):
            folders.adopt(coming)
    folders.adopt(coming)
    assert folders.in_force.keys().public == coming.public
    assert folders.earlier() == (before,)
    assert [each.name for each in folders.keys.iterdir() if each.is_dir()] == ["earlier"]
