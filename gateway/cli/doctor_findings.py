"""What ``gateway doctor`` looks at, and what it finds."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.errors import Untrusted
from gateway.home import Home
from gateway.identity.certificates import Window

WARN_DAYS = 30  # before a certificate ends


class Level(StrEnum):
    """How bad it is."""

    OK = "OK"
    WARN = "WARN"  # it works, and something should be done
    FAIL = "FAIL"  # it does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what it is about, what was found, what to do."""

    level: Level
    about: str
    said: str
    todo: str = ""

    def document(self) -> dict[str, str]:
        """For programs."""
        return {"level": self.level, "about": self.about, "said": self.said, "todo": self.todo}


@dataclass(frozen=True, slots=True)
class Subject:
    """The home that is looked at, and the time."""

    home: Home
    now: datetime


def validity(about: str, name: str, window: Window, now: datetime, todo: str) -> Finding:
    """Judges how long something is still valid."""
    try:
        window.require(now)
    except Untrusted as error:
        return Finding(Level.FAIL, about, f"{name}: {error.message}", todo)
    days = (window.not_after - now).days
    if days < WARN_DAYS:
        return Finding(Level.WARN, about, f"{name} is valid for {days} more days", todo)
    return Finding(Level.OK, about, f"{name} is valid for {days} more days")
