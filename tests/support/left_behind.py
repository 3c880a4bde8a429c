"""A node whose seal is rotated without a peer: the pairing with it has ended, and the channel to it has halted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.home.certificates import prepare_seal
from gateway.home.provisioning import issue_seal
from gateway.identity.certificates.profiles import AuthorityKind, profiles
from gateway.identity.names import NodeId
from gateway.identity.pairing.end import Ending
from gateway.identity.seals.files import SealFolder
from gateway.ledger.steps import RESTORED, Halt
from gateway.store.database import snapshot
from gateway.store.own_seal import left_behind, read_own_seal
from gateway.store.pairings import keep_ending
from gateway.store.state import read_channels
from gateway.store.transaction import Transaction
from tests.support.nodes import Site, eventually, pair
from tests.support.offline import AUTHOR, commit

ENDED = Ending(1_770_000_000, "Chan", "the memorandum ended")
TO_SG = "gateway.hk.example/to/gateway.sg.example"
TO_KR, FROM_KR = "gateway.hk.example/to/gateway.kr.example", "gateway.kr.example/to/gateway.hk.example"


def end_halted(tx: Transaction, _: object) -> None:
    """Ends the pairing with Korea, whose channel waits to hear from there."""
    tx.halt(TO_KR, Halt(RESTORED, "a drill"))
    keep_ending(tx, "KR", (TO_KR, FROM_KR), ENDED)


def new_seal(site: Site, folder: Path) -> SealFolder:
    issue_seal(folder, NodeId(site.domain), site.authority(AuthorityKind.NODE), datetime.now(UTC))
    return SealFolder(folder)


def later_seal(site: Site, folder: Path) -> SealFolder:
    """One whose certificates begin after all that was sealed before."""
    before = datetime.now(UTC).replace(microsecond=0)
    eventually(lambda: datetime.now(UTC).replace(microsecond=0) > before)
    issued = datetime.now(UTC) + timedelta(minutes=profiles().backdate_minutes)
    issue_seal(folder, NodeId(site.domain), site.authority(AuthorityKind.NODE), issued)
    return SealFolder(folder)


def rotated_without(path: Path) -> Site:
    """Hong Kong, whose seal was rotated without Korea, and with Singapore."""
    hk, *peers = (Site(each, path / each.lower()).found() for each in ("HK", "KR", "SG"))
    for each in peers:
        pair(hk, each)
    home, coming = hk.home, new_seal(hk, path / "next")
    commit(hk, end_halted, lambda tx, _: tx.rotate_seal(AUTHOR, coming.certified()))
    prepare_seal(home, coming, datetime.now(UTC))
    with snapshot(home.config.database.url, home.path) as connection:
        in_force, is_told = read_own_seal(connection)
    home.seals.adopt(in_force, is_told=is_told)
    return hk


def behind(site: Site) -> list[str]:
    """The channels that have yet to tell the seal in force."""
    with snapshot(site.home.config.database.url, site.home.path) as connection:
        return [each.name for each in left_behind(read_channels(connection))]


def keys_of(site: Site) -> list[str]:
    """The seals whose keys are in a home, that in force first."""
    return [each.certified().fingerprint for each in site.home.seals.signing()]


def mend(site: Site) -> None:
    """As the channel does it by itself once it heard from its peer."""
    commit(site, lambda tx, _: tx.reopen(TO_KR))
