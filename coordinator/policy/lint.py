"""What is worth a remark about the policy in force, over the live network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from acl.states import RuleWord, rule_state
from coordinator.replica import current_state
from mesh.compile import CompiledPolicy
from mesh.explain.lint import lint
from mesh.policy import Selector
from mesh.policy.schedule import format_instant

SOON: Final = timedelta(days=7)
"""How long before the end of temporary access it is warned of."""

ENDS_SOON: Final = "ends_soon"
ENDED: Final = "expired"


@dataclass(frozen=True, slots=True)
class PolicyRemark:
    """One remark. ``finding`` is a word for programs; ``position`` and ``rule_id`` are 0 where it is about no rule;
    ``at`` is the instant that it speaks of, if any, and ``by`` are the places of the rules that are the reason."""

    finding: str
    message: str
    position: int = 0
    rule_id: int = 0
    selector: Selector | None = None
    at: datetime | None = None
    by: tuple[int, ...] = ()


def lint_policy(*, network_id: int, now: datetime) -> tuple[PolicyRemark, ...]:
    """Everything worth a remark about the policy in force, by position of the rule. Raises NotFoundError."""
    return remarks_on(current_state(network_id).policy, now)


def remarks_on(compiled: CompiledPolicy, now: datetime) -> tuple[PolicyRemark, ...]:
    """The engine's remarks, and those on temporary access: what ends soon, and what has ended and was kept."""
    found = [
        PolicyRemark(str(item.finding), item.message, item.position, item.rule_id, item.selector, by=item.by)
        # What ends soon is said below, with its instant.
        for item in lint(compiled, soon=timedelta(0))
    ]
    said = {(item.finding, item.position) for item in found}
    for rule in compiled.policy.ordered():
        ends = None if rule.schedule is None else rule.schedule.expires_at
        if ends is None or (ENDED, rule.position) in said:
            continue
        if rule_state(rule, now).word is RuleWord.ENDED:
            message = f"{rule.label()} ended at {format_instant(ends)} and is kept, switched off"
            found.append(PolicyRemark(ENDED, message, rule.position, rule.id, at=ends))
        elif rule.enabled and ends - now <= SOON:
            message = f"{rule.label()} ends at {format_instant(ends)}"
            found.append(PolicyRemark(ENDS_SOON, message, rule.position, rule.id, at=ends))
    # Those about no rule come last, as the engine has them.
    return tuple(sorted(found, key=lambda item: (item.position == 0, item.position)))
