"""What a node does by itself when time passes. Each is given the clock, with a time zone."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from regulator.exchange.v1.event_service_pb2 import Event

from gateway.backoff import Backoff
from gateway.commands.attachments.removal import Removal
from gateway.commands.drafts import DraftCommands
from gateway.commands.retention import Retention
from gateway.commands.seals import SealCommands
from gateway.errors import GatewayError
from gateway.identity.certificates.lifetimes import Lifetime, warnings
from gateway.logs import Log
from gateway.questions.health import Health
from gateway.store.committer import Committer
from gateway.store.transaction import Transaction

LONGEST_SLEEP_SECONDS = 600.0  # before it is looked at again: a clock may be set, a machine may sleep
RETRY_SECONDS = 60.0
SEAL_SECONDS = 1.0  # from one look for a channel that has yet to be told of the seal to the next
FIRST_TRY_SECONDS, LONGEST_TRY_SECONDS = 0.25, 4.0  # from a commit that failed to the next, where nobody asks for one

Chore = Callable[[], Coroutine[Any, Any, None]]
"""What runs for as long as the node does."""

_log = Log(__name__)


def begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begins what runs for as long as the node does; should it end by an error, the log tells."""
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_ended)
    return task


def _tell_ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (defect := task.exception()):
        _log.defect("task_ended", defect)


async def tell_days(tell: Callable[[], Awaitable[None]], now: Callable[[], datetime]) -> None:
    """Tells what came into force: at once, and after each midnight (UTC)."""
    failing = "what came into force could not be told now"
    await _again_and_again(failing, tell, lambda: _until_midnight(now()))


async def tell_overdue(tell: Callable[[], Awaitable[None]], now: Callable[[], datetime]) -> None:
    """Tells which requests for assistance were not answered by their day: at once, and after each midnight (UTC)."""
    failing = "what is overdue could not be told now"
    await _again_and_again(failing, tell, lambda: _until_midnight(now()))


async def tell_seal(seals: SealCommands) -> None:
    """Tells the seal in force to peers that a rotation left behind: soon after their channels go on."""
    await _again_and_again("seals before could not be let go of now", seals.catch_up, lambda: SEAL_SECONDS)


async def expire_drafts(commands: DraftCommands) -> None:
    """Ends the drafts whose time is over: at once, and every ten minutes; approving asks for itself."""
    await _again_and_again("drafts could not be ended now", commands.expire_drafts, lambda: LONGEST_SLEEP_SECONDS)


async def clear_attachments(removal: Removal) -> None:
    """Drops files that nothing names, and those that do not come: at once, and every ten minutes."""
    failing = "files that nothing names, or that do not come, could not be dropped now"
    await _again_and_again(failing, removal.clear, lambda: LONGEST_SLEEP_SECONDS)


async def sweep_attachments(removal: Removal) -> None:
    """Deletes what is dropped: at once, whenever more is, and every ten minutes, as another replica may have died."""
    failing = "dropped files could not be deleted now"
    await _again_and_again(failing, removal.sweep, lambda: LONGEST_SLEEP_SECONDS, removal.until_dropped)


async def scrub_attachments(removal: Removal) -> None:
    """Leaves nothing of files that were deleted: after each time that some were, but a while after the time before."""
    failing = "the database could not be scrubbed of deleted files now"
    await _again_and_again(failing, removal.scrub, lambda: LONGEST_SLEEP_SECONDS, removal.until_deleted)


async def destroy_past(retention: Retention, now: Callable[[], datetime]) -> None:
    """Destroys what may not be kept any more: at once, and after each midnight (UTC)."""
    failing = "what may not be kept could not be destroyed whole now"
    await _again_and_again(failing, retention.destroy_past, lambda: _until_midnight(now()))


async def tell_expiring(
    committer: Committer,
    lifetimes: Callable[[datetime], Awaitable[Iterable[Lifetime]]],
    now: Callable[[], datetime],
) -> None:
    """Tells which certificates are near their end, each mark once: at once, and every ten minutes."""

    async def tell() -> None:
        at = now()
        said = list(warnings(await lifetimes(at), at))

        def unit(tx: Transaction) -> None:
            for each in said:
                tx.tell_node_once(Event.CERTIFICATE_EXPIRING, each)

        if said:
            await committer.submit(unit, bounded=False)

    await _again_and_again("ending certificates could not be told now", tell, lambda: LONGEST_SLEEP_SECONDS)


async def try_to_write(committer: Committer, health: Health) -> None:
    """Finds out whether a node can write again after a commit that failed: its callers may have gone elsewhere."""
    while True:
        await health.until_it_cannot_write()
        backoff = Backoff(FIRST_TRY_SECONDS, LONGEST_TRY_SECONDS)
        while not health.can_write:
            await asyncio.sleep(backoff.next_seconds())
            with suppress(GatewayError):  # then it still cannot
                await committer.look()


async def _again_and_again(
    failing: str,
    chore: Callable[[], Awaitable[None]],
    pause: Callable[[], float],
    wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    while True:
        try:
            await chore()
            seconds = min(pause(), LONGEST_SLEEP_SECONDS)
        except GatewayError as error:
            _log.warning("chore_failed", about=failing, error=error.message)
            await asyncio.sleep(RETRY_SECONDS)
        except Exception as defect:  # noqa: BLE001 - a chore must not end for it until the node is started anew
            _log.defect("chore_broken", defect, about=failing)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            await wait(seconds)


def _until_midnight(now: datetime) -> float:
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - now).total_seconds() + 1
