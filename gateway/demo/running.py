"""The demonstration: two nodes as real processes, real notices both ways, evidence that proves it.

Everything is made anew below one folder, through the same doors as everybody uses: what makes homes, the node's
process, the client library, the command line.
"""

import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from regulator.exchange import Client, Profile
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_service_pb2 import Notice
from rich.console import Console
from rich.live import Live
from rich.table import Table

from gateway.demo.frameworks import exchange_frameworks
from gateway.demo.sites import Site, clear, found_sites, serving
from gateway.errors import Unavailable
from gateway.supervision.files.notices import NoticeFile, read_notices

DELIVERY_SECONDS = 60
LEAST_TITLE_WIDTH = 12

_COLUMNS = {"notice": 11, "from": 5, "to": 2, "TLP": 5, "released": 8, "state": 9, "receipt": 8}
_WIDTH = sum(_COLUMNS.values()) + len(_COLUMNS)  # with the gaps


def run(folder: Path, console: Console, *, once: bool, first_port: int) -> None:
    """Runs the demonstration in a folder.

    Args:
        folder: where everything is made; what an earlier demonstration left there goes
        console: to show it on
        once: end when everything is delivered and verified, instead of waiting for Ctrl-C
        first_port: of Hong Kong's node; the other three follow from it

    Raises:
        ConfigError: the folder or a port cannot be used; says what to do.
        Unavailable: a node did not start, or a notice was not delivered in time.
    """
    signal.signal(signal.SIGTERM, _as_interrupt)  # so that both nodes are stopped, whenever it comes
    clear(folder)
    sites = found_sites(folder, first_port)
    console.print(f"Two jurisdictions are founded and paired in {folder}")
    with ExitStack() as stack:
        for site in sites:
            stack.enter_context(serving(site))
            console.print(f"{site.jurisdiction} node serves on {site.back_office}, peers on {site.peer}")
        clients = {site.jurisdiction: _clients(site, stack) for site in sites}
        notices = _exchange(sites, clients, console)
        _acknowledge(notices, clients, console)
        exchange_frameworks(sites, clients, console, _command)
        _prove(notices, sites, console)
        if once:
            _say_what_stays(sites, console)
        else:
            _say_what_to_try(sites, console)
            _wait_for_interrupt(console)


def _clients(site: Site, stack: ExitStack) -> dict[str, Client]:
    """A client for each authority."""
    return {
        authority: stack.enter_context(Client(Profile.load(site.profile(authority)))) for authority in site.authorities
    }


# --- notices ------------------------------------------------------------------------------------------------------


def _exchange(sites: Sequence[Site], clients: dict[str, dict[str, Client]], console: Console) -> dict[str, NoticeFile]:
    """Gives every notice of the data, and shows how each arrives."""
    files = {file.notice_id: file for file in _data()}
    progress: dict[str, Notice] = {}
    with Live(_table(files.values(), progress, console.width), console=console, auto_refresh=False) as live:
        for file in files.values():
            client = clients[file.sender][file.content.issuing_authority]
            progress[file.notice_id] = client.create_notice(
                file.content, recipient=file.recipient, notice_id=file.notice_id
            )
            live.update(_table(files.values(), progress, console.width), refresh=True)
        for site in sites:
            client = clients[site.jurisdiction][site.authorities[0]]
            for delivered in _deliveries(client, site, files.values()):
                progress[delivered] = client.get_notice(delivered)
                live.update(_table(files.values(), progress, console.width), refresh=True)
    if not console.is_terminal:
        console.print()  # a live view ends its last line only on a terminal
    return files


def _data() -> Sequence[NoticeFile]:
    return read_notices(resources.files("gateway.demo").joinpath("data/notices.json").read_bytes())


def _deliveries(client: Client, site: Site, files: Iterable[NoticeFile]) -> Iterator[str]:
    """The ids of a site's notices as the peer's receipts for them come."""
    waiting = {file.notice_id for file in files if file.sender == site.jurisdiction}
    watch = client.watch_events(kinds=[Event.NOTICE_DELIVERED])
    timer = threading.Timer(DELIVERY_SECONDS, watch.close)
    timer.start()
    try:
        for response in watch:
            delivered = response.event.notice.removeprefix("notices/")
            if delivered in waiting:
                waiting.remove(delivered)
                yield delivered
            if not waiting:
                return
    finally:
        timer.cancel()
        watch.close()
    raise Unavailable(f"not delivered within {DELIVERY_SECONDS} s: {', '.join(sorted(waiting))}")


