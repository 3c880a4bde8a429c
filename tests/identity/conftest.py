import pytest

from gateway.identity.certificates.issuing import Authority
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.seals.signers import FileSeal
from tests.support.certificates import OddCertificates, authority


@pytest.fixture(scope="session")
def client_authority() -> Authority:
    return authority(AuthorityKind.CLIENT)


@pytest.fixture(scope="session")
def node_authority() -> Authority:
    return authority(AuthorityKind.NODE)


@pytest.fixture(scope="session")
def odd(client_authority) -> OddCertificates:
    return OddCertificates(client_authority)


@pytest.fixture(scope="session")
def seal() -> FileSeal:
    return FileSeal.generate()
