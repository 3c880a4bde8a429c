"""How nodes are named where evidence is shown."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.identity.names import NodeId
from gateway.identity.seals.sealers import domain_named


def named(node: NodeId, roots: Sequence[x509.Certificate]) -> str:
    """``HK (gateway.hk.example)``, where the root names its country."""
    for root in roots:
        countries = root.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
        if countries and domain_named(root) == node.domain:
            return f"{countries[0].value!s} ({node.domain})"
    return node.domain
