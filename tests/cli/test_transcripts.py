"""The main flows, as readable transcripts of the real command line with real nodes."""

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from regulator.exchange import Client, NotAllowed, Profile
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent, Provision
from regulator.exchange.v1.values_pb2 import Entity, Handling

from gateway.identity.access.access import Role
from gateway.identity.certificates.issuing import generate_tls_key
from gateway.identity.certificates.x509 import to_pem
from gateway.identity.pairing.document import PairingDocument
from gateway.supervision.files.frameworks import FrameworkFile, read_framework, write_framework
from gateway.supervision.files.notices import NoticeFile, write_notice
from tests.cli.sites import acknowledged_notice, profile_path
from tests.cli.transcripts import play, run
from tests.supervision.assistance_samples import asking
from tests.supervision.framework_samples import day, parameter, provision, real, version
from tests.supervision.samples import content, handling
from tests.support import evidence
from tests.support.nodes import Site, eventually
from tests.support.notice_files import write_notices
from tests.support.ports import free_port


def test_founding(tmp_path: Path) -> None:
    kr = Site("KR", tmp_path / "kr").found()
    (tmp_path / "kr.json").write_bytes(_exported(kr))
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(generate_tls_key(), SHA256())
    (tmp_path / "request.pem").write_bytes(request.public_bytes(Encoding.PEM))
    values = {
        "folder": tmp_path,
        "one": str(free_port()),
        "two": str(free_port()),
        "three": str(kr.peer_port),
        "csr": tmp_path / "request.pem",
        "kr_document": tmp_path / "kr.json",
        "kr_fingerprint": PairingDocument.parse((tmp_path / "kr.json").read_bytes()).fingerprint(),
    }
    play("founding", values)
    assert not (tmp_path / "hsm" / "client.key").exists()
    assert (tmp_path / "sfc" / "client.key").stat().st_mode & 0o777 == 0o600


def _exported(site: Site) -> bytes:
    ran = run("pair", "export", site.home.path)
    assert ran.err == f"fingerprint {PairingDocument.parse(ran.out.encode()).fingerprint()}\n"
    return ran.out.encode()


@pytest.fixture
def notice_files(tmp_path: Path) -> dict[str, Path]:
    """Files for the transcript, by the names that it uses."""
    firm = Entity(name="A firm", jurisdiction="HK", licence_number="CLI-1")
    one = NoticeFile("hk-cli-001", "HK", "KR", content(subjects=[firm]))
    more = [NoticeFile(f"hk-cli-00{number}", "", "", content()) for number in (2, 3)]
    bad = json.loads(write_notice(one))
    bad["event_date"], bad["handling"]["tlp"] = "yesterday", "PURPLE"
    made = {
        "notice": write_notice(one),
        "list": write_notices(more),
        "no_recipient": write_notice(more[0]),
        "unnamed": write_notice(NoticeFile("", "HK", "KR", content())),
        "unnamed_list": write_notices([NoticeFile("", "HK", "KR", content())] * 2),
        "bare_list": json.dumps([json.loads(write_notice(one))]),
        "bad_form": json.dumps(bad),
        "bad_rules": write_notice(NoticeFile("", "HK", "KR", content(title=[], summary=[]))),
    }
    for name, text in made.items():
        (tmp_path / f"{name}.json").write_text(text)
    return {name: tmp_path / f"{name}.json" for name in made}


def test_notices(started_pair: tuple[Site, Site], notice_files: dict[str, Path], tmp_path: Path) -> None:
    hk, kr = started_pair
    nobody = hk.path / "clients" / "SFC-office" / "nobody.toml"
    text = profile_path(hk, "SFC").read_text().replace(f":{hk.back_office_port}", f":{free_port()}")
    nobody.write_text(text + "max_attempts = 1\n")
    values = {"folder": tmp_path, "sfc": profile_path(hk, "SFC"), "fss": profile_path(kr, "FSS"), "nobody": nobody}
    play("notices", values | notice_files)


