"""What signs for the writer: nothing as of a time at which the seal's certificates are not valid."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import SealUnavailable
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import Checkpoint
from gateway.ledger.merkle import EMPTY_ROOT
from gateway.ledger.seals import SealHistory
from gateway.store.signing import Signing
from tests.store.stores import CERTIFIED, HK_TO_KR, SEALS
from tests.supervision.samples import FROM_HK

VALID = replace(CERTIFIED["HK"], not_before=100, not_after=200)


@pytest.fixture
def signing() -> Iterator[Signing]:
    state: Any = SimpleNamespace(ends=FROM_HK, seals=SimpleNamespace(sender=SealHistory.of(VALID)))
    made = Signing(Keyring([(VALID, SEALS["HK"])]), lambda: {HK_TO_KR: state})
    yield made
    made.close()


@pytest.mark.parametrize("time", [0, 99, 201])
def test_nothing_is_signed_as_of_a_time_at_which_the_seals_certificates_are_not_valid(signing: Signing, time: int):
    with pytest.raises(SealUnavailable):
        signing.begin(Checkpoint(HK_TO_KR, 0, EMPTY_ROOT), time)
    with pytest.raises(SealUnavailable):
        signing.of_journal(time)


@pytest.mark.parametrize("time", [100, 200])
def test_what_is_signed_while_they_are_valid_bears_that_time(signing: Signing, time: int):
    assert signing.begin(Checkpoint(HK_TO_KR, 0, EMPTY_ROOT), time).result().time == time
    assert signing.of_journal(time) is SEALS["HK"]
