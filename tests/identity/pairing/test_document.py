import json
import re
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput, Malformed, Untrusted, VerificationError
from gateway.identity.certificates.profiles import AuthorityKind, profiles
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import Cause, to_der, to_pem
from gateway.identity.names import NodeId
from gateway.identity.pairing.addresses import address_fault, loopback_fault
from gateway.identity.pairing.document import PairingDocument
from gateway.identity.seals.signers import FileSeal
from tests.support.certificates import DAY, NOW, authority, issued

NODE = NodeId("hk.test")


def made(root, seal, **changes) -> PairingDocument:
    ed25519, ml_dsa_44 = (root.issue(profiles().seal, key, NODE, NOW) for key in seal.public_keys)
    fields = {
        "jurisdiction": "HK",
        "domain": "hk.test",
        "display_name": "Hong Kong 香港",
        "authorities": ("HKMA", "SFC"),
        "addresses": ("127.0.0.1:7443", "node.hk.test:7443"),
        "node_authority": root.certificate,
        "seal_ed25519": ed25519,
        "seal_ml_dsa_44": ml_dsa_44,
        "created_at": NOW,
    }
    return PairingDocument(**fields | changes)


@pytest.fixture(scope="module")
def document(node_authority, seal) -> PairingDocument:
    return made(node_authority, seal)


def changed(document, **changes) -> bytes:
    """The file as it would be if these fields had been written so from the beginning."""
    fields = {key: value for key, value in (json.loads(document.encode()) | changes).items() if value is not ...}
    return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


def test_a_document_is_read_back_and_means_the_same(document, seal):
    other = PairingDocument.parse(document.encode())
    assert other == document
    assert other.encode() == document.encode()
    assert other.certified_seal.public == seal.public
    assert other.node_id == NODE


def test_a_pair_can_be_trusted_by_what_the_document_holds(document, node_authority):
    root = PairingDocument.parse(document.encode()).node_authority
    node = issued(node_authority, "node", NODE)
    assert TlsTrust([root], Purpose.SERVER).verify(node.der, NOW) == str(NODE)


def test_the_file_can_be_read_by_people(document):
    text = document.encode().decode()
    assert text.startswith('{\n  "schema": "pairing/1",\n  "jurisdiction": "HK",\n  "domain": "hk.test",\n')
    assert '"display_name": "Hong Kong 香港"' in text
    assert '"created_at": "2026-05-08T09:00:00Z"\n}\n' in text
    assert text.count("-----BEGIN CERTIFICATE-----") == 3
    assert "PRIVATE" not in text


def test_the_fingerprint_is_sha_256_of_the_file_in_groups_of_four(document):
    fingerprint = document.fingerprint()
    assert re.fullmatch(r"[0-9a-f]{4}(-[0-9a-f]{4}){15}", fingerprint)
    assert fingerprint.replace("-", "") == sha256(document.encode()).hexdigest()


def test_another_document_has_another_fingerprint(document, node_authority, seal):
    other = made(node_authority, seal, created_at=NOW + timedelta(seconds=1))
    assert other.fingerprint() != document.fingerprint()


def test_no_other_bytes_have_the_same_fingerprint(document):
    fields = json.loads(document.encode())
    encoded = document.encode()
    for data in (
        encoded[:-1],
        encoded + b"\n",
        encoded.replace(b"\n", b"\r\n"),
        encoded.replace(b'"HK"', b'"\\u0048K"'),
        encoded.replace(b"{\n", b'{\n  "domain": "kr.test",\n', 1),
        json.dumps(fields).encode(),
        json.dumps(dict(reversed(fields.items())), indent=2, ensure_ascii=False).encode() + b"\n",
    ):
        with pytest.raises(Malformed, match="was changed"):
            PairingDocument.parse(data)


def test_the_first_line_that_is_not_as_it_would_be_is_told(document):
    """Who writes documents by another program finds out what it does otherwise."""
    encoded = document.encode()
    lines = encoded.count(b"\n")
    for data, line in (
        (encoded.removesuffix(b"\n"), lines + 1),
        (encoded.replace(b"\n", b"\r\n"), 1),
        (encoded.replace(b'"HK"', b'"\\u0048K"'), 3),
        (json.dumps(json.loads(encoded), indent=4, ensure_ascii=False).encode() + b"\n", 2),
    ):
        with pytest.raises(Malformed, match=rf"\bline {line} is not as it would be"):
            PairingDocument.parse(data)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", "pairing/2"),
        ("jurisdiction", "XX"),
        ("jurisdiction", ...),
        ("domain", "HK.test"),
        ("domain", 5),
        ("display_name", ""),
        ("display_name", "x" * 101),
        ("display_name", " HK"),
        ("display_name", "HK\u202etset"),
        ("display_name", "HK\n"),
        ("authorities", []),
        ("authorities", ["SFC", "SFC"]),
        ("authorities", "SFC"),
        ("authorities", [f"A{number}" for number in range(33)]),
        ("addresses", []),
        ("addresses", [f"127.0.0.1:{port}" for port in range(1, 10)]),
        ("node_authority", "hello"),
        ("node_authority", None),
        ("node_authority", ...),
        ("seal_ed25519", "-----BEGIN CERTIFICATE-----"),
        ("seal_ml_dsa_44", "\ud800"),
        ("created_at", "2026-05-08T09:00:00"),
        ("created_at", "2026-05-08T18:00:00+09:00"),
        ("created_at", "2026-05-08T09:00:00.5Z"),
        ("created_at", "yesterday"),
        ("comment", "one field more"),
    ],
)
def test_a_field_that_breaks_a_rule_is_named(field, value, document):
    data = changed(document, **{field: value})
    with pytest.raises((BadInput, Malformed)) as refused:
        PairingDocument.parse(data)
    if b"\xed\xa0\x80" in data:
        assert isinstance(refused.value, Malformed)  # half a surrogate pair is no UTF-8
    else:
        assert [violation.field for violation in refused.value.violations] == [field]


