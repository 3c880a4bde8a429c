"""What auditors ask where no node answers any more: of a backup, or of the home of a node that does not run.

The answers are those that a node gives (``questions``), from one snapshot; the methods are those of the client that
asks a node. Nothing is written, signed, or told in the access journal: who holds the files holds all content.
"""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, Unpack

from regulator.exchange import framework_requests, requests, sharing_requests
from regulator.exchange.framework_requests import AssessmentFilters
from regulator.exchange.pages import Listing, assessments
from regulator.exchange.v1.admin_service_pb2 import Channel
from regulator.exchange.v1.audit_service_pb2 import ExportJournalRequest, JournalCheckpoint
from regulator.exchange.v1.evidence_service_pb2 import Evidence, ForkProof, GetEvidenceRequest
from regulator.exchange.v1.framework_service_pb2 import Assessment, FrameworkVersion
from regulator.exchange.v1.sharing_service_pb2 import Consent, Share
from regulator.exchange.v1.values_pb2 import Handling

from gateway.backups.making import DATABASE_URL, micros
from gateway.backups.manifest import HOME, MANIFEST, Manifest
from gateway.backups.restoring import copy_of_this_form
from gateway.errors import BadInput, NotFound, WrongForm
from gateway.home.home import Home
from gateway.identity.access.access import Caller, Role
from gateway.identity.pairing.parties import Parties
from gateway.questions.auditing import Auditing
from gateway.questions.evidence import Proofs
from gateway.questions.filters import Filters
from gateway.questions.frameworks import FrameworkQuestions
from gateway.questions.sealed_tokens import SealedTokens
from gateway.questions.sharing import SharingQuestions
from gateway.questions.standing import channel_name
from gateway.store.backlog import Backlog
from gateway.store.bulletin import Bulletin
from gateway.store.commits import Commit, read_commit
from gateway.store.database import snapshot
from gateway.store.journal.queries import read_edge
from gateway.store.opening import TOKEN_KEY_BYTES
from gateway.store.readers import Readers, SnapshotReaders

T = TypeVar("T")

_AUDITOR = Caller("", "", frozenset({Role.AUDITOR}), Handling.RED)


class Archive:
    """Answers as a node does, in the words of its client.

    Args:
        readers: of the one snapshot
        commit: what is true in it
        parties: of the node whose it is

    Attributes:
        unsigned: the newest entries of the journal that the node never signed; what is exported ends before them
    """

    def __init__(self, readers: Readers, commit: Commit, parties: Parties) -> None:
        tokens = SealedTokens(secrets.token_bytes(TOKEN_KEY_BYTES), secrets.token_bytes)
        filters, bulletin = Filters(parties, readers), Bulletin(commit, Backlog({}, micros, lambda *_: None))
        self.unsigned = commit.journal.unsigned
        self._states = commit.states
        self._proofs = Proofs(readers, bulletin)
        self._frameworks = FrameworkQuestions(readers, tokens, filters)
        self._sharing = SharingQuestions(readers, tokens, micros)
        self._auditing = Auditing(lambda: parties.own_seals, readers, tokens, _Signed(readers, commit), filters)

    def get_evidence(
        self,
        name: str = "",
        *,
        act: GetEvidenceRequest.Act.ValueType = GetEvidenceRequest.RELEASE,
        origin: str = "",
        index: int = 0,
    ) -> Evidence:
        """Gives an evidence file."""
        request = requests.get_evidence(name, act=act, origin=origin, index=index)
        return _answer(self._proofs.get_evidence(_AUDITOR, request))

    def get_fork_proof(self, origin: str, *, number: int = 0) -> ForkProof:
        """Gives the proof of a fork."""
        return _answer(self._proofs.get_fork_proof(requests.get_fork_proof(origin, number=number)))

    def get_channel(self, name: str) -> Channel:
        """Gives a channel: its name, and its origin alone; how its stream does nobody knows."""
        wanted = requests.get_channel(name).name
        for origin, state in self._states.items():
            if channel_name(state) == wanted:
                return Channel(name=wanted, origin=origin)
        raise NotFound(f"there is no channel {wanted.removeprefix('channels/')}")

    def get_version(self, framework: str, version: int) -> FrameworkVersion:
        """Gives one version."""
        return _answer(self._frameworks.get_version(framework_requests.get_version(framework, version)))

    def list_assessments(self, **filters: Unpack[AssessmentFilters]) -> Listing[Any, Any, Assessment]:
        """Lists assessments, newest first."""
        request = framework_requests.list_assessments(**filters)
        return Listing(request, lambda page: _answer(self._frameworks.list_assessments(page)), assessments)

    def get_share(self, name: str) -> Share:
        """Gives one share."""
        return _answer(self._sharing.get_share(_AUDITOR, sharing_requests.get_share(name)))

    def get_consent(self, name: str) -> Consent:
        """Gives one consent, with the decisions on it."""
        return _answer(self._sharing.get_consent(_AUDITOR, sharing_requests.get_consent(name)))

    def export_journal(self, first_index: int = 0) -> Iterator[bytes]:
        """Gives the file of the journal, piece by piece, up to its newest checkpoint."""
        pieces = self._auditing.export(ExportJournalRequest(first_index=first_index))
        with asyncio.Runner() as runner:
            while (piece := runner.run(anext(pieces, None))) is not None:
                yield piece.data

    def get_journal_checkpoint(self) -> JournalCheckpoint:
        """Gives the newest checkpoint of the journal."""
        return _answer(self._auditing.checkpoint())


class _Signed:
    """The journal as far as it was signed, where nobody signs any more."""

    def __init__(self, readers: Readers, commit: Commit) -> None:
        self._commit = commit
        if head := commit.journal.head:
            edge = _answer(readers.run(read_edge, head.checkpoint.size))
            self._commit = replace(commit, journal=replace(commit.journal, log=edge))

    def latest(self) -> Commit:
        return self._commit

    async def follow(self) -> None:
        """Nobody commits."""

    async def submit(self, _unit: object) -> None:
        """Nobody signs."""


@contextmanager
def archive_of(folder: Path, now: datetime) -> Iterator[Archive]:
    """Opens a backup, or a node's home.

    Args:
        folder: that ``gateway backup`` made, in which every file is what was written; or a home
        now: with a time zone

    Raises:
        BadInput, VerificationError: it is neither, or a backup that is not whole.
        ConfigError: a file of the home is missing, or does not fit; says which.
        StoreError: the database cannot be read.
    """
    if not (folder / MANIFEST).exists():
        home = Home(folder)
        if not home.config_file.exists():
            raise BadInput.of("stored", f"must be a folder that gateway backup made, or a node's home: {folder}")
        with snapshot(home.config.database.url, folder) as connection:
            yield Archive(SnapshotReaders(connection), read_commit(connection), home.parties(now))
        return
    Manifest.read(folder)
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(snapshot(DATABASE_URL, folder, is_kept=True))
        except WrongForm:
            copy = Path(opened.enter_context(TemporaryDirectory(prefix="gateway-")))
            copy_of_this_form(folder, copy)
            connection = opened.enter_context(snapshot(DATABASE_URL, copy))
        yield Archive(SnapshotReaders(connection), read_commit(connection), Home(folder / HOME).parties(now))


def _answer(asked: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asked)
