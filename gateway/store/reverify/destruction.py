"""Compares what is left of destroyed envelopes with this node's own certificates of destruction.

The hash of such an envelope is proven by the roots of its log; what is left of it, by the certificate alone, which is
an envelope itself, signed and countersigned like any other.
"""

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import Connection, select

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.fold import Fold
from gateway.store.reverify.remainders import remainder_in
from gateway.store.reverify.report import Findings
from gateway.store.scanning import rows
from gateway.store.tables import leaves


def check_destroyed(
    connection: Connection, channels: Sequence[VerifiedChannel], fold: Fold, findings: Findings
) -> None:
    """Every destroyed envelope is certified as it is, and every one that is certified here is destroyed.

    By the peer's certificate alone is one that a node lost with its disk, and the peer had destroyed before it gave it
    back; the node certifies it as well, once it comes to that. One whose content never came, and that has no receipt,
    may have its certificate further on in the log, which is not here yet.
    """
    missing = dict(fold.certified)
    owed = {each.id: max(each.receipt_sizes, default=0) for each in channels if not each.outgoing}
    for channel in channels:
        mine = select(leaves).where(leaves.c.channel == channel.id, leaves.c.destroyed.is_(True))
        for leaf in rows(connection, mine, leaves.c.index):
            where = f"leaves {channel.origin} {leaf['index']}"
            if remainder_in(bytes(leaf["data"])) is None:
                findings.add(where, "has more than what is left of a destroyed envelope", "its remainder")
            place = channel.id, leaf["index"]
            certified = missing.pop(place, None) or fold.certified_there.get(place)
            if certified is None and leaf["index"] >= owed.get(channel.id, channel.size):
                continue
            if certified is None:
                findings.add(where, "is destroyed without a certificate", "its envelope")
            elif certified != (leaf["hash"], sha256(leaf["data"]).digest()):
                findings.add(where, "has another hash, or another remainder, than is certified")
    for channel_id, index in sorted(missing):
        findings.add(f"leaves {channel_id} {index}", "is there, and certified to be destroyed", "its remainder")
