"""A token of SoftHSM, in a folder of a test; tests that need one are skipped where SoftHSM is not installed."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.identity.seals import pkcs11_tokens
from gateway.identity.seals.pins import Pin
from gateway.identity.seals.pkcs11_access import TokenAccess

_PLACES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)
MODULE = next((Path(each) for each in _PLACES if Path(each).exists()), Path(_PLACES[0]))
needs_softhsm = pytest.mark.skipif(
    not (MODULE.exists() and shutil.which("softhsm2-util")),
    reason="SoftHSM is not installed (apt-get install softhsm2)",
)

LABEL, PIN, OTHER_PIN = "seal token", "very secret 1", "very secret 2"


@dataclass(frozen=True)
class SoftToken:
    """A token with a PIN, and the file of that."""

    path: Path

    @property
    def folder(self) -> Path:
        return self.path / "tokens"

    @property
    def pin_file(self) -> Path:
        return self.path / "pin.txt"

    @property
    def uri(self) -> str:
        return f"pkcs11:token={LABEL.replace(' ', '%20')}?module-path={MODULE}&pin-source=file:{self.pin_file}"

    @property
    def environment(self) -> dict[str, str]:
        return {"SOFTHSM2_CONF": str(self.path / "softhsm2.conf")}

    def write_pin(self, pin: str, mode: int = 0o600) -> None:
        self.pin_file.unlink(missing_ok=True)
        self.pin_file.write_text(f"{pin}\n")
        self.pin_file.chmod(mode)

    def access(self, seconds: float = 20.0) -> TokenAccess:
        return TokenAccess(MODULE, Pin(self.pin_file, self.path / "pin-refused.json"), seconds)

    def remove(self) -> None:
        """Takes the token away, as if it was pulled out."""
        self.folder.rename(self.path / "away")
        self.folder.mkdir()

    def put_back(self) -> None:
        self.folder.rmdir()
        (self.path / "away").rename(self.folder)


def made_token(path: Path) -> SoftToken:
    """Makes a token."""
    token = SoftToken(path)
    token.folder.mkdir(parents=True)
    settings = {"directories.tokendir": token.folder, "objectstore.backend": "file", "log.level": "ERROR"}
    (path / "softhsm2.conf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", "so pin of it"]
    environment = {**os.environ, **token.environment}
    subprocess.run(command, check=True, capture_output=True, env=environment, timeout=60)
    token.write_pin(PIN)
    return token


@contextmanager
def as_module_here(token: SoftToken) -> Iterator[SoftToken]:
    """Has this process use the token, and forget it in the end: a module is one for all of a process."""
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ.update(token.environment)
    try:
        yield token
    finally:
        module = pkcs11_tokens.module_at(MODULE)
        module.run(module.begin_anew, 60)
        os.environ.pop("SOFTHSM2_CONF")
        if before:
            os.environ["SOFTHSM2_CONF"] = before
