"""Change sets: what makes a new version out of an earlier one, without telling all of it again."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice

from regulator.exchange.v1.framework_pb2 import FrameworkChangeSet, FrameworkVersionContent

from gateway.errors import BadInput, Violation
from gateway.supervision.frameworks.content import CHANGE_SET
from gateway.supervision.rules.fields import MAX_VIOLATIONS


def apply_changes(base: FrameworkVersionContent, changes: FrameworkChangeSet) -> FrameworkVersionContent:
    """The version that a change set makes out of ``base``.

    Whether ``base`` is the version that it was made for is asked elsewhere (``acts.frameworks``), and whether what
    comes out is valid too (``content.framework_violations``).

    Raises:
        BadInput: it removes what is not there, speaks of a provision twice, or its order is not one of all provisions;
            each such id is named at its place in the request.
    """
    provisions = {each.id: each for each in base.provisions[:]}
    _refuse_if_any(_removal_violations(changes, provisions))
    upserts = {each.id: each for each in changes.upserts[:]}
    removed = set(changes.removals)
    provisions = {key: each for key, each in provisions.items() if key not in removed} | upserts
    order = changes.provision_order[:] or list(provisions)
    _refuse_if_any(_order_violations(order, provisions))
    header = changes.header if changes.HasField("header") else base.header
    return FrameworkVersionContent(header=header, provisions=[provisions[each] for each in order])


def default_order(before: Collection[str], after: Collection[str]) -> list[str]:
    """Ids of ``after`` in the order of a change set that says nothing of it: those of ``before``, then new ones."""
    left, known = set(after), set(before)
    return [each for each in before if each in left] + [each for each in after if each not in known]


def _refuse_if_any(violations: Iterator[Violation]) -> None:
    if found := list(islice(violations, MAX_VIOLATIONS)):
        raise BadInput(found)


def _removal_violations(changes: FrameworkChangeSet, provisions: Collection[str]) -> Iterator[Violation]:
    removed = changes.removals[:]
    for place, each in enumerate(removed):
        if each not in provisions:
            words = f"must be a provision of version {changes.base_version}, which has no {each}"
            yield Violation(f"{CHANGE_SET}.removals[{place}]", words)
    taken = set(removed)
    for place, provision in enumerate(changes.upserts[:]):
        if provision.id in taken:
            words = f"must be no other change to {provision.id}: it is removed or taken in before"
            yield Violation(f"{CHANGE_SET}.upserts[{place}].id", words)
        taken.add(provision.id)


def _order_violations(order: Iterable[str], provisions: Collection[str]) -> Iterator[Violation]:
    left = set(provisions)
    for place, each in enumerate(order):
        if each not in left:
            words = f"must be a provision of the new version, each once, and {each} is not"
            yield Violation(f"{CHANGE_SET}.provision_order[{place}]", words)
        left.discard(each)
    if left:
        yield Violation(
            f"{CHANGE_SET}.provision_order", f"must name every provision of the new version: {min(left)} too"
        )
