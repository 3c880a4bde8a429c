"""What the doctor finds in the home itself: each finding stands for itself."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.cli.doctor import examine
from gateway.cli.findings.findings import Finding, Level, Subject
from gateway.home.home import Home
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.x509 import to_pem
from gateway.identity.names import NodeId
from tests.support.certificates import OddCertificates, authority
from tests.support.nodes import found_pair

YEAR = timedelta(days=365)


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return found_pair(tmp_path_factory.mktemp("doctor"))[0].home


@pytest.fixture
def home(founded: Home, tmp_path: Path) -> Home:
    """A copy, to be spoilt."""
    return Home(shutil.copytree(founded.path, tmp_path / "home"))


def of_certificates(home: Home) -> list[Finding]:
    return [each for each in examine(Subject(Home(home.path), datetime.now(UTC))) if each.about == "certificates"]


def failing(home: Home) -> list[str]:
    return [each.said for each in of_certificates(home) if each.level is Level.FAIL]


def test_a_certificate_that_is_older_than_that_of_its_root_is_good(home):
    """As it is once the authority's own certificate was renewed over the same key."""
    root = authority(AuthorityKind.NODE, "HK", home.config.node.domain, datetime.now(UTC))
    before = datetime.now(UTC) - timedelta(days=30)
    leaf = OddCertificates(root).node(str(NodeId(home.config.node.domain)), not_before=before, not_after=before + YEAR)
    home.root("node-authority").write_bytes(to_pem(root.certificate))
    home.certificate("node").write_bytes(leaf.pem)
    home.key("node").write_bytes(leaf.key_pem)
    assert failing(home) == []


def test_what_is_revoked_is_told_also_of_a_node_whose_certificate_nobody_trusts(home):
    other = authority(AuthorityKind.NODE, "HK", home.config.node.domain, datetime.now(UTC))
    home.root("node-authority").write_bytes(to_pem(other.certificate))
    home.denied_file.write_text(f"id {NodeId(home.config.node.domain)}\n")
    untrusted, *revoked = failing(home)
    assert untrusted == "node.crt: no authority that is trusted here issued the certificate"
    assert any(each.startswith("TLS of this node (") and each.endswith(" is revoked") for each in revoked), revoked
