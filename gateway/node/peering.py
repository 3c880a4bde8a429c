"""Puts together what moves channels: the streams that lead away from here, those that come, and whose turn it is."""

from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from itertools import chain
from typing import Any

from gateway.carrier import Resources
from gateway.link.attachment_link import AttachmentLink
from gateway.link.dialler import Dialler, hurry
from gateway.link.link import Link
from gateway.node.core import Core
from gateway.node.files import Files
from gateway.replicas import Alone, Shared
from gateway.rpc.allowances import Allowances
from gateway.rpc.peer import PeerServicer, Taking
from gateway.store.database import Database
from gateway.store.leases import Replica

ID_BYTES = 16  # of a replica


class Peering:
    """Its parts.

    Args:
        core: of the node
        files: that belong to notices
        replicas: of the node
        link: makes a stream of envelopes
        attachment_link: makes one of files

    Attributes:
        servicer: of the streams that come
    """

    def __init__(
        self,
        core: Core,
        files: Files,
        replicas: Alone | Shared,
        link: Callable[..., Link] = Link,
        attachment_link: Callable[..., AttachmentLink] = AttachmentLink,
    ) -> None:
        ground, parties = core.ground, core.ground.parties
        self._replicas = replicas
        resources = Resources(
            core.committer,
            core.readers,
            ground.keyring,
            ground.certify,
            ground.require_unrevoked,
            parties,
            ground.tracing,
        )
        presented = core.endings.dialling(ground.credentials)

        def to(jurisdiction: str) -> tuple[Dialler, Dialler]:
            """What keeps both streams to a peer up: that of the channel, and that of the files beside it."""
            peer, origin = parties.peers[jurisdiction], parties.origin_to(jurisdiction)
            shown = partial(presented, jurisdiction)
            return (
                link(peer, parties, shown, resources, core.bulletin, core.links, replicas),
                attachment_link(peer, origin, shown, core.readers, replicas, files.standing.transfers),
            )

        diallers = self._diallers = {each: to(each) for each in parties.peers}
        self.servicer = PeerServicer(
            parties,
            resources,
            core.bulletin,
            core.links,
            replicas,
            lambda seen: hurry(diallers[seen]),
            Taking(files.wanting, Allowances(ground.peer_bytes_per_day, core.alarms, ground.clock)),
        )

    def upkeep(self) -> Iterator[Coroutine[Any, Any, None]]:
        """What runs for as long as the node does."""
        yield from (each.run() for each in chain.from_iterable(self._diallers.values()))
        if isinstance(self._replicas, Shared):
            yield self._replicas.run()


def replicas_of(core: Core, database: Database, name: str, on_fatal: Callable[[Exception], None]) -> Alone | Shared:
    """The replicas of a node, of which this one has a name.

    Args:
        core: of the node
        database: of all of them
        name: of this one, for people
        on_fatal: called when it must not go on
    """
    if core.is_local:
        return Alone()
    states, parties = core.committer.latest().states, core.ground.parties
    channels = {origin: states[origin] for origin, _, _ in parties.channels()}
    me = Replica(core.ground.random(ID_BYTES).hex(), name, len(parties.peers))
    return Shared(database, me, parties.own.domain, channels, core.links, core.committer, on_fatal)
