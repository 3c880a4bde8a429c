"""The vectors are the published ones, to the byte."""

from hashlib import sha256
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
DIGESTS = {
    "cctv_ed25519.json": "b38e84caf3e7e89170ff520292dbeae421b0a794c27408ce5ce973018fe3d7f9",
    "wycheproof_ed25519.json": "752d2ea7d7c6cf4736381b6cbacb61f8182b126ab7cd9b058f00c50084975536",
    "wycheproof_ml_dsa_44_verify.json": "0ca1b5df4575263e29b31fae7569a3da41df9a3b6fee56720a992d0cd1153b68",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_a_file_is_as_it_was_published(name):
    assert sha256((DATA / name).read_bytes()).hexdigest() == DIGESTS[name]


def test_every_file_has_a_source_and_a_licence():
    readme = (DATA.parent / "README.md").read_text()
    assert {path.name for path in DATA.iterdir()} == set(DIGESTS)
    for name in DIGESTS:
        row = next(line for line in readme.splitlines() if f"data/{name}" in line)
        assert "Apache-2.0" in row or "BSD-3-Clause" in row
