"""What a hostile peer signed, and what a client wrote, through every output of the command line."""

import asyncio
import random
import time
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from regulator.exchange.v1.envelope_pb2 import Author
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import Entity, LocalizedText

from gateway.identity.seals.signers import Keyring
from gateway.store.committer import Committer
from gateway.store.database import Database
from gateway.store.opening import add_channels
from gateway.store.writer_session import WriterSession
from gateway.supervision.envelopes import envelopes
from tests.cli.sites import profile_path
from tests.cli.transcripts import run
from tests.hostile.conftest import Target, assert_verifies
from tests.hostile.texts import TEXTS
from tests.store.stores import channel_names
from tests.supervision.samples import content
from tests.support.nodes import Site, eventually, running

AUTHOR = Author(authority="MAS", client="spiffe://gateway.sg.example/MAS/office")
SG_TO_HK = "channels/sg-to-hk"
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def hostile(text: str) -> NoticeContent:
    """A content that says it wherever there is room; no node of ours would let it be given."""
    return content(
        issuing_authority="MAS",
        title=[LocalizedText(language_tag="en", text=text)],
        summary=[LocalizedText(language_tag="en", text=text)],
        subjects=[Entity(name=text, jurisdiction="SG")],
    )


async def seal(site: Site) -> None:
    """Signs such notices with Singapore's keys, past every check of what is given."""
    parties = site.home.parties(datetime.now(UTC))
    database = Database(site.home.config.database.url, site.home.path)
    add_channels(database, channel_names(parties))
    keyring = Keyring([(parties.own.seal, site.home.seals.in_force.keys())])
    session = WriterSession(database, keyring, lambda: time.time_ns() // 1000, random.Random(5).randbytes)
    committer = Committer(session, on_commit=lambda _commit: None, on_fatal=lambda _error: None)
    committer.start()
    origin = parties.origin_to("HK")
    for number, text in enumerate(TEXTS.values()):
        await committer.submit(
            lambda tx, number=number, text=text: tx.seal(
                origin, AUTHOR, lambda seal: envelopes.released(seal, f"sg-{number}", hostile(text))
            )
        )
    await committer.stop()
    database.close()


@pytest.fixture(scope="module")
def received(target: Target) -> Iterator[Site]:
    """Hong Kong's node, after Singapore's has sent them."""
    asyncio.run(seal(target.sg))
    with running(target.sg), target.hk.client() as client:
        eventually(lambda: client.get_channel(SG_TO_HK).size == len(TEXTS))
        eventually(lambda: client.get_channel(SG_TO_HK).receipted_size == len(TEXTS))
    yield target.hk
    assert_verifies(target.hk)


COMMANDS = [
    ("status",),
    ("notice", "list"),
    ("notice", "list", "--json"),
    ("notice", "show", "hk-hostile"),
    ("notice", "show", "hk-hostile", "--json"),
    ("framework", "list"),
    *(("notice", "show", f"sg-{number}") for number in range(len(TEXTS))),
    *(("notice", "show", f"sg-{number}", "--json") for number in range(len(TEXTS))),
    *(("notice", "show", text.replace("\0", "")) for text in TEXTS.values()),
]


def test_nothing_written_to_a_terminal_acts_on_it(received: Site):
    for command in COMMANDS:
        told = run(*command, "--profile", profile_path(received, "SFC"))
        assert told.out + told.err
        assert acting(told.out + told.err) == "", command


def test_evidence_of_a_hostile_notice_is_shown_as_safely(target: Target, received: Site, tmp_path: Path):
    roots = [site.home.path / "trust" / "node-authority.crt" for site in (target.hk, target.sg)]
    shown = 0
    for number in range(len(TEXTS)):
        file = tmp_path / f"sg-{number}.proof"
        exported = run("evidence", "export", f"sg-{number}", "--out", file, "--profile", profile_path(received, "SFC"))
        assert acting(exported.out + exported.err) == ""
        if exported.code == 0:
            verified = run("evidence", "verify", file, "--root", roots[0], "--root", roots[1])
            assert verified.code == 0
            assert acting(verified.out + verified.err) == ""
            shown += 1
    assert shown


def acting(output: str) -> str:
    """The characters of an output that act on a terminal or hide something."""
    return "".join(each for each in output if each != "\n" and unicodedata.category(each) in UNSEEN)
