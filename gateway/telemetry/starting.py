"""Starts tracing, if a collector is configured: what tells it is loaded only then, which takes 50 ms."""

from pathlib import Path

from gateway.telemetry.settings import TelemetrySection
from gateway.telemetry.tracing import OFF, Tracing


def tracing_of(section: TelemetrySection, home: Path, node: str) -> Tracing:
    """Gives what makes spans; it must be closed.

    Args:
        section: of the configuration
        home: folder that its files are in
        node: domain of the node

    Raises:
        ConfigError: a file cannot be read, or others can read the key.
    """
    if not section.endpoint:
        return OFF
    from gateway.telemetry.export import exported  # noqa: PLC0415

    return exported(section, home, node)
