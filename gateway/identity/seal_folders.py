"""Where a node keeps its seals: the one in force among its keys, the next one and those before in folders below."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.identity.pkcs11_access import NO_TOKENS, TokenAccess
from gateway.identity.seal_files import SealFolder
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
        """Reads the certificates of the seals before; their keys are gone.

        Raises:
            ConfigError: they are not those of seals.
        """
        return tuple(SealFolder(folder).certified() for folder in sorted((self.keys / "earlier").glob("*/")))

    def adopt(self, in_force: CertifiedSeal | None) -> None:
        """Puts the files of the seal that comes next in the place of those before, if it is in force.

        Of the one before the certificates are kept, and the keys go: nothing more may be signed with them. If it is
        cut short, what comes next is still whole, and it is done again; or is no more there, and its rest goes now.

        Raises:
            ConfigError: files cannot be read or written.
        """
        self._leaving.remove()
        if in_force is None or not self.coming.holds_one() or self.coming.certified() != in_force:
            return
        before = self.in_force.certified()
        if before.certificates[0] != in_force.certificates[0]:  # else it was cut short, and what was before is kept
            digest = sha256(before.certificates[0]).hexdigest()
            SealFolder(self.keys / "earlier" / digest[:16]).write(before, None)
        self.in_force.write(in_force, self.coming.keys())
        self.coming.path.rename(self._leaving.path)  # at once: a part of it would never go
        self._leaving.remove()
