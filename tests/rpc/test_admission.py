"""Who is behind a session, by what gRPC tells of it: nothing that is missing, doubled or of another version passes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.errors import Unauthenticated
from gateway.rpc.admission import verified_identity

ID = "spiffe://gateway.hk.example/SFC/office"
SESSION = {"ssl_tls_version": [b"TLSv1.3"], "x509_pem_cert": [b"a certificate"]}


class Trust:
    """Trusts whatever it is shown."""

    def verify(self, _certificate: bytes, _now: datetime) -> str:
        return ID


def identity(session: Any) -> str:
    trust: Any = Trust()
    return verified_identity(session, trust, datetime.now(UTC))


def test_a_session_with_a_trusted_certificate_has_its_identity():
    assert identity(SESSION) == ID


@pytest.mark.parametrize("version", [[b"TLSv1.2"], [b"TLSv1.1"], [b""], [], [b"TLSv1.3", b"TLSv1.2"]])
def test_a_session_that_is_not_of_tls_1_3_is_nobodys(version: list[bytes]):
    """The handshake refuses it, too; a listener that was told otherwise would be found out here."""
    with pytest.raises(Unauthenticated):
        identity(SESSION | {"ssl_tls_version": version})


@pytest.mark.parametrize("certificates", [[], [b"a certificate", b"another one"]])
def test_a_session_without_exactly_one_certificate_is_nobodys(certificates: list[bytes]):
    with pytest.raises(Unauthenticated):
        identity(SESSION | {"x509_pem_cert": certificates})
