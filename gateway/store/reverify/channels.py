"""Verifies one log: every leaf, stored subtree, root, signature and receipt, and the channel's own row."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, select

from gateway.identity.pairing.parties import Party
from gateway.store.reverify.forks import check_forks
from gateway.store.reverify.notes import NoteFault, OpenedNote, is_cosigned, open_note
from gateway.store.reverify.report import ChannelCount, Findings
from gateway.store.reverify.seals import of_any_history, read_turns
from gateway.store.reverify.seen import Seen, SeenLog
from gateway.store.reverify.subtrees import SubtreeCheck
from gateway.store.reverify.tree import Tree, hash_of_leaf
from gateway.store.scanning import rows
from gateway.store.tables import halt_evidence, heads, leaves

_EVIDENCE = {"FORKED": 2, "SENDER_ROLLED_BACK": 1}  # notes kept with a halt, by its reason; with others none


@dataclass(slots=True)
class VerifiedChannel:
    """A channel, and the receipts of its log at 16 bytes each.

    Attributes:
        halt: reason and detail, as its event tells them; empty: it is open
        receipt_sizes: in order
        receipt_times: seconds since 1970
        destroyed: indexes of envelopes whose content is destroyed, so that their bytes have no hash to compare
    """

    id: int
    origin: str
    sender: str
    recipient: str
    outgoing: bool
    halt: str
    size: int = 0
    heads: int = 0
    receipt_sizes: "array[int]" = field(default_factory=lambda: array("q"))
    receipt_times: "array[int]" = field(default_factory=lambda: array("q"))
    destroyed: set[int] = field(default_factory=set)

    def first_receipt(self, index: int) -> tuple[int, int] | None:
        """Size and time of the first receipt that covers an envelope; None: there is none."""
        place = bisect_right(self.receipt_sizes, index)
        return (self.receipt_sizes[place], self.receipt_times[place]) if place < len(self.receipt_sizes) else None

    def receipt_time(self, index: int) -> int | None:
        """When that was signed, in seconds since 1970; None: there is none."""
        receipt = self.first_receipt(index)
        return receipt[1] if receipt else None

    def count(self) -> ChannelCount:
        """Gives what was verified."""
        receipted = self.receipt_sizes[-1] if self.receipt_sizes else 0
        return ChannelCount(self.origin, self.size, self.heads, len(self.receipt_sizes), receipted, len(self.destroyed))


class ChannelCheck:
    """Verifies one channel.

    Args:
        connection: in one snapshot
        row: of ``channels``
        parties: sender and receiver
        outgoing: whether the sender is this node
        seen: how far this node saw its logs; one that has halted may have given that up
        findings: what does not fit goes here
    """

    def __init__(
        self,
        connection: Connection,
        row: RowMapping,
        parties: tuple[Party, Party],
        outgoing: bool,
        seen: Seen,
        findings: Findings,
    ) -> None:
        sender, receiver = parties
        self._connection, self._row, self._findings = connection, row, findings
        self._sender = read_turns(connection, row["id"], sender, cosigner=False, findings=findings)
        self._forker = of_any_history(self._sender, sender)
        self._receiver = read_turns(connection, row["id"], receiver, cosigner=True, findings=findings)
        self._cosigner = of_any_history(self._receiver, receiver)
        halt = f"{row['halt_reason']}: {row['halt_detail']}" if row["halt_reason"] else ""
        self._channel = VerifiedChannel(
            row["id"], row["origin"], sender.jurisdiction, receiver.jurisdiction, outgoing, halt
        )
        self._tree = Tree()
        self._seen = SeenLog(row["origin"], None if halt else seen.logs.get(row["origin"]), findings)
        self._subtrees = SubtreeCheck(connection, row["id"], row["origin"], findings)
        self._newest_head = 0  # its size, so far
        self._times = (0, 0)  # of the newest head and receipt so far, seconds since 1970

    def run(self) -> VerifiedChannel:
        """Walks the log once; gives what later checks need of it."""
        mine, channel = leaves.c.channel == self._channel.id, self._channel
        stored = rows(self._connection, select(heads).where(heads.c.channel == channel.id), heads.c.size)
        head = self._take_heads(stored, next(stored, None))
        for leaf in rows(self._connection, select(leaves).where(mine), leaves.c.index):
            self._take_leaf(leaf)
            head = self._take_heads(stored, head)
        channel.size = self._tree.size
        while head:
            self._findings.add(f"heads {channel.origin} {head['size']}", "covers more than the log holds")
            head = next(stored, None)
        self._subtrees.finish()
        self._seen.finish(self._tree)
        self._check_row()
        self._check_evidence()
        return channel

    # --- leaves and heads -----------------------------------------------------------------------------------------

    def _take_leaf(self, leaf: RowMapping) -> None:
        where, computed = f"leaves {self._channel.origin} {leaf['index']}", hash_of_leaf(leaf["data"])
        if leaf["destroyed"]:  # its hash is proven by the roots alone, what is left of it by a certificate
            computed = bytes(leaf["hash"])
            self._channel.destroyed.add(leaf["index"])
        if leaf["index"] != self._tree.size:
            self._findings.add(where, "does not follow on the one before", f"index {self._tree.size}")
        if leaf["hash"] != computed:
            self._findings.add(where, "has another hash than its data", computed.hex())
        for level, index, node in self._tree.add(computed):
            self._subtrees.take(level, index, node)
        self._seen.at(self._tree)

    def _take_heads(self, stored: Iterator[RowMapping], head: RowMapping | None) -> RowMapping | None:
        """Takes those up to the size that the walk has reached; gives the next one."""
        while head and head["size"] <= self._tree.size:
            self._take_head(head)
            self._newest_head = head["size"]
            head = next(stored, None)
        return head

    def _take_head(self, head: RowMapping) -> None:
        where, time = f"heads {self._channel.origin} {head['size']}", head["receipt_time"]
        self._channel.heads += 1
        try:
            receiver = None if time is None else self._receiver
            self._compare_head(where, head, open_note(head["note"], self._channel.origin, self._sender, receiver))
        except NoteFault as fault:
            self._findings.add(where, str(fault))
        if time is not None:
            self._channel.receipt_sizes.append(head["size"])
            self._channel.receipt_times.append(time)

    def _compare_head(self, where: str, head: RowMapping, note: OpenedNote) -> None:
        if not note.size == head["size"] == self._tree.size:
            self._findings.add(where, f"is a checkpoint of {note.size} envelopes", f"one of {head['size']}")
        elif note.root != self._tree.root():
            self._findings.add(where, "commits to another log", f"root {self._tree.root().hex()}")
        if note.received_at != head["receipt_time"]:
            self._findings.add(where, f"has receipt_time {head['receipt_time']}", str(note.received_at))
        times = (note.sent_at, note.received_at or self._times[1])
        if times[0] < self._times[0] or times[1] < self._times[1]:
            self._findings.add(where, "was signed before an earlier one", "times that never go back")
        self._times = times

    # --- the channel's row, and the evidence of a halt --------------------------------------------------------------

    def _check_row(self) -> None:
        row, channel, size = self._row, self._channel, self._tree.size
        expected = {
            "sender": channel.sender,
            "recipient": channel.recipient,
            "outgoing": channel.outgoing,
            "size": size,
            "edge": self._tree.edge(),
        }
        self._findings.compare(f"channels {channel.origin}", row, expected)
        if size and self._newest_head != size:
            self._findings.add(f"heads {channel.origin} {size}", "is missing", "a head of the whole log")

    def _check_evidence(self) -> None:
        reason, name = self._row["halt_reason"], f"halt_evidence {self._channel.origin}"
        kept = select(halt_evidence).where(halt_evidence.c.channel == self._channel.id)
        found = self._connection.execute(kept.order_by(halt_evidence.c.ordinal)).mappings().all()
        # A sender with an empty log has no head to lay beside the one that contradicts it.
        least = min(_EVIDENCE.get(reason, 0), 2 if self._tree.size else 1)
        if [row["ordinal"] for row in found] != list(range(len(found))) or len(found) < least:
            self._findings.add(name, f"holds {len(found)} notes", f"{least} from 0 on, for {reason}")
        if found and not reason:
            self._findings.add(name, "is there, and the channel has not halted")
        is_forked = reason == "FORKED" and len({bytes(row["note"]).partition(b"\n\n")[0] for row in found}) > 1
        check_forks(self._connection, self._channel.id, self._channel.origin, self._forker, is_forked, self._findings)
        for row in found:  # they are of another history, or of more than is here: of a seal that no row tells yet, too
            try:
                receiver = self._cosigner if reason == "SENDER_ROLLED_BACK" and is_cosigned(row["note"]) else None
                open_note(row["note"], self._channel.origin, self._forker, receiver, cut=receiver is None)
            except NoteFault as fault:
                self._findings.add(f"{name} {row['ordinal']}", str(fault))
