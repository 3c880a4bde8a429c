"""Verifies the bytes of files, and that each notice is tied to those that it names, as the envelopes say."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256

from sqlalchemy import Connection, RowMapping, func, select

from gateway.store.reverify.channels import VerifiedChannel
from gateway.store.reverify.fold import Facts, Fold
from gateway.store.reverify.report import Findings
from gateway.store.scanning import rows
from gateway.store.tables import attachment_chunks, attachment_totals, attachments, node, notice_attachments, notices

CHUNK = 524_288  # bytes of every chunk but a file's last
CHUNKS_AT_ONCE = 8


class AttachmentCheck:
    """The comparison.

    Args:
        connection: in one snapshot
        channels: whose logs were verified
        fold: what the envelopes amount to
        findings: takes what does not fit
    """

    def __init__(
        self, connection: Connection, channels: Sequence[VerifiedChannel], fold: Fold, findings: Findings
    ) -> None:
        self._connection, self._facts, self._findings = connection, fold.facts, findings
        self._channels = {channel.id: channel for channel in channels}
        self._files: dict[int, RowMapping] = {}  # rows, by number

    def run(self) -> Mapping[str, int]:
        """Reads all bytes; gives the numbers of rows. Memory: a few chunks, and some hundred bytes a file."""
        chunks = 0
        for row in rows(self._connection, select(attachments), attachments.c.number):
            self._files[row["number"]] = row
            chunks += self._check_file(row)
        self._check_numbers()
        return {
            "attachments": len(self._files),
            "attachment_totals": self._check_totals(),
            "attachment_chunks": chunks,
            "notice_attachments": self._check_named(),
        }

    def _check_numbers(self) -> None:
        last, highest = (
            self._connection.scalar(select(func.max(node.c.last_attachment))) or 0,
            max(self._files, default=0),
        )
        if highest > last:
            self._findings.add("node", f"has given attachments numbers up to {last}", str(highest))

    def _check_file(self, row: RowMapping) -> int:
        """Compares a file with its chunks; gives the number of these."""
        where = f"attachments {row['number']}"
        if bool(row["authority"]) == bool(row["peer"]):
            self._findings.add(where, "is of an authority and of a peer, or of neither")
        mine = select(attachment_chunks).where(attachment_chunks.c.attachment == row["number"])
        whole, size, count = sha256(), 0, 0
        for chunk in rows(self._connection, mine, attachment_chunks.c.index, page_rows=CHUNKS_AT_ONCE):
            count += 1
            data = bytes(chunk["data"])
            if sha256(data).digest() != chunk["sha256"]:
                self._findings.add(
                    f"attachment_chunks {row['number']} {chunk['index']}", "has another hash than its data"
                )
            if row["dropped"]:  # its chunks go one after the other
                continue
            if chunk["index"] != size // CHUNK or size % CHUNK:
                self._findings.add(
                    f"attachment_chunks {row['number']} {chunk['index']}", "does not follow on", str(size)
                )
            whole.update(data)
            size += len(data)
        if not row["dropped"]:
            self._compare(where, row, size, whole.digest())
        return count

    def _compare(self, where: str, row: RowMapping, size: int, digest: bytes) -> None:
        if row["stored_bytes"] != size or size > row["size_bytes"]:
            self._findings.add(where, f"has stored_bytes {row['stored_bytes']} of {row['size_bytes']}", str(size))
        if row["complete"] and (size, digest) != (row["size_bytes"], row["sha256"]):
            self._findings.add(where, "is said to be whole, and has other bytes than its digest", digest.hex())

    def _check_totals(self) -> int:
        """Compares what is kept of each owner's files with the files; gives the number of rows."""
        wanted: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * 5)
        for row in self._files.values():
            if not row["dropped"]:
                sums = wanted[row["authority"], row["peer"]]
                place = 0 if row["complete"] else 2
                sums[place] += 1
                sums[place + 1] += row["size_bytes"]
                sums[4] += 0 if row["complete"] else row["stored_bytes"]
        told = self._connection.execute(select(attachment_totals)).all()
        for authority, peer, *sums in told:
            if sums != wanted.pop((authority, peer), [0] * 5):
                self._findings.add(f"attachment_totals {authority or peer}", "are of other files")
        for authority, peer in wanted:
            self._findings.add(f"attachment_totals {authority or peer}", "are not there")
        return len(told)

    def _check_named(self) -> int:
        self._known = {_what(each) for each in self._files.values()}
        found: dict[str, list[RowMapping]] = {}
        key = (notice_attachments.c.notice, notice_attachments.c.ordinal)
        for row in rows(self._connection, select(notice_attachments), *key):
            found.setdefault(row["notice"], []).append(row)
        for name, facts in self._facts.items():
            self._check_notice(name, facts, found.get(name, []))
        for name in found.keys() - self._facts.keys():
            self._findings.add(f"notice_attachments {name}", "are of no notice that is here")
        return sum(map(len, found.values()))

    def _check_notice(self, name: str, facts: Facts, named: Sequence[RowMapping]) -> None:
        told = [(row["ordinal"], row["sha256"], row["size_bytes"]) for row in named]
        is_going = facts.destroyed is not None or not facts.is_kept_for_ever  # files go before the certificate
        if told != [(place, *each) for place, each in enumerate(facts.files)] and not (is_going and not told):
            self._findings.add(f"notice_attachments {name}", f"are {len(told)} others", f"{len(facts.files)}")
            return
        for row in named:
            self._check_tie(f"notice_attachments {name} {row['ordinal']}", facts, row)

    def _check_tie(self, where: str, facts: Facts, row: RowMapping) -> None:
        channel, tied = self._channels[facts.channel], self._files.get(row["attachment"])
        if channel.outgoing:
            authority = self._connection.scalar(
                select(notices.c.issuing_authority).where(notices.c.id == row["notice"])
            )
        else:
            authority = ""
        wanted = (authority, "" if channel.outgoing else channel.sender, row["sha256"], row["size_bytes"], False)
        if tied and _what(tied) != wanted:
            self._findings.add(where, "is tied to another file, or to another one's")
        if tied is None and wanted in self._known:
            self._findings.add(where, "is tied to no file", "the one that is here")


def _what(row: RowMapping) -> tuple[object, ...]:
    return (row["authority"], row["peer"], row["sha256"], row["size_bytes"], bool(row["dropped"]))
