"""``gateway status``: which node answers, whom it is paired with, how its channels move."""

from collections.abc import Sequence
from typing import Any

import typer
from regulator.exchange import Client, NodeFailure
from regulator.exchange.v1.admin_service_pb2 import Alarm, Certificate, Channel, Peer, Replica, ServerInfo
from regulator.exchange.v1.values_pb2 import Handling, Sector

from gateway.cli.failures import DOES_NOT_HOLD
from gateway.cli.findings.findings import Finding, is_failing, tell
from gateway.cli.findings.status import findings
from gateway.cli.options import AsJson, ProfileFile, connect, now, word_of
from gateway.cli.output import json_moment, moment_of, pairs, say, table, write_json
from gateway.cli.views import file as file_view


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("status")(status)


def status(*, profile: ProfileFile, as_json: AsJson = False) -> None:
    """Tells how the node and its channels do; of what is wrong, what to do, and what to type first.

    Exit code 0: nothing is wrong, though a certificate may end soon or a quota fill (WARN). 1: something is (FAIL): a
    channel is halted, down or gets no receipts, files do not move, an alarm is raised, a certificate has ended or is
    revoked. 4: the node was not reached: run gateway doctor on its machine.
    """
    with connect(profile) as client:
        info, peers, channels = client.server_info(), list(client.list_peers()), list(client.list_channels())
        found = list(findings(info, channels, _certificates(client), now()))
    if as_json:
        write_json(_document(info, peers, channels, found))
    else:
        _show(info, peers, channels, found)
    if is_failing(found):
        raise typer.Exit(DOES_NOT_HOLD)


def _certificates(client: Client) -> Sequence[Certificate] | None:
    """Those on which the node depends; None: it cannot read a file of its home. All else is told all the more."""
    try:
        return list(client.list_certificates())
    except NodeFailure:
        return None


def _show(info: ServerInfo, peers: Sequence[Peer], channels: Sequence[Channel], found: Sequence[Finding]) -> None:
    pairs(
        [
            ("node", f"{info.jurisdiction} {info.domain}, version {info.software_version}"),
            ("authorities", ", ".join(info.authorities)),
            *([("replica", _replica(info))] if info.replica else []),
            ("started", moment_of(info.start_time)),
            ("you are", f"{info.client} ({', '.join(info.client_roles)})"),
            *([("you act for", info.client_officer)] if info.client_officer else []),
            ("you may see", _seen(info)),
        ]
    )
    say()
    table(("peer", "state", "domain", "addresses", "name"), [_peer_row(each) for each in peers])
    say()
    if ended := [_ended_row(each) for each in peers if each.state == Peer.ENDED]:
        say("ended pairings")
        pairs(ended, margin="  ")
        say()
    if info.replicas:
        table(("replica", "state", "started", "last seen", "moves"), [_replica_row(each) for each in info.replicas])
        say()
    headings = ("channel", "state", "link", "envelopes", "receipted", "last receipt", "trouble")
    table(headings, [_channel_row(each) for each in channels])
    if behind := [_behind_row(each) for each in channels if each.earlier_seal_sha256]:
        say()
        say("left behind by a rotation of the seal")
        pairs(behind, margin="  ")
    file_view.show(info.attachment_usages, channels)
    if info.alarms:
        say()
        say("alarms")
        pairs([_alarm_row(each) for each in info.alarms], margin="  ")
    if found:
        say()
        tell(found)


def _seen(info: ServerInfo) -> str:
    sectors = ", ".join(_sectors(info)) or "all sectors"
    return f"TLP:{_clearance(info).replace('_', '+')}, {sectors}"


def _clearance(info: ServerInfo) -> str:
    return word_of(Handling.Tlp, info.client_clearance).upper()


def _sectors(info: ServerInfo) -> list[str]:
    return [word_of(Sector, each, "SECTOR_") for each in info.client_sectors]


def _replica(info: ServerInfo) -> str:
    running = sum(each.running for each in info.replicas)
    return f"{info.replica} answers" + (f", of {running} that run" if running else "")


def _replica_row(replica: Replica) -> tuple[str, ...]:
    return (
        replica.name,
        "runs" if replica.running else "is not seen",
        moment_of(replica.start_time),
        moment_of(replica.seen_time),
        ", ".join(each.removeprefix("channels/") for each in replica.channels),
    )


