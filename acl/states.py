"""What a rule is at an instant: in force, waiting for its time, over, or off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mesh.policy import Policy, Rule, is_open, next_boundary


class RuleWord(StrEnum):
    """The state of a rule in a word."""

    ON = "on"
    WAITING = "waiting"
    OFF = "off"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RuleState:
    """The state, and the instant at which it changes by itself, in UTC; None where it never does."""

    word: RuleWord
    changes_at: datetime | None = None


def rule_state(rule: Rule, now: datetime) -> RuleState:
    """The state of ``rule`` at the aware instant ``now``.

    A schedule that cannot be resolved holds for a deny and not for an accept. A rule that has ended stays, off.
    """
    schedule = rule.schedule
    if schedule is not None and schedule.expires_at is not None and schedule.expires_at <= now:
        return RuleState(RuleWord.ENDED)
    if not rule.enabled:
        return RuleState(RuleWord.OFF)
    opened = is_open(schedule, now)
    holds = not rule.accepts if opened is None else opened
    return RuleState(RuleWord.ON if holds else RuleWord.WAITING, next_boundary(schedule, now))


def with_ended_off(policy: Policy, at: datetime) -> Policy:
    """``policy`` as it comes into force at ``at``: rules whose time is over stay, switched off."""
    rules = tuple(
        replace(rule, enabled=False) if rule.enabled and rule_state(rule, at).word is RuleWord.ENDED else rule
        for rule in policy.rules
    )
    return replace(policy, rules=rules)
