"""The rules in force as the editor takes them, with the version that they are of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from acl.models import AclRule
from acl.selectors import rule_value
from coordinator.admin_api.serializers.rules import RuleOut, describe_rules
from nodes.models import Network
from portal.access.named import pages_of
from portal.rule_words import limit_words


def rules_in_force(network: Network, now: datetime) -> dict[str, Any]:
    """``version``, ``rules`` as the API has them with the words for ``when`` each holds, and ``pages``: where each
    selector in them leads."""
    while True:
        version = _version(network)
        rows = list(AclRule.objects.filter(network=network).order_by("position"))
        if _version(network) == version:
            break
        # A change came between the two: read both again.
    told = zip(describe_rules(rows, now), rows, strict=True)
    rules = [dict(RuleOut(said).data) | {"when": limit_words(rule_value(row))} for said, row in told]
    return {"version": version, "rules": rules, "pages": pages_of(network.pk, selectors_of(rules))}


def selectors_of(rules: list[dict[str, Any]]) -> set[str]:
    """Every selector that rules name."""
    return {text for rule in rules for text in (*rule["sources"], *rule["destinations"])}


def _version(network: Network) -> int:
    return Network.objects.values_list("policy_version", flat=True).get(pk=network.pk)
