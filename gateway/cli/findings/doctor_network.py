"""What ``gateway doctor`` looks at around the home: its two ports, its peers, and the collector of traces."""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography import x509

from gateway.cli.findings.channels import ENDED_THERE, end_command
from gateway.cli.findings.findings import Finding, Level, Remedy, Subject, sh
from gateway.errors import ConfigError, GatewayError, Unauthenticated, Unavailable, Untrusted
from gateway.home.config import reachable
from gateway.home.home import Home
from gateway.home.pairing import ended_peers
from gateway.identity.certificates.revocation import Revocation, load_crls
from gateway.identity.certificates.tls_trust import Purpose, TlsTrust
from gateway.identity.certificates.x509 import Cause, to_pem
from gateway.identity.names import NodeId
from gateway.identity.pairing.document import PairingDocument
from gateway.link.dialling import Credentials, Refused, require_admission

TIMEOUT_SECONDS = 5

# A peer may take X25519MLKEM768 alone: gRPC has it, Python only with OpenSSL 3.5. Its stream tells then.
_NOTHING_IN_COMMON = "SSLV3_ALERT_HANDSHAKE_FAILURE"
_DATES = {9: "is not valid yet", 10: "has expired"}  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED


class _Unreachable(Exception):
    """Nothing answers at the address, and why."""


class _NotAdmitted(Exception):
    """A peer took the connection, and not this node's certificate."""


def listeners(subject: Subject) -> Iterator[Finding]:
    """Each of the two ports: free, or this node answers on it."""
    home = subject.home
    roots = home.roots("node-authority")
    for name, address in (("back_office", home.config.back_office.listen), ("peer", home.config.peer.listen)):
        host, port = split(address)
        where = f"{name} {address}"
        try:
            _shake_hands(home, reachable(host), port, roots, home.config.node.domain, subject.now)
        except _Unreachable:
            yield bindable(subject, where, host, port)
        except ConfigError as error:
            yield Finding(Level.FAIL, "listeners", error.message, _own_files(home))
            return
        except (GatewayError, OSError) as error:
            yield _bad_answer(home, where, port, error)
        else:
            yield Finding(Level.OK, "listeners", f"{where}: this node answers")


def _bad_answer(home: Home, where: str, port: int, error: Exception) -> Finding:
    if wrong := _untimely(error):
        todo = "put a new one in (docs/certificates.md); where it should be valid, look at the clock of this machine"
        remedy = Remedy(todo, f"gateway certs status {sh(home.path)}")
        return Finding(Level.FAIL, "listeners", f"{where}: this node answers, and its certificate {wrong}", remedy)
    if isinstance(error, TimeoutError):
        todo = (
            "look whether it is the node and stands still (state T or D), or has too much to do; its lock has its pid"
        )
        remedy = Remedy(todo, f"ps -o pid,stat,etime,args -p $(cat {sh(home.path / 'lock')})")
        return Finding(Level.FAIL, "listeners", f"{where}: what has the port says nothing", remedy)
    remedy = Remedy("stop it, or choose another port in config.toml", f"ss -ltnp 'sport = :{port}'")
    return Finding(Level.FAIL, "listeners", f"{where}: something else answers there ({error})", remedy)


def _untimely(error: Exception) -> str:
    """What is wrong with a certificate in which all but its dates is right: OpenSSL looks at these last."""
    return _DATES.get(error.verify_code, "") if isinstance(error, ssl.SSLCertVerificationError) else ""


def peers(subject: Subject) -> Iterator[Finding]:
    """Each peer, dialled as the node dials it; those whose pairing has ended are not."""
    ended = ended_peers(subject.home)
    for document in subject.home.peer_documents():
        if document.jurisdiction in ended:
            yield Finding(Level.OK, "peers", f"{document.jurisdiction}: the pairing has ended; it is not dialled")
            continue
        for address in document.addresses:
            yield _peer(document, address, subject)


def collector(subject: Subject) -> Iterator[Finding]:
    """Who is told traces, if anybody is; what the node serves does not depend on it."""
    section, home = subject.home.config.telemetry, subject.home
    if not section.endpoint:
        return
    from gateway.telemetry.export import require_collector  # noqa: PLC0415 - 50 ms, for nodes that trace alone

    try:
        require_collector(section, home.path)
    except Unavailable as error:
        todo = "look at [telemetry], at the collector and at firewalls; what the node serves does not depend on it"
        remedy = Remedy(todo, f"$EDITOR {sh(home.config_file)}")
        yield Finding(Level.WARN, "collector", f"{section.endpoint}: {error.message}", remedy)
    else:
        yield Finding(Level.OK, "collector", f"{section.endpoint} answers")


def _peer(document: PairingDocument, address: str, subject: Subject) -> Finding:
    host, port = split(address)
    where = f"{document.jurisdiction} at {address}"
    try:
        try:
            connection = _dial(subject.home, host, port, document.node_authorities, document.domain)
        except ssl.SSLError as error:
            if error.reason != _NOTHING_IN_COMMON:
                raise
        else:
            with connection:
                trust = TlsTrust(document.node_authorities, Purpose.SERVER, _revocation(subject, document))
                _require_identity(connection, trust, document.domain, subject.now)
                _require_admission(connection)
        _require_streams(subject.home, document, address)
    except Refused as error:
        said = f"{where} refuses this node: an operator there ended the pairing ({error})"
        command = end_command(sh(subject.home.path), document.jurisdiction)
        return Finding(Level.FAIL, "peers", said, Remedy(ENDED_THERE, command))
    except ConfigError as error:
        return Finding(Level.FAIL, "peers", f"{where} was not dialled: {error.message}", _own_files(subject.home))
    except (_Unreachable, TimeoutError, Unavailable) as error:
        todo = "ask its operator whether the node runs, and look at firewalls and name service; what is sealed waits"
        said = f"{where} does not answer: {str(error) or 'it speaks no gRPC'}"
        return Finding(Level.WARN, "peers", said, Remedy(todo, f"nc -vz {host.strip('[]')} {port}"))
    except (GatewayError, OSError, _NotAdmitted) as error:
        return _bad_peer(subject.home, where, error)
    return Finding(Level.OK, "peers", f"{where}: TLS 1.3 both ways, {NodeId(document.domain)}; it takes streams")


