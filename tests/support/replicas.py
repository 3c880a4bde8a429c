"""Nodes on PostgreSQL for tests, and replicas of one: processes with a home each, on one database."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.nodes import Site, pair
from tests.support.postgresql import Server


@dataclass
class Replicated:
    """Hong Kong as replicas on PostgreSQL, and Korea as one process on SQLite; founded and paired, not started."""

    replicas: list[Site]
    kr: Site
    url: str


def found_replicas(path: Path, server: Server, count: int = 2) -> Replicated:
    """Founds them. Korea's node knows all addresses of Hong Kong's replicas."""
    url = server.new_schema()
    first, kr = Site("HK", path / "hk-a"), Site("KR", path / "kr").found()
    others = [Site("HK", path / f"hk-{chr(ord('b') + place)}") for place in range(count - 1)]
    first.found(url)
    addresses = ", ".join(f'"127.0.0.1:{each.peer_port}"' for each in (first, *others))
    config = first.home.config_file
    config.write_text(config.read_text().replace("[peer]\n", f"[peer]\nadvertise = [{addresses}]\n"))
    pair(first, kr)
    for other in others:
        _copy(first, other)
    for site in (first, *others):
        _name(site)
    return Replicated([first, *others], kr, url)


def found_pair_on(server: Server, path: Path) -> tuple[Site, Site]:
    """Hong Kong and Korea, both on PostgreSQL, founded and paired, not started."""
    hk, kr = (Site(code, path / code.lower()).found(server.new_schema()) for code in ("HK", "KR"))
    pair(hk, kr)
    return hk, kr


def _copy(first: Site, other: Site) -> None:
    """What an operator does: the same home on another machine, with addresses of its own."""
    shutil.copytree(first.path, other.path)
    config = other.home.config_file
    text = config.read_text()
    for port, own in ((first.back_office_port, other.back_office_port), (first.peer_port, other.peer_port)):
        text = re.sub(rf'^listen = "127.0.0.1:{port}"', f'listen = "127.0.0.1:{own}"', text, flags=re.MULTILINE)
    config.write_text(text)
    for profile in other.path.glob("clients/*/profile.toml"):
        text = profile.read_text().replace(f":{first.back_office_port}", f":{other.back_office_port}")
        profile.write_text(text)


def _name(site: Site) -> None:
    config = site.home.config_file
    config.write_text(config.read_text().replace("[node]\n", f'[node]\nreplica = "{site.path.name}"\n'))
