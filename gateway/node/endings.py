"""Which pairings have ended, as a running node knows it: by its home, or by the database, whichever was told last.

The home's marks are looked at again and again, as what is revoked is. What is new in them is committed, so that other
replicas know it, and an event and the journal tell of it; but it counts at once, even while nothing can be committed.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence

from gateway.alarms import Alarms
from gateway.errors import GatewayError, Unavailable
from gateway.identity.pairing.end import Ending, EndMarks, later
from gateway.identity.pairing.parties import Parties
from gateway.identity.watched_files import WatchedFiles
from gateway.link.dialling import Credentials
from gateway.logs import Log
from gateway.questions.links import Links
from gateway.rpc.allowances import sealed_by
from gateway.rpc.peer_attachments import files_of
from gateway.store.bulletin import Bulletin
from gateway.store.committer import Committer
from gateway.store.pairings import keep_ending, pairing_ended
from gateway.watching import LOOK_SECONDS, Watched

AGAIN_SECONDS = 3.0  # after a commit that failed

_log = Log(__name__)


class Endings:
    """The ends of pairings; on the loop's thread, but for what is ``watched``.

    Args:
        marks: in the home
        parties: who exchanges
        committer: the one writer
        bulletin: tells what the database says
        links: tell whether a peer refuses this node
        alarms: that of a peer's files is over with its pairing

    Raises:
        ConfigError: a mark in the home cannot be read.
    """

    def __init__(
        self, marks: EndMarks, parties: Parties, committer: Committer, bulletin: Bulletin, links: Links, alarms: Alarms
    ) -> None:
        self._marks, self._parties, self._committer, self._bulletin = marks, parties, committer, bulletin
        self._alarms = alarms
        self._files = WatchedFiles("ended pairings", lambda: map(self._marks.path, parties.peers), self._read)
        refusals = (Refusal(peer, parties.origin_to(peer), links) for peer in parties.peers)
        self.watched: Sequence[Watched] = (self._files, *refusals)

    def of(self, peer: str) -> Ending | None:
        """Gives the end of the pairing with a peer, by its jurisdiction, if that is ended now."""
        ending = later(self._files.current[peer], self._stored(peer))
        return ending if ending and not ending.is_over else None

    def require_paired(self, peer: str) -> None:
        """Passes if a peer is paired now.

        Raises:
            PairingEnded: it is not.
        """
        if ending := self.of(peer):
            raise pairing_ended(self._parties.jurisdiction, ending)

    def dialling(self, credentials: Callable[[str], Credentials]) -> Callable[[str], Credentials]:
        """Gives what links ask before they dial, and while they do: there is nothing to present to an ended peer."""

        def given(peer: str) -> Credentials:
            if ending := self.of(peer):
                raise pairing_ended(peer, ending)
            return credentials(peer)

        return given

    async def run(self) -> None:
        """Commits what the home's marks say anew, until it is cancelled."""
        while True:
            pause = LOOK_SECONDS
            try:
                await self.settle()
                await self._let_go()
            except GatewayError as error:
                _log.warning("pairing_end_not_stored", error=error.message)
                pause = AGAIN_SECONDS
            await asyncio.sleep(pause)

    async def _let_go(self) -> None:
        """Ends what was open with peers of before: what of their files and envelopes waits, what their clocks said."""
        for peer in filter(self.of, self._parties.peers):
            self._committer.witnesses.forget(self._parties.peers[peer].domain)
            await self._alarms.end(files_of(peer))
            await self._alarms.end(sealed_by(peer))

    async def settle(self) -> None:
        """Commits what is newer in the home than in the database.

        Raises:
            GatewayError: it cannot be committed now.
        """
        for peer, ending in list(self._newer()):
            if not await self._keep(peer, ending):
                continue
            if ending.is_over:
                _log.warning("pairing_resumed", peer=peer)
            else:
                _log.warning("pairing_ended", peer=peer)

    async def _keep(self, peer: str, ending: Ending) -> bool:
        origins = self._parties.origin_to(peer), self._parties.origin_from(peer)
        return await self._committer.submit(lambda tx: keep_ending(tx, peer, origins, ending), bounded=False)

    def _newer(self) -> Iterator[tuple[str, Ending]]:
        for peer, ending in self._files.current.items():
            stored = self._stored(peer)
            if ending and later(stored, ending) is not stored:
                yield peer, ending

    def _stored(self, peer: str) -> Ending | None:
        states = self._bulletin.commit.states
        return states[self._parties.origin_to(peer)].ending

    def _read(self) -> Mapping[str, Ending | None]:
        return {peer: self._marks.read(peer) for peer in self._parties.peers}


class Refusal:
    """Watches whether a peer's operator has ended the pairing, and this node's has not."""

    def __init__(self, peer: str, origin: str, links: Links) -> None:
        self.name = f"pairing with {peer}"
        self._peer, self._origin, self._links = peer, origin, links

    def look(self) -> None:
        """Raises ``Unavailable`` while the peer refuses this node for that."""
        if self._links.of(self._origin).refused:
            raise Unavailable(f"the node of {self._peer} refuses this one: an operator there ended the pairing")
