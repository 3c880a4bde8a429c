"""Where in a channel is sealed what a name names: of what is no notice, evidence is asked for by that place."""

import re

import typer
from regulator.exchange import Client, InvalidRequest
from regulator.exchange.v1.framework_service_pb2 import FrameworkVersion
from regulator.exchange.v1.notice_service_pb2 import Notice

from gateway.backups.archive import Archive
from gateway.errors import BadInput, NotFound
from gateway.supervision.frameworks.names import ASSESSMENTS

_VERSION = re.compile(r"(?:frameworks/)?([^/]+)/versions/(.*)")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def place_of(client: Client | Archive, name: str, *, decision: int, to: str) -> Notice.Position | None:
    """Gives the place; None: the name is that of a notice, whose acts the node knows by themselves.

    Args:
        client: of the node, or what is stored of it
        name: as it was given
        decision: which decision on a consent; 0: the request for it
        to: of a version of a framework, the recipient's jurisdiction; empty: it has one recipient
    """
    if decision and "/consents/" not in name:
        raise typer.BadParameter("--decision is for a consent, such as hk-2026-017/consents/5c0e9a41")
    version = _VERSION.fullmatch(name)
    if to and not version:
        raise typer.BadParameter("--to is for a version of a framework, such as hk-digital-assets/versions/2")
    if version:
        if not _NUMBER.fullmatch(version[2]):
            raise _unfit("versions of a framework are numbered from 1 to 999999999: hk-digital-assets/versions/2")
        return _delivered(client.get_version(version[1], int(version[2])), to)
    if name.startswith(ASSESSMENTS):
        return _assessed(client, name)
    if "/shares/" in name:
        return client.get_share(name).position
    if "/consents/" in name:
        return _decided(client, name, decision)
    if "/" in name.removeprefix("notices/"):
        raise _unfit("must be the id of a notice, or name a consent, a share, a version or an assessment")
    return None


def _delivered(version: FrameworkVersion, to: str) -> Notice.Position:
    found = {each.recipient: each.position for each in version.deliveries}
    recipient = to.upper() or next(iter(found))
    if recipient not in found or (not to and len(found) > 1):
        raise typer.BadParameter(f"must be one of {', '.join(found)}: it went to each of these", param_hint="--to")
    return found[recipient]


def _assessed(client: Client | Archive, name: str) -> Notice.Position:
    assessor = name.removeprefix(ASSESSMENTS).partition("-")[0].upper()
    try:
        for each in client.list_assessments(assessor=assessor, show_superseded=True):
            if each.name == name:
                return each.position
    except (InvalidRequest, BadInput):
        pass  # no assessor has that code
    raise NotFound(f"there is no assessment {name.removeprefix(ASSESSMENTS)}")


def _decided(client: Client | Archive, name: str, decision: int) -> Notice.Position:
    consent = client.get_consent(name)
    if not decision:
        return consent.position
    found = next((each for each in consent.decisions if each.number == decision), None)
    if found is None:
        count = len(consent.decisions)
        said = f"must be at most {count}, the number of decisions on it" if count else "there is no decision on it yet"
        raise typer.BadParameter(said, param_hint="--decision")
    return found.position


def _unfit(said: str) -> typer.BadParameter:
    return typer.BadParameter(said, param_hint="NAME")
