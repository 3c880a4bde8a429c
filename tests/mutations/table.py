"""Invariants of the code, each broken on purpose, and the test of the suite that must find it."""

from tests.mutations.mutation import Mutation
from tests.mutations.of_assistance import OF_ASSISTANCE
from tests.mutations.of_callers import OF_CALLERS
from tests.mutations.of_evidence import OF_EVIDENCE
from tests.mutations.of_peers import OF_PEERS
from tests.mutations.of_streams import OF_STREAMS

MUTATIONS = (
    *OF_PEERS,
    # Durable first
    Mutation(
        "a receipt is made before the commit of what it is for",
        "gateway/ledger/receiver.py",
        "self._do(Commit(verified, self._not_before(), withheld=bool(self._uncertified)))",
        "self._do(Countersign(verified.head, 0), Commit(verified, 0))",
        "tests/ledger/test_receiver.py::test_a_batch_is_verified_committed_countersigned_and_only_then_answered",
    ),
    Mutation(
        "callers are answered before their commit is durable",
        "gateway/store/committer.py",
        "await self._elsewhere(self._session.commit)",
        "answer(group) or await self._elsewhere(self._session.commit)",
        "tests/store/test_failed_commits.py::test_a_commit_that_fails_is_answered_as_unknown_and_changes_nothing",
    ),
    Mutation(
        "SQLite is not told to sync",
        "gateway/store/engines/sqlite.py",
        '"synchronous=FULL",',
        '"synchronous=OFF",',
        "tests/store/test_database.py::test_sqlite_writes_survive_a_power_cut",
    ),
    Mutation(
        "after an error of the disk the node writes on",
        "gateway/store/committer.py",
        "if is_broken(error):",
        'if not str(getattr(error, "orig", "")):',
        "tests/store/test_failed_commits.py::test_an_error_of_the_disk_ends_the_writer_for_good",
    ),
    Mutation(
        "after a failed commit the writer goes on from what it believes, not from what is stored",
        "gateway/store/writer_session.py",
        "        self.latest = load(self.database, self.latest)\n",
        "",
        "tests/store/test_failed_commits.py::test_a_commit_that_persisted_though_it_failed_is_found_and_told",
    ),
    Mutation(
        "a writer that finds another one's rows goes on",
        "gateway/store/committer.py",
        "except IntegrityError as error:",
        "except ZeroDivisionError as error:",
        "tests/store/test_failed_commits.py::test_a_second_writer_of_other_rows_is_fenced_off_too",
    ),
    Mutation(
        "a replica takes what another one wrote, whatever it knew before",
        "gateway/store/commits.py",
        "if not tiles.extends(reader(connection, log), after, before):",
        "if after.size < before.size:",
        "tests/store/recovery/test_continuity.py::test_a_replica_finds_that_another_went_on_from_a_database_that_was_put_back",
    ),
    Mutation(
        "a node starts on a database that was put back as if nothing were missing",
        "gateway/store/recovery/continuity.py",
        "if lost or not is_known:",
        "if not is_known:",
        "tests/store/recovery/test_continuity.py::test_a_database_that_was_put_back_seals_nothing_before_its_peer_was_heard",
    ),
    Mutation(
        "who lost the lease of a channel writes on",
        "gateway/store/waiting.py",
        "fence = partial(require, transaction.connection, self.lease) if self.lease else None",
        "fence = None",
        "tests/store/test_leases.py::test_a_holder_whose_lease_was_taken_writes_nothing",
    ),
    Mutation(
        "a node whose disk failed closes its database",
        "gateway/node/node.py",
        "if isinstance(self.failure, BrokenStorage):",
        "if self.failure is self:",
        "tests/crash/test_system_calls.py::test_a_call_that_fails_or_kills_loses_nothing",
    ),
    Mutation(
        "what is committed into a file without a name is acknowledged",
        "gateway/store/database.py",
        "            self._in_place.require()",
        "            pass",
        "tests/store/engines/test_in_place.py::test_nothing_is_acknowledged_into_a_database_that_was_moved_away",
    ),
    Mutation(
        "an answer does not wait for its entry in the journal",
        "gateway/rpc/journaling.py",
        "await self._committer.journal(record.entry(JournalEntry.ANSWERED, told_in(answer)))",
        "asyncio.create_task(self._committer.journal(record.entry(JournalEntry.ANSWERED, told_in(answer))))",
        "tests/rpc/test_journaling.py::test_an_answer_that_cannot_be_told_is_not_given",
    ),
    # What is sealed
    Mutation(
        "every envelope has the same salt",
        "gateway/store/transaction.py",
        "Seal(self._random(SALT_BYTES), origin, self.now, author, approver)",
        "Seal(bytes(SALT_BYTES), origin, self.now, author, approver)",
        "tests/store/test_transaction.py::test_an_envelope_carries_a_salt_that_no_other_has",
    ),
    Mutation(
        "a halted channel seals on",
        "gateway/store/transaction.py",
        '{state.halt.reason}", channel=origin)\n        if (domain',
        '{state.halt.reason}", channel=origin) if not state else None\n        if (domain',
        "tests/store/test_transaction.py::test_a_halted_channel_seals_nothing_also_after_a_restart",
    ),
    Mutation(
        "a node seals with a clock that leapt",
        "gateway/store/transaction.py",
        "            self._require_sealing(domain)\n",
        "",
        "tests/store/test_clocks.py::test_a_store_seals_nothing_in_doubt_and_goes_on_with_all_else",
    ),
    Mutation(
        "the time of heads follows the clock back",
        "gateway/store/signing.py",
        "return max(now // MICROS, state.head.time if state.head else 0)",
        "return now // MICROS",
        "tests/store/test_committer.py::test_time_does_not_go_back_when_the_clock_does",
    ),
    Mutation(
        "the time of receipts follows the clock back",
        "gateway/ledger/receiver.py",
        "return max(self._receipt.time if self._receipt else 0, self._shown_time)",
        "return self._shown_time",
        "tests/ledger/test_receiver.py::test_its_own_last_receipt_counts_where_it_is_later_than_what_the_sender_shows",
    ),
    Mutation(
        "a restored node whose clock nothing confirms gives receipts",
        "gateway/store/writer_session.py",
        "        self.witnesses.require_known()\n",
        "",
        "tests/store/test_clocks.py::"
        "test_what_comes_while_nothing_tells_the_time_is_kept_and_has_its_receipt_once_something_does",
    ),
    Mutation(
        "what a peer signed far ahead of the time is kept",
        "gateway/carrier.py",
        "        require_come(signed, tx.now // MICROS)\n",
        "",
        "tests/store/test_exchanges.py::"
        "test_what_is_signed_more_than_an_hour_ahead_of_the_other_clock_is_not_kept_until_that_is_right",
    ),
    Mutation(
        "whoever stole keys of before holds receipts to a time far ahead",
        "gateway/ledger/times.py",
        "if not_before > max(known, now + MAX_SHOWN_SECONDS):",
        "if not_before < 0:",
        "tests/store/test_exchanges.py::"
        "test_keys_that_a_receiver_gave_up_hold_none_of_its_receipts_to_a_time_far_ahead",
    ),
    # What is told, and to whom
    Mutation(
        "a request_id alone says that a request was carried out",
        "gateway/commands/replays.py",
        "if known.digest != self.digest:",
        "if not self.digest:",
        "tests/store/drafts/test_refusals.py::test_each_request_is_carried_out_once",
    ),
    Mutation(
        "who wrote a draft may approve it",
        "gateway/supervision/approval.py",
        "elif author.client == reviewer.client:",
        "elif not reviewer.client:",
        "tests/store/drafts/test_refusals.py::test_nobody_approves_what_he_wrote",
    ),
    Mutation(
        "one listing does not ask what its reader is cleared for",
        "gateway/store/notice_queries.py",
        "conditions = (*_conditions(wanted), *visible_notices(scope))",
        "conditions = (*_conditions(wanted),)",
        "tests/store/test_visibility.py::test_a_page_is_full_whatever_is_hidden_between",
    ),
    Mutation(
        "revoked certificates are accepted",
        "gateway/identity/certificates/revocation.py",
        "if self.revoked_since(certificate, identity, issuer):",
        "if self.refuse_stale and self.revoked_since(certificate, identity, issuer):",
        "tests/identity/certificates/test_revocation.py::test_a_certificate_on_the_list_of_its_authority_is_refused_and_no_other",
    ),
    Mutation(
        "a peer without post-quantum key exchange is taken",
        "gateway/rpc/admission.py",
        'if _only(session, "ssl_negotiated_key_exchange_group") != HYBRID_GROUP:',
        'if not _only(session, "ssl_negotiated_key_exchange_group"):',
        "tests/rpc/test_handshakes.py::test_a_paired_node_without_post_quantum_key_exchange_is_refused",
    ),
    Mutation(
        "a watch leaves out the event after its cursor",
        "gateway/store/event_queries.py",
        'events.c.cursor > bindparam("after", type_=BIG),',
        'events.c.cursor > bindparam("after", type_=BIG) + 1,',
        "tests/store/test_event_queries.py::test_events_follow_a_cursor_without_gap_or_repeat",
    ),
    Mutation(
        "a notice counts as delivered without a receipt",
        "gateway/ledger/sender.py",
        "        self._unreceipted.append(",
        "        self._do(StoreReceipt(Receipt(head, loaded.batch.checkpoint, 0)))\n        self._unreceipted.append(",
        "tests/ledger/test_sender.py::test_batches_are_sent_one_after_another_as_they_are_loaded",
    ),
    # Found by simulated schedules, or looked for by them
    Mutation(
        "a draft that has changed since it was read may be approved",
        "gateway/supervision/drafts.py",
        "if etag and etag != etag_of(record):",
        "if etag and not record.revision:",
        "tests/supervision/test_drafts.py::test_a_draft_that_was_not_the_one_read_is_not_acted_upon",
    ),
    Mutation(
        "an etag is the same of a draft that says something else",
        "gateway/supervision/drafts.py",
        "json.dumps(told).encode() + said)",
        "json.dumps(told).encode())",
        "tests/supervision/test_drafts.py::test_an_etag_is_another_one_of_a_draft_that_was_changed_past_the_node",
    ),
    Mutation(
        "a check passes a release of another draft than its author wrote",
        "gateway/store/reverify/drafts_fold.py",
        "history.changed or entry.draft_digest != history.digest",
        "history.changed",
        "tests/store/drafts/test_draft_checks.py::test_a_check_finds_that_another_draft_was_released_than_its_author_wrote",
    ),
    Mutation(
        "a draft that was approved may be approved again",
        "gateway/supervision/drafts.py",
        "    (Draft.PENDING_APPROVAL, Step.REJECT): Draft.REJECTED,\n",
        "    (Draft.PENDING_APPROVAL, Step.REJECT): Draft.REJECTED,\n"
        "    (Draft.RELEASED, Step.APPROVE): Draft.RELEASED,\n",
        "tests/supervision/test_drafts.py::test_every_state_but_unspecified_has_its_steps_or_is_final",
    ),
    Mutation(
        "a notice counts as delivered before its files",
        "gateway/supervision/notices/states.py",
        "not (record.attachment_count or is_hash_alone)",
        "not is_hash_alone",
        "tests/supervision/notices/test_states.py::test_a_notice_with_attachments_is_delivered_once_its_receiver_has_them",
    ),
    Mutation(
        "a receiver says that it holds all files before it does",
        "gateway/store/attachments/queries.py",
        ".where(known, ~lacking)",
        ".where(known)",
        "tests/simulation/nodes/test_files.py::test_whoever_says_that_files_are_there_has_them_whatever_breaks",
    ),
    Mutation(
        "bytes of another digest are kept for a file",
        "gateway/commands/attachments/storage.py",
        "is_right = await self._digest(record) == record.sha256",
        "is_right = bool(await self._digest(record))",
        "tests/store/test_carrying.py::test_wrong_bytes_are_dropped_told_and_wanted_again_later",
    ),
    Mutation(
        "a file is deleted that a notice names",
        "gateway/commands/attachments/sight.py",
        "if notices := naming(tx, record):",
        "if notices := naming(tx, record)[:0]:",
        "tests/store/test_deleting.py::test_what_a_notice_names_is_kept_and_that_named_to_who_may_see_it",
    ),
    Mutation(
        "a stream goes on with another file that has the number of one that is gone",
        "gateway/store/attachments/writing.py",
        "values(last_attachment=max(each.number for each in new))",
        "values(last_attachment=0)",
        "tests/store/attachments/test_attachments.py::test_who_still_reads_or_sends_a_file_that_is_gone_gets_at_no_other_one",
    ),
    Mutation(
        "a notice is passed on to others than its consent was granted for",
        "gateway/supervision/sharing/coverage.py",
        "if not passing.recipients <= consent.recipients:",
        "if not passing.recipients:",
        "tests/supervision/sharing/test_coverage.py::test_it_is_said_why_a_consent_covers_not",
    ),
    Mutation(
        "a batch with destroyed content goes on beyond the newest receipt",
        "gateway/store/logs.py",
        "    if destroyed:  # their receiver",
        "    if not sizes:  # their receiver",
        "tests/store/test_destruction_restored.py::test_a_receiver_that_lost_all_takes_hashes_before_what_it_never_countersigned",
    ),
    Mutation(
        "a receiver that was put back dates its receipts before those that it lost",
        "gateway/ledger/receiver.py",
        "self._shown_time = self._time_of_own(hello.receipt)",
        "self._time_of_own(hello.receipt)",
        "tests/simulation/test_rollbacks.py::"
        "test_what_a_rolled_back_receiver_with_another_clock_gives_receipts_for_is_delivered",
    ),
    Mutation(
        "own replies that come back before what they reply to count for nothing",
        "gateway/store/transaction.py",
        "elif early := self._early(reverse_of(origin)):",
        "elif early := self._early(reverse_of(origin))[:0]:",
        "tests/store/test_exchanges.py::test_replies_that_come_back_before_what_they_reply_to_count_once_that_is_there",
    ),
    Mutation(
        "a rolled-back receiver whose clock is behind is refused for good",
        "gateway/ledger/sender.py",
        "        if not self._goes_back(receipt):\n",
        "        if receipt:\n",
        "tests/ledger/test_sender.py::"
        "test_a_rolled_back_peer_whose_clock_is_behind_is_sent_on_and_its_receipt_for_more_is_not_kept",
    ),
    # Found by real faults
    Mutation(
        "a node starts on a write-ahead log that is damaged amid commits",
        "gateway/store/engines/sqlite.py",
        "    if lost > 1:",
        "    if lost > 1_000_000:",
        "tests/store/test_damaged_logs.py::test_a_bit_that_hides_envelopes_is_always_told",
    ),
    Mutation(
        "a node seals on where the last commit of the log may be lost",
        "gateway/store/recovery/continuity.py",
        'damaged = LOST_COMMIT if self._database.lost_commit else ""',
        'damaged = ""',
        "tests/crash/test_damage.py::"
        "test_a_log_whose_last_commit_is_damaged_keeps_the_node_from_sealing_until_its_peer_was_heard",
    ),
    Mutation(
        "no room is kept for the index of the write-ahead log",
        "gateway/store/engines/wal_index.py",
        "os.posix_fallocate(self._file, 0, ROOM_BYTES)",
        "pass",
        "tests/store/engines/test_full_disks.py::test_the_room_of_the_index_is_kept_for_as_long_as_a_writer_is_there",
    ),
    Mutation(
        "what a seal signed beyond its end shows no fork",
        "gateway/ledger/sender.py",
        "return open_checkpoint(note, self.seals.origin, self.seals.sender.regardless())",
        "return open_checkpoint(note, self.seals.origin, self.seals.sender)",
        "tests/store/test_seal_forks.py::"
        "test_a_sender_that_turned_its_seal_after_its_disk_was_put_back_halts_as_forked",
    ),
    Mutation(
        "a sender greets with a head that its receiver cannot know",
        "gateway/ledger/sender.py",
        "shown = self._turned or self._head",
        "shown = self._head",
        "tests/store/test_seal_forks.py::"
        "test_a_sender_that_turned_its_seal_after_its_disk_was_put_back_halts_as_forked",
    ),
    *OF_ASSISTANCE,
    *OF_CALLERS,
    *OF_EVIDENCE,
    *OF_STREAMS,
)
