"""Provisions, versions, assessments and records for tests, and Hypothesis strategies that draw valid versions."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.type.date_pb2 import Date
from hypothesis import strategies as st
from regulator.exchange.v1 import values_pb2 as values
from regulator.exchange.v1.framework_pb2 import (
    AssessmentContent,
    FrameworkHeader,
    FrameworkVersionContent,
    Parameter,
    Provision,
)
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.supervision.files.frameworks import FrameworkFile, read_framework
from gateway.supervision.frameworks.content import TOPICS
from gateway.supervision.frameworks.records import AssessmentRecord, FrameworkVersionRecord, is_known
from tests.supervision.samples import HK_TO_KR, SEALED_AT

DATA = Path(__file__).parents[2] / "gateway" / "demo" / "data"
FILES = {jurisdiction: DATA / f"framework-{jurisdiction.lower()}.json" for jurisdiction in ("HK", "KR")}


def real(jurisdiction: str) -> FrameworkFile:
    return read_framework(FILES[jurisdiction].read_bytes())


def english(text: str) -> list[values.LocalizedText]:
    return [values.LocalizedText(language_tag="en", text=text)]


def day(text: str) -> Date:
    year, month, date = (int(part) for part in text.split("-"))
    return Date(year=year, month=month, day=date)


def header(**changes: Any) -> FrameworkHeader:
    valid = {
        "jurisdiction": "HK",
        "title": english("A framework"),
        "authorities": ["HKMA", "SFC"],
        "as_of": day("2026-11-24"),
    }
    return FrameworkHeader(**(valid | changes))


def provision(provision_id: str = "a", **changes: Any) -> Provision:
    """In force from 2026-01-01, for issuers, on reserve assets."""
    valid = {
        "id": provision_id,
        "citation": "Cap. 656",
        "sector": values.SECTOR_STABLECOIN_ISSUER,
        "topic": "reserve_assets",
        "status": Provision.IN_FORCE,
        "effective_from": day("2026-01-01"),
        "title": english("Title"),
        "requirement": english("A licensee keeps reserves."),
        "confidence": values.CONFIDENCE_EXERCISE,
    }
    return Provision(**(valid | changes))


def parameter(
    value: str, unit: str, kind: Parameter.Kind.ValueType = Parameter.MONEY, key: str = "minimum"
) -> Parameter:
    return Parameter(key=key, kind=kind, value=value, unit=unit)


def version(*provisions: Provision, **changes: Any) -> FrameworkVersionContent:
    return FrameworkVersionContent(header=header(**changes), provisions=provisions)


def assessment(**changes: Any) -> AssessmentContent:
    """Of the area of ``provision()``, Hong Kong first."""
    valid = {
        "first_jurisdiction": "HK",
        "second_jurisdiction": "KR",
        "outcome": AssessmentContent.EQUIVALENT,
        "reasons": english("Both demand full backing."),
    }
    if "pair" not in changes:
        area = AssessmentContent.Area(sector=values.SECTOR_STABLECOIN_ISSUER, topic="reserve_assets")
        valid["area"] = area
    return AssessmentContent(**(valid | changes))


def pair(first: str = "hk-x/provisions/a", second: str = "kr-x/provisions/b") -> AssessmentContent.ProvisionPair:
    return AssessmentContent.ProvisionPair(first=f"frameworks/{first}", second=f"frameworks/{second}")


def version_record(**changes: Any) -> FrameworkVersionRecord:
    """What Hong Kong's node knows of the first version of ``hk-x``."""
    valid = {
        "framework_id": "hk-x",
        "version": 1,
        "base_version": 0,
        "direction": Notice.OUTGOING,
        "jurisdiction": "HK",
        "recipient": "KR",
        "provision_count": 1,
        "origin": HK_TO_KR,
        "index": 0,
        "sealed_at": SEALED_AT,
        "receipt_time": None,
    }
    return FrameworkVersionRecord(**(valid | changes))


def assessment_record(**changes: Any) -> AssessmentRecord:
    """What Hong Kong's node knows of its assessment ``hk-1`` of the area of ``provision()``."""
    valid = {
        "id": "hk-1",
        "direction": Notice.OUTGOING,
        "assessor": "HK",
        "recipient": "KR",
        "sector": values.SECTOR_STABLECOIN_ISSUER,
        "topic": "reserve_assets",
        "provisions": (),
        "outcome": AssessmentContent.EQUIVALENT,
        "supersedes": "",
        "superseded_by": "",
        "origin": HK_TO_KR,
        "index": 0,
        "sealed_at": SEALED_AT,
        "receipt_time": None,
    }
    return AssessmentRecord(**(valid | changes))


