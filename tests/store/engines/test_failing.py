"""What SQLite says as a database is opened is told with what would be right."""

from contextlib import closing
from pathlib import Path

import pysqlite3.dbapi2 as sqlite
import pytest

from gateway.errors import Unavailable
from gateway.store.engines.failing import being_opened


@pytest.mark.parametrize("place", ["{0}/none/node.db", "file:{0}/node.db?mode=ro"])
def test_a_file_that_the_node_may_not_write_is_told_with_whose_it_must_be(tmp_path: Path, place: str):
    """As one that root made for a node of another user, or on a disk that is mounted to be read alone."""
    sqlite.connect(tmp_path / "node.db").close()
    with (
        pytest.raises(Unavailable, match=r"its user must own node\.db and its folder"),
        being_opened(tmp_path),
        closing(sqlite.connect(place.format(tmp_path), uri=True)) as database,
    ):
        database.execute("CREATE TABLE a (b)")
