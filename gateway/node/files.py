"""Puts together what keeps the files that belong to notices."""

import shutil
from collections.abc import Iterable, Sequence
from functools import partial

from gateway.commands.attachments.from_peers import FromPeers
from gateway.commands.attachments.removal import Removal
from gateway.commands.attachments.storage import Room, Storage
from gateway.commands.attachments.uploads import AttachmentCommands
from gateway.home.home import Home
from gateway.node import chores
from gateway.node.core import Core
from gateway.questions.attachment_standing import AttachmentStanding, Transfers
from gateway.questions.attachments import AttachmentQuestions
from gateway.rpc.peer_attachments import Wanting
from gateway.rpc.status import reason_of
from gateway.store.database import local_file
from gateway.supervision.attachments import Owner

METHOD = "/regulator.exchange.v1.PeerService/SendAttachments"


class Files:
    """Its parts.

    Args:
        core: of the node

    Attributes:
        questions: what can be asked of them
        commands: what back offices can do about them
        standing: how much there is of them, and how they move
        wanting: gets those that peers have
        chores: what runs for as long as the node does
    """

    def __init__(self, core: Core) -> None:
        ground, committer, readers, instruments = core.ground, core.committer, core.readers, core.ground.instruments
        names = {state.origin: state.name for state in core.bulletin.commit.states.values()}
        for name in names.values():
            instruments.moved(name, 0)
        transfers = Transfers(
            ground.clock,
            lambda origin, count: instruments.moved(names[origin], count),
            lambda error: instruments.refused(METHOD, reason_of(error), error.metadata),
        )
        quotas = quotas_of(ground.room, ground.authorities, ground.parties.peers)
        for owner in quotas:
            instruments.let_go(owner.authority, owner.peer, 0)
        self.standing = AttachmentStanding(readers, quotas, transfers)
        self.questions = AttachmentQuestions(readers)
        storage = Storage(committer, readers, ground.room, ground.random)
        self.commands = AttachmentCommands(committer, storage, self.questions)
        from_peers = FromPeers(ground.parties, committer, readers, storage, ground.clock)
        self.wanting = Wanting(from_peers, core.bulletin, core.alarms, transfers)
        removal = Removal(
            committer,
            readers,
            ground.clock,
            storage.dropped,
            unfinished_days=ground.unfinished_days,
            on_let_go=lambda owner, count: instruments.let_go(owner.authority, owner.peer, count),
            scrubs=core.is_local,
        )
        self.chores: Sequence[chores.Chore] = (
            self.wanting.certify,
            partial(chores.clear_attachments, removal),
            partial(chores.sweep_attachments, removal),
            partial(chores.scrub_attachments, removal),
        )


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


def quotas_of(room: Room, authorities: Iterable[str], peers: Iterable[str]) -> dict[Owner, int]:
    """What the files of each authority and each peer may take, in bytes."""
    quotas = {Owner(authority=each): room.authority_bytes for each in authorities}
    return quotas | {Owner(peer=each): room.peer_bytes for each in peers}


def _free_bytes(home: Home) -> int | None:
    """What is free where SQLite's file is: in the home; a server's disk is not seen from here."""
    is_local = local_file(home.config.database.url, home.path) is not None
    return shutil.disk_usage(home.path).free if is_local else None
