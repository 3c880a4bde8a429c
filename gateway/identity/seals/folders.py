"""Where a node keeps its seals: the one in force among its keys, the next one and those before in folders below."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import ConfigError
from gateway.identity.seals.files import SealFolder
from gateway.identity.seals.pkcs11_access import NO_TOKENS, TokenAccess
from gateway.ledger.seals import CertifiedSeal


@dataclass(frozen=True, slots=True)
class SealFolders:
    """The folder of a node's keys, and how the token is reached that may hold one."""

    keys: Path
    tokens: TokenAccess = NO_TOKENS

    @property
    def in_force(self) -> SealFolder:
        """The seal that is in force."""
        return SealFolder(self.keys, self.tokens)

    @property
    def coming(self) -> SealFolder:
        """The seal that comes next; empty if none is prepared."""
        return SealFolder(self.keys / "next", self.tokens)

    @property
    def _leaving(self) -> SealFolder:
        return SealFolder(self.keys / "leaving")

    def earlier(self) -> tuple[CertifiedSeal, ...]:
        """Reads the certificates of the seals before.

        Raises:
            ConfigError: they are not those of seals.
        """
        return tuple(SealFolder(folder).certified() for folder in self._earlier())

    def signing(self) -> list[SealFolder]:
        """Those that have keys: of the seal in force, then of those before that some channel has yet to be told of."""
        earlier = (SealFolder(folder, self.tokens) for folder in self._earlier())
        return [self.in_force, *(each for each in earlier if each.holds_one())]

    def adopt(self, in_force: CertifiedSeal | None, *, is_told: bool = True) -> None:
        """Puts the files of the seal that comes next in the place of those before, if it is in force.

        Of the one before the certificates are kept. Its keys go once every channel was told: nothing more may be signed
        with them then. If it is cut short, what comes next is still whole, and it is done again; or is no more there,
        and its rest goes now.

        Args:
            in_force: the seal in force, as the channels tell it; None: there are none
            is_told: whether all of them do

        Raises:
            ConfigError: files cannot be read or written.
        """
        self._leaving.remove()
        if in_force and self.coming.holds_one() and self.coming.certified() == in_force:
            before = self.in_force.certified()
            if before.certificates[0] != in_force.certificates[0]:  # else it was cut short, and what was before is kept
                self._keep(before, with_keys=not is_told)
            self.in_force.write(in_force, self.coming.keys())
            self.coming.path.rename(self._leaving.path)  # at once: a part of it would never go
            self._leaving.remove()
        if is_told and in_force == self.in_force.certified():  # else it is that of a database that was put back
            for folder in self._earlier():
                SealFolder(folder).remove_keys()

    def _keep(self, before: CertifiedSeal, *, with_keys: bool) -> None:
        """Keeps the seal in force among those before; where that was cut short, what is there already stays."""
        kept = SealFolder(self.keys / "earlier" / before.fingerprint[:16], self.tokens)
        if not kept.holds_one():
            keys = None
            with suppress(ConfigError):  # half of the next one's may be in their place
                keys = self.in_force.keys() if with_keys else None
            kept.write(before, keys)

    def _earlier(self) -> list[Path]:
        """Their folders, but for one of which the making was cut short: ``adopt`` makes it whole."""
        folders = sorted((self.keys / "earlier").glob("*/"))
        return [each for each in folders if SealFolder(each).holds_certificates()]
