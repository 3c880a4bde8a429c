"""What comes into force is told by a real node: once, and also if it did not run on the day."""

from datetime import UTC, datetime, timedelta

import pysqlite3.dbapi2 as sqlite
from google.type.date_pb2 import Date
from regulator.exchange.v1.event_service_pb2 import Event

from tests.supervision.framework_samples import provision, version
from tests.support.nodes import Site, eventually, found_pair, running


def told(site: Site) -> list[tuple[str, str]]:
    """The provisions of which a node told that they are in force, and how."""
    found = []
    kinds = [Event.PROVISION_IN_FORCE]
    with site.client() as client, client.watch_events(kinds=kinds, topic="reserve_assets") as watch:
        for response in watch:
            if not response.HasField("event"):
                return found
            found.append((response.event.provision, response.event.detail))
    raise AssertionError("the watch ended by itself")


def set_told_until(site: Site, days_ago: int) -> None:
    """Makes it so long ago that the node looked at the day, as if it had been down since."""
    day = datetime.now(UTC) - timedelta(days=days_ago)
    connection = sqlite.connect(site.home.path / "node.db")
    with connection:
        assert connection.execute("UPDATE told_days SET until = ?", [int(f"{day:%Y%m%d}")]).rowcount == 1
    connection.close()


def test_a_day_that_passed_while_the_node_was_down_is_told_at_its_start_and_once(tmp_path):
    hk, kr = found_pair(tmp_path)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    day = Date(year=yesterday.year, month=yesterday.month, day=yesterday.day)
    with running(hk, kr):
        with hk.client() as client:
            client.publish_version("hk-x", version(provision("a", effective_from=day), provision("old")))
            eventually(lambda: client.get_version("hk-x", 1).deliveries[0].HasField("receipt_time"))
        assert told(hk) == []
        for site in (hk, kr):
            site.stop()
            set_told_until(site, days_ago=3)
            site.start()
        expected = [("frameworks/hk-x/provisions/a", f"from {yesterday:%Y-%m-%d}")]
        for site in (hk, kr):
            eventually(lambda site=site: told(site) == expected)
        kr.stop()
        kr.start()
        with kr.client() as client:
            assert client.get_framework("hk-x").latest_version == 1
        assert told(kr) == expected
