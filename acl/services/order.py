"""The order of a network's rules: positions 1, 2, 3, ... without gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import F

from acl.models import AclRule
from nodes.models import Network

# Positions are moved out of the way in one statement: the unique constraint holds between any two rows.
ASIDE: Final = 1_000_000


def place_rule(*, network: Network, rule: AclRule, position: int) -> bool:
    """Numbers the rules with ``rule`` at ``position`` (1 = first); returns whether its place changed."""
    rules = list(AclRule.objects.filter(network=network).exclude(pk=rule.pk).order_by("position"))
    before = rule.position
    index = min(max(position, 1), len(rules) + 1) - 1
    rules.insert(index, rule)
    write_order(rules)
    return rule.position != before


def renumber_rules(*, network: Network) -> bool:
    """Closes the gaps; returns whether there were any."""
    return write_order(list(AclRule.objects.filter(network=network).order_by("position")))


def write_order(rules: Sequence[AclRule]) -> bool:
    """Numbers ``rules``, which are all of a network's, in the order given; returns whether any position changed."""
    moved = {rule.pk: number for number, rule in enumerate(rules, start=1) if rule.position != number}
    if not moved:
        return False
    AclRule.objects.filter(pk__in=moved).update(position=F("position") + ASIDE)
    for rule in rules:
        if rule.pk in moved:
            rule.position = moved[rule.pk]
    AclRule.objects.bulk_update([rule for rule in rules if rule.pk in moved], ["position"], batch_size=500)
    return True
