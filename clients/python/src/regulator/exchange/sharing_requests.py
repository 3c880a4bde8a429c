"""Builds the requests about onward sharing, in the manner of ``requests``.

A consent is named ``notices/kr-2026-004/consents/5c0e...``, a share ``notices/kr-2026-004/shares/77aa...``, where
``notices/`` may be left out. Recipients are ``ThirdParty`` messages, or pairs of an organisation's name and its
jurisdiction: ``("FINMA", "CH")``.
"""

from collections.abc import Iterable
from datetime import date

from regulator.exchange.requests import Texts, fields_of, full_name, identified, localized
from regulator.exchange.v1 import sharing_service_pb2 as sharing
from regulator.exchange.v1.sharing_pb2 import ThirdParty
from regulator.exchange.v1.sharing_service_pb2 import Consent, Share
from regulator.exchange.v1.values_pb2 import Handling

Recipients = Iterable[ThirdParty | tuple[str, str]]


def request_consent(
    notice: str,
    *,
    recipients: Recipients,
    use: Handling.Use.ValueType,
    purpose: Texts,
    request_id: str | None = None,
    validate_only: bool = False,
) -> sharing.RequestConsentRequest:
    """Asks the originator of a received notice for consent to pass it on.

    Args:
        notice: ``notices/kr-2026-004``, or the id alone.
        recipients: to whom; the same letters count when it is shared.
        use: what they may use it for; one of the notice's permitted uses.
        purpose: why, for those who decide.
        request_id: a UUID; the same one with the same request gives the same answer. None: a new one.
        validate_only: checks everything and seals nothing.

    Raises:
        InvalidRequest: ``violations`` name the fields.
        NotFound: no such notice.
        WrongState: it is not one to be passed on; reason ``SHARING_PROHIBITED``: it never is.
    """
    wanted = Consent(recipients=_parties(recipients), use=use, purpose=localized(purpose))
    return sharing.RequestConsentRequest(
        parent=full_name("notices", notice),
        consent=wanted,
        request_id=identified(request_id),
        validate_only=validate_only,
    )


def get_consent(name: str) -> sharing.GetConsentRequest:
    """Gives one consent, with all decisions on it. Raises NotFound."""
    return sharing.GetConsentRequest(name=full_name("notices", name))


def list_consents(
    notice: str = "-",
    *,
    page_size: int = 0,
    page_token: str = "",
    state: Consent.State.ValueType = Consent.STATE_UNSPECIFIED,
) -> sharing.ListConsentsRequest:
    """Lists the consents of a notice, or of all, newest first, in any state or one; pages are fetched as needed."""
    return sharing.ListConsentsRequest(
        parent=full_name("notices", notice), page_size=page_size, page_token=page_token, state=state
    )


def grant_consent(
    name: str,
    *,
    reason: Texts = (),
    conditions: Texts = (),
    valid_until: date | None = None,
    etag: str = "",
    request_id: str | None = None,
    validate_only: bool = False,
) -> sharing.GrantConsentRequest:
    """Grants a consent, or grants it anew on other terms.

    Args:
        name: ``notices/hk-2026-017/consents/5c0e...``.
        reason: why, for those who asked.
        conditions: what those who share have to see to.
        valid_until: the last day on which it may be passed on; None: no limit.
        etag: the consent's etag as the caller knows it; empty: whatever it is now.
        request_id: as in ``request_consent``.
        validate_only: checks everything and seals nothing.

    Raises:
        InvalidRequest: ``violations`` name the fields.
        NotAllowed: the notice is another authority's.
        NotFound: nothing of that name.
        WrongState: the notice was taken back or replaced.
        Stale: it has another etag.
    """
    return sharing.GrantConsentRequest(
        name=full_name("notices", name),
        reason=localized(reason),
        conditions=localized(conditions),
        etag=etag,
        request_id=identified(request_id),
        validate_only=validate_only,
        **fields_of(valid_until=valid_until),
    )


def refuse_consent(
    name: str,
    *,
    reason: Texts,
    etag: str = "",
    request_id: str | None = None,
    validate_only: bool = False,
) -> sharing.RefuseConsentRequest:
    """Refuses a consent, or revokes one that was granted. Arguments and errors are those of ``grant_consent``."""
    return sharing.RefuseConsentRequest(
        name=full_name("notices", name),
        reason=localized(reason),
        etag=etag,
        request_id=identified(request_id),
        validate_only=validate_only,
    )


def mark_shared(
    notice: str,
    *,
    recipients: Recipients,
    use: Handling.Use.ValueType,
    consent: str = "",
    request_id: str | None = None,
    validate_only: bool = False,
) -> sharing.MarkSharedRequest:
    """Records that a received notice is passed on; call it before it is. The originator is told.

    Args:
        notice: ``notices/kr-2026-004``, or the id alone.
        recipients: to whom, as in the consent.
        use: what they may use it for.
        consent: its name; empty: the node finds one that covers it, if the notice's handling asks for one.
        request_id: as in ``request_consent``.
        validate_only: checks everything and seals nothing.

    Raises:
        InvalidRequest: ``violations`` name the fields.
        NotFound: no such notice, or consent.
        WrongState: reason ``CONSENT_REQUIRED``: no consent in force covers it; ``SHARING_PROHIBITED``: nothing can.
    """
    consent = full_name("notices", consent) if consent else ""
    share = Share(recipients=_parties(recipients), use=use, consent=consent)
    return sharing.MarkSharedRequest(
        parent=full_name("notices", notice),
        share=share,
        request_id=identified(request_id),
        validate_only=validate_only,
    )


def get_share(name: str) -> sharing.GetShareRequest:
    """Gives one share. Raises NotFound."""
    return sharing.GetShareRequest(name=full_name("notices", name))


def list_shares(notice: str = "-", *, page_size: int = 0, page_token: str = "") -> sharing.ListSharesRequest:
    """Lists the shares of a notice, or of all, newest first; pages are fetched as needed."""
    return sharing.ListSharesRequest(parent=full_name("notices", notice), page_size=page_size, page_token=page_token)


def _parties(recipients: Recipients) -> list[ThirdParty]:
    return [
        each if isinstance(each, ThirdParty) else ThirdParty(organisation=each[0], jurisdiction=each[1])
        for each in recipients
    ]
