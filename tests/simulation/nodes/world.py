"""One schedule: nodes, their back offices, and faults, all drawn from a seed; afterwards all is as if none had been.

The same seed gives the same schedule, step by step: ``Outcome.trace`` is a hash of every step, and of when it was.
"""

import asyncio
import contextlib
import logging
import random as global_random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from gateway import replicas, watching
from gateway.identity.pairing.parties import Parties, Party
from gateway.ledger.seals import CertifiedSeal
from gateway.logs import Log
from gateway.node import chores, endings
from gateway.rpc import peer_attachments
from gateway.store.database import Database
from gateway.store.opening import add_channels, channel_names, create
from gateway.store.recovery import awaiting
from tests.ledger.samples import FixedSeal
from tests.simulation.nodes.audit import Audit
from tests.simulation.nodes.checks import check_all, is_quiet, is_told_whole, logs_of, sealed_by
from tests.simulation.nodes.chunks import small_chunks
from tests.simulation.nodes.disk import DATABASE, Disk, virtual_disks
from tests.simulation.nodes.drafting import RULES
from tests.simulation.nodes.endings import have_files, is_past, past_content
from tests.simulation.nodes.faults import MOVED, Faults, NoFaults
from tests.simulation.nodes.forking import Operators
from tests.simulation.nodes.joining import Joining
from tests.simulation.nodes.loop import LIFE, Stalled, VirtualLoop, run_beside
from tests.simulation.nodes.network import Network
from tests.simulation.nodes.offices import THEMES, Office, Watcher, drawn_acts
from tests.simulation.nodes.remembering import remembering
from tests.simulation.nodes.server import Server, ServerDisk, Servers, serving, virtual_servers
from tests.simulation.nodes.signing import CheapSeal, cheap_signatures, real_signatures
from tests.simulation.nodes.site import Site
from tests.simulation.nodes.times import DAY
from tests.simulation.nodes.witness import Witness
from tests.store.stores import NOW
from tests.support.compiling import compiled_once
from tests.support.seals import FOUNDED, certified

QUIET_SECONDS = 240.0  # of virtual time, within which all is well once faults have stopped (G6)
LONGEST_SECONDS = 3600.0  # of a schedule, with all that its back offices ask for
REAL_SIGNATURES_EVERY = 16  # seeds
JOINS_LATE = 0.5  # how likely it is that the third is paired with the others while these run
REPLICATED = 0.1  # how likely it is that one of them is two replicas on PostgreSQL
THREE_NODES = 0.2  # how likely it is that there are three
MEMORY = Path("/dev/shm")

NAMES = ("HK", "KR", "SG")
DOMAINS = {name: f"gateway.{name.lower()}.example" for name in NAMES}


Script = Mapping[tuple[str, str], Sequence[str]]
"""What offices do, by node and system, in place of what is drawn; then nothing goes wrong but what a test arms."""


@dataclass(frozen=True)
class Outcome:
    """What came of a schedule: its trace, and how much of what there was."""

    seed: int
    trace: str
    wrong: tuple[str, ...]
    counts: Counter[str]


