from functools import lru_cache

import pytest

from gateway.ledger import checkpoint


@pytest.fixture(autouse=True, scope="module")
def _remembered_verifications():
    """Each signature is verified for real, once: schedules meet the same ones over and over."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_verify_ed25519", "_verify_ml_dsa_44"):
            patch.setattr(checkpoint, name, lru_cache(None)(getattr(checkpoint, name)))
        yield
