"""The demonstration's frameworks: both real ones, and a real change of the Korean one."""

from collections.abc import Callable, Sequence
from importlib import resources
from time import monotonic, sleep

from google.type.date_pb2 import Date
from regulator.exchange import Client, NotFound
from regulator.exchange.v1.framework_pb2 import FrameworkVersionContent
from rich.console import Console

from gateway.demo.sites import Site
from gateway.errors import Unavailable
from gateway.supervision.files.frameworks import FrameworkFile, read_framework
from gateway.supervision.frameworks.days import ordinal

DELIVERY_SECONDS = 60
BEFORE_THE_PLAN = Date(year=2026, month=1, day=10)  # the next day, ten times the capital was asked of issuers

Clients = dict[str, dict[str, Client]]


def exchange_frameworks(sites: Sequence[Site], clients: Clients, console: Console, command: Callable[..., str]) -> None:
    """Publishes Hong Kong's framework, Korea's as it stood and as it stands, and shows what changed and the matrix.

    Args:
        sites: Hong Kong and Korea
        clients: of each authority, by jurisdiction
        console: to show it on
        command: runs ``gateway`` with arguments, and gives what it wrote

    Raises:
        Unavailable: a version was not delivered in time.
    """
    files = {site.jurisdiction: _file(site.jurisdiction) for site in sites}
    hk, kr = (next(iter(clients[code].values())) for code in ("HK", "KR"))
    _publish(hk, files["HK"].framework_id, files["HK"].content, console)
    _publish(kr, files["KR"].framework_id, as_it_stood(files["KR"].content, BEFORE_THE_PLAN), console)
    _publish(kr, files["KR"].framework_id, files["KR"].content, console)
    _await_version(hk, files["KR"].framework_id, 2)
    profile = str(sites[0].profile(sites[0].authorities[0]))
    console.print("What Hong Kong sees change in the Korean bill:")
    for arguments in (("diff", files["KR"].framework_id), ("compare", "HK", "KR")):
        console.print(command("framework", *arguments, "--profile", profile), soft_wrap=True)


def as_it_stood(content: FrameworkVersionContent, day: Date) -> FrameworkVersionContent:
    """A framework as it stood at the end of a day: without what began later, and with no end that came later."""
    last = ordinal(day)
    stood = FrameworkVersionContent(header=content.header)
    stood.header.as_of.CopyFrom(day)
    for provision in content.provisions:
        if ordinal(provision.effective_from) <= last:
            kept = stood.provisions.add()
            kept.CopyFrom(provision)
            if kept.HasField("effective_to") and ordinal(kept.effective_to) >= last:
                kept.ClearField("effective_to")
    return stood


def _file(jurisdiction: str) -> FrameworkFile:
    name = f"data/framework-{jurisdiction.lower()}.json"
    return read_framework(resources.files("gateway.demo").joinpath(name).read_bytes())


def _publish(client: Client, framework_id: str, content: FrameworkVersionContent, console: Console) -> None:
    version = client.publish_version(framework_id, content).version
    day = version.content.header.as_of
    name = version.name.removeprefix("frameworks/")
    stood = f"as of {day.year}-{day.month:02}-{day.day:02}"
    console.print(f"{name} is published: {version.provision_count} provisions, {stood}")


def _await_version(client: Client, framework_id: str, number: int) -> None:
    deadline = monotonic() + DELIVERY_SECONDS
    while True:
        try:
            client.get_version(framework_id, number)
        except NotFound as missing:
            if monotonic() > deadline:
                raise Unavailable(f"{framework_id} was not delivered within {DELIVERY_SECONDS} s") from missing
            sleep(0.05)
        else:
            return
