"""What holds at all times: the policy without what its schedules open."""

from __future__ import annotations

from dataclasses import replace

from mesh.compile import CompiledPolicy, with_policy
from mesh.policy.rules import Rule


def at_all_times(compiled: CompiledPolicy) -> CompiledPolicy:
    """The same policy over the same facts with what is accepted at every time alone: accept rules that have a schedule
    are left out, deny rules always hold. What this accepts ``compiled`` accepts as well, whatever the instant.

    ``compiled`` itself where no rule has a schedule.
    """
    policy = compiled.policy
    if not any(rule.schedule is not None and rule.enabled for rule in policy.rules):
        return compiled
    return with_policy(compiled, replace(policy, rules=tuple(map(_lasting, policy.rules))), strict=False)


def _lasting(rule: Rule) -> Rule:
    if rule.schedule is None:
        return rule
    return replace(rule, enabled=False) if rule.accepts else replace(rule, schedule=None)
