"""A node that went back with old keys countersigns with them more than it gave them up for: it learns so later."""

from contextlib import suppress

import pytest

from gateway.errors import SealUnavailable
from gateway.identity.seals.signers import Keyring
from gateway.store import logs
from gateway.store.recovery.rebuild import rebuild
from gateway.store.recovery.replacing import replace_own_seal, replace_peer_seal
from tests.ledger.samples import HK_SEAL, FixedSeal
from tests.store.exchanging import check_equal, exchange, settle
from tests.store.rotating import FIRST, SECOND, put_back, rotate
from tests.store.stores import DOMAINS, KR_TO_HK, NEXT, NOW, Opened
from tests.support.seals import certified


@pytest.fixture
def kind() -> str:
    return "sqlite"


async def gone_back(hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """To before it turned its seal, home and all; the peer dials first, and has two more for it."""
    await hk.release("hk-1")
    await kr.release("kr-1", issuing_authority="FSC")
    await settle(hk, kr)
    backup = hk.backup()
    await rotate(hk)
    await settle(hk, kr)
    hk.keyring = Keyring([(FIRST, HK_SEAL)])
    await put_back(hk, backup)
    for number in (2, 3):
        await kr.release(f"kr-{number}", issuing_authority="FSC")
    monkeypatch.setattr(logs, "MAX_BATCH_ENVELOPES", 1)
    with pytest.raises(AssertionError, match="gave up the keys"):
        await exchange(kr, hk)
    assert (hk.state(KR_TO_HK).receipted_size, kr.state().receipted_size) == (3, 1)
    await exchange(hk, kr)
    with pytest.raises(SealUnavailable, match="not in this node's home"):
        await exchange(kr, hk)


async def tried(hk: Opened, kr: Opened) -> None:
    for _ in range(3):
        for one, other in ((hk, kr), (kr, hk)):
            with suppress(AssertionError, SealUnavailable):
                await exchange(one, other)


async def go_on(hk: Opened, kr: Opened) -> None:
    await tried(hk, kr)
    await hk.release("hk-last")
    await kr.release("kr-last", issuing_authority="FSC")
    await settle(hk, kr)
    await check_equal(hk, kr)
    assert hk.verify().findings == ()


async def test_once_the_keys_are_found_again_all_goes_on(hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch):
    await gone_back(hk, kr, monkeypatch)
    hk.keyring = Keyring([(SECOND, NEXT["HK"])])
    await hk.restart()
    await go_on(hk, kr)


async def test_once_the_seal_is_replaced_all_goes_on(hk: Opened, kr: Opened, monkeypatch: pytest.MonkeyPatch):
    await gone_back(hk, kr, monkeypatch)
    third = FixedSeal("hk third")
    seal = certified(third, DOMAINS["HK"])
    for store in (hk, kr):
        await store.committer.stop()
    replace_own_seal(hk.database, seal, third, NOW)
    rebuild(hk.database, NOW)
    replace_peer_seal(kr.database, DOMAINS["HK"], seal, NOW)
    hk.earlier_seals = (seal,)
    hk.keyring = Keyring([(seal, third)])
    kr.damaged = True
    for store in (hk, kr):
        store.write_on()
    await go_on(hk, kr)