class World:
    """What one seed makes. ``on_step`` is told each step, if it is set.

    Attributes:
        replicates: in each schedule a node is two replicas, and not in some alone; ``joins``: a third comes late
        sites: every place where a process runs, by its name; ``nodes``: one of them for each node
        unhandled: errors that nobody expected, and no part of a node took for its own
        gives_at_last: whether a notice goes through each channel when all is over
    """

    on_step: Callable[..., None] | None = None
    replicates = joins = False
    gives_at_last = True

    def __init__(self, seed: int, folder: Path, script: Script | None = None) -> None:
        self.seed, self._folder = seed, folder
        self._used: list[Server] = []
        self._random = random = Random(seed)
        self._trace = blake2b(digest_size=16)
        self.counts: Counter[str] = Counter()
        self.loop = VirtualLoop(Random(random.random()))
        self.loop.set_exception_handler(self._failed)
        self.unhandled: list[str] = []
        self.witness = Witness({}, self.told)
        self.network = Network(self.loop, Random(random.random()), self.witness)
        is_drawn = script is None and random.random() < THREE_NODES
        self.names = NAMES if is_drawn or any(name == NAMES[2] for name, _ in script or ()) else NAMES[:2]
        is_replicated = script is None and (self.replicates or Random(f"{seed} replicates").random() < REPLICATED)
        is_late = self.joins or (is_drawn and Random(f"{seed} joins").random() < JOINS_LATE)
        self.late = self.names[2] if is_late and len(self.names) == len(NAMES) else ""
        self.replicated = self.names[0] if is_replicated else ""
        self.sites = {site.place: site for name in self.names for site in self._places(name)}
        self.nodes = [self.sites[name] for name in self.names]
        self.audits = [Audit(site) for site in self.nodes]
        for node, audit in zip(self.nodes, self.audits, strict=True):
            for site in node.doors:
                site.audit = audit.look
        self.witness.sites = self.sites
        self._theme, count = THEMES[seed % len(THEMES)], random.randint(2, 10)
        self.offices = [
            self._office(site, system, count, script) for site in self.nodes for system in ("desk", "office")
        ]
        self.watchers = [Watcher(office) for office in self.offices if office.system == "desk"]
        self.days_pass = script is None and random.random() < 0.5
        self.operators = Operators(self, Random(random.random()))
        self.joining = Joining(self, Random(f"{seed} joining"))
        self.witness.forkable = self.operators.forking
        for site in self.sites.values():
            site.forkable = self.operators.forking
        self.moves = Random(f"{seed} moves").random() < MOVED
        self.faults = Faults(self, Random(random.random())) if script is None else NoFaults()

    def _office(self, site: Site, system: str, count: int, script: Script | None) -> Office:
        chance = Random(self._random.random())
        acts = drawn_acts(chance, self._theme, count) if script is None else script.get((site.name, system), ())
        return Office(site, system, chance, acts)

    def told(self, *what: object) -> None:
        """Adds a step to the trace."""
        self.counts[str(what[0])] += 1
        if self.on_step:
            self.on_step(round(self.loop.time(), 3), *what)
        self._trace.update(repr((round(self.loop.time(), 9), *map(str, what))).encode())

    def defect(self, event: str, error: BaseException, **_fields: object) -> None:
        """What a node calls a defect of its own, wherever it goes on after it, is one."""
        life = LIFE.get()
        if not (life and life.is_over):
            self.unhandled.append(f"{event}: {error!r}")

    def run(self) -> Outcome:
        """Runs it to its end."""
        asyncio.set_event_loop(self.loop)
        wrong: list[str] = []
        try:
            wrong += self.loop.run_until_complete(self._run())
        except (AssertionError, RuntimeError, Stalled) as error:  # RuntimeError: the loop was stopped
            wrong.append(str(error))
        finally:
            self._cancel_all()
            asyncio.set_event_loop(None)
            self.loop.close()
            for site in self.sites.values():
                site.disk.close()
            for server in self._used:
                server.close()
        self.counts["steps"] += sum(site.disk.steps_ever for site in self.sites.values())
        self.counts["streams"] += self.network.dialled
        self.counts["messages"] += self.witness.shown
        self.counts["seconds"] += round(self.loop.time() - self.loop.leapt_seconds)
        return Outcome(self.seed, self._trace.hexdigest(), (*wrong, *self.unhandled), self.counts)

    async def _run(self) -> list[str]:
        running = [self.begin(site.run(self.faults.downtime)) for site in self.sites.values()]
        acting = [self.begin(office.run()) for office in self.offices]
        watching = [self.begin(watcher.run()) for watcher in self.watchers]
        settling = self.begin(self.operators.run())
        others = [site for site in self.nodes if site.name != self.late]
        self._joined = self.begin(self.joining.run(self.sites[self.late], others)) if self.late else None
        await self.faults.run(self._have_acted)
        self.faults.stop()
        await self._until(self._have_acted, LONGEST_SECONDS, "acts do not end (G6)")
        desks = [office for office in self.offices if office.system == "desk" and self.gives_at_last]
        closing = [self.begin(office.notices.give_all()) for office in desks]
        await self._until(lambda: all(task.done() for task in closing), LONGEST_SECONDS, "nothing can be given (G6)")
        await self._until(self._is_at_rest, QUIET_SECONDS, "it does not come to rest (G6)")
        if self.days_pass:
            self.loop.leap(DAYS_AFTER * DAY)
            sites = self.nodes
            await self._until(lambda: is_past(sites) and self._is_at_rest(), QUIET_SECONDS, "content stays")
        for site in self.sites.values():  # what counts is what is durable
            site.is_retired = True
            site.kill()
        for task in (*watching, *acting, settling):
            task.cancel()
        await asyncio.gather(*watching, *acting, settling, *running, return_exceptions=True)
        wrong: list[str] = []
        for audit in self.audits:
            audit.look_again()
            wrong += audit.wrong
        wrong += [f"{site.place}: {defect!r}" for site in self.sites.values() for defect in site.defects]
        wrong += check_all(self.nodes, self.offices, self.watchers, self.witness)
        wrong += self.operators.check()
        for site in self.nodes:
            self.told("holds", site.name, *(f"{origin} {len(log)}" for origin, log in logs_of(site).items()))
            self.counts["envelopes"] += sum(len(log) for log in logs_of(site).values())
            self.counts.update(f"sealed {kind}" for kind in sealed_by(site))
        return wrong

    def begin(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = self.loop.create_task(work)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self.unhandled.append(f"the simulation itself failed: {error!r}")
            self.loop.stop()

    async def _until(self, condition: Callable[[], bool], seconds: float, failing: str) -> None:
        loop = self.loop
        end = loop.time() - loop.leapt_seconds + seconds
        while not condition():
            if loop.time() - loop.leapt_seconds > end or any(site.defects for site in self.sites.values()):
                raise AssertionError(f"{failing}: {self._state()}")
            await asyncio.sleep(0.5)

    def _have_acted(self) -> bool:
        return all(office.done for office in self.offices) and (self._joined is None or self._joined.done())

    def _is_at_rest(self) -> bool:
        sites = list(self.sites.values())
        # A seal that is prepared comes in force, and every peer is told.
        # So does a move to another database come to its end.
        is_up = all(each.running and not (each.next_seal or each.kept_seals or each.disk.moving_to) for each in sites)
        is_up = is_up and all(is_told_whole(each) for each in self.nodes if len(each.doors) > 1)
        return is_up and is_quiet(self.nodes) and self._are_told() and have_files(self.nodes)

    def _are_told(self) -> bool:
        return all(watcher.is_told() for watcher in self.watchers)

    def _state(self) -> str:
        said, sites = [], self.nodes
        for site in self.sites.values():
            links = site.running and {each: site.running.core.links.of(each) for each in logs_of(site)}
            sizes = {origin: len(log) for origin, log in logs_of(site).items()}
            said.append(f"{site.place} {sizes} halts {site.halts} links {links} defects {site.defects[:3]}")
            said.append(f"a seal is prepared: {bool(site.next_seal)}, kept: {len(site.kept_seals)}")
        said += list(past_content(sites)) if self.days_pass else []
        said.append(f"receipts {is_quiet(sites)} files {have_files(sites)}")
        said += [f"watcher of {each.site.name} has {len(each.seen)} events, {each.is_told()}" for each in self.watchers]
        return "; ".join(said)

    def _failed(self, _loop: Any, context: dict[str, Any]) -> None:
        """What asyncio tells of errors that nobody asked for; those of a life that ends are none."""
        error = context.get("exception")
        if error is None or isinstance(error, Exception):
            self.unhandled.append(f"{context.get('message')}: {error!r}")

    def _cancel_all(self) -> None:
        for _ in range(5):
            left = asyncio.all_tasks(self.loop)
            if not left:
                return
            for task in left:
                task.cancel()
            with contextlib.suppress(BaseException):
                self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    # --- sites --------------------------------------------------------------------------------------------------------

    def _places(self, name: str) -> list[Site]:
        """Where a node runs: one place, or several on one database."""
        is_strict = self._random.random() < 0.5
        paired = self.names if not self.late else (name,) if name == self.late else self.names[:2]
        if name != self.replicated:
            sites = [self._site(name, name, paired)]
            (sites[0].disk.folder / DATABASE).write_bytes(_new_file(name, paired))
        else:
            schema = f"simulation_{name.lower()}_{len(paired)}"
            url = Servers.current[-1].url(schema, partial(_make, name, paired))
            server = Server(url, self.loop, Random(self._random.random()), NOW)
            self._used.append(server)
            sites = [self._site(name, place, paired, server) for place in (name, f"{name} b")]
        for site in sites:
            site.doors = sites
            site.publishes_by_draft = is_strict
            site.approval = RULES if is_strict else RULES[:1]
        return sites

    def _site(self, name: str, place: str, paired: tuple[str, ...], server: Server | None = None) -> Site:
        folder = self._folder / place
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        random = Random(self._random.random())
        disk = ServerDisk(folder, random, self.told, server) if server else Disk(folder, random, self.told)
        parties = _parties(name, paired, self.replicated)
        site = Site(parties, self.loop, self.network, disk, Random(self._random.random()), self.told, place)
        is_real = self.seed % REAL_SIGNATURES_EVERY == 0
        for number in range(SEALS):
            seal = _fixed(name, number)
            site.signers[_certified(name, number)] = seal if is_real else CheapSeal(seal)
        return site


DAYS_AFTER = 3  # the first one, on which some content may be kept at most: it must be gone
SEALS = 6  # of a node: the first, and those that it may rotate to


@cache
def _fixed(name: str, number: int) -> FixedSeal:
    return FixedSeal(f"{name} {number}")


@cache
def _certified(name: str, number: int) -> CertifiedSeal:
    return certified(_fixed(name, number), DOMAINS[name], FOUNDED + timedelta(days=number))


@cache
def _parties(name: str, names: tuple[str, ...], replicated: str = "") -> Parties:
    addresses = {each: (f"{each}:1", f"{each} b:1") if each == replicated else (f"{each}:1",) for each in names}
    party = {each: Party(each, DOMAINS[each], each, addresses[each], _certified(each, 0), "") for each in names}
    return Parties(party[name], {each: party[each] for each in names if each != name})


@cache
def _new_file(name: str, names: tuple[str, ...]) -> bytes:
    """A database with its channels, made once a process: the migrations take longer than a schedule."""
    with tempfile.TemporaryDirectory() as home:
        _make(name, names, f"sqlite:///{DATABASE}", Path(home))
        return (Path(home) / DATABASE).read_bytes()


def _make(name: str, names: tuple[str, ...], url: str, home: Path) -> None:
    database = Database(url, home)
    create(database, name, DOMAINS[name], bytes(32))
    add_channels(database, channel_names(_parties(name, names)))
    database.close()


@contextmanager
def simulating(server: str = "") -> Iterator[Path]:
    """Prepares a process for schedules; gives the folder for them.

    Args:
        server: of PostgreSQL, for nodes of several replicas: the folder of its socket; empty: one is started for them
    """
    logging.disable(logging.CRITICAL)
    parent = MEMORY if MEMORY.is_dir() else None
    state = global_random.getstate()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="simulation-", dir=parent) as folder,
            compiled_once(),
            remembering(),
            serving(server),
        ):
            yield Path(folder)
    finally:
        global_random.setstate(state)
        logging.disable(logging.NOTSET)


