"""What a seal signed before it was revoked proves what it did; what it signed from then on proves nothing.

Of evidence, fork proofs and exports of the journal alike: whoever holds the list of the authority needs no node.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from gateway.errors import Untrusted
from gateway.identity.certificates.revocation import Crl, Revocation, key_of
from gateway.identity.evidence.evidence import EvidenceCheck, verify_evidence
from gateway.identity.evidence.forks import ForkCheck
from gateway.identity.evidence.journal import JournalCheck
from gateway.identity.evidence.verification import Step
from tests.identity.evidence.test_evidence import certifying, without_content
from tests.identity.evidence.test_forks import OF_ONE_SIZE
from tests.support.evidence import FILE, HONG_KONG, KOREA, RECEIVED, ROOTS, SIGNED, Side, evidence
from tests.support.journal import export

SECOND = timedelta(seconds=1)
Steps = Callable[[Revocation], Iterator[Step]]


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def revoked(side: Side, since: datetime, place: int = 0) -> Revocation:
    """What is known where the authority's list names one of the two certificates of the seal."""
    serial = x509.load_der_x509_certificate(side.certificates[place]).serial_number
    key = key_of(side.root)
    return Revocation(crls={key: Crl(key, 1, since, {serial: since})})


def of_evidence(revocation: Revocation) -> Iterator[Step]:
    return EvidenceCheck(FILE, ROOTS, revocation).steps()


def of_a_fork(revocation: Revocation) -> Iterator[Step]:
    return ForkCheck(OF_ONE_SIZE.encode(), ROOTS, revocation).steps()


def of_a_journal(revocation: Revocation) -> Iterator[Step]:
    return JournalCheck(iter(export().splitlines(keepends=True)), ROOTS, revocation=revocation).steps()


def of_an_earlier_journal(revocation: Revocation) -> Iterator[Step]:
    lines = export().splitlines(keepends=True)
    return JournalCheck(iter(lines), ROOTS, iter(lines), revocation=revocation).steps()


CASES = [
    pytest.param(of_evidence, HONG_KONG, SIGNED, "sender signatures", id="sender"),
    pytest.param(of_evidence, KOREA, RECEIVED, "receiver cosignatures", id="receiver"),
    pytest.param(of_a_fork, HONG_KONG, SIGNED, "first signatures", id="fork"),
    pytest.param(of_a_journal, HONG_KONG, SIGNED, "signatures", id="journal"),
]


@pytest.mark.parametrize("place", [0, 1], ids=["ed25519", "ml-dsa-44"])
@pytest.mark.parametrize(("steps", "side", "signed", "step"), CASES)
def test_what_was_signed_from_the_revocation_on_proves_nothing(
    steps: Steps, side: Side, signed: int, step: str, place: int
):
    for since in (at(signed), at(signed) - SECOND):
        with pytest.raises(Untrusted) as caught:
            list(steps(revoked(side, since, place)))
        assert caught.value.metadata["reason"] == "REVOKED"
        assert caught.value.metadata["step"] == step
        assert f"{since:%Y-%m-%d %H:%M:%S}" in caught.value.message


@pytest.mark.parametrize(("steps", "side", "signed", "step"), CASES)
def test_what_was_signed_before_proves_what_it_did(steps: Steps, side: Side, signed: int, step: str):
    """The second head of the fork was signed a minute after the first one."""
    assert step in [each.name for each in steps(revoked(side, at(signed) + 61 * SECOND))]


def test_the_checkpoint_that_was_kept_is_held_to_the_same():
    assert list(of_an_earlier_journal(revoked(HONG_KONG, at(SIGNED) + SECOND)))
    with pytest.raises(Untrusted):
        list(of_an_earlier_journal(revoked(HONG_KONG, at(SIGNED))))


def test_so_is_the_certificate_of_destruction_within_evidence():
    hour = 3600
    later = evidence(certifying(), signed=SIGNED + hour, received=RECEIVED + hour).encode()
    file = without_content(destruction=later).encode()
    assert verify_evidence(file, ROOTS, revoked(HONG_KONG, at(SIGNED + hour) + SECOND)).destruction
    with pytest.raises(Untrusted) as caught:
        verify_evidence(file, ROOTS, revoked(HONG_KONG, at(SIGNED + hour)))
    assert (caught.value.metadata["reason"], caught.value.metadata["step"]) == ("REVOKED", "destruction")


def test_a_list_of_another_authority_that_names_the_same_serial_number_is_none_of_it():
    serial = x509.load_der_x509_certificate(HONG_KONG.certificates[0]).serial_number
    key = key_of(KOREA.root)
    assert list(of_evidence(Revocation(crls={key: Crl(key, 1, at(0), {serial: at(0)})})))


def test_which_seals_a_file_is_by_is_told_by_what_lists_name_them_by():
    sender, receiver = verify_evidence(FILE, ROOTS).seals
    told = [[each.serial_number for each in side.certificates] for side in (sender, receiver)]
    assert told == [
        [x509.load_der_x509_certificate(each).serial_number for each in side.certificates]
        for side in (HONG_KONG, KOREA)
    ]
    steps = {step.name: step.found for step in of_evidence(Revocation())}
    assert sender.fingerprint[:16] in steps["sender certificates"]
    assert receiver.fingerprint[:16] in steps["receiver certificates"]
