"""What ``gateway status`` makes of what a node tells: what is wrong, what to do, what to type first.

The commands with HOME are for the node's machine; it is not known here where that is.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from regulator.exchange.v1.admin_service_pb2 import Alarm, Certificate, Channel, Replica, ServerInfo

from gateway.cli.findings import files as file_findings
from gateway.cli.findings.channels import (
    ENDED_THERE,
    HALTED_FOR_GOOD,
    MENDS_ITSELF,
    STUCK_SECONDS,
    earlier_seal,
    end_command,
    missing_said,
    waiting_said,
)
from gateway.cli.findings.findings import Finding, Level, Remedy
from gateway.home.lifetimes import EARLIER_SEAL
from gateway.ledger.steps import FORKED
from gateway.words import so_many

CLOCK_SECONDS = 60  # between the node's clock and this machine's

ABOUT_FILES = "attachments from "  # and the peer's jurisdiction
ABOUT_ENVELOPES = "envelopes from "  # likewise
DOCTOR = "gateway doctor HOME"
_OF_ALARMS = {
    "access.toml": Remedy("correct the file: until then the rules before are in force", DOCTOR),
    "TLS key and certificate": Remedy("put in a key and a certificate that fit: those before are in use", DOCTOR),
    "trust in clients": Remedy("correct the root, list or denied.txt: what was read before is in force", DOCTOR),
    "ended pairings": Remedy("correct or restore the mark: what was read before is in force", "ls HOME/peers/ended"),
    "trust in peers": Remedy("correct the pairing document or list: what was read before is in force", DOCTOR),
    "lists of revoked certificates": Remedy(
        "sign a newer list on the machine of its authority, and copy it to the node",
        "gateway certs crl AUTHORITIES --authority client",
    ),
    "seal": Remedy("wait for the peers, or look at the sealing keys: docs/certificates.md", DOCTOR),
    "seal key": Remedy(
        "acts are refused: bring the token back, or correct its PIN's file; of a seal that ended, replace it "
        "(docs/certificates.md)",
        DOCTOR,
    ),
    "clock": Remedy(
        "acts are refused: have the clock set, and kept by NTP; one that is right, though nobody can say so, "
        "is believed by gateway serve --trust-clock",
        "timedatectl status",
    ),
    "disk": Remedy("make room where the home is; never delete node.db-wal", "df -h HOME"),
    "writer queue": Remedy("look at the disk, then bound the client that sends so much", "iostat -x 5"),
    "following": Remedy("look at the server's log, and have a pooler before it in session mode", DOCTOR),
}
_OF_FILES = Remedy(
    "if there is no room, make it, or raise the bound under [attachments] in config.toml; if the peer lacks the file "
    "or sends other bytes, call its operator",
    DOCTOR,
)
_OF_ENVELOPES = Remedy(
    "call the peer's operator: if it is meant, raise limits.peer_bytes_per_day in config.toml and start the node anew; "
    "if its node is out of hand, end the pairing",
    "df -h HOME",
)

ABOUT_PAIRING = "pairing with "  # likewise
_UNREAD = Finding(
    Level.FAIL,
    "certificate",
    "the node cannot read those in its home, so none is looked at here",
    Remedy("put right, or back, what the doctor names", DOCTOR),
)
_OTHER_ALARM = Remedy("do as its detail says; the doctor looks at the node's files", DOCTOR)


def findings(
    info: ServerInfo, channels: Sequence[Channel], certificates: Sequence[Certificate] | None, now: datetime
) -> Iterator[Finding]:
    """Gives what needs somebody, the worst first; nothing: all is well.

    Args:
        info: of the node
        channels: all of them
        certificates: all on which the node depends; None: it cannot read them
        now: by the clock of this machine
    """
    then = info.time.ToDatetime(UTC)  # by the clock that tells since when something waits
    found = [
        *(each for channel in channels for each in _of_channel(channel, then)),
        *(each for channel in channels for each in file_findings.of_channel(channel, info.jurisdiction, DOCTOR, then)),
        *(each for usage in info.attachment_usages for each in file_findings.of_usage(usage)),
        *map(_of_alarm, info.alarms),
        *(each for replica in info.replicas for each in _of_replica(replica)),
        *([_UNREAD] if certificates is None else (each for one in certificates for each in _of_certificate(one))),
        *_of_clock(info, now),
    ]
    yield from sorted(found, key=lambda each: each.level is not Level.FAIL)


def _of_channel(channel: Channel, now: datetime) -> Iterator[Finding]:
    name = channel.name.removeprefix("channels/")
    if channel.state == Channel.ENDED:
        return  # that it stands still, and what waits in it, is meant
    if channel.state == Channel.HALTED:
        said = f"{name} has halted: {channel.halt_reason}"
        is_for_good = channel.halt_reason.startswith(FORKED)
        remedy = (
            Remedy(HALTED_FOR_GOOD, f"gateway evidence fork {name}") if is_for_good else Remedy(MENDS_ITSELF, DOCTOR)
        )
        yield Finding(Level.FAIL, "channel", said, remedy)
    elif not channel.connected:
        yield _down(channel, name)
    if channel.HasField("oldest_unreceipted_time"):
        oldest = channel.oldest_unreceipted_time.ToDatetime(UTC)
        if (now - oldest).total_seconds() > STUCK_SECONDS:
            said = f"{name}: {waiting_said(channel.size - channel.receipted_size, oldest, now)}"
            todo = "what is urgent goes by telephone, until the peer takes it; its operator must look why it does not"
            yield Finding(Level.FAIL, "receipts", said, Remedy(todo, "gateway notice list --state released"))


def _down(channel: Channel, name: str) -> Finding:
    todo = "nothing is lost: what is sealed waits. Let the doctor dial the peer, then call its operator"
    if channel.last_error:
        return Finding(Level.FAIL, "channel", f"{name} is down: {channel.last_error}", Remedy(todo, DOCTOR))
    said = f"{name} is down: the peer has not dialled, or was refused here"
    return Finding(Level.FAIL, "channel", said, Remedy(f"{todo}; gateway audit list tells who was refused", DOCTOR))


def _of_replica(replica: Replica) -> Iterator[Finding]:
    if replica.running:
        return
    said = missing_said(replica.name, replica.seen_time.ToDatetime(UTC))
    todo = "the others do its work; look at its machine, and start it again. An hour after it was seen it is forgotten"
    yield Finding(Level.WARN, "replica", said, Remedy(todo, "systemctl status gateway"))


def _of_alarm(alarm: Alarm) -> Finding:
    return Finding(Level.FAIL, "alarm", f"{alarm.about}: {alarm.detail}", _of_cause(alarm.about))


def _of_cause(about: str) -> Remedy:
    if about.startswith(ABOUT_FILES):
        return _OF_FILES
    if about.startswith(ABOUT_ENVELOPES):
        return _OF_ENVELOPES
    if about.startswith(ABOUT_PAIRING):
        return Remedy(ENDED_THERE, end_command("HOME", about.removeprefix(ABOUT_PAIRING)))
    return _OF_ALARMS.get(about, _OTHER_ALARM)


def _of_certificate(certificate: Certificate) -> Iterator[Finding]:
    if certificate.state == Certificate.VALID:
        return
    if certificate.purpose == EARLIER_SEAL and certificate.state != Certificate.REVOKED:
        yield earlier_seal(certificate.sha256, certificate.days_left, "HOME")
        return
    name = f"{certificate.purpose} ({certificate.subject})"
    said, level = {
        Certificate.EXPIRING: (f"{name} ends in {so_many(certificate.days_left, 'day')}", Level.WARN),
        Certificate.ENDED: (f"{name} has ended", Level.FAIL),
        Certificate.REVOKED: (f"{name} is revoked", Level.FAIL),
    }.get(certificate.state, (f"{name} is in a state that this version does not know", Level.WARN))
    todo = "renew or replace it as docs/certificates.md tells; of a peer's, its operator must"
    yield Finding(level, "certificate", said, Remedy(todo, "gateway certs status HOME"))


def _of_clock(info: ServerInfo, now: datetime) -> Iterator[Finding]:
    ahead_seconds = (info.time.ToDatetime(UTC) - now).total_seconds()
    if abs(ahead_seconds) > CLOCK_SECONDS:
        side = "ahead of" if ahead_seconds > 0 else "behind"
        said = f"the node's clock is {abs(ahead_seconds):.0f} s {side} that of this machine"
        yield Finding(Level.WARN, "clock", said, Remedy("have both kept by NTP", "timedatectl status"))
