"""What every change of a policy does: check the whole, count a version, record it."""

from __future__ import annotations

from datetime import datetime

from acl.selectors import load_policy, policy_facts
from mesh.change import Cause, ChangeKind
from mesh.errors import ConflictError
from mesh.policy import Selector, denials_naming, validate_policy
from nodes.changes import record_change
from nodes.models import Network


def activate_policy(*, network: Network, cause: Cause, now: datetime) -> None:
    """Puts the policy as its rows now are in force, under the network's lock.

    Raises ValidationError if the whole does not hold together; the caller's transaction takes its rows back.
    """
    validate_policy(load_policy(network.pk))
    network.policy_version += 1
    network.save(update_fields=["policy_version"])
    facts = {"policy_version": network.policy_version} | policy_facts(network.pk)
    record_change(network=network, kind=ChangeKind.POLICY, facts=facts, cause=cause, now=now)


def check_no_denial_names(*, network: Network, selector: Selector, what: str) -> None:
    """Refuses to let something vanish that an enabled deny rule names: the rule would fail open.

    Raises ConflictError naming the rules.
    """
    rules = denials_naming(load_policy(network.pk), selector)
    if rules:
        named = ", ".join(rule.label() for rule in rules)
        raise ConflictError(f"{what} is denied something by {named}: change the rule first.")
