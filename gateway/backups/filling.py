"""A database that ``gateway migrate`` or ``restore`` fills: where it was cut short, the same command does it anew.

What it left there is nobody's, and in the way. So the home tells, from before the first row until the command has
ended, which database it is that was empty then: from that one alone the rows of the first try go.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError
from gateway.home.home import Home
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, read_private, write_file
from gateway.store.database import Database, local_file
from gateway.store.recovery.copying import make_room

SCHEMA: Final = "filling/1"


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_name: Literal["filling/1"] = Field(SCHEMA, alias="schema")
    url: str
    said: str


@dataclass(frozen=True, slots=True)
class Filling:
    """One that was begun: the URL of the database, and what is to stand in it, in words."""

    url: str
    said: str

    def keep(self, path: Path) -> None:
        """Writes it, with the password that a URL may hold; raises ``ConfigError``."""
        file = _File(schema=SCHEMA, url=self.url, said=self.said)
        write_file(path, file.model_dump_json(by_alias=True, indent=2).encode(), mode=PRIVATE_MODE, replace=True)

    @classmethod
    def read(cls, path: Path) -> "Filling | None":
        """Reads it; None: none was begun, or it has ended.

        Raises:
            ConfigError: it cannot be read, or is none.
        """
        if not path.exists():
            return None
        try:
            file = _File.model_validate_json(read_private(path))
        except ValidationError as error:
            raise ConfigError(f"{path} is not what tells which database was being filled: move it away") from error
        return cls(file.url, file.said)

    def make_room(self, home: Home, target: Database) -> None:
        """Makes the tables of the database, without rows, and tells the home that it is being filled.

        Args:
            home: of the node
            target: open

        Raises:
            AlreadyExists: there is something in it that no try of this home has left.
            StoreError, Unavailable: as ``copying.make_room``.
        """
        begun, file = Filling.read(home.filling_file), local_file(self.url, home.path)
        is_new = file is not None and not file.exists()
        if is_new:  # the file comes with the first statement, and would then be in the way
            self.keep(home.filling_file)
        make_room(target, is_again=is_new or (begun is not None and begun.url == self.url))
        self.keep(home.filling_file)
