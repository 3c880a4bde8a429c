"""What signs for the writer: the seal in force of each channel, and that of the journal."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from gateway.errors import SealUnavailable
from gateway.identity.seals.signers import Keyring, require_valid
from gateway.ledger.checkpoint import Checkpoint, SignedCheckpoint, Signer, sign_checkpoint
from gateway.ledger.origins import reverse_of
from gateway.ledger.seals import CertifiedSeal
from gateway.moments import MICROS
from gateway.store.own_seal import cosigning, given_up, left_behind, own_seal
from gateway.store.state import ChannelState


def signing_time(state: ChannelState, now: int) -> int:
    """The time, in seconds, as of which a channel of ours is signed: it never goes back, whatever the clock does."""
    return max(now // MICROS, state.head.time if state.head else 0)


class Signing:
    """Signs with this node's seals; checkpoints of channels on a thread of its own, while the writer's statements run.

    Args:
        keyring: the seals; a channel tells which of them is in force
        states: gives every channel, by its origin, as of the last commit
    """

    def __init__(self, keyring: Keyring, states: Callable[[], Mapping[str, ChannelState]]) -> None:
        self._keyring, self._states = keyring, states
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="signer")

    @property
    def is_remote(self) -> bool:
        """Whether a key is elsewhere, so that signing may take long."""
        return self._keyring.is_remote

    def begin(self, checkpoint: Checkpoint, time: int) -> Future[SignedCheckpoint]:
        """Begins to sign a checkpoint of a channel of ours, as of ``time``, in seconds since 1970.

        Raises:
            SealUnavailable: it is known that the seal cannot; ``require_able`` has refused what needs it before.
        """
        seal = self._states()[checkpoint.origin].seals.sender.newest  # a rotation is signed by the seal before it
        self._keyring.require_able(seal, time)
        return self.thread.submit(sign_checkpoint, checkpoint, self._keyring.signer(seal.public), time)

    def of_journal(self, time: int) -> Signer:
        """Gives what signs the journal as of ``time``: the seal in force, as channels that lead away tell it.

        A restored node may not know yet that it is: then the one whose keys are here, and none that is kept for a peer
        of before. But a replica whose home has only a seal of before signs nothing.

        Raises:
            SealUnavailable: its certificates are not valid then.
            Unavailable: its keys are not here.
        """
        seal = self._of_node()
        require_valid(seal, time)
        return self._keyring.signer(seal.public)

    def _of_node(self) -> CertifiedSeal:
        """That of the home, as the process began with it, unless a channel tells of a later one."""
        here, told = self._keyring.seals[0], own_seal(self._states())
        return told if told and here.public in given_up([state.seals.sender for state in self._ours()]) else here

    def of_receipts(self, state: ChannelState, time: int) -> Signer:
        """What countersigns in a channel to here, as of a time in seconds since 1970: the seal in force.

        A restored node may not know yet that it is, and what tells it may have to wait for these receipts: then the one
        whose keys are here.

        Raises:
            SealUnavailable: it is known that it cannot.
        """
        here, first = self._keyring.seals, self._of_node()
        here = (first, *here) if first in here else here
        seal = cosigning(state, self._states()[reverse_of(state.origin)], here)
        self._keyring.require_able(seal, time)
        return self._keyring.signer(seal.public)

    def require_able(self, domain: str, now: int) -> None:
        """Passes unless it is known that what signs for a peer, named by its domain, cannot.

        Args:
            domain: of the peer
            now: of the commit, microseconds since 1970

        Raises:
            SealUnavailable: it cannot.
        """
        for state in self._ours():
            if state.seals.receiver_domain == domain:
                self._require_able(state, signing_time(state, now))

    def _require_able(self, state: ChannelState, time: int) -> None:
        try:
            self._keyring.require_able(state.seals.sender.newest, time)
        except SealUnavailable as error:
            if state.origin not in {each.origin for each in left_behind(self._states())}:
                raise
            said = f"{state.origin} has yet to be told of the seal in force, by that of before, and this cannot sign"
            raise SealUnavailable(f"{said}: {error.message}") from error

    def close(self) -> None:
        """Ends its thread."""
        self.thread.shutdown()

    def _ours(self) -> Iterator[ChannelState]:
        return (state for state in self._states().values() if state.ends.outgoing)
