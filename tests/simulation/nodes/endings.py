"""What a schedule waits for at its end: files that arrive, and content that goes once its day is past."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from tests.simulation.nodes.audit import lacking_files
from tests.simulation.nodes.site import MICROS, Site

_WITH_FILES = """
    SELECT id, attached_index IS NOT NULL FROM notices WHERE attachment_count > 0
    AND destroyed_index IS NULL AND peer_destroyed_index IS NULL AND (retain_until = 0 OR retain_until >= ?)
"""
_UNDESTROYED = "SELECT id FROM notices WHERE retain_until BETWEEN 1 AND ? AND destroyed_index IS NULL"
_DESTROYED = "SELECT id FROM notices WHERE destroyed_index IS NOT NULL"


def have_files(sites: Sequence[Site]) -> bool:
    """Whether each file that a notice names is at both of its ends, and both know; or nobody has it any more."""
    noted: dict[str, list[tuple[Site, bool]]] = {}
    for site in sites:
        for notice, is_attached in site.disk.read(_WITH_FILES, _today(site)):
            noted.setdefault(notice, []).append((site, bool(is_attached)))
    for notice, ends in noted.items():
        lacking = [set(lacking_files(site, notice)) for site, _ in ends]
        if len(ends) == 2 and any(each != set.intersection(*lacking) for each in lacking):
            return False
        if len(ends) == 2 and not any(lacking) and not all(is_attached for _, is_attached in ends):
            return False
    return True


def past_content(sites: Sequence[Site]) -> Iterator[str]:
    """What should be destroyed, and is not; and whose bytes are still in a file of the node that destroyed it."""
    for site in sites:
        before = _today(site) - 1
        yield from (f"{site.name} has not destroyed {notice}" for (notice,) in site.disk.read(_UNDESTROYED, before))
        files = b"".join(path.read_bytes() for path in site.disk.folder.glob(f"{site.disk.file.name}*"))
        for (notice,) in site.disk.read(_DESTROYED):
            if (mark := site.marks.get(notice)) and not site.restored and mark.encode() in files:
                yield f"{site.name} has destroyed {notice}, and what it said is still there"


def is_past(sites: Sequence[Site]) -> bool:
    """Whether all content is gone that should be."""
    return next(past_content(sites), None) is None


def _today(site: Site) -> int:
    day = datetime.fromtimestamp(site.micros() / MICROS, UTC)
    return day.year * 10_000 + day.month * 100 + day.day
