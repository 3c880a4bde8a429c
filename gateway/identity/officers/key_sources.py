"""Where the keys of issuers come from: a file, or a URL that is asked again and again."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Protocol

from gateway.errors import GatewayError, Unavailable
from gateway.identity.officers.fetching import fetch
from gateway.identity.officers.issuer_keys import MAX_KEYS_BYTES, IssuerKeys
from gateway.identity.officers.rules import IssuerRules, OfficerRules
from gateway.identity.watched_file import WatchedFile

RETRY_SECONDS = 30.0  # after a failure
FETCH_SECONDS = 5.0  # that a fetch may take
SOONEST_SECONDS = 10.0  # from one fetch to the next, also when tokens name keys that are not known


class KeySource(Protocol):
    """The keys of one issuer, as they are now. ``look`` and ``name`` are those of ``watching.Watched``."""

    @property
    def name(self) -> str:
        """Gives what an alarm is about."""

    def look(self) -> None:
        """Takes what changed."""

    def keys(self) -> IssuerKeys:
        """Gives the keys.

        Raises:
            Unavailable: they are not known now.
        """

    def miss(self) -> None:
        """Tells that a token names a key that is not among them; it may be a new one."""


class KeyFile:
    """Keys in a file, which is read again when it changes; ``name``: of the file, as the configuration has it."""

    def __init__(self, name: str, file: WatchedFile[IssuerKeys]) -> None:
        self._name, self._file = name, file

    @property
    def name(self) -> str:
        """Gives the file's name."""
        return self._name

    def look(self) -> None:
        """Reads the file if it changed."""
        self._file.look()

    def keys(self) -> IssuerKeys:
        """Gives the keys that it held when it was last good."""
        return self._file.current

    def miss(self) -> None:
        """Does nothing: a change of the file is seen anyhow."""


class FetchedKeys:
    """Keys at a URL. They stay in force for a while when they cannot be fetched again.

    Args:
        url: of the JWK set, which names it in alarms
        fetch: gets and reads them; raises an error of ours
        refresh_seconds: after so long they are fetched again
        keep_seconds: so long they stay in force after they were fetched last
        clock: seconds; never goes back
    """

    def __init__(
        self,
        url: str,
        fetch: Callable[[], IssuerKeys],
        refresh_seconds: float,
        keep_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._url, self._fetch, self._clock = url, fetch, clock
        self._refresh_seconds, self._keep_seconds = refresh_seconds, keep_seconds
        self._found: tuple[IssuerKeys, float] | None = None  # with when; set by the watching thread alone
        self._due = self._soonest = clock()
        self._fault = ""

    @property
    def name(self) -> str:
        """Gives the URL."""
        return self._url

    def look(self) -> None:
        """Fetches the keys if it is time.

        Raises:
            Unavailable: they could not be fetched when it was tried last.
        """
        now = self._clock()
        if now >= self._due:
            self._soonest = now + SOONEST_SECONDS
            try:
                self._keep(self._fetch(), now)
            except GatewayError as error:
                self._fault, self._due = error.message, now + min(RETRY_SECONDS, self._refresh_seconds)
        if self._fault:
            state = (
                "those fetched before stay in force" if self._is_in_force() else "no token of the issuer is accepted"
            )
            raise Unavailable(f"the issuer's keys: {self._fault}; {state}")

    def _keep(self, fetched: IssuerKeys, now: float) -> None:
        """Keeps the very ones that are here, if they are the same: what was verified with them stays verified."""
        known = self._found[0] if self._found else None
        self._found = (known if known == fetched and known is not None else fetched, now)
        self._fault, self._due = "", now + self._refresh_seconds

    def keys(self) -> IssuerKeys:
        """Gives the keys that were fetched last, while they are in force."""
        found = self._found
        if found is None or not self._is_in_force():
            raise Unavailable("the keys of the issuer of the officer's token are not known now")
        return found[0]

    def miss(self) -> None:
        """Has them fetched again, if that was not tried just now."""
        self._due = min(self._due, self._soonest)

    def _is_in_force(self) -> bool:
        return self._found is not None and self._clock() < self._found[1] + self._keep_seconds


def key_source_of(issuer: IssuerRules, rules: OfficerRules, folder: Path) -> KeySource:
    """Gives where an issuer's keys come from: files are named from the folder of the configuration.

    Raises:
        ConfigError: the file of its keys does not fit; names it.
    """
    parse = partial(IssuerKeys.parse, allowed=issuer.algorithms)
    if "://" not in issuer.jwks:
        return KeyFile(issuer.jwks, WatchedFile(folder / issuer.jwks, parse, MAX_KEYS_BYTES))
    ca = folder / issuer.ca if issuer.ca else None

    def fetched() -> IssuerKeys:
        return parse(fetch(issuer.jwks, ca, MAX_KEYS_BYTES, FETCH_SECONDS))

    return FetchedKeys(issuer.jwks, fetched, rules.refresh_seconds, rules.keep_seconds, monotonic)