def _peer_row(peer: Peer) -> tuple[str, ...]:
    state = word_of(Peer.State, peer.state)
    return peer.jurisdiction, state, peer.domain, ", ".join(peer.addresses), peer.display_name


def _ended_row(peer: Peer) -> tuple[str, str]:
    return peer.jurisdiction, f"{moment_of(peer.end_time)} by {peer.ended_by}: {peer.end_reason}"


def _channel_row(channel: Channel) -> tuple[str, ...]:
    return (
        channel.name.removeprefix("channels/"),
        word_of(Channel.State, channel.state),
        "up" if channel.connected else "down",
        str(channel.size),
        str(channel.receipted_size),
        moment_of(channel.receipt_time),
        "; ".join(dict.fromkeys(filter(None, (channel.halt_reason, channel.last_error)))),
    )


def _behind_row(channel: Channel) -> tuple[str, str]:
    earlier = f"{channel.earlier_seal_sha256[:16]} is in force there, until the channel goes on and tells the new one"
    return channel.name.removeprefix("channels/"), earlier


def _alarm_row(alarm: Alarm) -> tuple[str, str]:
    """Of two columns that are never cut: the end of what is wrong says what to do."""
    return alarm.about, f"since {moment_of(alarm.start_time)}: {alarm.detail}"


def _document(
    info: ServerInfo, peers: Sequence[Peer], channels: Sequence[Channel], found: Sequence[Finding]
) -> dict[str, Any]:
    return {
        "node": {
            "jurisdiction": info.jurisdiction,
            "domain": info.domain,
            "software_version": info.software_version,
            "api_versions": list(info.api_versions),
            "authorities": list(info.authorities),
            "verifier_keys": list(info.verifier_keys),
            "time": json_moment(info.time),
            "start_time": json_moment(info.start_time),
            "replica": info.replica,
        },
        "client": {
            "id": info.client,
            "authority": info.client_authority,
            "roles": list(info.client_roles),
            "clearance": _clearance(info),
            "sectors": _sectors(info),
            "officer": info.client_officer,
        },
        "alarms": [
            {"about": each.about, "detail": each.detail, "start_time": json_moment(each.start_time)}
            for each in info.alarms
        ],
        "replicas": [
            {
                "name": each.name,
                "start_time": json_moment(each.start_time),
                "seen_time": json_moment(each.seen_time),
                "running": each.running,
                "channels": [name.removeprefix("channels/") for name in each.channels],
            }
            for each in info.replicas
        ],
        "attachment_usages": [file_view.usage_document(each) for each in info.attachment_usages],
        "peers": [_peer(each) for each in peers],
        "channels": [_channel(each) for each in channels],
        "findings": [each.document() for each in found],
    }


def _peer(peer: Peer) -> dict[str, Any]:
    return {
        "jurisdiction": peer.jurisdiction,
        "domain": peer.domain,
        "display_name": peer.display_name,
        "addresses": list(peer.addresses),
        "pairing_fingerprint": peer.pairing_fingerprint,
        "state": word_of(Peer.State, peer.state),
        "end_time": json_moment(peer.end_time),
        "ended_by": peer.ended_by,
        "end_reason": peer.end_reason,
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name.removeprefix("channels/"),
        "origin": channel.origin,
        "sender": channel.sender,
        "recipient": channel.recipient,
        "state": word_of(Channel.State, channel.state),
        "halt_reason": channel.halt_reason,
        "size": channel.size,
        "receipted_size": channel.receipted_size,
        "root": channel.root.hex(),
        "connected": channel.connected,
        "receipt_time": json_moment(channel.receipt_time),
        "last_error": channel.last_error,
        "oldest_unreceipted_time": json_moment(channel.oldest_unreceipted_time),
        "replica": channel.replica,
        "unattached_notices": channel.unattached_notices,
        "unattached_bytes": channel.unattached_bytes,
        "oldest_unattached_time": json_moment(channel.oldest_unattached_time),
        "attachments_idle_time": json_moment(channel.attachments_idle_time),
        "attachments_error": channel.attachments_error,
        "earlier_seal_sha256": channel.earlier_seal_sha256,
    }