def _bad_peer(home: Home, where: str, error: Exception) -> Finding:
    if wrong := _untimely(error):
        todo = "look at the clock of this machine; where it is right, call its operator, who must put a new one in"
        return Finding(Level.FAIL, "peers", f"{where}: its certificate {wrong}", Remedy(todo, "date -u"))
    if isinstance(error, Untrusted) and error.metadata.get("reason") in (Cause.REVOKED, Cause.STALE_CRL):
        todo = "what it dials is refused here. If that is right, its operator must put a new certificate in; else call"
        command = f"ls -l {sh(home.denied_file)} {sh(home.peers)}"
        return Finding(Level.FAIL, "peers", f"{where}, by what is kept here: {error}", Remedy(todo, command))
    if isinstance(error, Unauthenticated):
        todo = "put a new certificate of this node in (docs/certificates.md), or ask its operator why it is refused"
        return Finding(Level.FAIL, "peers", f"{where}: {error}", Remedy(todo, f"gateway certs status {sh(home.path)}"))
    todo = "compare the pairing documents with its operator, fingerprint by fingerprint"
    if isinstance(error, _NotAdmitted):
        todo = f"ask its operator whether this node was paired there, and the node started since; then {todo}"
    return Finding(Level.FAIL, "peers", f"{where}: {error}", Remedy(todo, f"gateway pair list {sh(home.path)}"))


def _own_files(home: Home) -> Remedy:
    return Remedy("put the node's own files right first", f"gateway certs show {sh(home.path)}")


def split(address: str) -> tuple[str, int]:
    """Divides ``host:port``."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def bindable(subject: Subject, where: str, host: str, port: int) -> Finding:
    """Judges whether a port can be listened on."""
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            remedy = Remedy(
                "choose an address of this machine and a free port in config.toml",
                f"$EDITOR {sh(subject.home.config_file)}",
            )
            return Finding(Level.FAIL, "listeners", f"{where} cannot be used: {error.strerror}", remedy)
    return Finding(Level.OK, "listeners", f"{where} is free; the node does not run")


def _shake_hands(
    home: Home, host: str, port: int, roots: Sequence[x509.Certificate], domain: str, now: datetime
) -> None:
    with _dial(home, host, port, roots, domain) as connection:
        _require_identity(connection, TlsTrust(roots, Purpose.SERVER), domain, now)


def _dial(home: Home, host: str, port: int, roots: Sequence[x509.Certificate], domain: str) -> ssl.SSLSocket:
    """Connects by TLS 1.3 with the node's own certificate; the other side must be certified for the domain."""
    context = ssl.create_default_context(cadata=b"".join(map(to_pem, roots)).decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    try:
        context.load_cert_chain(home.certificate("node"), home.key("node"))
    except OSError as error:
        raise ConfigError("the own node.crt and node.key cannot be used: see keys and certificates, above") from error
    try:
        plain = socket.create_connection((host.strip("[]"), port), TIMEOUT_SECONDS)
    except OSError as error:
        raise _Unreachable(error.strerror or str(error)) from error
    try:
        return context.wrap_socket(plain, server_hostname=domain)
    except OSError:
        plain.close()
        raise


def _revocation(subject: Subject, document: PairingDocument) -> Revocation:
    """What the listener refuses a peer for. This node dials it all the same, which asks its root and name alone."""
    home = subject.home
    crls = load_crls(home.peer_crls(document.jurisdiction), document.node_authorities, subject.now)
    return Revocation(home.denied(), crls, refuse_stale=home.config.revocation.stale_crl == "refuse")


def _require_identity(connection: ssl.SSLSocket, trust: TlsTrust, domain: str, now: datetime) -> None:
    certificate = connection.getpeercert(binary_form=True)
    assert certificate is not None, "the handshake demanded one"
    found = trust.verify(certificate, now)
    if found != str(NodeId(domain)):
        raise Untrusted(f"it is {found}, and not {NodeId(domain)}")


def _require_admission(connection: ssl.SSLSocket) -> None:
    """In TLS 1.3 a listener refuses a client's certificate after the handshake; one that admits it begins HTTP/2."""
    try:
        answer = connection.recv(1)
    except ssl.SSLError as error:
        raise _NotAdmitted(f"it does not admit this node's certificate ({error.reason})") from error
    if not answer:
        raise _NotAdmitted("it closed the connection: it does not admit this node's certificate")


def _require_streams(home: Home, document: PairingDocument, address: str) -> None:
    """A listener may admit a certificate, and its node yet refuse the calls of whom it is."""
    roots = b"".join(map(to_pem, document.node_authorities))
    used = Credentials(home.key("node").read_bytes(), home.certificate("node").read_bytes(), roots)
    asyncio.run(require_admission(document.domain, address, used, TIMEOUT_SECONDS))
