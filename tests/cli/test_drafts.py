"""Whoever approves a version of rules is shown what it changes, as far as it may read the rules."""

from pathlib import Path

import pytest
from regulator.exchange import Client, ExchangeError, NotAllowed, NotFound
from regulator.exchange.v1.draft_service_pb2 import Draft
from regulator.exchange.v1.framework_pb2 import FrameworkChangeSet, FrameworkVersionContent
from regulator.exchange.v1.framework_service_pb2 import Framework, FrameworkVersion, PublishVersionRequest

from tests.cli.sites import profile_of_nobody
from tests.cli.transcripts import run
from tests.supervision.framework_samples import provision, version


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return profile_of_nobody(tmp_path)


def shown(monkeypatch: pytest.MonkeyPatch, profile: Path, request: PublishVersionRequest, *options: str) -> str:
    draft = Draft(name="drafts/hk-1", publish_version=request, state=Draft.PENDING_APPROVAL)
    monkeypatch.setattr(Client, "get_draft", lambda *_: draft)
    ran = run("draft", "show", "hk-1", "--profile", profile, *options)
    assert ran.code == 0
    return ran.out


def knows(monkeypatch: pytest.MonkeyPatch, newest: FrameworkVersionContent | ExchangeError) -> None:
    def get_framework(*_: object) -> Framework:
        if isinstance(newest, ExchangeError):
            raise newest
        return Framework(latest_version=7)

    def get_version(_: Client, name: str, number: int, *, full: bool) -> FrameworkVersion:
        assert (name, number, full) == ("frameworks/hk-x", 7, True)
        assert isinstance(newest, FrameworkVersionContent)
        return FrameworkVersion(content=newest)

    monkeypatch.setattr(Client, "get_framework", get_framework)
    monkeypatch.setattr(Client, "get_version", get_version)


WHOLE = PublishVersionRequest(parent="frameworks/hk-x", content=version(provision("a"), provision("b")))


def test_a_draft_of_rules_tells_what_it_changes(monkeypatch, profile):
    knows(monkeypatch, version(provision("a"), provision("c")))
    _, _, told = shown(monkeypatch, profile, WHOLE).partition("\nchanges\n")
    summary, *lines = told.splitlines()
    assert summary == "  version 7 -> this draft: 1 added, 1 removed, 0 changed"
    assert [line[:5] for line in lines] == ["  + b", "  - c"]


def test_a_draft_of_the_first_rules_adds_all_of_them(monkeypatch, profile):
    knows(monkeypatch, NotFound("there is none"))
    assert "\nchanges\n  nothing -> this draft: 2 added," in shown(monkeypatch, profile, WHOLE)


def test_who_may_not_read_rules_is_told_why_no_changes_are_told(monkeypatch, profile):
    knows(monkeypatch, NotAllowed("GetFramework needs one of these roles: reader"))
    assert shown(monkeypatch, profile, WHOLE).endswith(
        "\nchanges\n  not told: GetFramework needs one of these roles: reader\n"
    )


def test_nothing_is_compared_where_the_draft_says_itself_what_changes_or_a_program_reads_it(monkeypatch, profile):
    knows(monkeypatch, ExchangeError("asked"))
    changes = FrameworkChangeSet(base_version=7, removals=["c"])
    told = shown(monkeypatch, profile, PublishVersionRequest(parent="frameworks/hk-x", change_set=changes))
    assert "\nchanges\n" not in told
    assert '"publish_version"' not in shown(monkeypatch, profile, WHOLE, "--json")
