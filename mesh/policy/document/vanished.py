"""What a policy names that is not there any more: its document still says so, and reads back to the same policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mesh.policy.policy import Policy
from mesh.policy.selectors import Names, Selector, SelectorKind


def selectors_in(policy: Policy) -> set[Selector]:
    """Every selector that stands anywhere in a policy; users of groups aside."""
    found: set[Selector] = set()
    for rule in policy.rules:
        found.update((*rule.sources, *rule.destinations))
    for group in policy.groups:
        found.update(Selector(SelectorKind.GROUP, name=name) for name in group.groups)
    for owner in policy.tag_owners:
        found.update(owner.owners)
    for approver in policy.route_approvers:
        found.update(approver.approvers)
    found.update(policy.exit_approvers)
    for attribute in policy.node_attributes:
        found.update(attribute.targets)
    for test in policy.assertions:
        found.add(test.source)
        found.update(target.destination for target in (*test.accept, *test.deny))
    return found


def with_vanished(names: Names, policy: Policy) -> Names:
    """``names`` with what ``policy``, which is in force, names in vain.

    A document may go on to name that: so what was exported can be imported again, while nothing new can be named that
    does not exist.
    """
    return with_missing(names, selectors_in(policy))


def with_missing(names: Names, selectors: Iterable[Selector]) -> Names:
    """``names`` with those of ``selectors`` that are not there any more."""
    return replace(names, vanished=frozenset(_missing(names, selectors)))


def _missing(names: Names, selectors: Iterable[Selector]) -> Iterable[Selector]:
    users, nodes = frozenset(names.users.values()), frozenset(names.nodes.values())
    for selector in selectors:
        match selector.kind:
            case SelectorKind.USER:
                exists = selector.ident in users
            case SelectorKind.NODE:
                exists = selector.ident in nodes
            case SelectorKind.GROUP:
                exists = selector.name in names.groups
            case SelectorKind.HOST:
                exists = selector.name in names.hosts
            case SelectorKind.TAG:
                exists = selector.name in names.tags
            case _:
                exists = True
        if not exists:
            yield selector
