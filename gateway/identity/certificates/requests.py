"""Certificate signing requests (PKCS#10): a key, and the proof that their sender holds it."""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.errors import BadInput, BadSignature, Malformed
from gateway.identity.certificates.x509 import UNREADABLE
from gateway.identity.names import Identity

MAX_REQUEST_BYTES = 64 * 1024


def request_for(key: Ed25519PrivateKey | MLDSA44PrivateKey, identity: Identity) -> bytes:
    """Makes a request for a certificate of a sealing key, PEM; raises what the key raises that signs it."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(identity))])
    return builder.add_extension(names, critical=True).sign(key, None).public_bytes(Encoding.PEM)


def requested_key(csr_pem: bytes, identity: Identity) -> CertificatePublicKeyTypes:
    """Reads the key of a request, and nothing else of it.

    Args:
        csr_pem: the request, PEM
        identity: whom the operator states it is for

    Raises:
        Malformed: it is not a certificate signing request.
        BadSignature: its sender did not prove that it holds the key.
        BadInput: it asks for the URI SAN of somebody else.
    """
    request = _load_request(csr_pem)
    if not request.is_signature_valid:
        raise BadSignature("the signature of the request does not verify with its own key")
    for uri in _requested_uris(request):
        if uri != str(identity):
            raise BadInput.of("csr", f"asks for {uri[:200]!a}, and {identity} was stated")
    return request.public_key()


def _load_request(csr_pem: bytes) -> x509.CertificateSigningRequest:
    if len(csr_pem) > MAX_REQUEST_BYTES:
        raise Malformed(f"a certificate signing request has at most {MAX_REQUEST_BYTES} bytes")
    try:
        request = x509.load_pem_x509_csr(csr_pem)
        _ = request.extensions, request.public_key(), request.is_signature_valid
    except UNREADABLE as error:
        raise Malformed("this is not a certificate signing request in PEM") from error
    return request


def _requested_uris(request: x509.CertificateSigningRequest) -> list[str]:
    try:
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)
