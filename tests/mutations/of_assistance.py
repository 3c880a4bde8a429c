"""Mutations of what decides who may answer a request for assistance, when, and what becomes of its case."""

from tests.mutations.mutation import Mutation

OF_ASSISTANCE = (
    Mutation(
        "an answer is taken to a case that is closed",
        "gateway/supervision/acts/assistance.py",
        "    if state in CLOSED:",
        "    if False:",
        "tests/commands/test_assistance.py::test_a_closed_case_takes_no_answer_until_what_closed_it_is_gone",
    ),
    Mutation(
        "another authority answers than the one that was asked",
        "gateway/supervision/acts/assistance.py",
        'if asked.authority not in ("", content.issuing_authority):',
        "if False:",
        "tests/commands/test_assistance.py::test_only_authors_of_the_authority_that_was_asked_answer",
    ),
    Mutation(
        "an answer goes to another than who asked",
        "gateway/supervision/acts/assistance.py",
        " or asked.notice.sender != recipient:",
        ":",
        "tests/supervision/notices/test_assistance.py::test_an_answer_is_to_a_request_of_its_recipient",
    ),
    Mutation(
        "an answer that was withdrawn closes a case",
        "gateway/supervision/notices/assistance.py",
        "standing = (each.outcome for each in answers if each.state not in ENDED)",
        "standing = (each.outcome for each in answers)",
        "tests/supervision/notices/test_assistance.py::test_a_case_is_in_the_state_of_the_highest_answer_that_stands",
    ),
    Mutation(
        "of two answers in one commit none knows the other",
        "gateway/store/reading.py",
        "return with_written(read_answers(self._connection, request.id), request, written)",
        "return read_answers(self._connection, request.id)",
        "tests/commands/test_assistance.py::test_two_answers_that_close_a_case_in_one_commit_are_one",
    ),
    Mutation(
        "what its sender answers itself counts",
        "gateway/store/assistance/rows.py",
        "    & (answers.c.sender == notices.c.recipient)\n    & (answers.c.recipient == notices.c.sender)\n",
        "",
        "tests/store/assistance/test_assistance.py::test_what_is_no_answer_to_it_changes_no_case",
    ),
    Mutation(
        "answers above the clearance are told",
        "gateway/store/assistance/queries.py",
        "newest = (asked if scope.is_unlimited else asked.where(seen)).subquery()",
        "newest = asked.subquery()",
        "tests/store/assistance/test_assistance.py::test_answers_that_may_not_be_seen_are_left_out_and_count",
    ),
    Mutation(
        "what an authority may answer is what asks it by name alone",
        "gateway/store/assistance/queries.py",
        '.in_(("", wanted.answerable_by))',
        " == wanted.answerable_by",
        "tests/store/assistance/test_assistance.py::test_what_an_authority_may_answer_is_listed_with_what_names_none",
    ),
)
