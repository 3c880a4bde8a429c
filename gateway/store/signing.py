"""What signs for the writer: the seal in force of each channel, and that of the journal."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from gateway.identity.signers import Keyring
from gateway.ledger.checkpoint import Checkpoint, SignedCheckpoint, Signer, sign_checkpoint
from gateway.store.state import ChannelState


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
            Untrusted: then the seal's certificates are not valid.
        """
        seal = self._states()[checkpoint.origin].seals.sender.newest  # a rotation is signed by the seal before it
        seal.require_time(time)
        return self.thread.submit(sign_checkpoint, checkpoint, self._keyring.signer(seal.public), time)

    def of_journal(self, time: int) -> Signer:
        """Gives what signs the journal as of ``time``: the seal in force, which all channels that lead away have.

        A restored node may not know yet that it is: then the one whose keys are here. But a replica whose home has only
        a seal of before signs nothing.

        Raises:
            Unavailable: its keys are not here.
            Untrusted: then its certificates are not valid.
        """
        ours, here = [state.seals.sender for state in self._ours()], self._keyring.seals
        newest = (each.newest for each in ours)
        seal = next((each for each in newest if each in here or ours[0].knows(here[0].public)), here[0])
        seal.require_time(time)
        return self._keyring.signer(seal.public)

    def require_able(self, domain: str) -> None:
        """Passes unless it is known that what signs for a peer, named by its domain, cannot.

        Raises:
            SealUnavailable: it cannot.
        """
        for state in self._ours():
            if state.seals.receiver_domain == domain:
                self._keyring.require_able(state.seals.sender.newest.public)

    def close(self) -> None:
        """Ends its thread."""
        self.thread.shutdown()

    def _ours(self) -> Iterator[ChannelState]:
        return (state for state in self._states().values() if state.ends.outgoing)
