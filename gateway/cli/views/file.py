"""How ``gateway status`` shows files: what they take, and what waits for them; for people and for programs."""

from collections.abc import Sequence
from typing import Any

from regulator.exchange.v1.admin_service_pb2 import AttachmentUsage, Channel

from gateway.cli.output import moment_of, say, size_said, table


def show(usages: Sequence[AttachmentUsage], channels: Sequence[Channel]) -> None:
    """Writes a table of those who have files, and one of channels in which notices wait for theirs."""
    if taken := [each for each in usages if each.whole_files or each.coming_files]:
        say()
        table(("files of", "whole", "unfinished", "quota"), map(_usage_row, taken))
    if waiting := [each for each in channels if each.unattached_notices]:
        say()
        headings = ("files in", "notices wait", "to come", "oldest receipt", "nothing moved since", "trouble")
        table(headings, map(_waiting_row, waiting))


def whose(usage: AttachmentUsage) -> str:
    """Names the authority or the peer."""
    return usage.authority or usage.peer


def usage_document(usage: AttachmentUsage) -> dict[str, Any]:
    """For programs."""
    return {
        "authority": usage.authority,
        "peer": usage.peer,
        "whole_files": usage.whole_files,
        "whole_bytes": usage.whole_bytes,
        "coming_files": usage.coming_files,
        "coming_bytes": usage.coming_bytes,
        "arrived_bytes": usage.arrived_bytes,
        "quota_bytes": usage.quota_bytes,
    }


def _usage_row(usage: AttachmentUsage) -> tuple[str, ...]:
    coming = f"{usage.coming_files} ({size_said(usage.arrived_bytes)} of {size_said(usage.coming_bytes)} came)"
    return (
        whose(usage),
        f"{usage.whole_files} ({size_said(usage.whole_bytes)})",
        coming if usage.coming_files else "0",
        size_said(usage.quota_bytes),
    )


def _waiting_row(channel: Channel) -> tuple[str, ...]:
    return (
        channel.name.removeprefix("channels/"),
        str(channel.unattached_notices),
        size_said(channel.unattached_bytes),
        moment_of(channel.oldest_unattached_time),
        moment_of(channel.attachments_idle_time),
        channel.attachments_error,
    )