def test_drafts(four_eyes_pair: tuple[Site, Site], tmp_path: Path) -> None:
    hk, kr = four_eyes_pair
    narrow = content(handling=handling(tlp=Handling.AMBER_STRICT))
    changed = content(handling=handling(tlp=Handling.AMBER_STRICT), subjects=[Entity(name="A fund", jurisdiction="HK")])
    made = {
        "narrow": write_notice(NoticeFile("hk-cli-narrow", "HK", "KR", narrow)),
        "changed": write_notice(NoticeFile("", "HK", "KR", changed)),
        "two": write_notices([NoticeFile("", "", "KR", narrow)] * 2),
        "law": write_framework(FrameworkFile("hk-cli-law", version(provision()))),
    }
    for name, text in made.items():
        (tmp_path / f"{name}.json").write_text(text)
    files = {name: tmp_path / f"{name}.json" for name in made}
    office = profile_path(hk, "SFC")
    drafted = {f"{name}_draft": _drafted(files[name], office) for name in ("narrow", "law")}
    profiles = {"sfc": office, "desk": profile_path(hk, "SFC", "desk"), "fss": profile_path(kr, "FSS")}
    play("drafts", files | drafted | profiles | {"etag": _EtagNow(drafted["narrow_draft"], profiles["desk"])})


@dataclass(frozen=True)
class _EtagNow:
    """The etag that a draft has whenever a line of the transcript is filled in: nobody knows it before."""

    draft: str
    profile: Path

    def __str__(self) -> str:
        return str(json.loads(run("draft", "show", self.draft, "--profile", self.profile, "--json").out)["etag"])


def _drafted(file: Path, profile: Path) -> str:
    """The id of a draft that is made of a file."""
    ran = run("draft", "create", file, "--profile", profile, "--json")
    return str(json.loads(ran.out)["draft"])


def test_sharing(started_pair: tuple[Site, Site], tmp_path: Path) -> None:
    hk, kr = started_pair
    acknowledged_notice(hk, kr, "hk-cli-sharing")
    fss, sfc = profile_path(kr, "FSS"), profile_path(hk, "SFC")
    to = ("--to", "FINMA=CH", "--to", "A, B = C=sg")
    asking = ("sharing", "request", "hk-cli-sharing", *to, "--use", "supervision", "--purpose", "en=A joint case.")
    consent = json.loads(run(*asking, "--profile", fss, "--json").out)["consent"]
    with hk.client("SFC") as client:
        eventually(lambda: f"notices/{consent}" in {each.name for each in client.list_consents()})
    roots = {f"{site.jurisdiction.lower()}_root": site.home.root("node-authority") for site in (hk, kr)}
    play("sharing", {"fss": fss, "sfc": sfc, "consent": consent, "folder": tmp_path, **roots})


def test_assistance(started_pair: tuple[Site, Site], tmp_path: Path) -> None:
    hk, kr = started_pair
    asked = asking(requested_authority="FSS", respond_by=day("2199-12-31"))
    made = {
        "asked": write_notice(NoticeFile("hk-cli-asked", "HK", "KR", asked)),
        "any": write_notice(NoticeFile("hk-cli-any", "HK", "KR", asking(respond_by=day("2199-11-30")))),
        "replies": json.dumps({"1": {"en": "A firm.", "ko": "한 회사."}}),
        "bad_replies": json.dumps({"1": {"en": 7}, "2": "Then."}),
        "accounts": "who,when\n",
    }
    for name, text in made.items():
        (tmp_path / f"{name}.json").write_text(text)
    files = {name: tmp_path / f"{name}.json" for name in made}
    profiles = {"sfc": profile_path(hk, "SFC"), "fss": profile_path(kr, "FSS"), "fsc": profile_path(kr, "FSC")}
    play("assistance", files | profiles)


