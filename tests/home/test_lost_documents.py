"""A home that lost the pairing document with which a channel began: its peer makes one that names that seal again."""

import re
import shutil
from pathlib import Path

from gateway.identity.pairing.document import PairingDocument
from tests.cli.transcripts import Ran, run
from tests.support.left_behind import new_seal
from tests.support.nodes import Site, found_pair, running


def imported(site: Site, file: Path, *more: str) -> Ran:
    fingerprint = PairingDocument.parse(file.read_bytes()).fingerprint()
    return run("pair", "import", site.home.path, file, "--fingerprint", fingerprint, *more)


def exported(site: Site, file: Path, *more: str) -> Path:
    ran = run("pair", "export", site.home.path, "--out", file, *more)
    assert ran.code == 0, ran.text()
    return file


def test_the_peer_makes_a_document_that_names_an_earlier_seal_of_it_and_the_node_starts_again(tmp_path: Path) -> None:
    hk, kr = found_pair(tmp_path)
    with running(hk, kr):
        pass
    assert run("certs", "replace-seal", kr.home.path, new_seal(kr, tmp_path / "new").path).code == 0
    newest = exported(kr, tmp_path / "newest.json")
    assert imported(hk, newest, "--replace-seal").code == 0
    shutil.rmtree(hk.home.peers / "earlier")

    hk.launch()
    assert hk.wait_for_end() == 5
    said = hk.log_text()
    found = re.search("that no file here names, of SHA-256 ([0-9a-f]{64})", said)
    assert found, said
    refused = run("pair", "export", kr.home.path, "--seal", "0" * 64)
    assert (refused.code, "must be that of a seal in keys/earlier" in refused.err) == (2, True), refused.text()
    document = exported(kr, tmp_path / "earlier.json", "--seal", found[1])
    assert PairingDocument.parse(document.read_bytes()).certified_seal.fingerprint == found[1]
    for file in (document, newest):
        assert imported(hk, file).code == 0
    with running(hk, kr):
        pass
    checked = run("check", hk.home.path)
    assert checked.code == 0, checked.text()
