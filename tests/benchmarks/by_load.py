"""How calls and streams do as there are more callers, and as messages are larger: one pair of nodes."""

from collections.abc import Mapping
from pathlib import Path

from regulator.exchange import AsyncClient, ExchangeError

from tests.benchmarks import floors, measures
from tests.benchmarks.beside import Beside
from tests.benchmarks.forms import BULK_A_SECOND, FEW_CALLERS, MESSAGE_BYTES, Form
from tests.benchmarks.results import Point, Series
from tests.benchmarks.samples import content
from tests.benchmarks.sites import stored_bytes
from tests.support.nodes import Site

NAMES, FEW_NAMES = 500, 8  # notices that are asked for in turn; of any size
BULK_BYTES, BULK_TRIED, BULK_LEAST, BULK_MOST = 64_000_000, 1_000_000, 10, 30_000  # the first two in bytes
TOO_LARGE = (5 * 1024 * 1024, 9 * 1024 * 1024)  # more than a request may have; more than a listener lets in


async def by_callers(hk: Site, kr: Site, echo: str, form: Form, acts: Mapping[str, float]) -> list[Series]:
    await measures.bulk(hk, MESSAGE_BYTES, NAMES)
    profile, names = hk.profile(), await _names(hk, NAMES)
    points: dict[str, list[Point]] = {}
    for callers in form.callers:
        creates, gets, receipts = Beside(), Beside(), Beside()
        spent, count, bulk = measures.Spent(), 0, []
        in_bulk = max(callers, int(BULK_A_SECOND * form.seconds))
        for _ in range(form.rounds):
            bare = await measures.bare_calls(echo, profile, MESSAGE_BYTES, callers, form.amount)
            for runs in (creates, gets, receipts):
                runs.bare.append(bare)
            size = await measures.settle(hk)
            with spent.counting(sender=hk, receiver=kr):
                creates.measured.append(await measures.creates(hk, MESSAGE_BYTES, callers, form.amount))
                count += await measures.settle(hk) - size
            gets.measured.append(await measures.gets(hk, names, callers, form.amount))
            receipts.measured.append(await measures.create_to_receipt(hk, MESSAGE_BYTES, callers, form.amount))
            bulk.append(await measures.bulk(hk, MESSAGE_BYTES, in_bulk, streams=callers))
        alone = _commits_and_signatures(acts) if callers == 1 else {}
        for key, point in {
            "creates_by_callers": creates.rate(callers, spent.each(count)),
            "create_p50_by_callers": creates.milliseconds(callers, 50),
            "create_p99_by_callers": creates.milliseconds(callers, 99),
            "receipt_p50_by_callers": receipts.milliseconds(callers, 50, alone),
            "receipt_p99_by_callers": receipts.milliseconds(callers, 99),
            "gets_by_callers": gets.rate(callers),
            "bulk_by_callers": Point(callers, measures.middle(bulk), floors.under_bulk(acts)),
        }.items():
            points.setdefault(key, []).append(point)
    return [Series(key, *_CALLERS[key], "callers", found) for key, found in points.items()]


async def by_bytes(hk: Site, kr: Site, echo: str, form: Form, folder: Path) -> list[Series]:
    points: dict[str, list[Point]] = {}
    for size in form.sizes:
        creates, receipts, gets = Beside(), Beside(), Beside()
        for _ in range(form.rounds):
            for callers, beside in ((FEW_CALLERS, (creates, gets)), (1, (receipts,))):
                bare = await measures.bare_calls(echo, hk.profile(), size, callers, form.amount)
                for runs in beside:
                    runs.bare.append(bare)
            creates.measured.append(await measures.creates(hk, size, FEW_CALLERS, form.amount))
            await measures.settle(hk)
            names = await _names(hk, FEW_NAMES)
            gets.measured.append(await measures.gets(hk, names, FEW_CALLERS, form.amount))
            receipts.measured.append(await measures.create_to_receipt(hk, size, 1, form.amount))
        bulk, disk = await _bulk(hk, kr, echo, size, form, folder)
        for key, point in {
            "creates_by_bytes": creates.rate(size),
            "receipt_p50_by_bytes": receipts.milliseconds(size, 50),
            "gets_by_bytes": gets.rate(size),
            "bulk_by_bytes": bulk,
            **disk,
        }.items():
            points.setdefault(key, []).append(point)
    return [Series(key, *_BYTES[key], "bytes", found) for key, found in points.items()]