def test_a_wrong_item_of_a_list_is_named_by_its_place(document):
    with pytest.raises(BadInput) as refused:
        PairingDocument.parse(changed(document, authorities=["SFC", "S F C"], addresses=["nowhere"]))
    assert [violation.field for violation in refused.value.violations] == ["authorities.1", "addresses.0"]
    assert "such as HKMA" in refused.value.violations[0].description
    assert refused.value.violations[0].description.startswith("must be")


def test_a_seal_of_another_root_is_refused(document):
    stranger = authority(AuthorityKind.NODE)
    pem = to_pem(stranger.certificate).decode()
    with pytest.raises(Untrusted) as refused:
        PairingDocument.parse(changed(document, node_authority=pem))
    assert refused.value.metadata["reason"] == Cause.UNKNOWN_ISSUER


def test_a_seal_of_another_domain_is_refused(document):
    with pytest.raises(Untrusted) as refused:
        PairingDocument.parse(changed(document, domain="kr.test"))
    assert refused.value.metadata["reason"] == Cause.UNKNOWN_ISSUER, (
        "the root names hk.test, and speaks for nobody else"
    )
    assert "may speak for kr.test" in refused.value.message


def test_a_seal_that_is_not_valid_yet_cannot_be_handed_out(node_authority, seal):
    with pytest.raises(Untrusted) as refused:
        made(node_authority, seal, created_at=NOW - DAY)
    assert refused.value.metadata["reason"] == Cause.NOT_YET_VALID


def test_a_document_outlives_its_seal_but_the_seal_does_not(document):
    assert document.seal_at(NOW + 1000 * DAY) == document.certified_seal.public
    with pytest.raises(Untrusted, match="expired"):
        document.seal_at(NOW + 2000 * DAY)


def test_a_leaf_is_no_root_to_pin(document, node_authority):
    leaf = issued(node_authority, "node", NODE)
    with pytest.raises(Untrusted) as refused:
        PairingDocument.parse(changed(document, node_authority=leaf.pem.decode()))
    assert refused.value.metadata["reason"] == Cause.NOT_AN_AUTHORITY


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"[" * 60_000, b" " * 70_000], ids=["", "{", "bom", "deep", "large"]
)
def test_what_is_no_json_is_malformed(data):
    with pytest.raises(Malformed):
        PairingDocument.parse(data)


def test_json_that_is_no_object_is_bad_input():
    with pytest.raises(BadInput, match="schema: must be pairing/1"):
        PairingDocument.parse(b"[]")


def test_json_of_another_schema_is_told_so_and_nothing_else():
    for data in (b'{"a": 1}', b'{"schema": "notices/1", "notices": []}'):
        with pytest.raises(BadInput) as caught:
            PairingDocument.parse(data)
        assert [each.field for each in caught.value.violations] == ["schema"]


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")  # of odd serial numbers
@given(place=st.integers(0, 2**16), character=st.integers(0, 255))
def test_any_changed_byte_is_refused_or_gives_another_fingerprint(document, place, character):
    data = bytearray(document.encode())
    data[place % len(data)] = character
    try:
        other = PairingDocument.parse(bytes(data))
    except (VerificationError, BadInput):
        return
    assert (other.fingerprint() == document.fingerprint()) == (bytes(data) == document.encode())


def test_a_document_cannot_be_changed_after_it_was_checked(document):
    with pytest.raises(ValueError, match="frozen"):
        document.domain = "kr.test"


def test_a_rotated_seal_makes_another_document(document, node_authority):
    other = made(node_authority, FileSeal.generate())
    assert other.certified_seal.public != document.certified_seal.public
    assert to_der(other.node_authority) == to_der(document.node_authority)


def test_a_moment_without_zone_is_refused_in_code_too(node_authority, seal):
    with pytest.raises(ValueError, match="created_at"):
        made(node_authority, seal, created_at=datetime(2026, 5, 8))  # noqa: DTZ001


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:7443", "node.hk.test:65535", "localhost:7443", "HK.test:80"])
def test_accepts_addresses_to_dial(address):
    assert address_fault(address) is None


@pytest.mark.parametrize(
    "address",
    [
        *("", "host", "host:", ":7443", "host:0", "host:65536", "host:07", "host:1/", "host:1\n", "http://host:1"),
        *("::1:7443", "[::1:7443", "[x]:1", "[]:1", "300.1.1.1:1", "1.2.3:1", "[1.2.3.4:1", "a_b:1", "a b:1", "-a:1"),
    ],
)
def test_refuses_what_nobody_could_dial(address):
    assert "host:port" in address_fault(address)


@pytest.mark.parametrize("address", ["127.0.0.1:9464", "127.1.2.3:1", "[::1]:9464"])
def test_takes_an_address_of_this_machine_alone(address):
    assert loopback_fault(address) is None


@pytest.mark.parametrize("address", ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "localhost:9464", "node.hk.test:1"])
def test_refuses_an_address_that_others_may_reach(address):
    assert "of this machine alone" in loopback_fault(address)
