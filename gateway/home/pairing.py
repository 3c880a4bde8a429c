"""What operators do about a node's peers: they pair it, end a pairing, and take one up again, all in the node's home.

An end, and that a pairing holds again, a node that runs takes by itself; a new peer it knows after its next start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from gateway.errors import BadInput, StoreError, Untrusted
from gateway.home.home import Home
from gateway.identity.certificates.keyfiles import PUBLIC_MODE, write_file
from gateway.identity.pairing.document import PairingDocument
from gateway.identity.pairing.end import Ending, ended, later
from gateway.identity.seals.sealers import share_a_root
from gateway.moments import MICROS, micros_at
from gateway.store.clocks import Clock
from gateway.store.database import snapshot, stopped
from gateway.store.recovery.continuity import Continuity
from gateway.store.recovery.replacing import knows_seal, replace_peer_seal
from gateway.store.state import ChannelState, read_channels


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of ending a pairing.

    Attributes:
        ending: the end, as it is marked now
        is_new: False: the pairing had ended before
        waiting: envelopes for the peer without a receipt, which stay in the log; None: the database cannot be read now
    """

    ending: Ending
    is_new: bool
    waiting: int | None


@dataclass(frozen=True, slots=True)
class Paired:
    """A peer that is paired.

    Attributes:
        document: by which it is
        is_again: the pairing had ended
        is_news: the home had no such document, or another one
        is_known: it had one of this peer
        seal_waits: the seal that it names comes into force where the peer's log bears it
    """

    document: PairingDocument
    is_again: bool
    is_news: bool
    is_known: bool
    seal_waits: bool = False


