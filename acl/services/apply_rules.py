"""Makes a network's rules exactly those of a policy, and finds out which of them are which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace

from acl.models import AclRule
from acl.selectors import rule_value
from acl.services.order import ASIDE, write_order
from acl.services.rule_fields import content_of, put_rule
from mesh.policy import Rule
from nodes.models import Network

_COLUMNS = [
    "name",
    "comment",
    "enabled",
    "action",
    "sources",
    "destinations",
    "protocols",
    "ports",
    "conditions",
    "schedule",
    "not_before",
    "expires_at",
]


def apply_rules(*, network: Network, rules: Sequence[Rule]) -> None:
    """Makes the network's rules exactly ``rules``, in this order, numbered from 1."""
    rows = {row.pk: row for row in AclRule.objects.filter(network=network).order_by("position")}
    present = {pk: rule_value(row) for pk, row in rows.items()}
    found = match_rules(present.values(), rules)
    gone = rows.keys() - set(found.values())
    AclRule.objects.filter(pk__in=gone).delete()
    changed: list[AclRule] = []
    ordered: list[AclRule] = []
    for index, rule in enumerate(rules):
        row = rows.get(found.get(index, 0))
        if row is None:
            # Far out of the way, until all are put in order at the end.
            row = AclRule(network=network, position=2 * ASIDE + index)
            put_rule(row, rule)
            row.save(force_insert=True)
        else:
            before = content_of(row)
            put_rule(row, rule)
            if content_of(row) != before:
                changed.append(row)
        ordered.append(row)
    AclRule.objects.bulk_update(changed, _COLUMNS, batch_size=200)
    write_order(ordered)


def identified(present: Iterable[Rule], wanted: Sequence[Rule]) -> tuple[Rule, ...]:
    """``wanted`` with the ids of the rules that are there which they are; new ones get -1, -2, -3, ..."""
    found = match_rules(present, wanted)
    return tuple(replace(rule, id=found.get(index, -1 - index)) for index, rule in enumerate(wanted))


def match_rules(present: Iterable[Rule], wanted: Sequence[Rule]) -> dict[int, int]:
    """Which of the rules that are there each wanted one is: indices of ``wanted`` to ids.

    By id where it has one that is there, else by saying the same, by its name, or by having the same action and either
    side in common. What matches nothing is new.
    """
    left = {rule.id: rule for rule in present}
    found: dict[int, int] = {}
    for index, rule in enumerate(wanted):
        if rule.id in left:
            found[index] = rule.id
            del left[rule.id]
    keys: tuple[Callable[[Rule], Hashable], ...] = (
        lambda rule: replace(rule, id=0, position=0),
        lambda rule: rule.name or None,
        lambda rule: (rule.action, rule.destinations),
        lambda rule: (rule.action, rule.sources),
    )
    for key in keys:
        candidates: dict[Hashable, list[int]] = defaultdict(list)
        for ident, rule in left.items():
            candidates[key(rule)].append(ident)
        for index, rule in enumerate(wanted):
            sought = key(rule)
            if index not in found and sought is not None and candidates[sought]:
                found[index] = candidates[sought].pop(0)
                del left[found[index]]
    return found
