"""``EvidenceService``."""

from typing import Any

from regulator.exchange.v1 import evidence_service_pb2 as pb
from regulator.exchange.v1.evidence_service_pb2_grpc import EvidenceServiceServicer

from gateway.questions.evidence import Proofs
from gateway.rpc.admission import CALLER


class EvidenceServicer(EvidenceServiceServicer):
    """Calls proofs."""

    def __init__(self, proofs: Proofs) -> None:
        self._proofs = proofs

    async def GetEvidence(self, request: pb.GetEvidenceRequest, context: Any) -> pb.Evidence:
        """Gives an evidence file."""
        return await self._proofs.get_evidence(CALLER.get(), request)

    async def GetCheckpoint(self, request: pb.GetCheckpointRequest, context: Any) -> pb.Checkpoint:
        """Gives a channel's newest heads."""
        return await self._proofs.get_checkpoint(request)

    async def GetConsistencyProof(self, request: pb.GetConsistencyProofRequest, context: Any) -> pb.ConsistencyProof:
        """Proves consistency."""
        return await self._proofs.get_consistency_proof(request)

    async def GetForkProof(self, request: pb.GetForkProofRequest, context: Any) -> pb.ForkProof:
        """Gives the proof of a fork."""
        return await self._proofs.get_fork_proof(request)
