"""What two nodes give each other before the matrix of access asks who meets it: something of each label."""

from collections.abc import Mapping, Sequence

from regulator.exchange.v1 import sharing_service_pb2 as sharing
from regulator.exchange.v1.assistance_pb2 import AssistanceAnswer
from regulator.exchange.v1.notice_pb2 import NoticeContent
from regulator.exchange.v1.values_pb2 import SECTOR_EXCHANGE, Handling, Sector

from tests.supervision.assistance_samples import answering, asking
from tests.supervision.samples import content, handling
from tests.supervision.sharing_samples import MAS
from tests.support.nodes import Site, eventually

LABELS = (Handling.CLEAR, Handling.GREEN, Handling.AMBER, Handling.AMBER_STRICT, Handling.RED)
PURPOSE = {"en": "A joint case."}


def pass_on(
    notices: Mapping[Handling.Tlp.ValueType, str], hk: Site, kr: Site
) -> tuple[Mapping[Handling.Tlp.ValueType, str], Mapping[Handling.Tlp.ValueType, str]]:
    """Asks for consents in Korea, grants them here, and marks in Korea; gives their names, once all are here."""
    to, use = [(MAS.organisation, MAS.jurisdiction)], Handling.SUPERVISION
    with hk.client("SFC") as here, kr.client("FSC") as there:
        eventually(lambda: set(notices.values()) <= {each.name for each in there.list_notices()})
        consents = {
            label: there.request_consent(name, recipients=to, use=use, purpose=PURPOSE).name
            for label, name in notices.items()
        }
        eventually(lambda: set(consents.values()) <= {each.name for each in here.list_consents()})
        for name in consents.values():
            here.grant_consent(name)
        granted = sharing.Consent.GRANTED
        eventually(lambda: set(consents.values()) <= {each.name for each in there.list_consents(state=granted)})
        shares = {
            label: there.mark_shared(notices[label], recipients=to, use=use, consent=name).name
            for label, name in consents.items()
        }
        eventually(lambda: set(shares.values()) <= {each.name for each in here.list_shares()})
    return consents, shares


def ask_and_answer(hk: Site, kr: Site) -> Mapping[Handling.Tlp.ValueType, str]:
    """Gives the names of the cases, each of a label."""
    with hk.client("SFC") as here, kr.client("FSC") as there:
        asked = {label: there.create_notice(labelled(asking(), label, "FSC"), recipient="HK").name for label in LABELS}
        eventually(lambda: set(asked.values()) <= {each.name for each in here.list_notices()})
        for label, name in asked.items():
            accepted = answering(name.removeprefix("notices/"), outcome=AssistanceAnswer.ACCEPTED)
            here.create_notice(labelled(accepted, label, "SFC"), recipient="KR")
        whole = answering(asked[Handling.CLEAR].removeprefix("notices/"))
        here.create_notice(labelled(whole, Handling.RED, "SFC"), recipient="KR")
    return {label: name.replace("notices/", "assistanceCases/") for label, name in asked.items()}


def labelled(made: NoticeContent, label: Handling.Tlp.ValueType, authority: str) -> NoticeContent:
    marks = what(label, authority)
    made.handling.CopyFrom(marks.handling)
    made.sectors[:], made.issuing_authority = marks.sectors, authority
    return made


def what(
    label: Handling.Tlp.ValueType, authority: str, sectors: Sequence[Sector.ValueType] = (SECTOR_EXCHANGE,)
) -> NoticeContent:
    sharing = Handling.ALLOWED if label == Handling.CLEAR else Handling.CONSENT_REQUIRED
    marked = handling(tlp=label, onward_sharing=sharing)
    return content(handling=marked, issuing_authority=authority, sectors=list(sectors))
