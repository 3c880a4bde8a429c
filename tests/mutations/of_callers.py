"""Mutations of what keeps callers from more than their share, from what is hidden, and from saying what is not so."""

from tests.mutations.mutation import Mutation

OF_CALLERS = (
    Mutation(
        "one person alone ends all rules of a sector that needs four eyes",
        "gateway/commands/framework_sealing.py",
        "yield from proposed_version(version.content, replaced)",
        "yield from proposed_version(version.content)",
        "tests/store/drafts/test_drafts.py::test_a_version_that_ends_all_rules_of_a_sector_is_of_that_sector_too",
    ),
    Mutation(
        "evidence takes a certificate of another history for one beside its receipt",
        "gateway/identity/evidence/evidence.py",
        "if self._hash_alone and Evidence.parse(self._material.destruction).note != self._evidence.note:",
        "if False:",
        "tests/identity/evidence/test_evidence.py::test_what_says_so_in_another_history_is_refused",
    ),
    Mutation(
        "what a sender wrote in place of a name stands in a verdict as it is",
        "gateway/identity/evidence/evidence.py",
        "return name if _WORD.fullmatch(name) else",
        "return name or",
        "tests/identity/evidence/test_evidence.py::test_what_a_sender_wrote_in_place_of_a_name_does_not_read_as_what_is_proven",
    ),
    Mutation(
        "two nodes under one root are paired",
        "gateway/home/pairing.py",
        'if share_a_root(document.node_authorities, home.roots("node-authority")):',
        "if False:",
        "tests/cli/test_pair.py::test_two_nodes_under_one_root_are_not_paired",
    ),
    Mutation(
        "what a caller asked for that has gone is kept until its turn",
        "gateway/store/waiting.py",
        "if bounded and future in self._waiting:",
        "if False:",
        "tests/store/test_committer.py::test_of_callers_that_go_away_before_their_turn_nothing_is_kept",
    ),
    Mutation(
        "a turn is given back while a thread works on",
        "gateway/threads.py",
        "await asyncio.wait([working])\n        working.exception()",
        "pass",
        "tests/test_threads.py::test_who_hangs_up_keeps_its_turn_until_the_work_is_done",
    ),
    Mutation(
        "a notice is tied to any copy of a file that it names",
        "gateway/commands/notice_sealing.py",
        "        if content.attachments:\n",
        "        if False:\n",
        "tests/store/attachments/test_copies.py::test_the_own_copy_is_the_one_that_the_own_notice_names",
    ),
    Mutation(
        "the digest of what an expired draft said is kept",
        "gateway/store/writing.py",
        "        forget_expired(connection, self._changes.drafts.values())\n",
        "",
        "tests/store/drafts/test_drafts.py::"
        "test_of_a_draft_that_expired_not_even_a_digest_is_left_that_lets_one_try_out_what_it_said",
    ),
    Mutation(
        "drafts are listed to another authority that is cleared for some",
        "gateway/store/visibility.py",
        "    return [own, or_(columns.tlp",
        "    return [or_(columns.tlp",
        "tests/store/drafts/test_refusals.py::test_another_authority_and_the_uncleared_learn_nothing",
    ),
    Mutation(
        "an answer of a stream goes out without a look at who reads it",
        "gateway/rpc/guard.py",
        "                                ask()\n                                await send_to_its_end(",
        "                                await send_to_its_end(",
        "tests/rpc/test_guard.py::test_who_may_no_more_is_told_nothing_after_that_however_soon_it_comes",
    ),
    Mutation(
        "a message of a stream is taken without a look at who sends it",
        "gateway/rpc/guard.py",
        "            ask()\n            async with AsyncExitStack() as in_hand:",
        "            async with AsyncExitStack() as in_hand:",
        "tests/rpc/test_guard.py::test_of_who_may_no_more_no_message_is_taken_however_soon_it_comes",
    ),
    Mutation(
        "a connection may have any number of streams at once",
        "gateway/rpc/server.py",
        '        ("grpc.max_concurrent_streams", MAX_STREAMS_A_CONNECTION),\n',
        "",
        "tests/rpc/test_server.py::test_a_connection_is_told_how_many_streams_and_how_much_metadata_it_may_have",
    ),
    Mutation(
        "a connection is never closed for its age",
        "gateway/rpc/server.py",
        '        ("grpc.max_connection_age_ms", listener.max_connection_age_seconds * 1000),\n',
        "",
        "tests/rpc/test_server.py::test_a_connection_is_closed_gently_once_it_is_old",
    ),
    Mutation(
        "a port is shared with the process that has it",
        "gateway/rpc/server.py",
        '("grpc.so_reuseport", 0)',
        '("grpc.so_reuseport", 1)',
        "tests/node/test_node.py::test_a_port_that_is_taken_is_no_reason_not_to_start_the_node_again",
    ),
    Mutation(
        "a listener takes new connections by roots that it cannot read any more",
        "gateway/node/trust.py",
        "if failing_seconds > self._home.config.revocation.refuse_after_seconds:",
        "if False:",
        "tests/node/test_trust.py::test_after_an_hour_of_roots_that_cannot_be_read_a_listener_trusts_nobody_new",
    ),
    Mutation(
        "a reader is told of alarms",
        "gateway/questions/standing.py",
        "alarms=map(_alarm, self._alarms.current()) if is_looking_after else (),",
        "alarms=map(_alarm, self._alarms.current()),",
        "tests/questions/test_standing.py::"
        "test_alarms_replicas_and_what_files_take_are_told_to_who_looks_after_the_node",
    ),
)
