"""What is told of an envelope by which its sender rotates its seal; ``ledger.seals`` is what follows from it."""

from hashlib import sha256

from regulator.exchange.v1.event_service_pb2 import Event

from gateway.supervision.outcomes import Context, EventContent, Outcome, Projection


def rotated(context: Context) -> Projection:
    """The sender seals with other keys from here on."""
    digest = sha256(context.envelope.seal_rotated.ed25519_certificate).hexdigest()
    detail = f"{context.channel.sender} seals with new keys; Ed25519 certificate SHA-256 {digest}"
    return Projection(Outcome.PROJECTED, events=(EventContent(Event.SEAL_ROTATED, detail=detail),))
