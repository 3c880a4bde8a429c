"""How consents and shares are named: below their notice."""

from regulator.exchange.v1.envelope_pb2 import Envelope

from gateway.supervision.notices.content import notice_id, notice_name

CONSENTS, SHARES = "/consents/", "/shares/"


def consent_name(of_notice: str, consent_id: str) -> str:
    """``notices/hk-2025-001/consents/5c0e...``, from the ids of both."""
    return f"{notice_name(of_notice)}{CONSENTS}{consent_id}"


def share_name(of_notice: str, share_id: str) -> str:
    """``notices/hk-2025-001/shares/5c0e...``, from the ids of both."""
    return f"{notice_name(of_notice)}{SHARES}{share_id}"


def consent_ids(name: str) -> tuple[str, str]:
    """The ids of the notice and of the consent in a name; of a text that is none, whatever stands there."""
    return _ids(name, CONSENTS)


def share_ids(name: str) -> tuple[str, str]:
    """The ids of the notice and of the share in a name, likewise."""
    return _ids(name, SHARES)


def is_consent_name(name: str) -> bool:
    """Whether a text is the name of a consent; the contract's field rules ask the same."""
    of_notice, own = consent_ids(name)
    return name == consent_name(of_notice, own) and 8 <= len(own) <= 32 and own.isalnum() and own.isascii()


def shared_notice(envelope: Envelope) -> str:
    """The id of the notice whose onward sharing an envelope is about; empty: it is about none."""
    if envelope.HasField("sharing_requested"):
        return consent_ids(envelope.sharing_requested.consent)[0]
    if envelope.HasField("sharing_decided"):
        return consent_ids(envelope.sharing_decided.consent)[0]
    return share_ids(envelope.content_shared.share)[0]


def _ids(name: str, collection: str) -> tuple[str, str]:
    notice, _, own = name.partition(collection)
    return notice_id(notice), own
