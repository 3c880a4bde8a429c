"""Builds the transcripts of a sender."""

from collections.abc import Sequence
from typing import Any

from regulator.exchange.v1 import peer_service_pb2 as wire

from tests.conformance.materials import head, receipt
from tests.conformance.parties import HONG_KONG
from tests.conformance.receiver_building import FORKED, LEAVES, named
from tests.conformance.signing import KitSeal
from tests.conformance.transcripts import Transcripts, after, batch, hello, sends

BEHIND, AHEAD = "PEER_ROLLED_BACK", "SENDER_ROLLED_BACK"


class Sender:
    """Builds the cases; each method is one kind of message, pooled under a name."""

    def __init__(self) -> None:
        self.kit = Transcripts(
            "sender",
            "Open a stream as the sender of the channel `origin`, standing at `state`: the Hello of the first step is "
            "sent at once. Batches end at signed checkpoints, each at the next one. All else is told as of `receiver`.",
            "hk",
        )

    def position(self, size: int, note: bytes | None = None, word: str = "", version: int = 1) -> str:
        shown = note if note is not None else receipt(LEAVES[:size]).note if size else b""
        name = f"position {size}{' ' + word if word else ''}"
        return self.response(name, position=wire.Position(version=version, size=size, receipt=shown))

    def receipt(self, size: int, word: str = "", leaves: Sequence[bytes] = LEAVES, **how: Any) -> str:
        note = receipt(leaves[:size], **how).note
        return self.response(f"receipt {size}{' ' + word if word else ''}", receipt=wire.Receipt(note=note))

    def halted(self, word: str, *notes: bytes, reason: str = FORKED, proof: Sequence[bytes] = ()) -> str:
        """``proof``: the root that stands before the larger of the notes, then the consistency proof."""
        said = {"prefix_root": proof[0], "consistency": proof[1:]} if proof else {}
        return self.response(f"halted {word}", halted=wire.Halted(reason=reason, evidence=notes, **said))

    def recovered(self, first: int, end: int, leaves: Sequence[bytes] = LEAVES, word: str = "", **changes: Any) -> str:
        said = {"first_index": first, "envelopes": leaves[first:end], "checkpoint": head(leaves[:end]).note, **changes}
        name = f"recovered {first} to {end}{' ' + word if word else ''}"
        return self.response(name, recovered=wire.Batch(**said))

    def response(self, name: str, **said: Any) -> str:
        return self.kit.message(name, wire.ExchangeResponse(**said))

    def at(self, size: int, receipted: int = 0, seal: KitSeal = HONG_KONG.seal, **more: Any) -> dict[str, Any]:
        return self.kit.state(named(LEAVES[:size]), [3] if size > 3 else [], receipted, seal, **more)

    def accept(self, name: str, differs: str, told: dict[str, Any], ends: str | None = None, **more: Any) -> None:
        self.kit.subject.accept(name, differs, told, ends=ends, after=after(**more))

    def refuse(self, name: str, base: str, differs: str, reason: str, told: dict[str, Any], **more: Any) -> None:
        ends = "" if reason == FORKED else reason
        self.kit.subject.refuse(name, base, differs, reason, told, ends=ends, after=after(**more))


def opened(size: int, receipted: int = 0) -> dict[str, Any]:
    """The Hello, which is sent before anything arrives; it shows the receipt for so many."""
    return {"receive": None, "send": [sends("hello", **hello(size, receipt=str(receipted or "")))]}


def sent(first: int, count: int) -> dict[str, Any]:
    return sends("batch", **batch(first, count))
