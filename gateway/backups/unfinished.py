"""A move to another database that was begun: whose the one before was, until the other one is the node's and verified.

Between the two, for a moment, neither is. So what it takes to give the one before back stands in the home meanwhile,
with the key of the node's page tokens: its owner alone can read the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError
from gateway.identity.certificates.keyfiles import PRIVATE_MODE, read_private, write_file
from gateway.store.opening import Owner

SCHEMA: Final = "move/1"

_BINARY = "token_key"  # the one value of an owner that is bytes


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_name: Literal["move/1"] = Field(SCHEMA, alias="schema")
    before: str
    url: str
    owner: list[dict[str, str | int]]


@dataclass(frozen=True, slots=True)
class Move:
    """One that was begun.

    Attributes:
        before: URL of the database that the node had
        url: of the one that it is to have
        owner: whose the one before was
    """

    before: str
    url: str
    owner: Owner

    def keep(self, path: Path) -> None:
        """Writes it; raises ``ConfigError``."""
        rows = [{**row, _BINARY: bytes(row[_BINARY]).hex()} for row in self.owner]
        file = _File(schema=SCHEMA, before=self.before, url=self.url, owner=rows)
        write_file(path, file.model_dump_json(by_alias=True, indent=2).encode(), mode=PRIVATE_MODE, replace=True)

    @classmethod
    def read(cls, path: Path) -> "Move | None":
        """Reads it; None: none was begun, or it was ended.

        Raises:
            ConfigError: it cannot be read, or is none.
        """
        if not path.exists():
            return None
        try:
            file = _File.model_validate_json(read_private(path))
            return cls(file.before, file.url, [_row(each) for each in file.owner])
        except (ValidationError, KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"{path} is not what gateway migrate writes, and tells how it was cut short") from error


def _row(row: Mapping[str, str | int]) -> dict[str, str | int | bytes]:
    return {**row, _BINARY: bytes.fromhex(str(row[_BINARY]))}
