"""A case desk of the SFC: gives what a folder holds, once each, and takes in what comes, also over restarts.

``python case_desk.py PROFILE FOLDER`` reads ``FOLDER/alerts.csv`` (a platform and its domain, a line each), gives an
investor alert for each, with ``FOLDER/report.pdf`` if it is there, then goes through all events since the last run. It
may be killed anywhere and run again: nothing is given twice, and nothing that came is passed over.
"""

import csv
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from google.type.date_pb2 import Date
from regulator.exchange import Client, ExchangeError, Profile, WrongState, attachment_of, error_of, notice_request
from regulator.exchange.v1.event_service_pb2 import Event
from regulator.exchange.v1.notice_pb2 import InvestorAlert, NoticeContent
from regulator.exchange.v1.values_pb2 import CONFIDENCE_EXERCISE, SECTOR_EXCHANGE, Attachment, Handling, LocalizedText


def once(what: str) -> str:
    """The same request_id for the same thing in every run: the node does it once."""
    return str(uuid5(NAMESPACE_URL, f"https://sfc.example/case-desk/{what}"))


def alert(name: str, domain: str, day: datetime, files: list[Attachment]) -> NoticeContent:
    """What a notice says of a platform."""
    return NoticeContent(
        issuing_authority="SFC",
        sectors=[SECTOR_EXCHANGE],
        urgency=NoticeContent.PRIORITY,
        handling=Handling(tlp=Handling.CLEAR, permitted_uses=[Handling.SUPERVISION], onward_sharing=Handling.ALLOWED),
        event_date=Date(year=day.year, month=day.month, day=day.day),
        title=[LocalizedText(language_tag="en", text=f"Suspicious platform: {name}")],
        summary=[LocalizedText(language_tag="en", text="It is not licensed, and says that it is.")],
        investor_alert=InvestorAlert(reason=InvestorAlert.UNLICENSED_PLATFORM, domains=[domain]),
        attachments=files,
        confidence=CONFIDENCE_EXERCISE,
    )


def give(client: Client, folder: Path) -> None:
    """Gives an alert for each line; one that is refused holds up no other."""
    list_of = folder / "alerts.csv"
    day = datetime.fromtimestamp(list_of.stat().st_mtime, UTC)  # not today: a repeated request is the same one
    report = folder / "report.pdf"
    files = [attachment_of(report, client.upload_attachment(report))] if report.exists() else []
    rows = list(csv.reader(list_of.read_text(encoding="utf-8").splitlines()))
    requests = [
        notice_request(alert(name, domain, day, files), recipient="KR", request_id=once(f"alert/{domain}"))
        for name, domain in rows
    ]
    answer = client.submit_notices(requests)
    print(f"{answer.sealed_count} of {answer.received_count} are sealed")
    for refusal in answer.refusals:
        error = error_of(refusal.status)
        print(f"{rows[refusal.index][0]}: {type(error).__name__}: {error}")


def take_in(client: Client, folder: Path) -> None:
    """Goes through what came since the last run."""
    place = folder / "cursor"
    cursor = place.read_text(encoding="utf-8") if place.exists() else ""
    with client.watch_events(cursor, kinds=[Event.NOTICE_RECEIVED, Event.ATTACHMENTS_RECEIVED]) as events:
        for message in events:  # it goes on by itself where the node restarts
            if not message.HasField("event"):
                break  # all so far; a desk that stays leaves this out
            try:
                take(client, message.event, folder)
            except WrongState as error:  # a colleague was first, it was taken back, or its content is destroyed
                print(f"{message.event.notice}: {error.reason}: {error}")
            place.write_text(message.cursor, encoding="utf-8")  # only now: a run that ends before does it again


def begins_anew(error: ExchangeError, folder: Path) -> bool:
    """Whether the node's database was put back, and what the cursor follows with it: the next run goes through all."""
    if "cursor" not in {each.field for each in error.violations}:
        return False
    (folder / "cursor").unlink()
    return True


def take(client: Client, event: Event, folder: Path) -> None:
    """Acknowledges a notice as it comes, and keeps its files once the node has all of them."""
    if event.kind == Event.NOTICE_RECEIVED:
        client.acknowledge_notice(event.notice, comment={"en": "Noted."}, request_id=once(event.notice))
        print(f"{event.notice} is acknowledged")
        return
    own = folder / event.notice.removeprefix("notices/")
    own.mkdir(exist_ok=True)
    for number, file in enumerate(client.get_notice(event.notice).content.attachments, 1):
        client.download_attachment(f"{event.notice}/attachments/{number}", own / file.file_name)
        print(f"{event.notice}: {file.file_name} is here")


def main() -> int:
    """Gives, then takes in; 1 where the node would not, 2 where it was not said where."""
    if len(sys.argv) != 3:
        print(__doc__)
        return 2
    profile, folder = sys.argv[1], Path(sys.argv[2])
    try:
        with Client(Profile.load(profile)) as client:
            give(client, folder)
            take_in(client, folder)
    except ExchangeError as error:  # all errors of the client are of this tree
        if begins_anew(error, Path(folder)):
            print("the cursor is refused, and thrown away")
        print(f"{type(error).__name__}: {error}", *(f"{each.field}: {each.description}" for each in error.violations))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
