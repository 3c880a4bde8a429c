"""Puts together what keeps the files that belong to notices."""

import secrets
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from gateway.alarms import Alarms
from gateway.commands.attachments.from_peers import FromPeers
from gateway.commands.attachments.removal import Removal
from gateway.commands.attachments.storage import Room, Storage
from gateway.commands.attachments.uploads import AttachmentCommands
from gateway.home.home import Home
from gateway.identity.pairing.parties import Parties, Party
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialling import Credentials
from gateway.metrics.instruments import Instruments
from gateway.node import chores
from gateway.questions.attachment_standing import AttachmentStanding, Transfers
from gateway.questions.attachments import AttachmentQuestions
from gateway.replicas import Replicas
from gateway.rpc.attachments import AttachmentServicer
from gateway.rpc.peer_attachments import Wanting
from gateway.rpc.status import reason_of
from gateway.store.bulletin import Bulletin
from gateway.store.committer import Committer
from gateway.store.database import local_file
from gateway.store.readers import Readers
from gateway.supervision.attachments import Owner

METHOD = "/regulator.exchange.v1.PeerService/SendAttachments"


class Attaching:
    """Its parts.

    Args:
        home: of the node
        parties: who exchanges
        committer: the one writer
        readers: of the store
        bulletin: tells of commits
        alarms: are told what cannot be taken
        instruments: count what moves
        clock: microseconds since 1970
    """

    def __init__(  # noqa: PLR0913 - a part each
        self,
        home: Home,
        parties: Parties,
        committer: Committer,
        readers: Readers,
        bulletin: Bulletin,
        *,
        alarms: Alarms,
        instruments: Instruments,
        clock: Callable[[], int],
    ) -> None:
        self._parties, self._readers = parties, readers
        names = {state.origin: state.name for state in bulletin.commit.states.values()}
        for name in names.values():
            instruments.moved(name, 0)
        transfers = Transfers(
            clock,
            lambda origin, count: instruments.moved(names[origin], count),
            lambda error: instruments.refused(METHOD, reason_of(error), error.metadata),
        )
        quotas = quotas_of(home, parties.peers)
        for owner in quotas:
            instruments.let_go(owner.authority, owner.peer, 0)
        self.standing = AttachmentStanding(readers, quotas, transfers)
        questions = AttachmentQuestions(readers)
        storage = Storage(committer, readers, room_of(home), secrets.token_bytes)
        self.servicer = AttachmentServicer(AttachmentCommands(committer, storage, questions), questions)
        self.wanting = Wanting(FromPeers(parties, committer, readers, storage, clock), bulletin, alarms, transfers)
        removal = Removal(
            committer,
            readers,
            clock,
            storage.dropped,
            unfinished_days=home.config.attachments.unfinished_days,
            on_let_go=lambda owner, count: instruments.let_go(owner.authority, owner.peer, count),
            scrubs=_is_local(home),
        )
        self.chores: Sequence[chores.Chore] = (
            partial(chores.clear_attachments, removal),
            partial(chores.sweep_attachments, removal),
            partial(chores.scrub_attachments, removal),
            self.wanting.certify,
        )

    def link(self, peer: Party, credentials: Callable[[], Credentials], replicas: Replicas) -> AttachmentLink:
        """What serves a peer with files."""
        origin = self._parties.origin_to(peer.jurisdiction)
        return AttachmentLink(peer, origin, credentials, self._readers, replicas, self.standing.transfers)


def room_of(home: Home) -> Room:
    """What files may take at a node."""
    section = home.config.attachments
    return Room(
        section.max_bytes,
        section.authority_quota_bytes,
        section.peer_quota_bytes,
        section.max_unfinished,
        section.keep_free_bytes,
        lambda: _free_bytes(home),
    )


def quotas_of(home: Home, peers: Iterable[str]) -> dict[Owner, int]:
    """What the files of each authority and each peer may take, in bytes."""
    section = home.config.attachments
    quotas = {Owner(authority=each): section.authority_quota_bytes for each in home.config.node.authorities}
    return quotas | {Owner(peer=each): section.peer_quota_bytes for each in peers}


def _free_bytes(home: Home) -> int | None:
    """What is free where SQLite's file is: in the home; a server's disk is not seen from here."""
    return shutil.disk_usage(home.path).free if _is_local(home) else None


def _is_local(home: Home) -> bool:
    return local_file(home.config.database.url, home.path) is not None