# --- valid versions -----------------------------------------------------------------------------------------

_WORDS = [
    "licensee",
    "keeps",
    "1,000.50",
    "HKD",
    "香港數字資產",
    "監管",
    "이용자의",
    "예치금을",
    "§ 7(1)",
    "e\u0301tat",
    "-",
]
_KEYS = ["minimum", "maximum", "period"]


def texts() -> st.SearchStrategy[str]:
    """Words of three scripts, figures and signs, with spaces of several kinds between them."""
    parts = st.sampled_from([*_WORDS, " ", "  ", "\n", ", "])
    return st.lists(parts, min_size=1, max_size=12).map("".join).filter(lambda text: not text.isspace())


def localized() -> st.SearchStrategy[list[values.LocalizedText]]:
    tags = st.sampled_from(["en", "ko", "zh-Hant"])
    return st.dictionaries(tags, texts(), min_size=1, max_size=2).map(
        lambda found: [values.LocalizedText(language_tag=tag, text=text) for tag, text in found.items()]
    )


def parameters() -> st.SearchStrategy[Parameter]:
    figures = st.decimals(0, 10_000, places=2).map("{:f}".format)
    units = st.sampled_from(
        [(Parameter.MONEY, "HKD"), (Parameter.PERCENTAGE, "percent"), (Parameter.DURATION, "week"), (4, "times")]
    )
    measured = st.builds(
        lambda key, value, unit: parameter(value, unit[1], unit[0], key), st.sampled_from(_KEYS), figures, units
    )
    flags = st.builds(
        lambda key, value: parameter(value, "", Parameter.FLAG, key),
        st.sampled_from(_KEYS),
        st.sampled_from(["true", "false"]),
    )
    return measured | flags


def days() -> st.SearchStrategy[Date]:
    """Days of two months, so that many meet."""
    return st.builds(Date, year=st.just(2026), month=st.sampled_from([6, 7]), day=st.integers(1, 30))


def provisions(ids: st.SearchStrategy[str]) -> st.SearchStrategy[Provision]:
    sources = st.builds(values.Source, title=st.just("Gazette"), publisher=st.sampled_from(["", "HKMA"]))
    return st.builds(
        Provision,
        id=ids,
        citation=st.sampled_from(["Cap. 656", "Cap. 656, minimum criteria"]),
        sector=st.sampled_from(values.Sector.values()[1:]),
        topic=st.sampled_from(TOPICS[:4]),
        status=st.sampled_from(Provision.Status.values()[1:]),
        effective_from=days(),
        effective_to=st.none() | st.just(Date(year=2026, month=7, day=31)),
        title=localized(),
        requirement=localized(),
        parameters=st.lists(parameters(), max_size=2, unique_by=lambda each: each.key),
        source=st.none() | sources,
        confidence=st.sampled_from(values.Confidence.values()[1:]),
    )


def versions(max_size: int = 5) -> st.SearchStrategy[FrameworkVersionContent]:
    """Valid versions whose provisions have few ids, so that two of them share some."""
    listed = st.lists(provisions(st.sampled_from("abcdef")), max_size=max_size, unique_by=lambda each: each.id)
    return st.builds(FrameworkVersionContent, header=headers(), provisions=listed)


def headers() -> st.SearchStrategy[FrameworkHeader]:
    return st.builds(
        header, title=localized(), summary=st.just([]) | localized(), as_of=days(), authorities=st.just(["SFC"])
    )


def enlarged(content: FrameworkVersionContent, count: int) -> FrameworkVersionContent:
    """A version of so many provisions of the size of real ones."""
    made = FrameworkVersionContent(header=content.header)
    for place in range(count):
        added = made.provisions.add()
        added.CopyFrom(content.provisions[place % len(content.provisions)])
        added.id = f"{added.id}-{place}"
    return made


def newest_known(
    records: Iterable[FrameworkVersionRecord], known_at: int | None = None
) -> dict[str, FrameworkVersionRecord]:
    """The newest version of each framework, by its id, that was known at a moment.

    Args:
        records: versions of any frameworks, in any order
        known_at: microseconds since 1970; None: now, receipts or not
    """
    found: dict[str, FrameworkVersionRecord] = {}
    for record in records:
        newest = found.get(record.framework_id)
        if (newest is None or record.version > newest.version) and is_known(record, known_at):
            found[record.framework_id] = record
    return found
