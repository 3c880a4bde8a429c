import sys
from datetime import timedelta
from threading import Thread

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from gateway.errors import AlreadyExists, ConfigError, SealUnavailable, Unavailable
from gateway.identity.certificates.issuing import generate_tls_key
from gateway.identity.certificates.keyfiles import write_key
from gateway.identity.certificates.x509 import Window
from gateway.identity.seals.signers import DatedSeal, FileSeal, Keyring
from gateway.ledger.checkpoint import SealPublic
from gateway.ledger.seals import CertifiedSeal
from tests.ledger.samples import FixedSeal
from tests.support.certificates import DAY, NOW

MESSAGE = b"hk.test/to/kr.test\n1\n"


@pytest.fixture
def paths(tmp_path):
    return tmp_path / "seal-ed25519.pem", tmp_path / "seal-ml-dsa-44.pem"


def test_signatures_verify_with_the_public_keys_it_tells(seal):
    ed25519, ml_dsa_44 = seal.sign_ed25519(MESSAGE), seal.sign_ml_dsa_44(MESSAGE)
    assert (len(ed25519), len(ml_dsa_44)) == (64, 2420)
    Ed25519PublicKey.from_public_bytes(seal.public.ed25519).verify(ed25519, MESSAGE)
    MLDSA44PublicKey.from_public_bytes(seal.public.ml_dsa_44).verify(ml_dsa_44, MESSAGE)


def test_signatures_are_over_the_message_alone(seal):
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(seal.public.ed25519).verify(seal.sign_ed25519(MESSAGE), b"other")
    with pytest.raises(InvalidSignature):
        MLDSA44PublicKey.from_public_bytes(seal.public.ml_dsa_44).verify(seal.sign_ml_dsa_44(MESSAGE), b"other")


def test_two_seals_share_no_key(seal):
    other = FileSeal.generate().public
    assert other.ed25519 != seal.public.ed25519
    assert other.ml_dsa_44 != seal.public.ml_dsa_44


def test_a_seal_is_read_back_from_its_files(seal, paths):
    seal.save(*paths)
    assert FileSeal.load(*paths).public == seal.public
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o600}


def test_a_seal_is_never_overwritten_unless_asked(seal, paths):
    seal.save(*paths)
    other = FileSeal.generate()
    with pytest.raises(AlreadyExists):
        other.save(*paths)
    assert FileSeal.load(*paths).public == seal.public
    other.save(*paths, replace=True)
    assert FileSeal.load(*paths).public == other.public


def test_files_in_each_others_place_are_told(seal, paths):
    seal.save(*paths)
    with pytest.raises(ConfigError, match=r"seal-ml-dsa-44\.pem does not hold an Ed25519 key"):
        FileSeal.load(*reversed(paths))
    write_key(paths[1], generate_tls_key(), replace=True)
    with pytest.raises(ConfigError, match=r"seal-ml-dsa-44\.pem does not hold an ML-DSA-44 key"):
        FileSeal.load(*paths)


def test_a_seal_that_others_can_read_is_refused(seal, paths):
    seal.save(*paths)
    paths[1].chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        FileSeal.load(*paths)


def test_a_seal_does_not_print_its_keys(seal):
    assert repr(seal).startswith("<gateway.identity.seals.signers.FileSeal object")


def test_a_seal_signs_while_its_certificates_are_valid(seal):
    dated = DatedSeal(seal, Window(NOW, NOW + DAY), lambda: NOW + DAY)
    assert dated.public == seal.public
    Ed25519PublicKey.from_public_bytes(seal.public.ed25519).verify(dated.sign_ed25519(MESSAGE), MESSAGE)
    MLDSA44PublicKey.from_public_bytes(seal.public.ml_dsa_44).verify(dated.sign_ml_dsa_44(MESSAGE), MESSAGE)


@pytest.mark.parametrize("moment", [NOW - timedelta(seconds=1), NOW + DAY + timedelta(seconds=1)])
def test_a_seal_signs_nothing_outside_the_time_of_its_certificates(seal, moment):
    dated = DatedSeal(seal, Window(NOW, NOW + DAY), lambda: moment)
    for sign in (dated.sign_ed25519, dated.sign_ml_dsa_44):
        with pytest.raises(SealUnavailable, match=r"certificate (is not valid before|expired at) .*nothing is sealed"):
            sign(MESSAGE)


class Away(FileSeal):
    """A seal in a token that is not there."""

    def require_able(self) -> None:
        raise SealUnavailable("there is no token")

    def open(self) -> None:
        raise Unavailable("there is no token")

    def look(self) -> None:
        raise Unavailable("there is no token")

    def close(self) -> None:
        raise AssertionError("it was never reached")


@pytest.mark.parametrize("is_first", [True, False])
def test_a_seal_of_before_that_is_away_keeps_no_node_from_starting(is_first):
    seals = [Away.generate(), FileSeal.generate()] if is_first else [FileSeal.generate(), Away.generate()]
    keyring = Keyring((CertifiedSeal(each.public), each) for each in seals)
    assert keyring.is_remote
    if is_first:
        with pytest.raises(Unavailable, match="there is no token"):
            keyring.open()
        return
    keyring.open()
    keyring.close()
    assert [each.public for each in keyring.seals] == [seals[0].public]
    assert not keyring.is_remote


def test_the_seals_of_a_keyring_may_be_asked_for_while_it_takes_one():
    """A rotation is taken on one thread, while commits and streams ask on others."""
    made = [CertifiedSeal(SealPublic(number.to_bytes(32), bytes(1312))) for number in range(300)]
    keyring, signer = Keyring([]), FixedSeal("hk")
    before, wrong = sys.getswitchinterval(), list[Exception]()

    def take() -> None:
        for each in made:
            keyring.add(each, signer)

    sys.setswitchinterval(1e-6)  # threads take turns as often as can be
    try:
        taking = Thread(target=take)
        taking.start()
        while taking.is_alive():
            try:
                _ = keyring.seals
            except RuntimeError as error:
                wrong.append(error)
    finally:
        sys.setswitchinterval(before)
        taking.join()
    assert wrong == []
    assert list(keyring.seals) == made
