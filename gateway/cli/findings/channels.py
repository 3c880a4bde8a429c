"""What is said of channels that do not move, and of replicas, by the doctor and by ``gateway status``."""

from datetime import datetime

from gateway.cli.findings.findings import Finding, Level, Remedy
from gateway.cli.output import day_and_time
from gateway.home.lifetimes import EARLIER_SEAL
from gateway.words import so_many

STUCK_SECONDS = 900  # that an envelope may wait for its receipt; the alert GatewayNotReceipted has the same

HALTED_FOR_GOOD = (
    "the sender signed two histories: do not restart and do not restore; export the proof, call the peer's operator, "
    "and do as docs/operations.md tells under 'A channel halted as forked'"
)
ENDED_THERE = "call the peer's operator: what is sealed waits. If it is right, end the pairing here, too"
MENDS_ITSELF = "it mends itself once the peer has told what it holds: see that the peer is reached"


def waiting_said(count: int, oldest: datetime, now: datetime) -> str:
    """Says how many envelopes wait for their receipts, and since when."""
    hours, seconds = divmod(int((now - oldest).total_seconds()), 3600)
    long = f"{hours} h {seconds // 60} min" if hours else f"{seconds // 60} min"
    waiting = "1 envelope waits for a receipt" if count == 1 else f"{count} envelopes wait for receipts, the oldest"
    return f"{waiting} since {oldest:%Y-%m-%d %H:%M:%S} UTC ({long})"


def end_command(home: str, peer: str) -> str:
    """What an operator types who ends a pairing."""
    return f"gateway pair end {home} {peer} --reason WHY"


def missing_said(replica: str, seen: datetime) -> str:
    """Says that a replica is not seen any more, and did not say that it ends."""
    return f"{replica} was last seen {day_and_time(seen)}: it was killed, or cut off"


def earlier_seal(sha256: str, days_left: int, home: str) -> Finding:
    """Tells of a certificate of a seal that is kept for channels that were left behind, and is near its end or past it.

    It is missed only if they go on, and they may never: so it is no failure.
    """
    said = f"{EARLIER_SEAL} (SHA-256 {sha256[:16]})"
    if days_left < 0:
        said = f"{said} has ended: it can tell no channel of the seal in force any more"
        todo = "remove its keys from keys/earlier; of a peer that was left behind and is paired again, say then"
        return Finding(Level.WARN, "seal", said, Remedy(todo, f"gateway certs replace-seal {home} --peer PEER"))
    said = f"{said} ends in {so_many(days_left, 'day')}, and a channel that was left behind has only that"
    todo = "if its peer is to be paired again, do it before; later both operators must act (docs/certificates.md)"
    return Finding(Level.WARN, "seal", said, Remedy(todo, f"gateway pair list {home}"))