def _table(files: Iterable[NoticeFile], progress: dict[str, Notice], width_of_all: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading, width in _COLUMNS.items():
        table.add_column(heading, width=width, no_wrap=True)
    table.add_column("title", max_width=max(LEAST_TITLE_WIDTH, width_of_all - _WIDTH), no_wrap=True)
    for file in files:
        notice = progress.get(file.notice_id, Notice())
        table.add_row(
            file.notice_id,
            file.content.issuing_authority,
            file.recipient,
            type(file.content.handling).Tlp.Name(file.content.handling.tlp),
            _clock(notice.release_time.ToDatetime(UTC)) if notice.HasField("release_time") else "",
            Notice.State.Name(notice.state) if notice.state else "",
            _clock(notice.receipt_time.ToDatetime(UTC)) if notice.HasField("receipt_time") else "",
            file.content.title[0].text,
        )
    return table


def _clock(time: datetime) -> str:
    return time.strftime("%H:%M:%S")


def _acknowledge(files: dict[str, NoticeFile], clients: dict[str, dict[str, Client]], console: Console) -> None:
    """The first authority of the recipient acknowledges one notice of each direction."""
    for sender in clients:
        file = next(file for file in files.values() if file.sender == sender)
        authority, client = next(iter(clients[file.recipient].items()))
        client.acknowledge_notice(file.notice_id, case_reference=f"{authority}-DEMO-1")
        console.print(f"{authority} acknowledged {file.notice_id}")


# --- evidence -----------------------------------------------------------------------------------------------------


def _prove(files: dict[str, NoticeFile], sites: Sequence[Site], console: Console) -> None:
    """Exports evidence of one notice of each direction, and verifies it with the command line and the roots alone."""
    roots = [argument for site in sites for argument in ("--root", str(site.root))]
    for site in sites:
        file = next(file for file in files.values() if file.sender == site.jurisdiction)
        path = site.folder / f"{file.notice_id}.tlog-proof"
        profile = site.profile(file.content.issuing_authority)
        _command("evidence", "export", file.notice_id, "--profile", str(profile), "--out", str(path))
        console.print(f"Evidence of {file.notice_id}, verified offline:")
        console.print(_command("evidence", "verify", str(path), *roots), soft_wrap=True)


def _command(*arguments: str) -> str:
    command = [sys.executable, "-m", "gateway", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise Unavailable(f"gateway {' '.join(arguments)} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.rstrip()


def _program() -> str:
    """The command that was typed to come here."""
    return "gateway" if sys.argv[0].endswith(".py") else shlex.quote(sys.argv[0])


def _say_what_stays(sites: Sequence[Site], console: Console) -> None:
    home = shlex.quote(str(sites[0].home.path))
    console.print("\nBoth nodes end now. What they hold stays, and can be verified:")
    console.print(f"  {_program()} check {home}", soft_wrap=True)


def _say_what_to_try(sites: Sequence[Site], console: Console) -> None:
    gateway = _program()
    quoted = {site.jurisdiction: shlex.quote(str(site.profile(site.authorities[0]))) for site in sites}
    console.print("\nTry, in another terminal:")
    for line in (
        f"{gateway} status --profile {quoted['HK']}",
        f"{gateway} notice list --profile {quoted['KR']}",
        f"{gateway} notice show hk-2026-001 --profile {quoted['KR']}",
        f"{gateway} notice watch --profile {quoted['HK']}",
        f"{gateway} framework compare HK KR --html matrix.html --profile {quoted['KR']}",
        f"{gateway} check {shlex.quote(str(sites[0].home.path))}",
    ):
        console.print(f"  {line}", soft_wrap=True)


def _wait_for_interrupt(console: Console) -> None:
    console.print("\nBoth nodes run until Ctrl-C.")
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
