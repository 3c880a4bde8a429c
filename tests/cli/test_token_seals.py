"""``gateway init --seal`` and ``gateway certs request-seal``: a key of the seal is made in a token."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.transcripts import Ran, run
from tests.support.forking import finished
from tests.support.nodes import Site
from tests.support.softhsm import LABEL, MODULE, OTHER_PIN, PIN, SoftToken, as_module_here, made_token, needs_softhsm

pytestmark = needs_softhsm


@pytest.fixture
def token(tmp_path) -> Iterator[SoftToken]:
    with as_module_here(made_token(tmp_path / "token")) as made:
        yield made


def init(path: Path, uri: str) -> Ran:
    names = ("--jurisdiction", "HK", "--domain", "gateway.hk.example")
    if not (path / "authority").exists():
        assert run("certs", "authority", path / "authority", *names).code == 0
    listen = ("--back-office", "127.0.0.1:7401", "--peer", "127.0.0.1:7402", "--authority", "SFC")
    options = (*names, "--name", "Hong Kong", *listen, "--certs", path / "authority", "--seal", uri)
    return run("init", path / "home", *options)


def test_an_attempt_that_failed_is_in_the_way_of_no_other(token, tmp_path):
    token.remove()
    ran = init(tmp_path, token.uri)
    assert (ran.code, f"there is no token {LABEL}" in ran.err) == (4, True)
    token.put_back()
    for pin, mode, said in ((PIN, 0o644, "chmod 600"), (OTHER_PIN, 0o600, "which is not tried again")):
        token.write_pin(pin, mode)
        for _ in range(2):
            ran = init(tmp_path, token.uri)
            assert (ran.code, said in ran.err) == (5, True), ran.text()
    token.write_pin(PIN)
    ran = init(tmp_path, token.uri)
    assert ran.code == 0, ran.text()
    assert f"Its Ed25519 sealing key is in the token {LABEL}" in ran.out
    ran = run("doctor", tmp_path / "home")
    assert f"the Ed25519 sealing key is in the token {LABEL}, which signs" in ran.out
    assert "FAIL" not in ran.out
    token.remove()
    found = json.loads(run("doctor", tmp_path / "home", "--json").out)["findings"]
    assert f"pkcs11-tool --module {MODULE} --list-token-slots" in [each["command"] for each in found]


def test_beside_a_commands_own_words_no_event_of_the_log_is_told_bare(token, tmp_path):
    assert init(tmp_path, token.uri).code == 0
    token.write_pin(OTHER_PIN)
    ran = finished("backup", tmp_path / "home", tmp_path / "backup")
    assert (ran.returncode, ran.stderr.count("\n")) == (5, 1), ran.stderr
    assert ran.stderr.startswith("gateway: the token refused the PIN")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("pkcs11:token=a?pin-value=1234", "never stands in a URI"),
        ("pkcs11:token=a", "must say module-path and pin-source"),
        ("pkcs11:token=a?module-path=/a.so", "for '--seal': must say module-path and pin-source"),
        ("pkcs11:token=a?pin-source=/b", "for '--seal': must say module-path and pin-source"),
        ("pkcs11:token=a;id=%01?module-path=/a.so&pin-source=/b", "must say module-path and pin-source, and no id"),
        ("pkcs11:object=a", "which token"),
    ],
)
def test_a_uri_that_cannot_be_used_is_wrong_use(tmp_path, uri, said):
    ran = init(tmp_path, uri)
    assert ran.code == 2
    assert said in " ".join(ran.err.replace("\u2502", " ").split())
    assert not (tmp_path / "home").exists()


def test_a_node_with_its_keys_in_files_moves_to_a_token_and_back(token, tmp_path):
    site = Site("HK", tmp_path / "hk").found()
    site.configure(f'[pkcs11]\nmodule = "{MODULE}"\npin_file = "{token.pin_file}"\n')
    ran = run("certs", "request-seal", site.home.path, tmp_path / "wrong", "--token", token.uri)
    assert (ran.code, "must name a token alone" in ran.err) == (2, True)
    asked = run(
        "certs", "request-seal", site.home.path, tmp_path / "next", "--token", "pkcs11:token=seal%20token;object=mine"
    )
    assert asked.code == 0, asked.text()
    for line in asked.out.splitlines()[1:]:
        words = line.replace("AUTHORITIES", str(site.path / "authority")).split()
        assert words[0] == "gateway"
        assert run(*words[1:]).code == 0, line
    assert run("certs", "replace-seal", site.home.path, tmp_path / "next").code == 0
    uri = site.home.seals.in_force.uri()
    assert uri is not None
    assert (uri.token, uri.object) == (LABEL, "mine")
    issue = ("certs", "issue", site.path / "authority", "--profile", "seal", "--id", f"spiffe://{site.domain}/node")
    assert run(*issue, "--out", tmp_path / "files").code == 0
    assert run("certs", "replace-seal", site.home.path, tmp_path / "files").code == 0
    assert site.home.seals.in_force.uri() is None
    assert site.home.key("seal-ed25519").exists()


def test_a_token_with_another_key_than_the_certified_one_is_not_prepared(token, tmp_path):
    assert init(tmp_path, token.uri).code == 0
    home = tmp_path / "home"
    for name in ("one", "two"):
        assert run("certs", "request-seal", home, tmp_path / name).code == 0
        for key in ("seal-ed25519", "seal-ml-dsa-44"):
            csr = tmp_path / name / f"{key}.csr"
            issue = ("certs", "issue", tmp_path / "authority", "--profile", "seal", "--out", tmp_path / name)
            assert run(*issue, "--id", "spiffe://gateway.hk.example/node", "--csr", csr).code == 0
    (tmp_path / "one" / "seal-ed25519.uri").replace(tmp_path / "two" / "seal-ed25519.uri")
    ran = run("certs", "prepare-seal", home, tmp_path / "two")
    assert ran.code == 4
    assert "not by the key of the sealing certificate" in ran.err
    assert not (home / "keys" / "next").exists()
