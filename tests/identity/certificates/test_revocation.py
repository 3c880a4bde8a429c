"""Lists of revoked certificates: who may sign them, which of them count, and what they refuse."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import ConfigError, Untrusted
from gateway.identity.certificates.crl_numbers import CrlNumbers
from gateway.identity.certificates.denied import Denied
from gateway.identity.certificates.profiles import AuthorityKind
from gateway.identity.certificates.revocation import Revocation, key_of, read_crls
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import Cause, fingerprint
from gateway.identity.names import ClientId
from tests.support.certificates import DAY, NOW, authority, issued, self_signed

DESK = ClientId("hk.test", "SFC", "desk")
ROOT, OTHER = authority(AuthorityKind.CLIENT), authority(AuthorityKind.CLIENT)
CREDENTIAL = issued(ROOT, "client", DESK)
SERIAL = CREDENTIAL.certificate.serial_number


def crl(serials=(SERIAL,), number=1, by=ROOT, now=NOW, days=30):
    return by.sign_crl(dict.fromkeys(serials, now), number, now, days)


def read(*files, roots=(ROOT.certificate,), now=NOW):
    return read_crls([(f"{place}.crl", data) for place, data in enumerate(files)], roots, now)


def verify(revocation, at=NOW):
    return TlsTrust([ROOT.certificate], Purpose.CLIENT, revocation).verify(CREDENTIAL.der, at)


def cause(revocation, at=NOW):
    with pytest.raises(Untrusted) as refused:
        verify(revocation, at)
    return refused.value.metadata["reason"]


def test_a_certificate_on_the_list_of_its_authority_is_refused_and_no_other():
    assert cause(Revocation(crls=read(crl()))) == Cause.REVOKED
    assert verify(Revocation(crls=read(crl([SERIAL + 1])))) == str(DESK)


@pytest.mark.parametrize(
    "line",
    [f"sha256 {fingerprint(CREDENTIAL.certificate)}", f"serial {SERIAL:x}", f"id {DESK}  # gone"],
    ids=["sha256", "serial", "id"],
)
def test_a_certificate_on_the_operators_list_is_refused(line):
    assert cause(Revocation(Denied.parse(f"# refused\n\n{line}\n"))) == Cause.REVOKED


def test_the_list_of_another_authority_says_nothing_of_a_serial():
    lists = read(crl(by=OTHER), roots=[ROOT.certificate, OTHER.certificate])
    assert verify(Revocation(crls=lists)) == str(DESK)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (crl(by=OTHER), "no authority that is trusted here signed"),
        (crl()[:-40], "not a list of revoked certificates"),
        (b"", "not a list of revoked certificates"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "not a list of revoked certificates"),
        (CREDENTIAL.pem, "not a list of revoked certificates"),
        (crl(now=NOW + DAY), "from the future"),
    ],
)
def test_a_list_that_proves_nothing_is_refused_by_its_file(data, said):
    with pytest.raises(ConfigError, match=rf"0\.crl: .*{said}"):
        read(data)


def odd_crl(*extensions):
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ROOT.certificate.subject)
        .last_update(NOW)
        .next_update(NOW + DAY)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(ROOT.key, SHA256()).public_bytes(Encoding.DER)


def test_a_list_of_a_part_or_without_a_number_is_refused():
    with pytest.raises(ConfigError, match="has no number"):
        read(odd_crl())
    with pytest.raises(ConfigError, match="critical extension"):
        read(odd_crl((x509.CRLNumber(1), False), (x509.DeltaCRLIndicator(1), True)))
    assert read(odd_crl((x509.CRLNumber(1), False)))


def since_when(*entries):
    """Since when what stands on a list counts as revoked, by its serial number."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(ROOT.certificate.subject)
    builder = builder.last_update(NOW).next_update(NOW + DAY).add_extension(x509.CRLNumber(1), critical=False)
    for serial, moment, *extensions in entries:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment)
        for extension, critical in extensions:
            entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    (crl,) = read(builder.sign(ROOT.key, SHA256()).public_bytes(Encoding.DER)).values()
    return crl.revoked


