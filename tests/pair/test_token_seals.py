"""A pair of which one node seals with a key in a token: all of it is proven, and a token that is away loses nothing."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from regulator.exchange import Client
from regulator.exchange.v1.admin_service_pb2 import Channel

from gateway.identity.seals.key_uris import KeyUri
from tests.cli.transcripts import Ran, run
from tests.support.careful import CarefulPair
from tests.support.nodes import Site, eventually, pair
from tests.support.softhsm import OTHER_PIN, PIN, SoftToken, as_module_here, made_token, needs_softhsm

pytestmark = needs_softhsm


@dataclass
class Sealing(CarefulPair):
    """Hong Kong, whose key is in a token, and Korea; and who works at them."""

    token: SoftToken
    path: Path

    def start(self) -> None:
        self.hk.start(**self.token.environment)

    def alarms(self) -> dict[str, str]:
        with Client(replace(self.hk.profile(), max_attempts=1)) as client:
            return {each.about: each.detail for each in client.server_info().alarms}

    def ended(self) -> tuple[int, str]:
        """How a start of Hong Kong's node ends that must not come up."""
        before = len(self.hk.log_text())
        self.hk.launch(**self.token.environment)
        return self.hk.wait_for_end(), self.hk.log_text()[before:]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealing]:
    folder = tmp_path_factory.mktemp("sealing")
    with as_module_here(made_token(folder / "token")) as token:
        hk = Site("HK", folder / "hk").found(seal=KeyUri.parse(token.uri))
        kr = Site("KR", folder / "kr").found()
        pair(hk, kr)
        made = Sealing(hk, kr, token, folder)
        try:
            kr.start()
            made.start()
            yield made
        finally:
            hk.stop_if_running()
            kr.stop_if_running()


def checked(ran: Ran) -> str:
    assert ran.code == 0, ran.text()
    return ran.out


def prove(own: Sealing, name: str) -> None:
    """Has a third person verify a notice of Hong Kong and its receipt, with two root certificates."""
    file = own.path / f"{name.replace('/', '-')}.tlog-proof"
    with own.hk.client() as client:
        file.write_bytes(client.get_evidence(name).tlog_proof)
    roots = [site.path / "authority" / "node-authority.crt" for site in (own.hk, own.kr)]
    said = checked(run("evidence", "verify", file, *(each for root in roots for each in ("--root", root))))
    assert "sender signatures" in said
    assert f"the node of KR ({own.kr.domain}) held it" in said


def newest(own: Sealing) -> str:
    own.settle()
    return own.offices["HK"].answered[-1]


def test_what_a_token_signs_is_proven_to_a_third_person(own):
    assert not own.hk.home.key("seal-ed25519").exists()
    prove(own, newest(own))
    assert "seal key" not in own.alarms()


def test_a_token_that_is_taken_away_seals_nothing_loses_nothing_and_holds_up_no_read(own):
    before = newest(own)
    own.token.remove()
    refused = len(own.offices["HK"].refusals)
    assert not own.offices["HK"].give()
    assert not own.offices["HK"].give()
    for error in own.offices["HK"].refusals[refused:]:
        assert (error.reason, error.is_told_by_node) == ("SEAL_UNAVAILABLE", True)
        assert "nothing is sealed" in error.message
    assert own.offices["KR"].give(), "the peer seals all the same"
    eventually(lambda: "no token" in own.alarms().get("seal key", ""))
    found = run("doctor", own.hk.home.path)
    assert found.code == 1
    assert "there is no token seal token" in found.out
    prove(own, before)  # nothing of that needs the token
    # Another entry each time: none is missed of those of the second in which the newest head was signed.
    eventually(lambda: bool(own.alarms()) and run("check", own.hk.home.path).code != 0)
    found = run("check", own.hk.home.path)
    assert (found.code, "everything else verifies" in found.out) == (6, True), found.out
    assert "NOT PROVEN" in found.out
    ran = run("backup", own.hk.home.path, own.path / "none")
    assert (ran.code, "there is no token seal token" in ran.err) == (4, True), "the journal could not be signed"
    own.token.put_back()
    own.settle()
    eventually(lambda: "seal key" not in own.alarms())
    for event in ("seal_key_away", "alarm_raised", "seal_key_back"):
        assert event in own.hk.log_text()


def test_the_next_seal_is_made_in_the_token_too_and_rotated_to_at_work(own):
    before, folder = newest(own), own.path / "next"
    checked(run("certs", "request-seal", own.hk.home.path, folder))
    assert {each.name for each in folder.iterdir()} == {
        "seal-ed25519.uri",
        "seal-ed25519.csr",
        "seal-ml-dsa-44.key",
        "seal-ml-dsa-44.csr",
    }
    for name in ("seal-ed25519", "seal-ml-dsa-44"):
        issue = ["certs", "issue", own.hk.path / "authority", "--profile", "seal", "--out", folder]
        checked(run(*issue, "--id", f"spiffe://{own.hk.domain}/node", "--csr", folder / f"{name}.csr"))
    digest = checked(run("certs", "prepare-seal", own.hk.home.path, folder)).split()[-1]
    first = own.hk.home.seals.in_force.uri()
    with own.hk.client() as client:
        client.rotate_seal(digest)
    assert own.hk.home.seals.in_force.uri() not in (first, None)
    after = newest(own)
    for name in (before, after):
        prove(own, name)
    checked(run("check", own.hk.home.path))


def test_a_start_that_cannot_seal_says_why_tries_a_wrong_pin_once_and_goes_on_once_it_can(own):
    own.hk.kill()
    own.token.remove()
    code, said = own.ended()
    assert (code, "there is no token seal token" in said) == (4, True)
    own.token.put_back()
    own.token.write_pin(PIN, 0o644)
    code, said = own.ended()
    assert (code, "chmod 600" in said) == (5, True)
    own.token.write_pin(OTHER_PIN)
    for turn in range(2):
        code, said = own.ended()
        assert (code, "which is not tried again" in said) == (5, True)
        assert ("pin_refused" in said) == (turn == 0), "the token was asked once"
    own.token.write_pin(PIN)
    own.start()
    own.settle()
    assert not (own.hk.home.path / "keys" / "pin-refused.json").exists()


def test_a_backup_has_no_key_of_the_token_and_a_node_is_made_of_it_again(own):
    own.settle()
    home, backup = own.hk.home, own.path / "backup"
    pin_file = home.path / "keys" / "token.pin"
    shutil.copy(own.token.pin_file, pin_file)
    home.config_file.write_text(home.config_file.read_text().replace(str(own.token.pin_file), "keys/token.pin"))
    said = checked(run("backup", home.path, backup))
    assert "The Ed25519 sealing key in the token seal token is not in the backup" in said
    names = {each.name for each in backup.rglob("*")}
    assert "seal-ed25519.uri" in names
    assert not names & {"token.pin", "seal-ml-dsa-44.key", "node.key"}
    own.offices["HK"].insist()  # after the backup: the peer hands it back
    own.hk.stop()
    home.path.rename(own.path / "lost")
    (home.path / "keys").mkdir(parents=True, mode=0o700)
    for name in ("token.pin", "seal-ml-dsa-44.key", "node.key"):
        shutil.copy(own.path / "lost" / "keys" / name, home.path / "keys" / name)
    said = checked(run("restore", home.path, backup))
    assert "is not in a backup: see that this machine reaches it" in said
    own.start()
    with own.hk.client() as client:
        eventually(lambda: client.get_channel("hk-to-kr").state == Channel.OPEN)
    own.settle()
    checked(run("check", home.path))
