"""Proofs for third persons: evidence files, checkpoints, consistency."""

from regulator.exchange.v1.envelope_pb2 import Envelope, EvidenceMaterial
from regulator.exchange.v1.evidence_service_pb2 import (
    Checkpoint,
    ConsistencyProof,
    Evidence,
    ForkProof,
    GetCheckpointRequest,
    GetConsistencyProofRequest,
    GetEvidenceRequest,
    GetForkProofRequest,
)

from gateway.errors import BadInput, NotFound, WrongState
from gateway.identity.access.access import Caller
from gateway.ledger.checkpoint import Checkpoint as SignedPart
from gateway.ledger.evidence import Evidence as EvidenceFile
from gateway.ledger.note import Note
from gateway.ledger.seals import Certificates
from gateway.ledger.steps import RESTORED, SENDER_ROLLED_BACK
from gateway.moments import timestamp_of
from gateway.questions.scopes import scope_of
from gateway.store.bulletin import Bulletin
from gateway.store.forking import read_forks
from gateway.store.logs import no_envelope
from gateway.store.notice_queries import read_notice
from gateway.store.proofs import InclusionParts, read_consistency, read_inclusion
from gateway.store.readers import Readers
from gateway.store.state import ChannelState
from gateway.supervision.acts.submissions import check_fields
from gateway.supervision.disclosure import Scope
from gateway.supervision.notices.content import notice_id
from gateway.supervision.notices.records import NoticeRecord, Place

_WORDS = {
    GetEvidenceRequest.RELEASE: "release",
    GetEvidenceRequest.ACKNOWLEDGEMENT: "acknowledgement",
    GetEvidenceRequest.WITHDRAWAL: "withdrawal",
    GetEvidenceRequest.DESTRUCTION: "destruction",
    GetEvidenceRequest.PEER_DESTRUCTION: "peer_destruction",
    GetEvidenceRequest.ATTACHMENTS: "attachments",
}


