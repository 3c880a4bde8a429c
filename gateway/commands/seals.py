"""Rotating this node's seal, while it runs: the keys that were prepared in its home come into force in one commit."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Protocol

from regulator.exchange.v1.admin_service_pb2 import RotateSealRequest, RotateSealResponse

from gateway.backoff import NextTry
from gateway.commands.acting import NodeItself
from gateway.errors import GatewayError, Unavailable, WrongState
from gateway.identity.access.access import Caller
from gateway.identity.pairing.parties import Parties
from gateway.identity.seals.signers import Keyring
from gateway.ledger.checkpoint import Signer
from gateway.ledger.seals import CertifiedSeal
from gateway.questions.standing import channel_name
from gateway.store.bulletin import Bulletin
from gateway.store.committer import Committer
from gateway.store.own_seal import is_idle, is_told, left_behind, own_seal, to_catch_up
from gateway.store.transaction import Transaction
from gateway.store.waiting import MAX_GROUP_WEIGHT
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.envelopes.envelopes import Actor

Prepared = Callable[[], tuple[CertifiedSeal, Signer]]
"""Reads the seal that comes next, if this node's root certifies it now; or raises an error of ours."""


class Adopt(Protocol):
    """Puts the files of the seal in force in their place; ``is_told``: no channel needs one of before any more."""

    def __call__(self, in_force: CertifiedSeal | None, /, *, is_told: bool) -> None:
        """Does it, if it is not done yet; None: no channel tells of one."""


class SealCommands:
    """What operators do with the seal.

    Args:
        parties: this node and its peers, as they were at its start
        committer: of the store
        bulletin: knows the seal in force
        keyring: takes the new keys
        prepared: reads them
        adopt: puts their files in the place of those before, if they are not there yet
        clock: seconds; never goes back
    """

    def __init__(
        self,
        parties: Parties,
        committer: Committer,
        bulletin: Bulletin,
        keyring: Keyring,
        prepared: Prepared,
        adopt: Adopt,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._parties, self._committer, self._bulletin = parties, committer, bulletin
        self._keyring, self._prepared, self._adopt = keyring, prepared, adopt
        self._next_try, self._fault = NextTry(clock), ""
        self._turn, self._placing = asyncio.Lock(), threading.Lock()
        self._unplaced: CertifiedSeal | None = None  # whose keys sign here, while its files may lie as prepared
        self._node: Actor = NodeItself(parties.own.domain)
        self._keeps_keys, self._untold = False, ""  # of seals before; why a channel is not told of the one in force

    name = "seal"

    def look(self) -> None:
        """Passes while the keys of the seal in force are here, and no channel waits in vain to be told of it.

        Else it raises ``Unavailable``.

        Where another replica rotated to the seal that is prepared here too, it is taken now. So is one that came into
        force though its rotation was answered with an error.
        """
        wanted = self.seal_in_force()
        if wanted == self._unplaced:
            self._place()
        if wanted not in self._keyring.seals and self._next_try.is_due:
            self._take(wanted)
        if wanted not in self._keyring.seals and self._fault:
            away = "the keys of the seal in force are not in this node's home, and what is prepared there is of no use"
            raise Unavailable(f"{away}: {self._fault}")
        if not is_idle(self._bulletin.commit.states, self._keyring.seals):
            self._keyring.signer(wanted.public)
        if self._untold:
            raise Unavailable(self._untold)

    def _take(self, wanted: CertifiedSeal) -> None:
        """Takes the seal that is prepared, if it is the one; one whose token does not sign is tried again later."""
        self._fault = ""
        try:
            prepared, signer = self._prepared()
            if prepared != wanted:
                self._next_try.failed()
                return
            self._keyring.add(prepared, signer)
            self._place()
        except WrongState:  # none is prepared: this asks nothing of a token, and one may come at any moment
            return
        except GatewayError as error:
            self._fault = error.message
            self._next_try.failed()
            return
        self._next_try.succeeded()

    def seal_in_force(self) -> CertifiedSeal:
        """The seal in force: every channel that leads away from here has the same, unless it was left behind."""
        return own_seal(self._bulletin.commit.states) or self._parties.own.seal

    def _place(self) -> None:
        """Has the files of the seal in force put in their place; waits for whoever does it already."""
        with self._placing:
            self._adopt(self.seal_in_force(), is_told=is_told(self._bulletin.commit.states))
        self._unplaced = None

    async def rotate(self, request: RotateSealRequest, caller: Caller) -> RotateSealResponse:
        """Puts the prepared seal in force, in every channel; once it is, the same request does nothing more.

        Raises:
            WrongState: another seal is prepared, or none, or there is no peer to be told; or not all is back since the
                database was put back.
            Halted: a channel takes nothing, so that its peer could not be told; unless the pairing has ended.
        """
        check_fields(request)
        async with self._turn:
            await self._bulletin.catch_up()
            if self.seal_in_force().fingerprint != request.ed25519_certificate_sha256:
                await self._rotate(request, caller)
            await asyncio.to_thread(self._place)
        own = self._parties.own
        return RotateSealResponse(
            verifier_keys=self.seal_in_force().public.verifier_keys(own.domain),
            channels_left_behind=sorted(map(channel_name, left_behind(self._bulletin.commit.states))),
        )

    async def _rotate(self, request: RotateSealRequest, caller: Caller) -> None:
        if not self._parties.peers:
            raise WrongState("a node without a peer replaces its seal while it is stopped: gateway certs replace-seal")
        seal, signer = await asyncio.to_thread(self._prepared)
        if seal.fingerprint != request.ed25519_certificate_sha256:
            raise WrongState(f"the seal that is prepared has the Ed25519 certificate {seal.fingerprint}")
        self._keyring.add(seal, signer)
        self._unplaced = seal
        before = request.before_all_is_back
        await self._committer.submit(
            lambda tx: tx.rotate_seal(caller, seal, before_all_is_back=before), weight=MAX_GROUP_WEIGHT
        )

    async def catch_up(self) -> None:
        """Tells the seal in force in the channels that a rotation left behind, once they take something again.

        When none is left, the keys of the seals before go. One that cannot be told is tried again, and keeps no other.

        Raises:
            ConfigError: these cannot be removed.
        """
        self._keeps_keys |= not is_told(self._bulletin.commit.states)
        untold = ""
        for each in to_catch_up(self._bulletin.commit.states):
            unit = partial(self._tell, origin=each.origin)
            try:
                await self._committer.submit(unit, weight=MAX_GROUP_WEIGHT, bounded=False)
            except GatewayError as error:
                untold = f"{each.ends.recipient} is not told of the seal in force: {error.message}"
        self._untold = untold
        if self._keeps_keys and is_told(self._bulletin.commit.states):
            await asyncio.to_thread(self._place)
            self._keeps_keys = False

    def _tell(self, tx: Transaction, origin: str) -> None:
        states = {each: tx.channel(each) for each in self._bulletin.commit.states}
        seal = own_seal(states)
        if seal and any(each.origin == origin for each in to_catch_up(states)):  # no replica did meanwhile
            tx.tell_seal(origin, self._node, seal)
