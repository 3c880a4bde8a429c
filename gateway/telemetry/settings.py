"""Where spans go: the section ``[telemetry]`` of ``config.toml``."""

from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _collector(value: str) -> str:
    if not value:
        return value
    try:
        url = urlsplit(value)
        fits = url.scheme in {"http", "https"} and url.hostname and url.port and url.username is None
        fits = fits and url.path in {"", "/"} and not url.query and not url.fragment
    except ValueError:
        fits = False
    if not fits or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be a URL of a host and a port, https://collector.example:4317")
    if url.scheme == "http" and not _is_here(url.hostname or ""):
        raise ValueError("must be https, but for a collector on this machine (127.0.0.1)")
    return value


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class TelemetrySection(BaseModel):
    """Traces, told to an OpenTelemetry collector; docs/tracing.md tells what they hold and what they never do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: Annotated[str, AfterValidator(_collector)] = Field(
        "",
        max_length=255,
        description="The collector (OTLP over gRPC): `https://HOST:PORT`, with TLS 1.3; on this machine also "
        "`http://127.0.0.1:PORT`. Empty: nothing is traced.",
    )
    ca: str = Field(
        "", max_length=255, description="Root of the collector, a PEM file in the home; empty: the public ones."
    )
    certificate: str = Field(
        "", max_length=255, description="What the node shows the collector, a PEM file in the home; empty: nothing."
    )
    key: str = Field("", max_length=255, description="The key of that certificate, a PEM file in the home.")
    sample_ratio: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Which part of all traces is recorded, the same ones at each node with this ratio. What a caller "
        "or peer does not record is not recorded here either.",
    )
    max_queue_spans: int = Field(
        4096, ge=512, le=65_536, description="Spans that wait for the collector; above it the oldest go."
    )
    tell_peers: bool = Field(
        default=True,
        description="Whether a peer is told the random ids of traces, beside what it is sent, and can go on with them.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key belong together")
        if self.ca and not self.endpoint.startswith("https:"):
            raise ValueError("ca needs an https endpoint")
        return self
