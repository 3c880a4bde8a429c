"""``make bench``: the nodes beside the floor, in one run. ``--quick`` measures less, ``--json FILE`` keeps it.

``--frameworks`` measures frameworks alone.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from tests.benchmarks import frameworks, measures
from tests.support.nodes import Site, found_pair, free_port, running

MESSAGE_BYTES = 1024
IN_FLIGHT = 64


@contextmanager
def echo_server(site: Site) -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    home = site.home
    files = [home.key("node"), home.certificate("node"), home.root("client-authority")]
    command = [sys.executable, "-m", "tests.benchmarks.echo", address, *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield address
        finally:
            process.terminate()


async def measure(site: Site, echo: str, scale: float) -> dict[str, float]:
    calls = int(6000 * scale)
    profile = site.profile()
    floor_many = await measures.floor(echo, profile, MESSAGE_BYTES, calls, IN_FLIGHT)
    floor_one = await measures.floor(echo, profile, MESSAGE_BYTES, calls // 6, 1)
    creates = await measures.creates(site, MESSAGE_BYTES, calls, IN_FLIGHT)
    await measures.settle(site)
    one = await measures.creates(site, MESSAGE_BYTES, calls // 12, 1)
    await measures.settle(site)
    delivery = await measures.create_to_receipt(site, MESSAGE_BYTES, calls // 12)
    bulk = await measures.bulk(site, MESSAGE_BYTES, int(20_000 * scale))
    bare = floor_one.percentile(50)
    return {
        "floor_unary_per_second": floor_many.per_second,
        "floor_unary_p50_ms": bare * 1000,
        "creates_per_second": creates.per_second,
        "creates_ratio_to_floor": creates.per_second / floor_many.per_second,
        "creates_p50_ms": creates.percentile(50) * 1000,
        "creates_p99_ms": creates.percentile(99) * 1000,
        "create_alone_p50_ms": one.percentile(50) * 1000,
        "create_to_receipt_p50_ms": delivery.percentile(50) * 1000,
        "create_to_receipt_p99_ms": delivery.percentile(99) * 1000,
        "create_to_receipt_p50_in_bare_calls": delivery.percentile(50) / bare,
        "create_to_receipt_p99_in_bare_calls": delivery.percentile(99) / bare,
        "bulk_to_receipt_per_second": bulk,
    }


def disk(site: Site, envelopes: int) -> dict[str, float]:
    """Bytes on disk a notice, of a node that has stopped: its write-ahead log is then in the database."""
    size = sum(path.stat().st_size for path in site.home.path.glob("node.db*"))
    return {"disk_bytes_per_notice": size / envelopes, "disk_ratio_to_message": size / envelopes / MESSAGE_BYTES}


def of_notices(hk: Site, kr: Site, scale: float) -> dict[str, float]:
    with running(hk, kr), echo_server(hk) as echo:
        figures = uvloop.run(measure(hk, echo, scale))
        envelopes = asyncio.run(measures.settle(hk))
    figures |= {f"sender_{name}": value for name, value in disk(hk, envelopes).items()}
    return figures | {f"receiver_{name}": value for name, value in disk(kr, envelopes).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls")
    parser.add_argument("--frameworks", action="store_true", help="a large version of a framework, and nothing else")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hk, kr = found_pair(Path(folder))
        if arguments.frameworks:
            with running(hk, kr):
                figures = uvloop.run(frameworks.measure(hk, kr))
        else:
            figures = of_notices(hk, kr, 0.1 if arguments.quick else 1)
    sys.stdout.write("".join(f"{name:<40} {value:>12,.2f}\n" for name, value in figures.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
