"""What is read from a home is a file of a bounded size, whatever stands in its place."""

import os
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.home.home import Home
from gateway.identity.pairing.document import MAX_DOCUMENT_BYTES


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "peers").mkdir()
    return Home(tmp_path)


@pytest.mark.timeout(30)
def test_a_pipe_with_the_name_of_a_pairing_document_holds_nobody_up(home: Home):
    os.mkfifo(home.peer_file("KR"))
    with pytest.raises(ConfigError, match=r"kr\.json is not a file"):
        home.peer_documents()


@pytest.mark.parametrize(
    ("content", "told"), [(b"x" * (MAX_DOCUMENT_BYTES + 1), "is larger than 65536 bytes"), (b"{", "is JSON in UTF-8")]
)
def test_what_is_no_pairing_document_is_told_with_its_file(home: Home, content: bytes, told: str):
    home.peer_file("KR").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"kr\.json.*{told}"):
        home.peer_documents()