@pytest.fixture
def framework_files(tmp_path: Path) -> dict[str, Path]:
    """Two real frameworks, a real change of one, and files that are not right."""
    korea = real("KR").content
    changed = FrameworkVersionContent()
    changed.CopyFrom(real("HK").content)
    custody = next(each for each in changed.provisions if each.id == "hk-custody-licence")
    custody.status = Provision.ENACTED
    custody.requirement[0].text = custody.requirement[0].text.replace(" ", " really ", 1)
    bad = version(provision(effective_to=day("2020-01-01"), parameters=[parameter("1", "QQQ")]))
    made = {
        "hk": FrameworkFile("hk-cli-rules", real("HK").content),
        "changed": FrameworkFile("hk-cli-rules", changed),
        "kr": FrameworkFile("kr-cli-rules", korea),
        "no_id": FrameworkFile("", korea),
        "bad": FrameworkFile("hk-cli-bad", bad),
    }
    for name, file in made.items():
        (tmp_path / f"{name}.json").write_text(write_framework(file) + "\n")
    (tmp_path / "bad_form.json").write_text('{"schema": "framework/1", "as_of": "soon", "provisions": [{"id": 7}]}')
    return {name: tmp_path / f"{name}.json" for name in (*made, "bad_form")}


def test_frameworks(started_pair: tuple[Site, Site], framework_files: dict[str, Path], tmp_path: Path) -> None:
    hk, kr = started_pair
    roots = {f"{site.jurisdiction.lower()}_root": site.home.root("node-authority") for site in (hk, kr)}
    values = {"folder": tmp_path, "hkma": profile_path(hk, "HKMA"), "fsc": profile_path(kr, "FSC"), **roots}
    play("frameworks", values | framework_files)
    exported = (tmp_path / "out.json").read_bytes()
    assert read_framework(exported) == read_framework(framework_files["changed"].read_bytes())
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    for name in ("out.json", "page.html"):
        (tmp_path / name).unlink()


def test_evidence(started_pair: tuple[Site, Site], tmp_path: Path) -> None:
    hk, kr = started_pair
    acknowledged_notice(hk, kr, "hk-cli-evidence")
    (tmp_path / "sent").write_bytes(evidence.SENT.encode())
    for name, root in zip(("hk.crt", "kr.crt"), evidence.ROOTS, strict=True):
        (tmp_path / name).write_bytes(to_pem(root))
    serial = x509.load_der_x509_certificate(evidence.HONG_KONG.certificates[0]).serial_number
    for name, minutes in (("before", -30), ("later", 30)):
        revoked = {serial: evidence.SEALED.replace(microsecond=0) + timedelta(minutes=minutes)}
        crl = evidence.HONG_KONG.authority.sign_crl(revoked, 1, evidence.SEALED + timedelta(days=1), 30)
        (tmp_path / f"{name}.crl").write_bytes(crl)
    values = {
        "folder": tmp_path,
        "revoked_before": tmp_path / "before.crl",
        "revoked_later": tmp_path / "later.crl",
        "sfc": profile_path(hk, "SFC"),
        "hk_root": hk.home.root("node-authority"),
        "kr_root": kr.home.root("node-authority"),
        "unreceipted": tmp_path / "sent",
        "made_hk_root": tmp_path / "hk.crt",
        "made_kr_root": tmp_path / "kr.crt",
    }
    play("evidence", values)


def test_audit(started_pair: tuple[Site, Site], tmp_path: Path) -> None:
    hk, kr = started_pair
    acknowledged_notice(hk, kr, "hk-cli-audited")
    values = {
        "folder": tmp_path,
        "sfc": profile_path(hk, "SFC"),
        "audit": hk.add_client("FSTB", [Role.AUDITOR], system="audit"),
        "reader": hk.add_client("FSTB", [Role.READER], system="reader"),
        "hk_root": hk.home.root("node-authority"),
        "kr_root": kr.home.root("node-authority"),
    }
    with Client(Profile.load(Path(values["audit"]))) as client:
        eventually(lambda: _is_admitted(client))
    play("audit", values)
    assert not (tmp_path / "other").exists()
    assert not (tmp_path / "never").exists()
    entries = [json.loads(line) for line in (tmp_path / "entries").read_text().splitlines()]
    assert [each["index"] for each in entries] == list(range(len(entries)))
    assert any(each["resources"] == ["notices/hk-cli-audited"] and each["outcome"] == "OK" for each in entries)


def _is_admitted(client: Client) -> bool:
    """A node that runs looks at its access file again and again."""
    try:
        client.server_info()
    except NotAllowed:
        return False
    return True
