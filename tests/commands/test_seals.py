"""The seal of a replica whose node was rotated by another one: taken where it is prepared, else an alarm."""

from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from types import SimpleNamespace

import pytest
from regulator.exchange.v1.admin_service_pb2 import RotateSealRequest

from gateway.commands.seals import SealCommands
from gateway.errors import Unavailable, WrongState
from gateway.identity.access.access import Caller, Role
from gateway.identity.seals.signers import Keyring
from gateway.store.waiting import MAX_GROUP_WEIGHT
from tests.store.stores import CERTIFIED, NEXT, NEXT_CERTIFIED, SEALS, parties_of


def commands(prepared, adopted, clock=lambda: 0.0) -> tuple[SealCommands, Keyring]:
    """Of a replica with the seal of before, where the next one is in force."""
    keyring, parties = Keyring([(CERTIFIED["HK"], SEALS["HK"])]), parties_of("HK")
    parties = replace(parties, own=replace(parties.own, seal=NEXT_CERTIFIED["HK"]))
    bulletin = SimpleNamespace(commit=SimpleNamespace(states={}))

    def adopt(seal, *, is_told):
        assert is_told, "there is no channel that does not tell it"
        adopted.append(seal)

    made = SealCommands(parties, None, bulletin, keyring, prepared, adopt, clock)  # type: ignore[arg-type]
    return made, keyring


def test_a_seal_that_another_replica_rotated_to_is_taken_where_it_is_prepared():
    adopted = []
    made, keyring = commands(lambda: (NEXT_CERTIFIED["HK"], NEXT["HK"]), adopted)
    made.look()
    assert keyring.signer(NEXT_CERTIFIED["HK"].public) is NEXT["HK"]
    assert adopted == [NEXT_CERTIFIED["HK"]]
    made.look()
    assert len(adopted) == 1


@pytest.mark.parametrize("prepared", ["another", "none"])
def test_without_it_an_alarm_says_so_and_nothing_is_adopted(prepared):
    def nothing():
        if prepared == "none":
            raise WrongState("no seal is prepared")
        return NEXT_CERTIFIED["KR"], NEXT["KR"]

    adopted = []
    made, _ = commands(nothing, adopted)
    with pytest.raises(Unavailable, match="not in this node's home"):
        made.look()
    assert adopted == []


def test_a_token_that_holds_what_is_prepared_is_asked_ever_later_and_the_alarm_says_what_is_wrong_with_it():
    asked, adopted, now, is_there = [], [], 0.0, False

    def prepared():
        asked.append(now)
        if not is_there:
            raise Unavailable("there is no token seal-2")
        return NEXT_CERTIFIED["HK"], NEXT["HK"]

    made, _ = commands(prepared, adopted, lambda: now)
    for _ in range(5 * 600):  # ten minutes of looks
        with pytest.raises(Unavailable, match=r"not in this node's home.*there is no token seal-2"):
            made.look()
        now += 0.2
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert 20 < len(asked) < 60
    assert waits[0] <= 1
    assert 14 < waits[-1] <= 31
    is_there = True
    now += 30
    made.look()
    assert adopted == [NEXT_CERTIFIED["HK"]]


def test_a_seal_that_is_prepared_late_is_taken_at_the_next_look():
    found, adopted = [], []

    def prepared():
        if not found:
            raise WrongState("no seal is prepared")
        return found[0]

    made, _ = commands(prepared, adopted)
    for _ in range(100):
        with pytest.raises(Unavailable):
            made.look()
    found.append((NEXT_CERTIFIED["HK"], NEXT["HK"]))
    made.look()
    assert adopted == [NEXT_CERTIFIED["HK"]]


async def test_a_rotation_that_came_into_force_though_it_was_answered_with_an_error_has_its_files_put_in_their_place():
    """As where another replica, or the same commit that nobody heard of, put it in force: its keys are here already."""

    async def submit(_unit, weight):
        assert weight == MAX_GROUP_WEIGHT
        raise Unavailable("the server went away")

    async def nothing() -> None:
        pass

    adopted = []
    made, _ = commands(lambda: (NEXT_CERTIFIED["HK"], NEXT["HK"]), adopted)
    in_force = made._parties
    made._parties = parties_of("HK")
    made._committer = SimpleNamespace(submit=submit)
    made._bulletin.catch_up = nothing
    request = RotateSealRequest(ed25519_certificate_sha256=NEXT_CERTIFIED["HK"].fingerprint)
    with pytest.raises(Unavailable):
        await made.rotate(request, Caller("spiffe://gateway.hk.example/HKMA/admin", "HKMA", frozenset({Role.OPERATOR})))
    made.look()
    assert adopted == [], "it is not in force"
    made._parties = in_force
    made.look()
    assert adopted == [NEXT_CERTIFIED["HK"]]
    made.look()
    assert len(adopted) == 1


@pytest.mark.parametrize("overruled", [False, True])
async def test_whether_a_rotation_waits_until_all_is_back_is_the_operators_word(overruled):
    asked = []

    def rotate_seal(_author, seal, *, before_all_is_back):
        asked.append((seal, before_all_is_back))

    async def submit(unit, weight):
        assert weight == MAX_GROUP_WEIGHT, "it has its commit for itself"
        unit(SimpleNamespace(rotate_seal=rotate_seal))

    async def nothing() -> None:
        pass

    made, _ = commands(lambda: (NEXT_CERTIFIED["KR"], NEXT["KR"]), [])
    made._committer = SimpleNamespace(submit=submit)
    made._bulletin.catch_up = nothing
    digest = sha256(NEXT_CERTIFIED["KR"].certificates[0]).hexdigest()
    request = RotateSealRequest(ed25519_certificate_sha256=digest, before_all_is_back=overruled)
    await made.rotate(request, Caller("spiffe://gateway.hk.example/HKMA/admin", "HKMA", frozenset({Role.OPERATOR})))
    assert asked == [(NEXT_CERTIFIED["KR"], overruled)]
