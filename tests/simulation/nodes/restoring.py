"""How a node goes back to what its database once was."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from gateway.identity.seals.signers import Keyring
from gateway.store.database import Database
from gateway.store.opening import add_channels, channel_names
from gateway.store.recovery.awaiting import await_peers
from gateway.store.recovery.continuity import restored


class Way(StrEnum):
    """How a node goes back to what its database once was."""

    RESTORED = "restored"  # by ``gateway restore``
    PUT_BACK = "was put back"  # by a copy of the database's files, of which nobody says a word
    ROLLED_BACK = "was rolled back"  # with what tells how far it was: nothing here can find that


def restore(site: Any, backup: Mapping[Path, bytes]) -> None:
    """As ``gateway restore`` opens what it copied."""
    site.disk.put_back(backup)
    if site.is_on_new_machine:
        site.high_water.unlink(missing_ok=True)
    restored(site.high_water)
    database = Database(site.disk.url, site.disk.folder)
    try:
        add_channels(database, channel_names(site.parties, lost=True))
        keyring = Keyring([(site.seal, site.signers[site.seal])])
        await_peers(
            database, keyring, "restored", act="gateway restore", clock=site.micros, random=site.random.randbytes
        )
    finally:
        database.close()
