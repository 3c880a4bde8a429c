"""Runs ``gateway`` and kills it at a named point: ``python -m tests.support.pointed serve HOME``.

``POINT`` names it, ``PASSES`` how often it is passed before.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from gateway.carrier import Carrier, Message
from gateway.cli import main
from gateway.link.attachment_link import AttachmentLink
from gateway.rpc.peer_attachments import Wanting
from gateway.store import committer, signing
from gateway.store.bulletin import Bulletin
from gateway.store.transaction import Transaction
from gateway.store.writer_session import WriterSession

POINT, PASSES = "TESTS_POINT", "TESTS_POINT_PASSES"

PLACES: dict[str, tuple[Any, str]] = {
    "writing": (WriterSession, "write"),
    "signing": (signing, "sign_checkpoint"),
    "publishing": (Bulletin, "publish"),
    "answering": (committer, "answer"),
    "loading a batch": (Carrier, "_load"),
    "taking a batch": (Carrier, "_commit"),
    "making a receipt": (Transaction, "give_receipt"),
    "sending a receipt": (Carrier, "_send_receipt"),
    "keeping a receipt": (Carrier, "_store_receipt"),
}
"""What a node does with a notice and its receipt, and where; ``publishing`` comes after the commit."""

FILE_PLACES: dict[str, tuple[Any, str]] = {
    "sending a part": (AttachmentLink, "_send_part"),
    "taking a part": (Wanting, "_keep"),
}
"""What a node does with files of a notice; no point of every notice."""

POINTS = [f"{when} {place}" for place in PLACES for when in ("before", "after")]


class Killer:
    """Kills this process when a point was passed so often."""

    def __init__(self, point: str, passes: int) -> None:
        self._point, self._left = point, passes

    def at(self, point: str) -> None:
        """Is called at every point."""
        if point == self._point:
            self._left -= 1
            if self._left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, place: str) -> None:
        """Has a function call ``at`` before and after."""
        owner, name = {**PLACES, **FILE_PLACES}[place]
        work = getattr(owner, name)
        is_awaited = work.__code__.co_flags & 0x80  # inspect.CO_COROUTINE

        @wraps(work)
        def call(*args: Any, **kwargs: Any) -> Any:
            self.at(f"before {place}")
            result = work(*args, **kwargs)
            self.at(f"after {place}")
            return result

        @wraps(work)
        async def call_and_wait(*args: Any, **kwargs: Any) -> Any:
            self.at(f"before {place}")
            result = await work(*args, **kwargs)
            self.at(f"after {place}")
            return result

        watched = call_and_wait if is_awaited else call
        setattr(owner, name, watched)
        if owner is Carrier:
            Carrier._effects = {  # type: ignore[misc]
                kind: watched if effect is work else effect for kind, effect in Carrier._effects.items()
            }


async def _send_receipt(send: Callable[[Message], Awaitable[None]], message: Message) -> None:
    await send(message)


def _tell_receipts_apart() -> None:
    """Has a carrier send receipts by a function of their own, which can be watched."""
    make = Carrier.__init__

    def make_apart(self: Carrier, machine: Any, state: Any, store: Any, send: Any, *more: Any) -> None:
        async def send_apart(message: Message) -> None:
            is_receipt = message.WhichOneof("step") == "receipt"
            await (Carrier._send_receipt(send, message) if is_receipt else send(message))  # type: ignore[attr-defined]

        make(self, machine, state, store, send_apart, *more)

    Carrier._send_receipt = staticmethod(_send_receipt)  # type: ignore[attr-defined]
    Carrier.__init__ = make_apart  # type: ignore[assignment,method-assign]


if __name__ == "__main__":
    _tell_receipts_apart()
    killer = Killer(os.environ[POINT], int(os.environ.get(PASSES, "0")))
    for each in (*PLACES, *FILE_PLACES):
        killer.watch(each)
    main()
