"""What status makes of what a node tells: nothing while all is well, and otherwise what to do and what to type."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from regulator.exchange.v1.admin_service_pb2 import Alarm, AttachmentUsage, Certificate, Channel, ServerInfo

from gateway.cli.findings.findings import Finding, Level
from gateway.cli.findings.status import findings
from gateway.home.lifetimes import EARLIER_SEAL
from gateway.watching import ClockWatch
from tests.support.commands import unknown_in

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)


def channel(**changes: object) -> Channel:
    made = Channel(name="channels/hk-to-kr", state=Channel.OPEN, connected=True, size=7, receipted_size=7)
    made.MergeFrom(Channel(**changes))  # type: ignore[arg-type]
    return made


def waiting(since: timedelta, *, connected: bool = True) -> Channel:
    made = Channel(name="channels/hk-to-kr", state=Channel.OPEN, connected=connected, size=9, receipted_size=7)
    made.oldest_unreceipted_time.FromDatetime(NOW - since)
    return made


def certificate(state: Certificate.State.ValueType) -> Certificate:
    return Certificate(purpose="TLS of this node", subject="spiffe://a.test/node", state=state, days_left=6)


def found(
    channels: Sequence[Channel] = (),
    certificates: Sequence[Certificate] | None = (),
    alarms: Sequence[Alarm] = (),
    ahead: timedelta = timedelta(),
    usages: Sequence[AttachmentUsage] = (),
) -> list[Finding]:
    info = ServerInfo(alarms=alarms, jurisdiction="HK", attachment_usages=usages)
    info.time.FromDatetime(NOW + ahead)
    made = list(findings(info, channels, certificates, NOW))
    for each in made:
        assert unknown_in(f"{each.remedy.todo}; {each.remedy.command}") == []
    return made


def test_nothing_is_said_while_all_is_well():
    fine = [channel(), waiting(timedelta(minutes=14))]
    assert found(fine, [certificate(Certificate.VALID)], ahead=timedelta(seconds=30)) == []


def test_nothing_is_said_of_what_waits_for_a_peer_whose_pairing_has_ended():
    ended = waiting(timedelta(days=90), connected=False)
    ended.state = Channel.ENDED
    assert found([ended, channel(state=Channel.ENDED, connected=False, last_error="the pairing ended")]) == []


def test_a_peer_that_ended_the_pairing_is_told_with_what_ends_it_here_too():
    (one,) = found(alarms=[Alarm(about="pairing with KR", detail="the node of KR refuses this one")])
    assert one.level is Level.FAIL
    assert one.remedy.command == "gateway pair end HOME KR --reason WHY"


@pytest.mark.parametrize(("days", "words"), [(6, "do it before"), (-1, "remove its keys")])
def test_a_seal_that_only_a_channel_left_behind_has_is_no_failure_where_it_ends(days, words):
    state = Certificate.ENDED if days < 0 else Certificate.EXPIRING
    (one,) = found(certificates=[Certificate(purpose=EARLIER_SEAL, state=state, days_left=days)])
    assert (one.level, words in one.remedy.todo) == (Level.WARN, True)


def test_a_token_that_does_not_sign_is_told_with_what_brings_it_back():
    (one,) = found(alarms=[Alarm(about="seal key", detail="there is no token")])
    assert one.level is Level.FAIL
    assert "the token" in one.remedy.todo


def test_a_clock_that_is_not_believed_is_told_with_what_sets_it():
    (one,) = found(alarms=[Alarm(about=ClockWatch.name, detail="the clock leapt")])
    assert (one.level, one.remedy.command) == (Level.FAIL, "timedatectl status")


@pytest.mark.parametrize(
    ("halt_reason", "words", "command"),
    [
        ("FORKED: two histories", "do not restart", "gateway evidence fork hk-to-kr"),
        ("SENDER_ROLLED_BACK: it holds less", "mends itself", "gateway doctor HOME"),
    ],
)
def test_a_halted_channel_is_told_with_what_its_reason_asks_for(halt_reason, words, command):
    (one,) = found([channel(state=Channel.HALTED, halt_reason=halt_reason)])
    assert (one.level, one.remedy.command) == (Level.FAIL, command)
    assert halt_reason in one.said
    assert words in one.remedy.todo


def test_a_channel_that_is_down_is_told_with_what_went_wrong():
    one, other = found([waiting(timedelta(hours=2), connected=False)])
    assert one.said == "hk-to-kr is down: the peer has not dialled, or was refused here"
    assert "gateway audit list" in one.remedy.todo
    assert "2 envelopes wait for receipts, the oldest since 2026-11-28 01:00:00 UTC (2 h 0 min)" in other.said
    assert {one.level, other.level} == {Level.FAIL}


def test_one_of_anything_is_told_as_one():
    alone, file = waiting(timedelta(hours=2)), files_idle(timedelta(minutes=16))
    alone.receipted_size, file.unattached_notices = 8, 1
    certain = Certificate(purpose="TLS of this node", state=Certificate.EXPIRING, days_left=1)
    said = [each.said for each in found([alone, file], [certain])]
    assert any("1 envelope waits for a receipt since 2026-11-28 01:00:00 UTC" in each for each in said)
    assert any("1 notice waits for files, 3.0 GiB to come" in each for each in said)
    assert any(each.endswith("ends in 1 day") for each in said)


def test_a_channel_that_is_up_and_takes_nothing_is_told():
    (one,) = found([waiting(timedelta(minutes=16))])
    assert (one.about, one.level) == ("receipts", Level.FAIL)


@pytest.mark.parametrize(
    "about",
    [
        "access.toml",
        "lists of revoked certificates",
        "seal",
        "disk",
        "writer queue",
        "attachments from KR",
        "envelopes from KR",
        "https://issuer.test/jwks",
    ],
)
def test_every_alarm_has_a_remedy(about):
    (one,) = found(alarms=[Alarm(about=about, detail="what is wrong")])
    assert (one.level, one.said) == (Level.FAIL, f"{about}: what is wrong")


def files_idle(since: timedelta, sender: str = "KR", **changes: object) -> Channel:
    made = channel(sender=sender, recipient="HK" if sender == "KR" else "KR", unattached_notices=2, **changes)
    made.unattached_bytes = 3 * 2**30
    made.attachments_idle_time.FromDatetime(NOW - since)
    return made


def test_files_that_move_are_nothing_to_be_told():
    assert found([files_idle(timedelta(minutes=14))]) == []
    assert found([channel(unattached_notices=2)]) == []  # another replica knows


@pytest.mark.parametrize(
    ("sender", "trouble", "words"),
    [("KR", "", "the peer's to send"), ("KR", "no room", "make room"), ("HK", "", "asks for no more")],
)
def test_files_that_do_not_move_are_told_with_whose_matter_it_is(sender, trouble, words):
    (one,) = found([files_idle(timedelta(minutes=16), sender, attachments_error=trouble)])
    assert (one.about, one.level) == ("files", Level.FAIL)
    assert "2 notices wait for files, 3.0 GiB to come; nothing moved since 2026-11-28 02:44:00 UTC" in one.said
    assert one.said.endswith(trouble)
    assert words in one.remedy.todo


def test_files_of_a_channel_that_is_down_are_no_finding_of_their_own():
    down = files_idle(timedelta(hours=1))
    down.connected = False
    assert [each.about for each in found([down])] == ["channel"]


def test_a_quota_that_fills_is_told():
    usage = AttachmentUsage(authority="SFC", whole_bytes=80, coming_bytes=11, quota_bytes=100)
    (one,) = found(usages=[usage, AttachmentUsage(peer="KR", whole_bytes=90, quota_bytes=100)])
    assert (one.level, one.said) == (Level.WARN, "the files of SFC take 91 B of 100 B")


@pytest.mark.parametrize(
    ("state", "level"),
    [
        (Certificate.EXPIRING, Level.WARN),
        (Certificate.ENDED, Level.FAIL),
        (Certificate.REVOKED, Level.FAIL),
        (9, Level.WARN),
    ],
)
def test_certificates_that_end_and_those_in_a_state_of_a_newer_node_are_told(state, level):
    (one,) = found(certificates=[certificate(state)])
    assert (one.level, one.remedy.command) == (level, "gateway certs status HOME")


def test_what_waits_is_judged_by_the_clock_of_the_node_which_told_since_when():
    waits = waiting(timedelta(minutes=14))
    assert [each.about for each in found([waits], ahead=timedelta(minutes=2))] == ["receipts", "clock"]
    assert [each.about for each in found([waiting(timedelta(minutes=16))], ahead=-timedelta(minutes=2))] == ["clock"]


@pytest.mark.parametrize("ahead", [61, -61])
def test_a_clock_that_is_not_this_one_is_told(ahead):
    (one,) = found(ahead=timedelta(seconds=ahead))
    assert one.level is Level.WARN
    assert f"61 s {'ahead of' if ahead > 0 else 'behind'}" in one.said


def test_the_worst_comes_first():
    levels = [each.level for each in found([channel(state=Channel.HALTED)], [certificate(Certificate.EXPIRING)])]
    assert levels == [Level.FAIL, Level.WARN]


def test_certificates_that_the_node_cannot_read_are_told_beside_all_else():
    told = [(each.level, each.about) for each in found([channel(state=Channel.HALTED)], None)]
    assert told == [(Level.FAIL, "channel"), (Level.FAIL, "certificate")]