async def refused(site: Site) -> dict[str, str]:
    """What a node says to messages that are too large."""
    found = {}
    async with AsyncClient(site.profile()) as client:
        for size in TOO_LARGE:
            made = content(MESSAGE_BYTES)
            made.summary[0].text = "x" * size
            try:
                await client.create_notice(made, recipient="KR")
            except ExchangeError as error:
                found[f"{size:,} bytes"] = str(error)
    assert len(found) == len(TOO_LARGE), "taken, though too large"
    return found


async def _bulk(hk: Site, kr: Site, echo: str, size: int, form: Form, folder: Path) -> tuple[Point, dict[str, Point]]:
    """The middle round of the stream, beside the middle of its floors; and what its notices take on disk."""
    rate = await measures.bulk(hk, size, max(BULK_LEAST, min(1000, BULK_TRIED // size)))
    count = int(max(BULK_LEAST, min(BULK_MOST, BULK_BYTES // size, rate * form.seconds * 2)))
    rates, streams, inserts = [], [], []
    before, spent = [stored_bytes(each) for each in (hk, kr)], measures.Spent()
    for _ in range(form.rounds):
        streams.append(await measures.bare_stream(echo, hk.profile(), size, form.seconds))
        inserts.append(floors.raw_inserts(folder, size, floors.rows_at_once(size), form.seconds))
        with spent.counting(sender=hk, receiver=kr):
            rates.append(await measures.bulk(hk, size, count))
    made = count * form.rounds
    taken = [(stored_bytes(each) - was) / made for each, was in zip((hk, kr), before, strict=True)]
    disk = {
        f"{name}_disk_by_bytes": Point(size, each, {"its message": size})
        for name, each in zip(("sender", "receiver"), taken, strict=True)
    }
    below = {"bare stream": measures.middle(streams), "raw inserts": measures.middle(inserts)}
    return Point(size, measures.middle(rates), below, spent.each(made)), disk


async def _names(site: Site, count: int) -> list[str]:
    """Of the newest notices."""
    async with AsyncClient(site.profile()) as client:
        page = await anext(client.list_notices(page_size=count).pages())
        return [notice.name for notice in page.notices]


def _commits_and_signatures(acts: Mapping[str, float]) -> dict[str, float]:
    """What is left of a delivery if all else cost nothing: three commits, and two signatures by each of two seals."""
    commits = 3 * 1000 / acts[f"SQLite, {floors.COMMIT}, rows/s"]
    signatures = 2 * (acts["Ed25519, sign, µs"] + acts["ML-DSA-44, sign, µs"]) / 1000
    return {"3 commits and 4 signatures": commits + signatures}


_CALLERS = {
    "creates_by_callers": ("CreateNotice, durable", "calls/s"),
    "create_p50_by_callers": ("CreateNotice, p50", "ms"),
    "create_p99_by_callers": ("CreateNotice, p99", "ms"),
    "receipt_p50_by_callers": ("create to receipt, p50", "ms"),
    "receipt_p99_by_callers": ("create to receipt, p99", "ms"),
    "gets_by_callers": ("GetNotice", "calls/s"),
    "bulk_by_callers": ("SubmitNotices, to the receipt", "notices/s"),
}
_BYTES = {
    "creates_by_bytes": ("CreateNotice, durable", "calls/s"),
    "receipt_p50_by_bytes": ("create to receipt, p50", "ms"),
    "gets_by_bytes": ("GetNotice", "calls/s"),
    "bulk_by_bytes": ("SubmitNotices, to the receipt", "notices/s"),
    "sender_disk_by_bytes": ("on disk, sender", "bytes a notice"),
    "receiver_disk_by_bytes": ("on disk, receiver", "bytes a notice"),
}
