"""The end of a pairing: an operator's decision, kept as a mark beside the peer's document, which stays.

The document is needed for as long as anybody verifies what was exchanged under it, so an end marks and removes nothing.
A pairing may be taken up again; the mark stays, and says that too. Of what the home says and what the database says the
newer act counts, so that all replicas of a node come to the same, whichever home was told.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import ConfigError
from gateway.identity.certificates.keyfiles import PUBLIC_MODE, read_public, write_file
from gateway.moments import LATEST_SECONDS

SCHEMA: Final = "pairing-end/1"
MAX_NAME_CHARACTERS, MAX_REASON_CHARACTERS = 100, 500
MAX_MARK_BYTES = 16 * 1024

Seconds = Annotated[int, Field(ge=0, le=LATEST_SECONDS)]


@dataclass(frozen=True, slots=True)
class Ending:
    """That a pairing was ended once, and whether it was taken up again since.

    Attributes:
        ended_time: seconds since 1970
        by: who ended it, for people
        reason: why, for people
        resumed_time: since when it holds again, in seconds since 1970; 0: it does not
    """

    ended_time: int
    by: str
    reason: str
    resumed_time: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the two are paired again."""
        return self.resumed_time > self.ended_time

    @property
    def newest(self) -> int:
        """When something was decided last, in seconds since 1970."""
        return max(self.ended_time, self.resumed_time)

    @property
    def ended_at(self) -> datetime:
        """When it ended."""
        return datetime.fromtimestamp(self.ended_time, UTC)

    @property
    def when(self) -> str:
        """The same, for people."""
        return f"{self.ended_at:%Y-%m-%d %H:%M:%S} UTC"

    def resumed(self, now: int) -> "Ending":
        """The same once the two are paired again; ``now``: seconds since 1970."""
        return replace(self, resumed_time=max(now, self.newest + 1))


def ended(before: Ending | None, now: int, by: str, reason: str) -> Ending:
    """A new end, newer than all that was decided before, whatever the clocks say; ``now``: seconds since 1970."""
    return Ending(max(now, before.newest + 1) if before else now, by, reason)


def later(one: Ending | None, other: Ending | None) -> Ending | None:
    """Which of two counts: the one in which something was decided last."""
    if one and other:
        return max(one, other, key=lambda each: each.newest)
    return one or other


class _Mark(BaseModel):
    """The file of one peer."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    schema_name: Literal["pairing-end/1"] = Field(SCHEMA, alias="schema")
    jurisdiction: str
    domain: str
    fingerprint: str
    ended_time: Seconds
    ended_by: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]
    reason: Annotated[str, Field(max_length=MAX_REASON_CHARACTERS)]
    resumed_time: Seconds = 0


@dataclass(frozen=True, slots=True)
class EndMarks:
    """The marks in a home, a file a peer: ``kr.json``."""

    folder: Path

    def path(self, jurisdiction: str) -> Path:
        """Where the mark of a peer is, if there is one."""
        return self.folder / f"{jurisdiction.lower()}.json"

    def read(self, jurisdiction: str) -> Ending | None:
        """Reads the mark of a peer; None: its pairing was never ended here.

        Raises:
            ConfigError: it cannot be read, or is no such mark; names the file.
        """
        path = self.path(jurisdiction)
        if not path.exists():
            return None
        try:
            mark = _Mark.model_validate_json(read_public(path, MAX_MARK_BYTES))
        except ValidationError as error:
            todo = "move it away, and say the end again unless gateway pair list tells it then"  # from the database
            raise ConfigError(f"{path} is not the mark that gateway pair end writes: {todo}") from error
        if mark.jurisdiction != jurisdiction:
            raise ConfigError(f"{path} is of {mark.jurisdiction}")
        return Ending(mark.ended_time, mark.ended_by, mark.reason, mark.resumed_time)

    def write(self, jurisdiction: str, domain: str, fingerprint: str, ending: Ending) -> None:
        """Writes it, whole or not at all; ``fingerprint``: of the peer's document at that time.

        Raises:
            ConfigError: it cannot be written.
        """
        mark = _Mark(
            schema=SCHEMA,
            jurisdiction=jurisdiction,
            domain=domain,
            fingerprint=fingerprint,
            ended_time=ending.ended_time,
            ended_by=ending.by,
            reason=ending.reason,
            resumed_time=ending.resumed_time,
        )
        text = json.dumps(mark.model_dump(by_alias=True), indent=2, ensure_ascii=False)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        write_file(self.path(jurisdiction), f"{text}\n".encode(), mode=PUBLIC_MODE, replace=True)
