"""Addresses to dial."""

import ipaddress
import re

from gateway.identity.names import domain_fault

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[1-9][0-9]{0,4})")
_NUMERIC_HOST = re.compile(r"[0-9.]+")


def loopback_fault(text: str) -> str | None:
    """Says what is wrong with an address to listen on that other machines must not reach, or None."""
    if fault := address_fault(text):
        return fault
    host = text.rpartition(":")[0].strip("[]")
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    return None if is_loopback else "must be an address of this machine alone, such as 127.0.0.1:9464 or [::1]:9464"


def address_fault(text: str) -> str | None:
    """Says what is wrong with an address to dial, ``host:port``, or None; an IPv6 host stands in brackets."""
    fault = "must be host:port such as node.hk.example:7443, 127.0.0.1:7443 or [::1]:7443"
    match = _ADDRESS.fullmatch(text)
    if match is None or int(match["port"]) > 65_535:
        return fault
    host = match["host"]
    if host.startswith("[") or _NUMERIC_HOST.fullmatch(host):
        try:
            ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return fault
        return None
    return fault if domain_fault(host.lower()) else None
