"""A node whose seal has ended, from its start on: it can be read, says what is wrong, and goes on with another seal."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from regulator.exchange import Client, Unavailable

from gateway.home import provisioning
from gateway.identity.certificates.profiles import AuthorityKind, profiles
from gateway.identity.certificates.x509 import to_der
from gateway.identity.names import NodeId
from gateway.identity.seals.certificates import seal_of
from tests.cli.transcripts import run
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, found_pair, running


def end_seal(site: Site) -> None:
    """Puts certificates of its keys in place that ended two days ago."""
    folder, then = site.home.seals.in_force, datetime.now(UTC) - timedelta(days=3)
    profile = profiles().seal.model_copy(update={"days": 1})
    root = site.authority(AuthorityKind.NODE)
    ed25519, ml_dsa_44 = (root.issue(profile, key, NodeId(site.domain), then) for key in folder.keys().public_keys)
    folder.write(seal_of((to_der(ed25519), to_der(ml_dsa_44))), None)


@pytest.fixture
def hk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Hong Kong's node, which has begun with such a seal; Korea's does not run."""

    def earlier(folder: Path, jurisdiction: str, domain: str, now: datetime) -> None:
        provisioning.make_authorities(folder, jurisdiction, domain, now - timedelta(days=4))

    monkeypatch.setattr("tests.support.nodes.make_authorities", earlier)
    made, _ = found_pair(tmp_path)
    end_seal(made)
    with running(made):
        yield made


def test_it_is_read_seals_nothing_says_why_and_goes_on_once_the_seal_is_replaced(hk: Site, tmp_path: Path):
    with Client(replace(hk.profile("SFC"), max_attempts=1)) as client:
        with pytest.raises(Unavailable) as refused:
            client.create_notice(content(), recipient="KR")
        assert refused.value.reason == "SEAL_UNAVAILABLE"
        assert "docs/certificates.md" in str(refused.value)
        assert list(client.list_notices()) == []
        eventually(lambda: "ended at" in {a.about: a.detail for a in client.server_info().alarms}.get("seal key", ""))
    found = run("doctor", hk.home.path)
    assert (found.code, f"gateway certs replace-seal {hk.home.path} new-seal" in found.out) == (1, True), found.out
    checked = run("check", hk.home.path)
    assert (checked.code, "NOT PROVEN" in checked.out) == (6, True), checked.out
    assert hk.stop() == 0
    new = tmp_path / "new-seal"
    issue = ("certs", "issue", hk.path / "authority", "--profile", "seal", "--id", f"spiffe://{hk.domain}/node")
    assert run(*issue, "--out", new).code == 0
    assert run("certs", "replace-seal", hk.home.path, new).code == 0
    hk.start()
    with hk.client("SFC") as client:
        assert client.create_notice(content(), recipient="KR").name
    eventually(lambda: run("check", hk.home.path).code == 0)
