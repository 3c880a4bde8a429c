"""RFC 9162, section 2.1, written down as it stands there: recursive, slow, and sharing nothing with the product."""

from collections.abc import Sequence
from hashlib import sha256


def mth(leaves: Sequence[bytes]) -> bytes:
    """MTH(D[n]): the root of a list of leaf data (2.1.1)."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """PATH(m, D[n]): the inclusion proof of a leaf (2.1.3.1)."""
    if len(leaves) == 1:
        return ()
    k = largest_power_below(len(leaves))
    if m < k:
        return (*path(m, leaves[:k]), mth(leaves[k:]))
    return (*path(m - k, leaves[k:]), mth(leaves[:k]))


def proof(m: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """PROOF(m, D[n]): the consistency proof from a prefix (2.1.4.1)."""
    return _subproof(m, leaves, whole=True)


def _subproof(m: int, leaves: Sequence[bytes], *, whole: bool) -> tuple[bytes, ...]:
    if m == len(leaves):
        return () if whole else (mth(leaves),)
    k = largest_power_below(len(leaves))
    if m <= k:
        return (*_subproof(m, leaves[:k], whole=whole), mth(leaves[k:]))
    return (*_subproof(m - k, leaves[k:], whole=False), mth(leaves[:k]))


def largest_power_below(n: int) -> int:
    """The largest power of two that is smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k
