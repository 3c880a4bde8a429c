"""Puts together what keeps the files that belong to notices."""

import secrets
import shutil
from collections.abc import Callable, Sequence
from functools import partial

from gateway import chores
from gateway.commands.attachments import AttachmentCommands, Clearing
from gateway.commands.storing import Room, Storing
from gateway.config import AttachmentsSection
from gateway.home import Home
from gateway.questions.attachments import AttachmentQuestions
from gateway.rpc.attachments import AttachmentServicer
from gateway.store.committer import Committer
from gateway.store.database import Database
from gateway.store.readers import Readers


class Attaching:
    """Its parts.

    Args:
        home: of the node
        database: in which the bytes are kept
        committer: the one writer
        readers: of the store
        clock: microseconds since 1970
    """

    def __init__(
        self, home: Home, database: Database, committer: Committer, readers: Readers, clock: Callable[[], int]
    ) -> None:
        room = _room(home.config.attachments, lambda: _free_bytes(home, database))
        questions = AttachmentQuestions(readers)
        self.storing = Storing(committer, readers, room, secrets.token_bytes)
        self.servicer = AttachmentServicer(AttachmentCommands(committer, self.storing, questions), questions)
        self.chores: Sequence[chores.Chore] = (partial(chores.clear_attachments, Clearing(committer, clock)),)


def _room(section: AttachmentsSection, free_bytes: Callable[[], int | None]) -> Room:
    return Room(
        section.max_bytes,
        section.authority_quota_bytes,
        section.peer_quota_bytes,
        section.keep_free_bytes,
        free_bytes,
    )


def _free_bytes(home: Home, database: Database) -> int | None:
    """What is free where SQLite's file is: in the home; a server's disk is not seen from here."""
    return shutil.disk_usage(home.path).free if database.is_local else None
