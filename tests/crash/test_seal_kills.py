"""kill -9 around the rotation of a seal, under load: it has happened or it has not, and it can be asked for again."""

import os
import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from regulator.exchange import Client, DeadlineExceeded, Unavailable

from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.evidence.evidence import verify_evidence
from gateway.identity.seals.files import SealFolder
from tests.crash.killing import AUTHORS, check, is_settled, under_load
from tests.pair.asking import give
from tests.support.invariants import REST_SECONDS
from tests.support.long_form import long_form
from tests.support.nodes import Site, eventually, found_pair, running
from tests.support.rotation import prepared

AGAIN = (Unavailable, DeadlineExceeded)  # what became of it is unknown: asked again
LONGEST_ROTATION_SECONDS = 0.15  # the kill comes before, in or after it


class Rotation:
    """An operator who asks for a rotation until there is an answer."""

    def __init__(self, site: Site, digest: str) -> None:
        self.keys: list[str] = []
        self._site, self._digest = site, digest
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def _run(self) -> None:
        with Client(replace(self._site.profile(), max_attempts=1)) as client:
            while not self.keys:
                try:
                    self.keys += client.rotate_seal(self._digest).verifier_keys
                except AGAIN:
                    time.sleep(0.05)


def rotate_and_kill(site: Site, peer: Site, folder: Path, victims: list[Site], chance: random.Random) -> None:
    digest = prepared(site, folder)
    rotation = Rotation(site, digest)
    time.sleep(chance.uniform(0, LONGEST_ROTATION_SECONDS))  # the moment of the kill is what is random here
    for victim in victims:
        victim.kill()
    for victim in victims:
        victim.start()
    rotation.join()
    with site.client() as client:
        assert client.server_info().verifier_keys == rotation.keys
    assert site.home.seals.in_force.certified() == SealFolder(folder).certified()
    eventually(lambda: not site.home.seals.coming.path.exists())  # what goes, goes after what came
    last = give(site, peer.jurisdiction)[0]
    with site.client(AUTHORS[site.jurisdiction]) as client:
        eventually(lambda: client.get_evidence(last).receipted, REST_SECONDS)
        verify(site, peer, client.get_evidence(last).tlog_proof)


def verify(site: Site, peer: Site, file: bytes) -> None:
    roots = [each.authority(AuthorityKind.NODE).certificate for each in (site, peer)]
    assert verify_evidence(file, roots).received_at is not None


def has_no_alarms(site: Site) -> bool:
    with site.client() as client:
        return not client.server_info().alarms


def run_rotations(tmp_path: Path, turns: int, seed: int) -> None:
    chance, sites = random.Random(seed), found_pair(tmp_path)
    hk, kr = sites
    with running(hk, kr):
        first = {site.jurisdiction: give(site, peer.jurisdiction)[0] for site, peer in ((hk, kr), (kr, hk))}
        with under_load(hk, kr) as loads:
            for turn in range(turns):
                site, peer = chance.sample(sites, 2)
                victims = ([site], [peer], [site, peer])[turn % 3]
                rotate_and_kill(site, peer, tmp_path / f"seal{turn}", victims, chance)
        for site, peer in ((hk, kr), (kr, hk)):
            eventually(lambda site=site: is_settled(site) and has_no_alarms(site), REST_SECONDS)
            given = [name for load in loads if load.site is site for name in load.answered]
            with site.client(AUTHORS[site.jurisdiction]) as client:
                for name in (first[site.jurisdiction], *given[:: max(1, len(given) // 20)]):
                    verify(site, peer, client.get_evidence(name).tlog_proof)
    for site in sites:
        check(site)


@pytest.mark.timeout(300)
def test_kills_around_a_rotation_leave_the_old_seal_or_the_new_one(tmp_path: Path) -> None:
    run_rotations(tmp_path, turns=3, seed=int(os.environ.get("GATEWAY_SEED", "2026")))


@long_form
def test_many_kills_around_rotations_leave_the_old_seal_or_the_new_one(tmp_path: Path) -> None:
    run_rotations(tmp_path, turns=int(os.environ["GATEWAY_KILLS"]) // 4, seed=int(os.environ.get("GATEWAY_SEED", "1")))
