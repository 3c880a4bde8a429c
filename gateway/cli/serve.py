"""``gateway serve``: runs a node until it is told to stop."""

import asyncio
import gc
import logging
import resource
import signal
from typing import Annotated

import typer
import uvloop

from gateway.cli.options import HomeFolder
from gateway.home import Home
from gateway.node import Node


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("serve")(serve)


def serve(
    home: HomeFolder,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what the node does, not only what is wrong.")] = False,
) -> None:
    """Runs the node of a home.

    On SIGTERM or SIGINT it takes no new calls, lets those under way end, and stops.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("grpc._cython.cygrpc").addFilter(_is_no_callers_doing)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump holds the keys, and what notices say
    uvloop.run(_serve(Home(home)))


def _is_no_callers_doing(record: logging.LogRecord) -> bool:
    """Tells what may be logged, of gRPC's own words: a caller could fill the log with the others.

    They are metadata that is not UTF-8, up to 16 KiB a call, and a traceback for each who hangs up while answered.
    """
    return not str(record.msg).startswith(("Invalid encoding", "ExecuteBatchError"))


async def _serve(home: Home) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    node = Node(home)
    await node.start()
    # What a commit makes lives until it is durable, and nearly nothing is cyclic: looking often finds nothing.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    name = home.config.node
    typer.echo(
        f"{name.jurisdiction} {name.domain} serves back offices on port {node.back_office_port}"
        f" and peers on port {node.peer_port}"
    )
    await node.run(stop)
    typer.echo(f"{name.jurisdiction} {name.domain} stopped")