def invalid(moment, *, critical=False):
    return x509.InvalidityDate(moment), critical


def test_what_was_in_other_hands_before_it_was_revoked_counts_as_revoked_since_then():
    reason = x509.CRLReason(x509.ReasonFlags.key_compromise), True
    assert since_when((1, NOW, invalid(NOW - DAY), reason), (2, NOW), (3, NOW, invalid(NOW - DAY, critical=True))) == {
        1: NOW - DAY,
        2: NOW,
        3: NOW - DAY,
    }


def test_nothing_that_a_list_says_beside_it_makes_a_revocation_later():
    assert since_when((1, NOW, invalid(NOW + DAY)), (2, NOW - DAY), (2, NOW)) == {1: NOW, 2: NOW - DAY}


def test_a_list_with_an_entry_that_must_be_understood_and_is_not_is_refused():
    """As one of an indirect list: it is of another authority's certificate (RFC 5280, section 5.3.3)."""
    issuer = x509.CertificateIssuer([x509.UniformResourceIdentifier("spiffe://other.test")])
    with pytest.raises(ConfigError, match="of an entry is unknown here"):
        since_when((1, NOW, (issuer, True)))
    assert since_when((1, NOW, (issuer, False)))


def test_an_authority_that_may_not_sign_lists_signs_none():
    root = self_signed(ROOT.key)
    with pytest.raises(ConfigError, match="may not sign lists"):
        read(crl(), roots=[root])


def test_of_several_lists_the_newest_counts():
    older, newer = crl([], 1), crl([SERIAL], 2)
    for files in ((older, newer), (newer, older)):
        assert cause(Revocation(crls=read(*files))) == Cause.REVOKED


def test_no_list_goes_back_or_goes_away_whoever_remembers(tmp_path):
    """Each time another process: what is remembered is in a file."""
    path, keys = tmp_path / "crl-numbers.txt", [key_of(ROOT.certificate), key_of(OTHER.certificate)]
    older, newer = read(crl([], 1)), read(crl([SERIAL], 2))
    CrlNumbers(path).require_no_older(keys, {})
    CrlNumbers(path).keep(older)
    CrlNumbers(path).require_no_older(keys, newer)
    CrlNumbers(path).keep(newer)
    CrlNumbers(path).require_no_older(keys, newer)
    with pytest.raises(ConfigError, match=r"number 1, after 2: fetch the newest .*crl-numbers\.txt"):
        CrlNumbers(path).require_no_older(keys, older)
    with pytest.raises(ConfigError, match="not there any more, after 2"):
        CrlNumbers(path).require_no_older(keys, {})
    CrlNumbers(path).require_no_older(keys[1:], {})  # an authority that is trusted no more
    lines = [line for line in path.read_text().splitlines() if line.startswith("#")]
    path.write_text("\n".join(lines))  # an operator has decided
    CrlNumbers(path).require_no_older(keys, older)


@pytest.mark.parametrize("text", ["abc", "abc def", "abc 1 2", "\xe9 1"])
def test_a_file_of_numbers_that_cannot_be_read_says_so(tmp_path, text):
    path = tmp_path / "crl-numbers.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match="each line is"):
        CrlNumbers(path).keep({})


def test_a_list_past_its_time_goes_on_unless_it_is_to_refuse():
    lists = read(crl([], days=30))
    late = NOW + 31 * DAY
    assert verify(Revocation(crls=lists), late) == str(DESK)
    assert cause(Revocation(crls=lists, refuse_stale=True), late) == Cause.STALE_CRL
    assert verify(Revocation(crls=lists, refuse_stale=True), NOW + 29 * DAY) == str(DESK)
    assert verify(Revocation(refuse_stale=True), late) == str(DESK), "an authority without a list is not held to one"


def test_an_authority_is_known_by_its_key():
    assert key_of(ROOT.certificate) != key_of(OTHER.certificate)
    assert ROOT.certificate.subject == OTHER.certificate.subject
