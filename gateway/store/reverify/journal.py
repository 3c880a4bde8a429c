"""Verifies the access journal: every leaf, stored subtree, the root and signatures of its head, and its own row."""

from collections.abc import Callable, Sequence

from google.protobuf.message import DecodeError
from regulator.exchange.v1.journal_pb2 import JournalEntry
from sqlalchemy import Connection, select

from gateway.identity.pairing.parties import Party
from gateway.store.reverify.notes import NoteFault, OpenedNote, Turns, open_note
from gateway.store.reverify.report import Findings, JournalCount
from gateway.store.reverify.seals import keys_in
from gateway.store.reverify.seen import Seen, SeenLog
from gateway.store.reverify.subtrees import SubtreeCheck
from gateway.store.reverify.tree import Tree, hash_of_leaf
from gateway.store.scanning import rows
from gateway.store.tables import channels, heads, leaves, seals
from gateway.words import so_many

_ROW = 0  # of ``channels``
_SALT_BYTES = 16
_ANY_SIZE = 1 << 63


class JournalCheck:
    """Verifies the journal of one node.

    What a head does not cover is not proven: so it may only be what was written in the second of its signature, or
    while the clock was set back. But while the token that has a key of the seal is away, outside of the time of its
    certificates, and by a replica whose home lacks it, nothing is signed: such entries are counted, and nobody can tell
    whether the node wrote them.

    Args:
        connection: in one snapshot
        own: this node, as the home has it
        seen: how far this node saw its logs
        take: are given each entry, in order
        findings: what does not fit goes here
    """

    def __init__(
        self,
        connection: Connection,
        own: Party,
        seen: Seen,
        take: Sequence[Callable[[JournalEntry], None]],
        findings: Findings,
    ) -> None:
        self._connection, self._own, self._take_entry, self._findings = connection, own, take, findings
        self._origin = f"{own.domain}/journal"
        self._tree = Tree()
        self._seen = SeenLog(self._origin, seen.logs.get(self._origin), findings)
        self._waiting = 0
        self._is_never_signed = self._lacks_head = False
        self._subtrees = SubtreeCheck(connection, _ROW, self._origin, findings)

    def run(self) -> JournalCount:
        """Walks the log once."""
        head, self._lacks_seal = self._head(), self._is_seal_elsewhere()
        for leaf in rows(self._connection, select(leaves).where(leaves.c.channel == _ROW), leaves.c.index):
            if leaf["destroyed"]:
                self._findings.add(
                    f"leaves {self._origin} {leaf['index']}", "is marked as destroyed, as no entry may be"
                )
            self._take(leaf["index"], leaf["hash"], leaf["data"], head)
            if head and head.size == self._tree.size and head.root != self._tree.root():
                self._findings.add(f"heads {self._origin} {head.size}", "commits to another log")
        self._subtrees.finish()
        self._seen.finish(self._tree)
        if self._waiting:
            entries = so_many(self._waiting, "entry", "entries")
            elsewhere = "; the one in force is not in this home: check where it is" if self._lacks_seal else ""
            self._findings.unproven.append(
                f"the newest {entries} of the journal: not signed by the seal yet{elsewhere}"
            )
        if self._lacks_head:
            self._findings.add(f"heads {self._origin}", "has 0 rows", "the newest head alone")
        size = self._tree.size
        if head and head.size > size:
            self._findings.add(f"heads {self._origin} {head.size}", "covers more than the log holds", f"{size}")
        self._check_row()
        return JournalCount(self._origin, size, head.size if head else 0, self._waiting)

    def _head(self) -> OpenedNote | None:
        stored = self._connection.execute(select(heads).where(heads.c.channel == _ROW)).mappings().all()
        where = f"heads {self._origin}"
        is_empty = self._connection.scalar(select(leaves.c.index).where(leaves.c.channel == _ROW).limit(1)) is None
        self._is_never_signed = not stored
        if len(stored) > (0 if is_empty else 1):
            self._findings.add(where, f"has {len(stored)} rows", "the newest head alone")
        for row in stored:
            try:
                note = open_note(row["note"], self._origin, self._own_turns(), None)
            except NoteFault as fault:
                self._findings.add(where, str(fault))
            else:
                if note.size != row["size"] or row["receipt_time"] is not None:
                    self._findings.add(where, f"is a checkpoint of {note.size} entries", f"one of {row['size']}")
                return note
        return None

    def _is_seal_elsewhere(self) -> bool:
        """Whether every channel of this node tells of a later seal than the home has: another replica has that."""
        mine = select(seals).join(channels, channels.c.id == seals.c.channel)
        stored = mine.where(channels.c.outgoing, seals.c.cosigner.is_(False)).order_by(seals.c.ordinal)
        newest = {row["channel"]: row for row in self._connection.execute(stored).mappings()}
        held = self._own.seal.certificates
        return bool(newest) and all(
            (bytes(row["ed25519_certificate"]), bytes(row["ml_dsa_44_certificate"])) != held for row in newest.values()
        )

    def _own_turns(self) -> Turns:
        """Every seal that this node has had: which of them signs the journal, and from where on, it does not tell."""
        stored = select(seals).join(channels, channels.c.id == seals.c.channel)
        rows = self._connection.execute(stored.where(channels.c.outgoing, seals.c.cosigner.is_(False))).mappings()
        brought = [(bytes(row["ed25519_certificate"]), bytes(row["ml_dsa_44_certificate"])) for row in rows]
        named = [each.certificates for each in (self._own.seal, *self._own.earlier_seals)]
        return Turns([(_ANY_SIZE, keys_in(each, self._own.domain)) for each in [*named, *brought]])

    def _take(self, index: int, stored: bytes, data: bytes, head: OpenedNote | None) -> None:
        where, computed = f"leaves {self._origin} {index}", hash_of_leaf(data)
        if index != self._tree.size:
            self._findings.add(where, "does not follow on the one before", f"index {self._tree.size}")
        if stored != computed:
            self._findings.add(where, "has another hash than its data", computed.hex())
        for level, place, node in self._tree.add(computed):
            self._subtrees.take(level, place, node)
        entry = self._entry(where, data)
        self._seen.at(self._tree)
        if entry:
            for take in self._take_entry:
                take(entry)
        if entry and self._is_never_signed:
            self._take_unsigned(where, entry, has_head=False)
        elif entry and head and self._tree.size > head.size and entry.time.seconds > head.sent_at:
            self._take_unsigned(where, entry, has_head=True)

    def _take_unsigned(self, where: str, entry: JournalEntry, *, has_head: bool) -> None:
        """Of one that no head covers. A token that was there as the node started has signed a first one."""
        seal = self._own.seal
        is_out_of_time = not seal.not_before <= entry.time.seconds <= seal.not_after
        if is_out_of_time or self._lacks_seal or (has_head and self._own.seal_in_token):
            self._waiting += 1
        elif has_head:
            self._findings.add(where, "is under no signed head", "one that covers it")
        else:
            self._lacks_head = True

    def _entry(self, where: str, data: bytes) -> JournalEntry | None:
        try:
            entry = JournalEntry.FromString(data)
        except DecodeError:
            self._findings.add(where, "is no entry of a journal")
            return None
        if len(entry.salt) != _SALT_BYTES:
            self._findings.add(where, "has a salt that is too short", f"{_SALT_BYTES} random bytes")
        return entry

    def _check_row(self) -> None:
        row = self._connection.execute(select(channels).where(channels.c.id == _ROW)).mappings().first()
        own, where = self._own.jurisdiction, f"channels {self._origin}"
        if row is None:
            self._findings.add(where, "is not there")
            return
        expected = {
            "origin": self._origin,
            "sender": own,
            "recipient": own,
            "outgoing": True,
            "size": self._tree.size,
            "edge": self._tree.edge(),
            "halt_reason": "",
            "halt_detail": "",
        }
        self._findings.compare(where, row, expected)
