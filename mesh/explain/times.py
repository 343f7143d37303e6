"""What holds now, at all times and at some time: one policy under what its schedules say, and may yet say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from mesh.compile import CompiledPolicy, with_policy
from mesh.policy.rules import Rule
from mesh.policy.schedule import is_open, next_boundary

NOW, LASTING, EVER = range(3)
ERAS: Final = (NOW, LASTING, EVER)


@dataclass(frozen=True, slots=True)
class Times:
    """One policy in three eras: ``policies`` are the different ones, ``places`` where each era's stands among them."""

    policies: tuple[CompiledPolicy, ...]
    places: tuple[int, int, int]

    def of(self, era: int) -> CompiledPolicy:
        """The policy of an era."""
        return self.policies[self.places[era]]


def times_of(compiled: CompiledPolicy) -> Times:
    """The policy now, with what is accepted at all times alone, and with all that may be accepted at some time."""
    policies = [compiled]
    places = [0]
    for found in (at_all_times(compiled), at_some_time(compiled)):
        if found is not compiled:
            policies.append(found)
        places.append(0 if found is compiled else len(policies) - 1)
    return Times(tuple(policies), (places[0], places[1], places[2]))


def at_all_times(compiled: CompiledPolicy) -> CompiledPolicy:
    """The same policy over the same facts with what is accepted at every time alone: accept rules that have a schedule
    are left out, deny rules always hold. What this accepts ``compiled`` accepts as well, whatever the instant.

    ``compiled`` itself where that makes no difference.
    """
    return _under(compiled, lambda rule, at: not rule.accepts)


def at_some_time(compiled: CompiledPolicy) -> CompiledPolicy:
    """The same with all that schedules may yet open: accept rules hold that are open or will be, deny rules are left
    out that are closed or will be. What ``compiled`` accepts at this instant or any later one this accepts as well. It
    accepts too much where a deny is in force whenever an accept after it is.

    ``compiled`` itself where that makes no difference.
    """
    return _under(compiled, _may_hold)


def _may_hold(rule: Rule, at: datetime) -> bool:
    """Whether a rule with a schedule counts: an accept that is ever open from now on, a deny that always is. Where the
    schedule cannot be resolved denials hold and accepts do not."""
    opened = is_open(rule.schedule, at)
    if opened is None:
        return not rule.accepts
    changes = next_boundary(rule.schedule, at) is not None
    return opened or changes if rule.accepts else opened and not changes


def _under(compiled: CompiledPolicy, holds: Callable[[Rule, datetime], bool]) -> CompiledPolicy:
    """The policy where each rule with a schedule is in force or not as ``holds`` says, whatever the time."""
    policy, at = compiled.policy, compiled.at
    in_force = {line.rule.position for line in compiled.sides.lines}
    decided = {rule.position: holds(rule, at) for rule in policy.rules if rule.schedule is not None and rule.enabled}
    if all(held == (position in in_force) for position, held in decided.items()):
        return compiled

    def put(rule: Rule) -> Rule:
        held = decided.get(rule.position)
        if held is None:
            return rule
        return replace(rule, schedule=None) if held else replace(rule, enabled=False)

    return with_policy(compiled, replace(policy, rules=tuple(map(put, policy.rules))), strict=False)
