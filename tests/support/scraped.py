"""What a node tells a scraper, and which alerts of docs/observability fire by it."""

import time
import urllib.request
from collections.abc import Collection, Mapping

from prombed import Prombed
from prometheus_client.parser import text_string_to_metric_families

from tests.docs.rules import alerts
from tests.support.nodes import Site

ALERTS = alerts()
# Of the others it depends whether this machine is fast and has room.
SURE = {each.name for each in ALERTS if "histogram_quantile" not in each.expr and "disk" not in each.expr}


class Scraped:
    """Hong Kong's node and what it tells of itself, and Korea's; made before they run."""

    def __init__(self, hk: Site, kr: Site) -> None:
        self.hk, self.kr = hk, kr
        self.port = hk.serve_metrics()
        self._looks: list[str] = []

    def page(self, accept: str = "") -> str:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}/metrics", headers={"Accept": accept})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return str(answer.read().decode())

    def value(self, name: str, **labels: str) -> float:
        """The sum over what has these labels; 0 if there is none."""
        samples = (each for family in text_string_to_metric_families(self.page()) for each in family.samples)
        return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())

    def look(self) -> None:
        """Scrapes once, as if it were a minute after the time before."""
        self._looks.append(self.page())

    def firing(self, of: Collection[str] = SURE) -> set[str]:
        """The alerts whose condition holds, by all looks and one more; forgets them."""
        self.look()
        looks, self._looks = self._looks if len(self._looks) > 1 else self._looks * 2, []
        known, now = Prombed(), int(time.time() * 1000)
        for minutes, page in zip(range(len(looks) - 1, -1, -1), looks, strict=True):
            at = now - 60_000 * minutes
            known.ingest(f"up 1\n{page}", timestamp_ms=at, labels={"job": "gateway", "instance": "hk"})
        asked = [each for each in ALERTS if each.name in of]
        return {each.name for each in asked if known.query(each.expr, now)["data"]["result"]}

    def states(self) -> Mapping[str, str]:
        """The state of each channel."""
        families = {family.name: family for family in text_string_to_metric_families(self.page())}
        states = families["gateway_channel_state"].samples
        return {each.labels["channel"]: each.labels["state"] for each in states if each.value}

    def waited_seconds(self) -> float:
        return self.value("gateway_channel_oldest_unreceipted_seconds", channel="hk-to-kr")