def end_pairing(home: Home, jurisdiction: str, by: str, reason: str, now: datetime) -> Ended:
    """Marks the pairing with a peer as ended; its document stays. Nothing is half done: the mark is one file.

    Args:
        home: of the node, which may run
        jurisdiction: of the peer
        by: who ends it, for people
        reason: why, for people
        now: with a time zone

    Raises:
        BadInput: there is no such peer.
        ConfigError: a file of the home cannot be read or written.
    """
    document = document_of(home, jurisdiction)
    channels = _channels(home)
    known = _known(home, document, channels or {})
    is_new = known is None or known.is_over
    ending = ended(known, micros_at(now) // MICROS, by, reason) if known is None or known.is_over else known
    if ending != home.endings.read(jurisdiction):
        home.endings.write(jurisdiction, document.domain, document.fingerprint(), ending)
    return Ended(ending, is_new, None if channels is None else _waiting(channels.get(document.domain)))


def _waiting(state: ChannelState | None) -> int:
    return state.log.size - state.receipted_size if state else 0


def document_of(home: Home, jurisdiction: str) -> PairingDocument:
    """Gives a peer's document; raises ``BadInput``: there is no such peer."""
    documents = {each.jurisdiction: each for each in home.peer_documents()}
    if jurisdiction not in documents:
        peers = ", ".join(sorted(documents)) or "none"
        raise BadInput.of("PEER", f"{jurisdiction} is not a peer of this node; its peers are: {peers}")
    return documents[jurisdiction]


def known_endings(home: Home) -> Mapping[str, Ending]:
    """Gives the last end of each pairing that was ever ended, by the peer's jurisdiction.

    Of what the home says and what its database says, if that can be read now, the newer counts, as in a running node.

    Raises:
        ConfigError: naming the file of the home that is wrong.
    """
    channels = _channels(home) or {}
    found = {each.jurisdiction: _known(home, each, channels) for each in home.peer_documents()}
    return {peer: ending for peer, ending in found.items() if ending}


def ended_peers(home: Home) -> Mapping[str, Ending]:
    """Of these, gives those that are ended now; raises as ``known_endings``."""
    return {peer: ending for peer, ending in known_endings(home).items() if not ending.is_over}


def _known(home: Home, document: PairingDocument, channels: Mapping[str, ChannelState]) -> Ending | None:
    state = channels.get(document.domain)
    return later(home.endings.read(document.jurisdiction), state.ending if state else None)


def _channels(home: Home) -> Mapping[str, ChannelState] | None:
    """The channels that lead away from here, by the domain of the peer; None: the database cannot be read now."""
    try:
        with snapshot(home.config.database.url, home.path) as connection:
            states = read_channels(connection).values()
    except StoreError:
        return None
    return {each.seals.receiver_domain: each for each in states if each.ends.outgoing}


def import_pairing(home: Home, data: bytes, fingerprint: str, now: datetime, *, replace_seal: bool = False) -> Paired:
    """Takes a peer's pairing document, whose fingerprint the two operators have compared.

    If the pairing had ended, it holds again: both logs go on where they stand, under the seals that they know.

    Args:
        home: of the node
        data: of the file
        fingerprint: as it was read aloud
        now: with a time zone
        replace_seal: take another seal than the channels know, since the peer lost the one before; the node must be
            stopped

    Raises:
        BadInput, Malformed: it is not a valid document, or of this node, or of a peer of another jurisdiction.
        Untrusted: the fingerprint is another one, its seal does not come from its root, or is not known here.
        StoreError: the seal is to be replaced, and a node runs.
    """
    document = PairingDocument.parse(data)
    if fingerprint.strip().lower() != document.fingerprint():
        raise Untrusted(f"the fingerprint of this document is {document.fingerprint()}; ask the peer's operator")
    others = [each for each in home.peer_documents() if each.jurisdiction != document.jurisdiction]
    _require_another(home, document, others)
    home.parties(now, [*others, document])
    is_news, is_known = not _is_kept(home, document, data), home.peer_file(document.jurisdiction).exists()
    seal_waits = False
    if not _knows_seal(home, document):
        if not replace_seal:
            raise Untrusted(_unknown_seal(home, document))
        with stopped(home.config.database.url, home.path) as database:
            seal, at = document.certified_seal, micros_at(now)
            lost = Continuity(home.high_water, database, Clock(lambda: at)).is_put_back()
            seal_waits = not replace_peer_seal(database, document.domain, seal, at, put_back=lost)
            _keep_document(home, document, data)
    else:
        _keep_document(home, document, data)
    is_again = _resume(home, document, now)  # last: cut short before, the pairing is still ended
    return Paired(document, is_again, is_news, is_known, seal_waits)


def _resume(home: Home, document: PairingDocument, now: datetime) -> bool:
    """Marks that a pairing which had ended holds again; False: it had not."""
    known = _known(home, document, _channels(home) or {})
    if known is None or known.is_over:
        return False
    resumed = known.resumed(micros_at(now) // MICROS)
    home.endings.write(document.jurisdiction, document.domain, document.fingerprint(), resumed)
    return True


def _unknown_seal(home: Home, document: PairingDocument) -> str:
    said = (
        f"the document names a seal of {document.domain} that is not known here. A peer that rotates its seal "
        "tells it by its channel first; if its operator says that it was lost, stop the node, and import the "
        "document with --replace-seal"
    )
    if document.jurisdiction in ended_peers(home):
        before = home.peer_file(document.jurisdiction)
        said += f". If it rotated its seal since the pairing ended, import {before}: its channel tells the new one"
    return said


def _require_another(home: Home, document: PairingDocument, others: Iterable[PairingDocument]) -> None:
    own = home.config.node
    if document.domain == own.domain or document.jurisdiction == own.jurisdiction:
        raise BadInput.of("document", f"is of {document.domain} ({document.jurisdiction}): this node itself")
    for each in others:
        if each.domain == document.domain:
            said = f"{document.domain} is of {document.jurisdiction}; it is paired here as {each.jurisdiction}"
            raise BadInput.of("document", f"says that {said}: ask its operator which of the two is right")
    if share_a_root(document.node_authorities, home.roots("node-authority")):
        said = "names a root that is this node's own, too: no evidence would hold that one root made for both sides"
        raise BadInput.of("document", f"{said}. Each node needs a node authority of its own (docs/certificates.md)")


def _is_kept(home: Home, document: PairingDocument, data: bytes) -> bool:
    path = home.peer_file(document.jurisdiction)
    return path.exists() and path.read_bytes() == data


def _keep_document(home: Home, document: PairingDocument, data: bytes) -> None:
    """Writes it; the one before is kept, since channels may have begun under its seal."""
    path = home.peer_file(document.jurisdiction)
    if path.exists() and (before := path.read_bytes()) != data:
        earlier = home.peers / "earlier" / f"{path.stem}-{sha256(before).hexdigest()[:16]}.json"
        earlier.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(earlier, before, mode=PUBLIC_MODE, replace=True)
    write_file(path, data, mode=PUBLIC_MODE, replace=True)


def _knows_seal(home: Home, document: PairingDocument) -> bool:
    """Whether the seal is one of the peer's; of a node that this home has never met, any is."""
    if not home.peer_file(document.jurisdiction).exists():
        return True
    with snapshot(home.config.database.url, home.path) as connection:
        return knows_seal(connection, document.domain, document.certified_seal)
