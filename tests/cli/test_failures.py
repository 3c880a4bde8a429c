"""Every error ends with a documented exit code and a message for people; only a defect shows its traceback."""

from errno import ENOSPC

import pytest
from grpc import StatusCode
from regulator.exchange import errors as client

from gateway import errors
from gateway.cli.failures import told
from tests.cli.transcripts import run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.Malformed("x"), 2),
        (errors.Untrusted("x"), 1),
        (errors.BadProof("x"), 1),
        (errors.BadInput.of("title", "is required"), 2),
        (errors.AlreadyExists("x"), 2),
        (errors.Unavailable("x"), 4),
        (errors.ConfigError("x"), 5),
        (errors.StoreError("x"), 5),
        (errors.Corrupt("x"), 5),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), 2),
        (FileNotFoundError(2, "No such file or directory", "home"), 5),
        (client.ProfileError("ca", "is missing"), 2),
        (client.InvalidRequest("x", StatusCode.INVALID_ARGUMENT), 3),
        (client.InvalidRequest("it is larger than any node takes"), 2),
        (client.Unauthenticated("x", StatusCode.UNAUTHENTICATED), 3),
        (client.NotAllowed("x", StatusCode.PERMISSION_DENIED), 3),
        (client.NotFound("x", StatusCode.NOT_FOUND), 3),
        (client.AlreadyExists("x", StatusCode.ALREADY_EXISTS), 3),
        (client.WrongState("x", StatusCode.FAILED_PRECONDITION), 3),
        (client.Stale("x", StatusCode.ABORTED), 3),
        (client.Unsupported("x", StatusCode.UNIMPLEMENTED), 3),
        (client.NodeFailure("x", StatusCode.INTERNAL), 3),
        (client.Overloaded("x", StatusCode.RESOURCE_EXHAUSTED), 4),
        (client.Unavailable("x", StatusCode.UNAVAILABLE), 4),
        (client.DeadlineExceeded("x", StatusCode.DEADLINE_EXCEEDED), 4),
        (client.Cancelled("x", StatusCode.CANCELLED), 4),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_has_its_exit_code(error, code):
    failure = told(error)
    assert failure is not None
    assert failure.exit_code == code
    assert failure.message


@pytest.mark.parametrize("defect", [ValueError("x"), KeyError("x"), OSError("no file of ours")])
def test_a_defect_is_not_told_as_something_else(defect):
    assert told(defect) is None


def test_broken_rules_stand_on_a_line_each():
    details = client.Details(violations=(client.Violation("notice.title", "is required"), client.Violation("b", "c")))
    for error in (
        client.InvalidRequest("invalid", StatusCode.INVALID_ARGUMENT, details),
        errors.BadInput([errors.Violation("notice.title", "is required"), errors.Violation("b", "c")]),
    ):
        failure = told(error)
        assert failure is not None
        assert failure.message.splitlines()[1:] == ["notice.title: is required", "b: c"]


def test_a_refusal_ends_with_its_reason():
    details = client.Details(reason="REQUEST_ID_REUSED")
    failure = told(client.AlreadyExists("used before", StatusCode.ALREADY_EXISTS, details))
    assert failure is not None
    assert failure.message == "the node refused: used before (REQUEST_ID_REUSED)"


def test_what_a_rule_asks_for_is_told_as_the_command_line_does_it():
    details = client.Details(reason="APPROVAL_REQUIRED", metadata={"rule": "narrow"})
    failure = told(client.WrongState("make a draft with DraftService", StatusCode.FAILED_PRECONDITION, details))
    assert failure is not None
    said = "the rule 'narrow' of this node asks for four eyes: give --draft, and another identity releases it"
    assert failure.message == f"the node refused: {said} (APPROVAL_REQUIRED)"


def test_a_node_that_answers_was_reached():
    """Who reads that it was not looks at networks, where a disk is full."""
    details = client.Details(reason="UNAVAILABLE")
    for error, said in (
        (
            client.Unavailable("it cannot write", StatusCode.UNAVAILABLE, details),
            "the node answers, and cannot",
        ),
        (client.Unavailable("connection refused", StatusCode.UNAVAILABLE), "the node was not reached"),
        (client.DeadlineExceeded("Deadline Exceeded", StatusCode.DEADLINE_EXCEEDED), "the node did not answer in time"),
    ):
        failure = told(error)
        assert failure is not None
        assert failure.message.startswith(said)


@pytest.mark.parametrize(
    "error",
    [
        client.Unavailable("Socket closed", StatusCode.UNAVAILABLE),
        client.DeadlineExceeded("Deadline Exceeded", StatusCode.DEADLINE_EXCEEDED),
        client.Cancelled("CANCELLED", StatusCode.CANCELLED),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_write_of_which_nobody_knows_is_told_how_to_repeat_it(error):
    error.request_id = "0b6f2d9e-5a1c-4c1e-8d8e-3f6d1c0a7b21"
    failure = told(error)
    assert failure is not None
    said = f"it may be done all the same: repeat it with --request-id {error.request_id}"
    assert failure.message.splitlines()[1] == said


def test_an_output_for_which_there_is_no_room_is_no_defect():
    failure = told(OSError(ENOSPC, "No space left on device"))
    assert failure is not None
    said = "the output cannot be written: No space left on device; what was asked of a node may be done all the same"
    assert (failure.exit_code, failure.message) == (5, said)


def test_foreign_words_in_an_error_are_shown_and_not_obeyed(tmp_path):
    profile = tmp_path / "profile.toml"
    profile.write_text('"\\u001b[31m" = 1\n')
    ran = run("status", "--profile", profile)
    assert ran.code == 2
    assert r"\x1b[31m" in ran.err
    assert "\x1b" not in ran.err


def test_a_defect_shows_its_traceback(monkeypatch, tmp_path):
    monkeypatch.setattr("gateway.cli.certs.make_authorities", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("certs", "authority", tmp_path, "--jurisdiction", "HK", "--domain", "hk.example")
