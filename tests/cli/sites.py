"""What tests of the command line do with the two nodes that run."""

from pathlib import Path

from regulator.exchange.v1.notice_service_pb2 import Notice

from tests.clients.python.authority import Authority
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually


def profile_path(site: Site, authority: str, system: str = "office") -> Path:
    """The profile of a system of an authority, its back office if no other is named."""
    return site.path / "clients" / f"{authority}-{system}" / "profile.toml"


def profile_of_nobody(folder: Path) -> Path:
    """The profile of a client whose node is not there."""
    authority = Authority(folder, "clients")
    issued = authority.client("spiffe://gateway.hk.example/SFC/office")
    path = folder / "profile.toml"
    path.write_text(
        'address = "127.0.0.1:1"\nserver_name = "gateway.hk.example"\n'
        f'ca = "{authority.ca}"\ncertificate = "{issued.certificate}"\nkey = "{issued.key}"\n'
    )
    return path


def acknowledged_notice(hk: Site, kr: Site, notice_id: str) -> None:
    """A notice from the SFC that the FSS has acknowledged, all of it receipted."""
    with hk.client("SFC") as sfc, kr.client("FSS") as fss:
        sfc.create_notice(content(), recipient="KR", notice_id=notice_id)
        eventually(lambda: sfc.get_notice(notice_id).state == Notice.DELIVERED)
        fss.acknowledge_notice(notice_id)
        eventually(lambda: sfc.get_notice(notice_id).state == Notice.ACKNOWLEDGED)
        eventually(lambda: all(each.size == each.receipted_size for each in fss.list_channels()))
