"""Seals in a real token, of SoftHSM."""

import shutil
import threading
from dataclasses import replace

import pkcs11
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from gateway.backoff import NextTry
from gateway.errors import ConfigError, SealUnavailable, Unavailable
from gateway.identity.certificates.keyfiles import write_key
from gateway.identity.seals import pkcs11_access
from gateway.identity.seals.key_uris import KeyUri
from gateway.identity.seals.pkcs11_seals import QUIET_SECONDS, TokenSeal
from gateway.identity.seals.pkcs11_tokens import Module
from gateway.identity.seals.signers import Remote
from gateway.ledger.checkpoint import Checkpoint, countersign, open_receipt, sign_checkpoint
from tests.support.softhsm import LABEL, MODULE, OTHER_PIN, PIN, SoftToken, as_module_here, made_token, needs_softhsm

pytestmark = needs_softhsm

MESSAGE = b"a message"
ORIGIN = "gateway.hk.example/to/gateway.kr.example"
TOKEN = KeyUri(token=LABEL)


@pytest.fixture
def token(tmp_path):
    with as_module_here(made_token(tmp_path / "token")) as made:
        yield made


class Clock:
    """Seconds that a test lets pass."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def made_seal(token: SoftToken, seconds: float = 20.0, uri: KeyUri = TOKEN) -> TokenSeal:
    """A seal with a new key in the token; it has a session of its own."""
    path = token.path / "ml-dsa.key"
    if not path.exists():
        write_key(path, MLDSA44PrivateKey.generate())
    access = token.access(seconds)
    made = access.new_keys(uri)
    seal = access.seal(made.uri, made.public.ed25519, path)
    assert isinstance(seal, TokenSeal)
    seal._clock = clock = Clock()
    seal._next_try = NextTry(clock)
    return seal


def again(token: SoftToken, seal: TokenSeal) -> TokenSeal:
    """The same seal as the next process finds it."""
    seal.close()
    found = token.access().seal(seal.uri, seal.public.ed25519, token.path / "ml-dsa.key")
    assert isinstance(found, TokenSeal)
    found._clock = clock = Clock()
    found._next_try = NextTry(clock)
    return found


def test_a_receipt_of_a_seal_in_a_token_verifies(token):
    seal = made_seal(token)
    head = sign_checkpoint(Checkpoint(ORIGIN, 1, bytes(32)), seal, 1_700_000_000)
    receipt = countersign(head, "gateway.kr.example", seal, 1_700_000_001)
    assert open_receipt(receipt.note, ORIGIN, seal.public, "gateway.kr.example", seal.public) == receipt


def test_the_key_never_leaves_the_token(token):
    seal = made_seal(token)
    session = token.access()._session(seal.uri)

    def attributes(opened):
        private = session._key(opened, seal._key)
        names = pkcs11_access._loaded("pkcs11_tokens").Attribute
        known = (names.EXTRACTABLE, names.NEVER_EXTRACTABLE, names.SENSITIVE, names.ALWAYS_SENSITIVE, names.LOCAL)
        return [private[each] for each in known]

    assert session._run(attributes, 20) == [False, True, True, True, True]


def test_the_next_process_finds_the_key_by_its_name(token):
    seal = made_seal(token)
    others = made_seal(token)  # has the same label
    assert seal.uri.object == others.uri.object
    found = again(token, seal)
    found.open()
    Ed25519PublicKey.from_public_bytes(seal.public.ed25519).verify(found.sign_ed25519(MESSAGE), MESSAGE)


def test_a_token_is_found_by_its_serial_number(token):
    serial = token.access()._session(TOKEN)._module.run(lambda: _serial_of_token(token), 20)
    made_seal(token, uri=KeyUri(serial=serial)).open()
    with pytest.raises(Unavailable, match=r"there is no token seal token \(serial 0\)"):
        made_seal(token, uri=KeyUri(token=LABEL, serial="0"))


def _serial_of_token(token: SoftToken) -> str:
    return token.access()._session(TOKEN)._module.token(TOKEN).serial.decode()


def test_two_keys_of_one_token_sign_by_turns_in_one_process(token):
    seals = [made_seal(token), made_seal(token)]
    for _ in range(2):
        for seal in seals:
            Ed25519PublicKey.from_public_bytes(seal.public.ed25519).verify(seal.sign_ed25519(MESSAGE), MESSAGE)
    seals[0].close()
    seals[1].sign_ed25519(MESSAGE)  # though the process was logged out


def test_signers_of_many_threads_take_turns(token):
    seal, verified = made_seal(token), []

    def sign(signer: int) -> None:
        for number in range(10):
            message = b"%d %d" % (signer, number)
            Ed25519PublicKey.from_public_bytes(seal.public.ed25519).verify(seal.sign_ed25519(message), message)
            verified.append(message)

    threads = [threading.Thread(target=sign, args=(signer,)) for signer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(verified)) == 80


def test_a_wrong_pin_is_tried_once_however_often_a_node_is_started(token, monkeypatch):
    seal = made_seal(token)
    seal.close()
    tries = counted_logins(monkeypatch)
    token.write_pin(OTHER_PIN)
    for _ in range(3):
        found = again(token, seal)
        with pytest.raises(ConfigError, match="is not tried again"):
            found.open()
        for _ in range(3):
            with pytest.raises(SealUnavailable):
                found.sign_ed25519(MESSAGE)
        for _ in range(5):
            found._clock.now += 1000
            with pytest.raises(ConfigError, match="is not tried again"):
                found.look()
    assert tries == [OTHER_PIN]
    token.write_pin(PIN)
    found._clock.now += 1000
    found.look()
    found.sign_ed25519(MESSAGE)
    assert not (token.path / "pin-refused.json").exists()


def counted_logins(monkeypatch) -> list[str]:
    """The PINs that the token is given from now on."""
    tokens, given = pkcs11_access._loaded("pkcs11_tokens"), []
    original = tokens.Module.token

    class Counted:
        def __init__(self, token) -> None:
            self._token = token

        def __getattr__(self, name: str) -> object:
            return getattr(self._token, name)

        def open(self, *, rw, user_pin=None):
            given.append(user_pin)
            return self._token.open(rw=rw, user_pin=user_pin)

    monkeypatch.setattr(tokens.Module, "token", lambda self, name: Counted(original(self, name)))
    return given


@pytest.mark.parametrize("flag", ["USER_PIN_FINAL_TRY", "USER_PIN_LOCKED"])
def test_the_last_try_before_a_token_locks_itself_is_not_used_up(token, monkeypatch, flag):
    seal = made_seal(token)
    seal.close()
    tokens = pkcs11_access._loaded("pkcs11_tokens")
    original = tokens.Module.token

    class Flagged:
        def __init__(self, token) -> None:
            self.serial, self.flags = token.serial, token.flags | tokens.TokenFlag[flag]

    monkeypatch.setattr(tokens.Module, "token", lambda self, name: Flagged(original(self, name)))
    with pytest.raises(ConfigError, match="is not tried"):
        again(token, seal).open()


def test_a_pin_file_that_others_can_read_is_refused(token):
    seal = made_seal(token)
    token.write_pin(PIN, 0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        again(token, seal).open()


def test_a_token_that_is_gone_is_told_at_once_and_signs_once_it_is_back(token, monkeypatch):
    seal = made_seal(token)
    clock = seal._clock
    seal.open()
    assert isinstance(seal, Remote)
    tries = counted_logins(monkeypatch)
    token.remove()
    for _ in range(3):
        with pytest.raises(SealUnavailable, match="nothing is sealed"):
            seal.sign_ed25519(MESSAGE)
    with pytest.raises(SealUnavailable):
        seal.require_able()
    waits = []
    for _ in range(10):
        with pytest.raises(Unavailable, match=f"no token {LABEL}"):
            seal.look()  # it is not time yet
        waits.append(seal._next_try.due - clock.now)
        clock.now = seal._next_try.due
        with pytest.raises(Unavailable, match=f"no token {LABEL}"):
            seal.look()
    assert 0.25 <= waits[0] <= 0.5
    assert all(15 <= each <= 30 for each in waits[-3:])
    assert tries == [], "a PIN is given to nobody but the token"
    token.put_back()
    clock.now = seal._next_try.due
    seal.look()
    seal.require_able()
    assert len(seal.sign_ed25519(MESSAGE)) == 64
    assert tries == [PIN]


def test_a_session_that_ended_is_opened_again_within_the_call(token):
    seal = made_seal(token)
    seal.open()
    token.remove()
    token.put_back()  # what was opened before is of no use
    assert len(seal.sign_ed25519(MESSAGE)) == 64


def test_it_is_seen_also_after_a_quiet_time_that_a_token_is_gone(token):
    seal = made_seal(token)
    seal.open()
    token.remove()
    seal.look()
    seal._clock.now += QUIET_SECONDS
    with pytest.raises(Unavailable, match="no token"):
        seal.look()
    with pytest.raises(SealUnavailable):
        seal.require_able()


def test_a_token_that_hangs_holds_up_one_signature_and_is_taken_back_once_it_answers(token, monkeypatch):
    seal = made_seal(token, seconds=0.3)
    clock, goes_on = seal._clock, threading.Event()
    seal._seconds = 20.0
    seal.open()
    original = type(seal._session)._key

    def slow(self, session, name):
        goes_on.wait(60)
        return original(self, session, name)

    monkeypatch.setattr(type(seal._session), "_key", slow)
    seal._seconds = 0.3
    with pytest.raises(SealUnavailable):
        seal.sign_ed25519(MESSAGE)
    with pytest.raises(Unavailable, match=r"did not answer in 0\.3 s"):
        seal.look()
    clock.now = seal._next_try.due
    with pytest.raises(Unavailable, match="still has not answered"):
        seal.look()
    goes_on.set()
    seal._seconds = 20.0

    def looks() -> bool:
        clock.now = seal._next_try.due
        try:
            seal.look()
        except Unavailable:
            return False
        return True

    while not looks():
        pass
    assert len(seal.sign_ed25519(MESSAGE)) == 64


def test_a_key_that_is_not_the_certified_one_signs_nothing(token):
    seal, other = made_seal(token), made_seal(token)
    wrong = token.access().seal(seal.uri, other.public.ed25519, token.path / "ml-dsa.key")
    with pytest.raises(SealUnavailable):
        wrong.sign_ed25519(MESSAGE)
    wrong._next_try.due = 0.0
    with pytest.raises(Unavailable, match="not by the key of the sealing certificate"):
        wrong.look()


def test_a_key_that_is_not_there_or_there_twice_is_told(token):
    seal = made_seal(token)
    made_seal(token)
    missing, twice = replace(seal.uri, id=b"\x01"), replace(seal.uri, id=b"")
    for uri, said in ((missing, "has no private key gateway-seal 01"), (twice, "has 2 private keys gateway-seal")):
        with pytest.raises(ConfigError, match=said):
            token.access().seal(uri, seal.public.ed25519, token.path / "ml-dsa.key").open()


def test_a_module_that_is_none_is_told(token, tmp_path):
    seal = made_seal(token)
    (tmp_path / "none.so").write_bytes(b"no library")
    for path, said in (
        (tmp_path / "away.so", r"away\.so is not there"),
        (tmp_path / "none.so", r"none\.so cannot be used as a PKCS#11 module: .*(invalid|too short)"),
    ):
        access = replace(token.access(), module=path, _sessions={})
        with pytest.raises(ConfigError, match=said):
            access.seal(seal.uri, seal.public.ed25519, token.path / "ml-dsa.key").open()


def test_a_module_that_does_not_reach_its_device_as_it_is_loaded_is_away_and_no_mistake(tmp_path, monkeypatch):
    def reaches_nothing(_: str):
        raise pkcs11.exceptions.DeviceError

    (tmp_path / "network-hsm.so").write_bytes(b"a library")
    module = Module(tmp_path / "network-hsm.so")
    monkeypatch.setattr(pkcs11, "lib", reaches_nothing)
    with pytest.raises(Unavailable, match=r"network-hsm\.so cannot be initialised: DeviceError"):
        module.token(TOKEN)
    monkeypatch.setattr(pkcs11, "lib", lambda _: NoTokens())
    with pytest.raises(Unavailable, match="there is no token"):
        module.token(TOKEN)


class NoTokens:
    """A module that was initialised, and sees no token."""

    def initialize(self):
        """Does nothing where it is."""

    def get_slots(self, **_: object):
        return []


def test_a_seal_names_its_key_in_the_place_of_the_file_of_it(token, tmp_path):
    seal = made_seal(token)
    seal.save(tmp_path / "a.key", tmp_path / "b.key")
    assert not (tmp_path / "a.key").exists()
    assert KeyUri.parse((tmp_path / "a.uri").read_text().strip()) == replace(
        seal.uri, module_path=None, pin_source=None
    )
    assert (tmp_path / "b.key").exists()


def test_the_words_for_callers_name_no_file_and_no_token(token):
    seal = made_seal(token)
    shutil.rmtree(token.folder)
    with pytest.raises(SealUnavailable) as raised:
        seal.sign_ed25519(MESSAGE)
    for name in (str(MODULE), LABEL, str(token.path)):
        assert name not in raised.value.message
