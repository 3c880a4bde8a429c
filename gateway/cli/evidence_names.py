"""How nodes are named where evidence is shown."""

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.identity.names import NodeId


def named(node: NodeId, roots: Sequence[x509.Certificate]) -> str:
    """``HK (gateway.hk.example)``, where the root names its country."""
    for root in roots:
        labels = [str(each.value) for each in root.subject.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT)]
        countries = root.subject.get_attributes_for_oid(NameOID.COUNTRY_NAME)
        if countries and ".".join(reversed(labels)) == node.domain:
            return f"{countries[0].value!s} ({node.domain})"
    return node.domain