class Proofs:
    """Reads proofs.

    Args:
        readers: of the store
        bulletin: knows the newest heads
    """

    def __init__(self, readers: Readers, bulletin: Bulletin) -> None:
        self._readers, self._bulletin = readers, bulletin

    async def get_evidence(self, caller: Caller, request: GetEvidenceRequest) -> Evidence:
        """Gives the evidence file of one envelope: of a notice's act, or at a place of a channel."""
        check_fields(request)
        scope = scope_of(caller)
        place, name = await self._place(scope, request) if request.notice else _named_by_place(request)
        await self._bulletin.catch_up()
        if place.index >= self._state(place.origin).log.size:
            raise no_envelope(place.index)
        parts = await self._readers.at_once(read_inclusion, scope, place.origin, place.index)
        certificate = await self._certificate(scope, place, parts)
        file = self._file(place, parts, certificate)
        return Evidence(tlog_proof=file, file_name=f"{name}.tlog-proof", receipted=parts.receipted)

    async def _certificate(self, scope: Scope, place: Place, parts: InclusionParts) -> bytes:
        """The evidence of the certificate that an envelope's content is destroyed; empty: there is none.

        It is this node's own; but that of the sender where the content never reached the peer, since it tells that.
        """
        found = b""
        for at in parts.certificates:
            proven = await self._readers.at_once(read_inclusion, scope, at.origin, at.index)
            named = Envelope.FromString(proven.envelope).content_destroyed.envelopes
            this = [each for each in named if (each.origin, each.index) == (place.origin, place.index)]
            if not this:
                continue  # it was destroyed later than the rest of its notice
            if this[0].without_receipt or at == parts.certificates[0]:
                found = self._file(at, proven, b"")
        return found

    def _file(self, place: Place, parts: InclusionParts, certificate: bytes) -> bytes:
        sender, receiver = self._certificates(parts)
        material = EvidenceMaterial(
            envelope=parts.envelope,
            sender_certificates=sender,
            receiver_certificates=receiver,
            leaf_hash=parts.leaf_hash,
            destruction=certificate,
        )
        return EvidenceFile(material.SerializeToString(), place.index, parts.proof, parts.note).encode()

    async def get_checkpoint(self, request: GetCheckpointRequest) -> Checkpoint:
        """Gives a channel's newest checkpoint and its newest receipt."""
        check_fields(request)
        await self._bulletin.catch_up()
        state = self._state(request.origin)
        return Checkpoint(
            note=state.head.note if state.head else b"", receipt=state.receipt.note if state.receipt else b""
        )

    async def get_consistency_proof(self, request: GetConsistencyProofRequest) -> ConsistencyProof:
        """Proves that a channel's log of one size is a prefix of a later one."""
        check_fields(request)
        parts = await self._readers.run(read_consistency, request.origin, request.first_size, request.second_size)
        return ConsistencyProof(hashes=parts.hashes, first_root=parts.first_root, second_root=parts.second_root)

    async def get_fork_proof(self, request: GetForkProofRequest) -> ForkProof:
        """Gives the proof that the sender of a channel signed two histories of it."""
        check_fields(request)
        state = self._state(request.origin)
        found = await self._readers.run(read_forks, request.origin)
        if not found:
            raise WrongState(_unproven(state), channel=request.origin)
        number = request.number or len(found)
        if number > len(found):
            raise BadInput.of("number", f"must be at most {len(found)}: so many forks of this channel were found here")
        proof, found_at = found[number - 1]
        name = f"{request.origin.replace('/', '-')}.fork-{number}.proof"
        time = timestamp_of(found_at)
        return ForkProof(proof=proof, file_name=name, number=number, count=len(found), found_time=time)

    def _certificates(self, parts: InclusionParts) -> tuple[Certificates, Certificates]:
        """Those that were in force when the evidence's note was signed, of the sender and of the receiver."""
        note = Note.parse(parts.note)
        checkpoint = SignedPart.parse(note.text)
        seals = self._state(checkpoint.origin).seals
        sender = seals.sender.signing(note, checkpoint.origin, checkpoint.size)
        if not parts.receipted:
            return sender.certificates, seals.receiver.newest.certificates
        receiver = seals.receiver.signing(note, seals.receiver_domain, checkpoint.size)
        return sender.certificates, receiver.certificates

    def _state(self, origin: str) -> ChannelState:
        state = self._bulletin.commit.states.get(origin)
        if state is None:
            raise NotFound(f"there is no channel with the origin {origin}")
        return state

    async def _place(self, scope: Scope, request: GetEvidenceRequest) -> tuple[Place, str]:
        wanted = notice_id(request.notice)
        view = await self._readers.at_once(read_notice, scope, wanted)
        if view is None:
            raise NotFound(f"there is no notice {wanted}", notice=wanted)
        act = request.act or GetEvidenceRequest.RELEASE
        place = _place_of(view.record, act)
        if place is None:
            raise NotFound(f"{wanted} has no {_WORDS[act]}", notice=wanted)
        return place, f"{wanted}.{_WORDS[act]}"


def _unproven(state: ChannelState) -> str:
    """Says that there is no proof of equivocation, and what a halt shows instead."""
    if state.halt is None:
        return f"the channel {state.origin} has not halted: nobody is known to have signed two histories of it"
    told = _HALTS.get(state.halt.reason, "what was kept with it proves nothing to a third person")
    return f"there is no proof of a fork of {state.origin}: it halted as {state.halt.reason}, and {told}"


_HALTS = {
    RESTORED: (
        "so this node keeps itself from signing two histories: it was restored, and waits until its peer has told what "
        "it holds; nobody did anything wrong"
    ),
    SENDER_ROLLED_BACK: (
        "what is kept with it is a checkpoint of this node itself, for more envelopes than are here: it lost some of "
        "its log, and takes it back from its peer; that is one history"
    ),
}
"""What halts show that are no equivocation."""


def _named_by_place(request: GetEvidenceRequest) -> tuple[Place, str]:
    return Place(request.origin, request.index), f"{request.origin.replace('/', '-')}.{request.index}"


def _place_of(record: NoticeRecord, act: GetEvidenceRequest.Act.ValueType) -> Place | None:
    return {
        GetEvidenceRequest.RELEASE: Place(record.origin, record.index),
        GetEvidenceRequest.ACKNOWLEDGEMENT: record.acknowledged_at,
        GetEvidenceRequest.WITHDRAWAL: record.withdrawn_at,
        GetEvidenceRequest.DESTRUCTION: record.destroyed_at,
        GetEvidenceRequest.PEER_DESTRUCTION: record.peer_destroyed_at,
        GetEvidenceRequest.ATTACHMENTS: record.attached_at,
    }[act]
