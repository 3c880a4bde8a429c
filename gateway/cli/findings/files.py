"""What is said of files that do not move, and of quotas that fill, by the doctor and by ``gateway status``."""

from collections.abc import Iterator
from datetime import UTC, datetime

from regulator.exchange.v1.admin_service_pb2 import AttachmentUsage, Channel

from gateway.cli.findings.channels import STUCK_SECONDS
from gateway.cli.findings.findings import Finding, Level, Remedy
from gateway.cli.output import size_said
from gateway.cli.views.file import whose

FULL_PART = 0.9  # of a quota; the alert GatewayQuotaFilling has the same

NOT_TAKEN = (
    "make room where the home is, or raise the bound under [attachments] in config.toml and start the node again; the "
    "files then come by themselves"
)
NOT_SENT = "the files are the peer's to send: call its operator, whose gateway status says what is wrong there"
NOT_WANTED = (
    "the peer asks for no more: its quota or its disk may be full. Call its operator, whose gateway status says why"
)
QUOTA = (
    "above it files are refused: raise it under [attachments] in config.toml, or see that what is no longer needed is "
    "destroyed: docs/handling.md"
)


def of_channel(channel: Channel, jurisdiction: str, command: str, now: datetime) -> Iterator[Finding]:
    """Tells of files of which no byte moved for long, where the channel moves: else that is what is told."""
    if (
        channel.state in {Channel.HALTED, Channel.ENDED}
        or not channel.connected
        or not channel.HasField("attachments_idle_time")
    ):
        return
    idle = channel.attachments_idle_time.ToDatetime(UTC)
    if (now - idle).total_seconds() > STUCK_SECONDS:
        name, trouble = channel.name.removeprefix("channels/"), channel.attachments_error
        size, count = size_said(channel.unattached_bytes), channel.unattached_notices
        waiting = "1 notice waits" if count == 1 else f"{count} notices wait"
        said = f"{name}: {waiting} for files, {size} to come; nothing moved since {idle:%Y-%m-%d %H:%M:%S} UTC"
        said += f": {trouble}" if trouble else ""
        todo = NOT_WANTED if channel.recipient != jurisdiction else NOT_TAKEN if trouble else NOT_SENT
        yield Finding(Level.FAIL, "files", said, Remedy(todo, command))


def of_usage(usage: AttachmentUsage) -> Iterator[Finding]:
    """Tells of a quota that fills."""
    kept = usage.whole_bytes + usage.coming_bytes
    if kept > FULL_PART * usage.quota_bytes:
        said = f"the files of {whose(usage)} take {size_said(kept)} of {size_said(usage.quota_bytes)}"
        yield Finding(Level.WARN, "files", said, Remedy(QUOTA, "$EDITOR HOME/config.toml"))
