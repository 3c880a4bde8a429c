"""What operators do once they agree how a forked channel goes on: the files of it, at a node that is stopped."""

import base64
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from gateway.errors import BadInput, NotFound, Untrusted
from gateway.home.home import Home
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, write_pieces
from gateway.identity.evidence.evidence import act_of
from gateway.identity.evidence.forks import ForkCheck
from gateway.identity.seals.signers import Keyring, reach, require_valid
from gateway.ledger.checkpoint import Signer
from gateway.ledger.fork_proof import ForkProof
from gateway.ledger.settlement import Settlement
from gateway.moments import micros_at
from gateway.store.database import Database, stopped
from gateway.store.recovery.branches import BranchLeaf
from gateway.store.recovery.settlement import Branch, GivenUp, channel_named, give_up_branch, keep_history

FOLDER = "forks"
SCHEMA = "branch/1"


@dataclass(frozen=True, slots=True)
class Given:
    """What was given up, and the file that it is kept in; None: nothing had to be."""

    done: GivenUp
    kept: Path | None


def keep_here(home: Home, channel: str, proof: bytes | None, now: datetime) -> Settlement:
    """Opens a forked channel to here again; gives what is handed to the sender's operator.

    Args:
        home: of the node, which is stopped
        channel: such as ``hk-to-kr``
        proof: of the fork, where this node has none since its sender found it alone
        now: with a time zone

    Raises:
        BadInput, WrongState: there is no such channel to here, or no fork of it.
        VerificationError: the proof does not hold.
        StoreError: a node runs, or the database did not take it.
    """
    with stopped(home.config.database.url, home.path) as database:
        shown = _verified(home, database, channel, proof) if proof else None
        keyring = Keyring([(each.certified(), each.keys()) for each in home.seals.signing()])
        keyring.open()
        clock = partial(micros_at, now)
        return keep_history(database, keyring, channel, shown, clock=clock, random=secrets.token_bytes)


def give_up(home: Home, data: bytes, fingerprint: str, now: datetime) -> Given:
    """Gives up what a forked channel of ours has beside the history that goes on; it is kept in a file of the home.

    Args:
        home: of the node, which is stopped
        data: the settlement, as the receiver's operator sent it
        fingerprint: of it, as it was read aloud
        now: with a time zone

    Raises:
        BadInput, WrongState: it is of no forked channel of this node, or that cannot go on from there.
        VerificationError: it is none, or not signed by both, or its fingerprint is another one.
        StoreError: a node runs, or the database did not take it.
    """
    settlement = Settlement.parse(data)
    if fingerprint.strip().lower() != settlement.fingerprint():
        raise Untrusted(f"the fingerprint of this settlement is {settlement.fingerprint()}; ask the peer's operator")
    kept: list[Path] = []

    def keep(branch: Branch) -> None:
        path = home.path / FOLDER / f"{branch.state.name}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.branch.jsonl"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_pieces(path, _lines(branch, now), mode=PRIVATE_MODE)
        kept.append(path)

    with stopped(home.config.database.url, home.path) as database:
        seal, signer = home.seals.in_force.certified(), home.seals.in_force.keys()
        reach(signer)

        def signing(time: int) -> Signer:
            require_valid(seal, time)
            return signer

        done = give_up_branch(
            database, home.parties(now), signing, settlement, keep, micros_at(now), secrets.token_bytes
        )
    return Given(done, kept[0] if kept else None)


def _verified(home: Home, database: Database, channel: str, data: bytes) -> ForkProof:
    """The proof that a sender's operator shows, by the roots that are pinned here."""
    with database.readers.connect() as connection:
        state = channel_named(connection, channel)
    peer = next((each for each in home.peer_documents() if each.jurisdiction == state.ends.sender), None)
    if peer is None:
        raise NotFound(f"there is no pairing document of {state.ends.sender}")
    check = ForkCheck(data, peer.node_authorities)
    proven = check.proven(tuple(check.steps()))
    if proven.origin != state.origin:
        raise BadInput.of("proof", f"must be of {state.origin}; it is of {proven.origin}")
    return ForkProof.parse(data)


def _lines(branch: Branch, now: datetime) -> Iterator[bytes]:
    """A JSON object a line: what it is, then each envelope."""
    yield _line(
        {
            "schema": SCHEMA,
            "origin": branch.state.origin,
            "first_index": branch.first,
            "envelopes": branch.state.log.size - branch.first,
            "given_up_at": now.astimezone(UTC).isoformat(timespec="seconds"),
            "goes_on": branch.goes_on.note.decode(),
            "heads": [note.decode() for note in branch.heads],
        }
    )
    yield from (_line(_envelope(leaf)) for leaf in branch.leaves)


def _envelope(leaf: BranchLeaf) -> dict[str, Any]:
    sealed = leaf.envelope
    return {
        "index": leaf.index,
        "act": act_of(sealed) if sealed else "bytes that are no envelope",
        "authority": sealed.author.authority if sealed else "",
        "client": sealed.author.client if sealed else "",
        "sealed_at": sealed.sealed_at.ToJsonString() if sealed else "",
        "content_destroyed": leaf.is_destroyed,
        "leaf_sha256": leaf.leaf_hash.hex(),
        "envelope": base64.b64encode(leaf.data).decode(),
    }


def _line(value: dict[str, Any]) -> bytes:
    return f"{json.dumps(value, ensure_ascii=False)}\n".encode()
