"""What a backup holds: ``manifest.json``, schema ``backup/1``, the last file that is written of a backup."""

import json
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import BadInput, Malformed, VerificationError

SCHEMA: Final = "backup/1"
MANIFEST, DATABASE, HOME = "manifest.json", "node.db", "home"
PIECE_BYTES = 1 << 20


class Log(BaseModel):
    """How much a backup holds of one log; the root is RFC 9162's, in hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origin: str
    size: int
    root: str


class Manifest(BaseModel):
    """What is in a backup, and of whom; ``files`` has the SHA-256 of each, in hex, by its path."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    schema_name: Literal["backup/1"] = Field(SCHEMA, alias="schema")
    jurisdiction: str
    domain: str
    made_at: AwareDatetime
    has_keys: bool
    logs: tuple[Log, ...]
    files: dict[str, str]

    @classmethod
    def read(cls, backup: Path) -> "Manifest":
        """Reads the manifest of a backup, and compares every file with it.

        Raises:
            BadInput: there is no backup, or it is not whole.
            Malformed: its manifest is none.
            VerificationError: a file is not the one that was written, or is not there.
        """
        path = backup / MANIFEST
        try:
            made = cls.model_validate_json(path.read_bytes())
        except OSError as error:
            told = f"must be a folder that gateway backup made: {path}: {error.strerror}"
            raise BadInput.of("backup", told) from error
        except ValidationError as error:
            raise Malformed(f"{path} is no manifest of this version: {error.errors()[0]['msg']}") from error
        for name, expected in made.files.items():
            inside = backup / name
            if not _is_within(inside, backup):
                raise VerificationError(f"{inside} is not there")
            if digest_of_file(inside) != expected:
                raise VerificationError(f"{inside} is not the file that was written: its SHA-256 is another one")
        return made

    def encode(self) -> bytes:
        """Writes it as JSON, indented."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), indent=2, ensure_ascii=False).encode() + b"\n"


def _is_within(file: Path, folder: Path) -> bool:
    try:
        return file.resolve().is_relative_to(folder.resolve()) and file.is_file()
    except (OSError, ValueError):  # a name that no file can have: too long, or with a NUL
        return False


def digest_of_file(path: Path) -> str:
    """Gives the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def pieces_of(path: Path) -> Iterator[bytes]:
    """Gives what is in a file, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece
