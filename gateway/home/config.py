"""The configuration of a node, ``config.toml`` in its home; docs/configuration.md is made from the comments here."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from gateway.errors import ConfigError, Violation
from gateway.home.approval_config import FourEyesSection
from gateway.identity.access.toml_text import read_toml, text_of
from gateway.identity.names import authority_fault, checked, client_fault, domain_fault, jurisdiction_fault
from gateway.identity.officers.rules import OfficerRules
from gateway.identity.pairing.addresses import address_fault, loopback_fault
from gateway.rates import Rate
from gateway.rpc.quotas import Quota
from gateway.telemetry.settings import TelemetrySection

Address = Annotated[str, checked(address_fault)]
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - compared, not bound; each with one that reaches it


def _metrics_fault(text: str) -> str | None:
    return loopback_fault(text) if text else None


def _database_fault(text: str) -> str | None:
    if re.match(r"(sqlite(\+\w+)?:///(?!:memory:).|postgresql(\+\w+)?://)", text, re.ASCII):
        return None  # without its file's name SQLite would keep all in memory, and lose it
    return "must be sqlite:///FILE in the home, or postgresql://USER@HOST/DATABASE"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeSection(_Section):
    """Which node it is."""

    jurisdiction: Annotated[str, checked(jurisdiction_fault)] = Field(
        description="Jurisdiction that runs the node, ISO 3166-1 alpha-2."
    )
    domain: Annotated[str, checked(domain_fault)] = Field(
        description="The node's SPIFFE trust domain, which names it in every certificate and signature."
    )
    display_name: str = Field(min_length=1, max_length=100, description="Name for people.")
    authorities: tuple[Annotated[str, checked(authority_fault)], ...] = Field(
        min_length=1, max_length=32, description="Codes of the authorities that the node serves."
    )
    replica: str = Field(
        "",
        max_length=120,
        description="Name of this process among the replicas of the node, for people; empty: host and address. "
        "docs/operations.md tells of replicas.",
    )


class BackOfficeSection(_Section):
    """The listener for the jurisdiction's own back-office systems."""

    listen: Address = Field(description="Where it listens, host:port.")
    max_concurrent_calls: int = Field(
        2000, ge=1, le=100_000, description="Calls under way at once; more are refused as RESOURCE_EXHAUSTED."
    )


class PeerSection(_Section):
    """The listener for paired nodes."""

    listen: Address = Field(description="Where it listens, host:port.")
    advertise: tuple[Address, ...] = Field(
        (), max_length=8, description="Where peers dial it, for the pairing document; empty: the listen address."
    )


class DatabaseSection(_Section):
    """Where the node keeps its logs."""

    url: Annotated[str, checked(_database_fault)] = Field(
        "sqlite:///node.db", description="SQLAlchemy URL: sqlite:///FILE in the home, or postgresql://..."
    )


class ClientLimits(_Section):
    """Other bounds of one client; a key that is left out has the value of all clients."""

    calls_per_second: float | None = Field(None, gt=0, le=100_000, description="Its calls, on average.")
    burst_calls: int | None = Field(None, ge=1, le=1_000_000, description="Its calls at once after a quiet time.")
    concurrent_calls: int | None = Field(None, ge=1, le=100_000, description="Its calls under way at once.")
    concurrent_streams: int | None = Field(
        None, ge=1, le=100_000, description="Of these, watches and streams of notices."
    )


_AS_ALL = ClientLimits()
CALLERS_AT_LEAST = 2  # it takes so many to take all places of a listener


