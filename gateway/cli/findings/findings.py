"""What ``gateway doctor`` and ``gateway status`` find, and how it is told: what is wrong, what to do, what to type."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from shlex import quote

from gateway.cli.output import say
from gateway.errors import Untrusted
from gateway.home.home import Home
from gateway.identity.certificates.x509 import Window

WARN_DAYS = 30  # before a certificate ends
_MARGIN = " " * 22


class Level(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"  # it works, and something should be done
    FAIL = "FAIL"  # it does not work


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do, in a sentence, and what to type first."""

    todo: str
    command: str


NOTHING = Remedy("", "")
TOO_EARLY = Remedy(
    "look at the clock of this machine; where it is right, wait until then, or issue a new one", "date -u"
)


def sh(path: Path) -> str:
    """A path as a shell takes it."""
    return quote(str(path))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is about, what was found, what to do; only what is well needs nothing."""

    level: Level
    about: str
    said: str
    remedy: Remedy = NOTHING

    def __post_init__(self) -> None:
        assert self.level is Level.OK or (self.remedy.todo and self.remedy.command), self

    def document(self) -> dict[str, str]:
        """For programs."""
        return {"level": self.level, "about": self.about, "said": self.said, **asdict(self.remedy)}


@dataclass(frozen=True, slots=True)
class Subject:
    """The home that is looked at, and the time."""

    home: Home
    now: datetime


def validity(about: str, name: str, window: Window, now: datetime, remedy: Remedy) -> Finding:
    """Judges how long something is still valid."""
    try:
        window.require(now)
    except Untrusted as error:
        if now < window.not_before:
            remedy = TOO_EARLY
        return Finding(Level.FAIL, about, f"{name}: {error.message}", remedy)
    days = window.days_left(now)
    if days < WARN_DAYS:
        return Finding(Level.WARN, about, f"{name} is valid for {days} more days", remedy)
    return Finding(Level.OK, about, f"{name} is valid for {days} more days")


def tell(findings: Iterable[Finding]) -> None:
    """Shows them."""
    for each in findings:
        first, *more = each.said.split("\n")
        say(f"{each.level:4}  {each.about:14}  {first}")
        for line in more:
            say(f"{_MARGIN}{line}")
        if each.remedy.todo:
            say(f"{_MARGIN}-> {each.remedy.todo}")
            say(f"{_MARGIN}$  {each.remedy.command}")


def is_failing(findings: Iterable[Finding]) -> bool:
    """Whether something does not work."""
    return any(each.level is Level.FAIL for each in findings)
