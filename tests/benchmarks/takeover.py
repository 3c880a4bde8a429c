"""How long a channel stands still when its replica ends: ``python -m tests.benchmarks.takeover [ROUNDS]``.

Two replicas of Hong Kong's node on one PostgreSQL database, Korea's node on SQLite. The time is from the signal to the
first receipt of a notice that was given afterwards, at the replica that is left; for the channel to Hong Kong, to the
moment at which its stream is up there.
"""

import signal
import sys
import tempfile
import time
from pathlib import Path

from regulator.exchange import Unavailable

from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, running
from tests.support.postgresql import server
from tests.support.replicas import Replicated, found_replicas

ENDS = {"killed": signal.SIGKILL, "stopped": signal.SIGTERM, "paused": signal.SIGSTOP}


def main(rounds: int) -> None:
    """Prints a line for each way in which a replica ends."""
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as database:
        found = found_replicas(Path(folder), database)
        with running(*found.replicas, found.kr):
            for name, number in ENDS.items():
                times = [_measured(found, number) for _ in range(rounds)]
                out, back = (sorted(each) for each in zip(*times, strict=True))
                told = "  ".join(
                    f"{way} {each[len(each) // 2]:.1f} s, at most {each[-1]:.1f} s"
                    for way, each in (("to the peer", out), ("from it", back))
                )
                print(f"{name:8} {told}", flush=True)  # noqa: T201 - what it is for


def _measured(found: Replicated, number: int) -> tuple[float, float]:
    """Ends the holder of both channels, or of the one that leads away; starts it again."""
    a, b = found.replicas
    eventually(lambda: all(_up(site, found.replicas) for site in found.replicas))
    with a.client() as client:
        held = client.get_channel("hk-to-kr").replica
    gone, left = (a, b) if held == a.path.name else (b, a)
    began = time.monotonic()
    if number == signal.SIGTERM:
        gone.stop()
    else:
        gone.process.send_signal(number)
    try:
        out = _receipted(left) - began
        eventually(lambda: _up(left, [left]), 180)  # a pause is told by a ping
        back = time.monotonic() - began
    finally:
        if number == signal.SIGSTOP:
            gone.process.send_signal(signal.SIGCONT)
        else:
            gone.stop_if_running()
            gone.start()
    return out, back


def _receipted(site: Site) -> float:
    with site.client("SFC") as client:
        while True:
            try:
                name = client.create_notice(content(), recipient="KR").name
                break
            except Unavailable:
                continue
        eventually(lambda: client.get_notice(name).HasField("receipt_time"))
    return time.monotonic()


def _up(site: Site, replicas: list[Site]) -> bool:
    names = {each.path.name for each in replicas}
    with site.client() as client:
        return all(each.connected and each.replica in names for each in client.list_channels())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