def run_seed(
    seed: int, folder: Path, script: Script | None = None, prepare: Callable[[World], None] = lambda _: None
) -> Outcome:
    """Runs the schedule of a seed, or a script in its place."""
    for names in (NAMES[:2], NAMES, NAMES[2:]):
        for name in names:
            _new_file(name, names)
    global_random.seed(seed)  # for the jitter of links
    is_real = seed % REAL_SIGNATURES_EVERY == 0
    signatures, chunks = (real_signatures(), nullcontext()) if is_real else (cheap_signatures(), small_chunks())
    with signatures, chunks, virtual_disks(), virtual_servers():
        world = World(seed, folder, script)
        prepare(world)
        with _virtual_times(world):
            return world.run()


@contextmanager
def _virtual_times(world: World) -> Iterator[None]:
    """What the product asks of monotonic time is the loop's; chores look again soon, as schedules are short."""
    clock = SimpleNamespace(monotonic=world.loop.time)
    with ExitStack() as stack:
        stack.enter_context(patch.object(awaiting, "asyncio", SimpleNamespace(run=run_beside)))
        for timed in (peer_attachments, replicas):
            stack.enter_context(patch.object(timed, "time", clock))
        stack.enter_context(patch.object(chores, "LONGEST_SLEEP_SECONDS", 20.0))
        stack.enter_context(patch.object(chores, "RETRY_SECONDS", 5.0))
        for module in (endings, watching):
            stack.enter_context(patch.object(module, "LOOK_SECONDS", 1.0))
        stack.enter_context(patch.object(Log, "defect", world.defect))
        yield
