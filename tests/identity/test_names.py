import string
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import Malformed
from gateway.identity.names import (
    ClientId,
    NodeId,
    authority_fault,
    domain_fault,
    jurisdiction_fault,
    parse_identity,
    system_fault,
)

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
DOMAINS = st.builds(lambda labels, last: ".".join([*labels, last]), st.lists(LABELS, max_size=3), st.just("example"))
AUTHORITIES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{1,15}", fullmatch=True)
SYSTEMS = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=64).filter(
    lambda text: text not in {".", ".."}
)
CLIENTS = st.builds(ClientId, DOMAINS, AUTHORITIES, SYSTEMS)
NODES = st.builds(NodeId, DOMAINS)


@given(CLIENTS | NODES)
def test_a_name_is_read_back_from_its_own_text(name):
    assert parse_identity(str(name)) == name
    assert type(name).parse(str(name)) == name


def test_names_are_the_uris_that_certificates_hold():
    assert str(NodeId("node.hk.example")) == "spiffe://node.hk.example/node"
    assert str(ClientId("node.hk.example", "SFC", "case-desk")) == "spiffe://node.hk.example/SFC/case-desk"


@given(CLIENTS | NODES)
def test_another_reader_of_uris_sees_the_same_parts(name):
    parts = urlsplit(str(name))
    assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("spiffe", name.domain, "", "")
    assert parts.hostname == name.domain


@given(CLIENTS | NODES, st.data())
def test_any_changed_character_gives_another_name_or_none(name, data):
    text = str(name)
    place = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.characters().filter(lambda other: other != text[place]))
    try:
        other = parse_identity(text[:place] + character + text[place + 1 :])
    except Malformed:
        return
    assert other != name


@given(
    st.text() | st.text().map(lambda rest: f"spiffe://hk.test/{rest}") | st.text().map(lambda d: f"spiffe://{d}/node")
)
@example("spiffe://hk.test/\ud800/x")
def test_any_text_is_a_name_as_it_stands_or_malformed(text):
    try:
        name = parse_identity(text)
    except Malformed:
        return
    assert str(name) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hk.test/node",
        "SPIFFE://hk.test/node",
        "https://hk.test/node",
        "spiffe:/hk.test/node",
        "spiffe:///node",
        "spiffe://hk.test",
        "spiffe://hk.test/",
        "spiffe://hk.test/node/",
        "spiffe://hk.test//node",
        "spiffe://hk.test/./node",
        "spiffe://hk.test/Node",
        "spiffe://hk.test/SFC",
        "spiffe://hk.test/SFC/a/b",
        "spiffe://hk.test/SFC/.",
        "spiffe://hk.test/SFC/..",
        "spiffe://hk.test/SFC/desk?x=1",
        "spiffe://hk.test/SFC/desk#x",
        "spiffe://hk.test/SFC/de%73k",
        "spiffe://hk.test/SFC/desk\x00",
        "spiffe://hk.test/SFC/desk\n",
        "spiffe://hk.test/SFC/d\u0435sk",  # a Cyrillic letter
        "spiffe://hk.test/SFC/*",
        "spiffe://hk.test:443/node",
        "spiffe://user@hk.test/node",
        "spiffe://HK.test/node",
        "spiffe://hk_1.test/node",
        "spiffe://*.test/node",
        "spiffe://hk.test./node",
        "spiffe://[::1]/node",
        "spiffe://127.0.0.1/node",
        f"spiffe://hk.test/SFC/{'x' * 2048}",
        f"spiffe://{'a.' * 60}b/node",
    ],
)
def test_what_could_be_read_in_two_ways_is_no_name(text):
    with pytest.raises(Malformed):
        parse_identity(text)


def test_a_node_is_no_client_and_a_client_no_node():
    with pytest.raises(Malformed, match="not the ID of a client"):
        ClientId.parse("spiffe://hk.test/node")
    with pytest.raises(Malformed, match="not the ID of a node"):
        NodeId.parse("spiffe://hk.test/SFC/desk")


@pytest.mark.parametrize(
    ("domain", "authority", "system"),
    [("Hk.test", "SFC", "desk"), ("hk.test", "S/F", "desk"), ("hk.test", "SFC", "a/b")],
)
def test_a_name_of_bad_parts_cannot_be_made(domain, authority, system):
    with pytest.raises(Malformed, match="of a SPIFFE ID must be"):
        ClientId(domain, authority, system)


@pytest.mark.parametrize("domain", ["hk", "localhost", "node.hk.example", "a-b.c1", "1.example", "x" * 63, "xn--p1ai"])
def test_accepts_dns_names_in_lower_case(domain):
    assert domain_fault(domain) is None


@pytest.mark.parametrize(
    "domain",
    [
        "",
        ".",
        "a..b",
        "-a",
        "a-",
        "a b",
        "a+b",
        "a/b",
        "A.b",
        "a_b",
        "10",
        "10.0.0.1",
        "a.b\n",
        "x" * 64,
        "a." * 60 + "b",
    ],
)
def test_refuses_domains_that_dns_or_key_names_could_not_carry(domain):
    assert "DNS name in lower case" in domain_fault(domain)


def test_the_longest_domain_is_of_120_characters():
    longest = ".".join(["a" * 29] * 4) + "b"
    assert len(longest) == 120
    assert domain_fault(longest) is None
    assert domain_fault(longest + "b") is not None


@pytest.mark.parametrize("code", ["", "H", "1SFC", "SFC-HK", "SFC ", "A" * 17, "금융위"])
def test_refuses_what_is_no_code_of_an_authority(code):
    assert "such as HKMA" in authority_fault(code)


@pytest.mark.parametrize("code", ["SFC", "KoFIU", "BOK", "A" * 16])
def test_accepts_codes_of_authorities(code):
    assert authority_fault(code) is None


@pytest.mark.parametrize("system", ["", ".", "..", "a b", "a/b", "a%2f", "x" * 65])
def test_refuses_what_is_no_name_of_a_system(system):
    assert "such as case-desk" in system_fault(system)


@pytest.mark.parametrize("system", ["desk", "...", ".desk", "x" * 64, "A_1-b.2"])
def test_accepts_names_of_systems(system):
    assert system_fault(system) is None


@pytest.mark.parametrize(("code", "good"), [("HK", True), ("KR", True), ("hk", False), ("XX", False), ("", False)])
def test_a_jurisdiction_is_a_country_code(code, good):
    assert (jurisdiction_fault(code) is None) == good
