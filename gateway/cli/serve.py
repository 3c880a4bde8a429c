"""``gateway serve``: runs a node until it is told to stop."""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer
import uvloop

from gateway.cli.failures import DOES_NOT_HOLD, told
from gateway.cli.options import HomeFolder
from gateway.cli.output import say_aside
from gateway.errors import BrokenStorage, LostCommits
from gateway.home.home import Home
from gateway.logs import Log, install, take_from_loop
from gateway.node.node import Node
from gateway.telemetry.contexts import of_now

_log = Log(__name__)


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    home: HomeFolder,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what the node does, not only what is wrong.")] = False,
    trust_clock: Annotated[
        bool, typer.Option("--trust-clock", help="Believe the machine's clock, though no peer could confirm it yet.")
    ] = False,
) -> None:
    """Runs the node of a home.

    On SIGTERM or SIGINT it takes no new calls, lets those under way end, and stops.
    """
    opened = Home(home)
    form = opened.config.logging.format
    install(form, logging.INFO if verbose else logging.WARNING, of_now)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump holds the keys, and what notices say
    try:
        uvloop.run(_serve(opened, trusts_clock=trust_clock))
    except Exception as error:
        failure = told(error)
        if failure is None:
            _log.defect("node_failed", error)
            raise typer.Exit(DOES_NOT_HOLD) from None
        if form == "json":
            _log.critical("node_ended", error=failure.message)
        elif isinstance(error, BrokenStorage):
            say_aside(f"gateway: {failure.message}")
        else:
            raise
        if isinstance(error, BrokenStorage):
            os._exit(failure.exit_code)  # closing a SQLite database, at the latest as Python ends, would write to it
        raise typer.Exit(failure.exit_code) from None


async def _serve(home: Home, *, trusts_clock: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(take_from_loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    while await _serve_once(Node(home, trusts_clock=trusts_clock), stop):
        pass


async def _serve_once(node: Node, stop: asyncio.Event) -> bool:
    """Runs a node until it stops; True: all that it knew of its database is of no use, and it is to start anew."""
    await node.start()
    # What a commit makes lives until it is durable, and nearly nothing is cyclic: looking often finds nothing.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    name = node.home.config.node
    _announce(
        f"{name.jurisdiction} {name.domain} serves back offices on port {node.back_office_port}"
        f" and peers on port {node.peer_port}"
    )
    try:
        await node.run(stop)
    except LostCommits:  # the log tells of it
        return not stop.is_set()
    _announce(f"{name.jurisdiction} {name.domain} stopped")
    return False


def _announce(line: str) -> None:
    """Says it to standard output, past Python's buffer: a node goes on where that is full, or nobody reads it."""
    with suppress(OSError):
        os.write(sys.stdout.fileno(), f"{line}\n".encode())