class LimitsSection(_Section):
    """Bounds of time, of what a peer may have kept, and of what one client may take of the back-office listener."""

    max_deadline_seconds: float = Field(
        60, gt=0, le=3600, description="Longest time of a call that answers once, whatever deadline its caller set."
    )
    drain_seconds: float = Field(10, gt=0, le=600, description="Time that calls under way have when the node stops.")
    max_connection_age_seconds: int = Field(
        3600, ge=10, le=86_400, description="After so long a connection is closed gently, and its peer dials again."
    )
    peer_bytes_per_day: int = Field(
        16 * 2**30,
        ge=2**20,
        le=2**50,
        description="What is taken a day (UTC) of what one peer seals, all of which is kept; 256 bytes an envelope are "
        "counted beside its own. What is more waits at the peer, and an alarm tells of it. It bounds no files.",
    )
    calls_per_second: float = Field(
        2000,
        gt=0,
        le=100_000,
        description="Calls of one client, on average; each 4 KiB of a message, and each message of a stream, counts as "
        "one. What comes faster is refused as RESOURCE_EXHAUSTED, with the time to wait; a stream is read more slowly.",
    )
    burst_calls: int = Field(
        4000, ge=1, le=1_000_000, description="Calls that one client may make at once after a quiet time."
    )
    concurrent_calls: int = Field(
        256,
        ge=1,
        le=100_000,
        description="Calls of one client under way at once, and never more than half of what the listener takes.",
    )
    concurrent_streams: int = Field(32, ge=1, le=100_000, description="Of these, watches and streams of notices.")
    clients: dict[Annotated[str, checked(client_fault)], ClientLimits] = Field(
        {}, description='Other values of the last four keys for one client: `[limits.clients."spiffe://..."]`.'
    )

    def quota(self, client: str, listener_calls: int) -> Quota:
        """What a client may take of a listener that takes so many calls at once."""
        own = self.clients.get(client, _AS_ALL)
        calls = min(own.concurrent_calls or self.concurrent_calls, max(1, listener_calls // CALLERS_AT_LEAST))
        rate = Rate(own.calls_per_second or self.calls_per_second, own.burst_calls or self.burst_calls)
        return Quota(rate, calls, min(calls, own.concurrent_streams or self.concurrent_streams))


class AttachmentsSection(_Section):
    """What files that belong to notices may take; they are kept in the database."""

    max_bytes: int = Field(2**32, ge=1, le=2**32, description="Of one file.")
    authority_quota_bytes: int = Field(
        64 * 2**30, ge=0, le=2**50, description="Of all files of one authority of this node, those that wait included."
    )
    peer_quota_bytes: int = Field(256 * 2**30, ge=0, le=2**50, description="Of all files that came from one peer.")
    max_unfinished: int = Field(
        1000, ge=1, le=1_000_000, description="Files of one authority that are declared, and not whole yet."
    )
    unfinished_days: int = Field(
        7,
        ge=1,
        le=365,
        description="Days after which what came of a file that a notice names is let go of, if no byte more did; it is "
        "asked for anew, and takes no room until it comes.",
    )
    keep_free_bytes: int = Field(
        2 * 2**30,
        ge=0,
        le=2**50,
        description="Of the disk of the home: a file that would leave less is refused before its first byte; what "
        "deleted files left in the database counts as free. With PostgreSQL, whose disk is elsewhere, the quotas alone "
        "bound files.",
    )


class MetricsSection(_Section):
    """What the node counts and measures, for Prometheus; docs/observability.md tells of it."""

    listen: Annotated[str, checked(_metrics_fault)] = Field(
        "",
        description="Where it serves `http://.../metrics`, host:port of this machine alone, such as `127.0.0.1:9464`; "
        "empty: nowhere.",
    )


class RevocationSection(_Section):
    """How long trust holds that is not renewed; docs/certificates.md tells of the files."""

    stale_crl: Literal["keep", "refuse"] = Field(
        "keep",
        description="What a list of revoked certificates past its time does: keep what it says, or refuse all "
        "certificates of its authority. Both raise an alarm.",
    )
    refuse_after_seconds: float = Field(
        3600,
        gt=0,
        le=604_800,
        description="After so long without being able to read a changed root, list or pairing document, the listener "
        "takes no new connection.",
    )


def _absolute_fault(text: str) -> str | None:
    return "must be an absolute path" if text and not text.startswith("/") else None


class Pkcs11Section(_Section):
    """The token that holds a sealing key, such as an HSM, where one does; docs/operations.md tells of it."""

    module: Annotated[str, checked(_absolute_fault)] = Field(
        "", description="The PKCS#11 module of the token, a shared library; empty: no key is in a token."
    )
    pin_file: str = Field(
        "",
        description="File with the token's PIN, in one line, that its owner alone can read; in the home, if relative.",
    )
    sign_seconds: float = Field(
        2.0,
        ge=0.1,
        le=10,
        description="Longest time of a signature. A token that takes longer counts as away until it answers again.",
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.module) != bool(self.pin_file):
            raise ValueError("module and pin_file belong together: give both, or neither")
        return self


class LoggingSection(_Section):
    """What the node tells of itself, to standard error; docs/logs.md lists the events."""

    format: Literal["text", "json"] = Field(
        "text", description="A line an event: `text` for people, `json` for programs, an object a line."
    )


class Config(_Section):
    """All of ``config.toml``."""

    node: NodeSection
    back_office: BackOfficeSection
    peer: PeerSection
    database: DatabaseSection = DatabaseSection()
    limits: LimitsSection = LimitsSection()
    revocation: RevocationSection = RevocationSection()
    metrics: MetricsSection = MetricsSection()
    attachments: AttachmentsSection = AttachmentsSection()
    officers: OfficerRules = OfficerRules()
    four_eyes: FourEyesSection = FourEyesSection()
    pkcs11: Pkcs11Section = Pkcs11Section()
    logging: LoggingSection = LoggingSection()
    telemetry: TelemetrySection = TelemetrySection()

    @field_validator("peer", "metrics")
    @classmethod
    def _listens_elsewhere(
        cls, section: PeerSection | MetricsSection, found: ValidationInfo
    ) -> PeerSection | MetricsSection:
        """To the second of two listeners at one address the first is another process that has the port."""
        for name in ("back_office", "peer"):
            before = found.data.get(name)
            if before and name != found.field_name and _overlap(before.listen, section.listen):
                raise ValueError(f"listen must be another address than {name}.listen, {before.listen}")
        return section

    @classmethod
    def load(cls, path: Path) -> "Config":
        """Reads a configuration.

        Raises:
            ConfigError: naming the file, and each value with what would be right.
        """
        try:
            return cls.parse(text_of(path.read_bytes()))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise ConfigError(f"{path}: {error.strerror}; make a home with gateway init") from error
        except OSError as error:
            raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
        except ConfigError as error:
            raise ConfigError(f"{path}: {error.message}") from error

    @classmethod
    def parse(cls, text: str) -> "Config":
        """Reads the text of a configuration.

        Raises:
            ConfigError: naming each value with what would be right.
        """
        try:
            return cls.model_validate(read_toml(text))
        except ValidationError as error:
            raise ConfigError("; ".join(f"{each.field}: {each.description}" for each in _told(error))) from error

    @classmethod
    def faults(cls, text: str) -> list[Violation]:
        """Tells each value of a TOML text that breaks a rule, by its key, and what would be right."""
        try:
            cls.model_validate(read_toml(text))
        except ValidationError as error:
            return _told(error)
        return []


def _overlap(one: str, other: str) -> bool:
    """Whether two listeners cannot both have their address: the same, or one of all addresses with the same port."""
    (host, _, port), (other_host, _, other_port) = one.rpartition(":"), other.rpartition(":")
    return port == other_port and (host == other_host or not {host, other_host}.isdisjoint(EVERYWHERE))


def reachable(host: str) -> str:
    """Gives under which host this machine reaches a listener of its own that is bound to ``host``."""
    return EVERYWHERE.get(host, host)


def _told(error: ValidationError) -> list[Violation]:
    return [
        Violation(".".join(map(str, each["loc"])), each["msg"].removeprefix("Value error, "))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    ]
