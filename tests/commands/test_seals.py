"""The seal of a replica whose node was rotated by another one: taken where it is prepared, else an alarm."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from gateway.commands.seals import SealCommands
from gateway.errors import Unavailable, WrongState
from gateway.identity.signers import Keyring
from tests.store.stores import CERTIFIED, NEXT, NEXT_CERTIFIED, SEALS, parties_of


def commands(prepared, adopted) -> tuple[SealCommands, Keyring]:
    """Of a replica with the seal of before, where the next one is in force."""
    keyring, parties = Keyring([(CERTIFIED["HK"], SEALS["HK"])]), parties_of("HK")
    parties = replace(parties, own=replace(parties.own, seal=NEXT_CERTIFIED["HK"]))
    bulletin = SimpleNamespace(commit=SimpleNamespace(states={}))
    made = SealCommands(parties, None, bulletin, keyring, prepared, adopted.append)  # type: ignore[arg-type]
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
