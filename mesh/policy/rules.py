"""The rule: one line of a policy, and what may stand in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mesh.errors import FieldError, ValidationError
from mesh.policy.conditions import Condition
from mesh.policy.limits import MAX_CONDITIONS, MAX_PORT_RANGES, MAX_RULE_NAME, MAX_SELECTORS, MAX_TEXT
from mesh.policy.schedule import Schedule
from mesh.policy.selectors import DESTINATION_ONLY, Selector, SelectorKind
from mesh.policy.services import LAST_PORT, PORT_PROTOCOLS, PortRange, services_of


class Action(StrEnum):
    """What a rule that decides does with a flow."""

    ACCEPT = "accept"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Rules are evaluated by ascending ``position``; the first that matches a flow decides it.

    ``id`` is the database's (0 while there is none). ``protocols`` are sorted IANA numbers, empty for TCP, UDP and
    ICMP; ``ports`` are sorted merged ranges, empty for any port. A rule that is not ``enabled`` is as if absent.
    """

    id: int
    position: int
    action: Action
    sources: tuple[Selector, ...]
    destinations: tuple[Selector, ...]
    protocols: tuple[int, ...] = ()
    ports: tuple[PortRange, ...] = ()
    schedule: Schedule | None = None
    conditions: tuple[Condition, ...] = ()
    enabled: bool = True
    name: str = ""
    comment: str = ""

    @property
    def accepts(self) -> bool:
        """Whether it is an accept rule."""
        return self.action is Action.ACCEPT

    def services(self) -> tuple[tuple[int, tuple[PortRange, ...]], ...]:
        """The protocols and ports that the rule speaks of; see ``services_of``."""
        return services_of(self.protocols, self.ports, accept=self.accepts)

    def label(self) -> str:
        """How people know the rule: its name, else its position."""
        return f"“{self.name}”" if self.name else f"rule {self.position}"


def same_rule(one: Rule, other: Rule) -> bool:
    """Whether two rules say the same, wherever they stand in the order."""
    return (
        one.sources == other.sources
        and one.destinations == other.destinations
        and one.action is other.action
        and one.protocols == other.protocols
        and one.ports == other.ports
        and one.schedule == other.schedule
        and one.conditions == other.conditions
        and (one.enabled, one.name, one.comment) == (other.enabled, other.name, other.comment)
    )


_NEVER_SELF: Final = frozenset(
    {SelectorKind.TAG, SelectorKind.TAGGED, SelectorKind.PREFIX, SelectorKind.HOST, *DESTINATION_ONLY}
)


def check_rule(rule: Rule) -> tuple[FieldError, ...]:
    """What is wrong with a rule by itself, each fault with its member (``sources.1``); names are checked elsewhere."""
    errors: list[FieldError] = []
    for side, selectors in (("sources", rule.sources), ("destinations", rule.destinations)):
        if not selectors:
            errors.append(FieldError(side, "at least one selector is needed"))
        if len(selectors) > MAX_SELECTORS:
            errors.append(FieldError(side, f"at most {MAX_SELECTORS} selectors"))
    for position, selector in enumerate(rule.sources):
        if selector.kind in DESTINATION_ONLY:
            errors.append(FieldError(f"sources.{position}", f"{selector.kind} can only be a destination"))
        elif selector.kind in _NEVER_SELF and any(item.kind is SelectorKind.SELF for item in rule.destinations):
            message = "autogroup:self speaks of people's own devices: sources are *, users, groups, autogroup:member"
            errors.append(FieldError(f"sources.{position}", message))
    errors.extend(_check_services(rule))
    if len(rule.conditions) > MAX_CONDITIONS:
        errors.append(FieldError("conditions", f"at most {MAX_CONDITIONS} conditions in a rule"))
    errors.extend(
        FieldError(member, f"at most {most} characters")
        for member, text, most in (("name", rule.name, MAX_RULE_NAME), ("comment", rule.comment, MAX_TEXT))
        if len(text) > most
    )
    return tuple(errors)


def _check_services(rule: Rule) -> list[FieldError]:
    errors: list[FieldError] = []
    if any(not 1 <= number <= 255 for number in rule.protocols):
        errors.append(FieldError("protocols", "protocols are numbers within 1-255"))
    if len(rule.ports) > MAX_PORT_RANGES:
        errors.append(FieldError("ports", f"at most {MAX_PORT_RANGES} port ranges in a rule"))
    if any(not 0 <= item.first <= item.last <= LAST_PORT for item in rule.ports):
        errors.append(FieldError("ports", "ports are ranges within 0-65535"))
    if rule.ports and rule.protocols and not PORT_PROTOCOLS.intersection(rule.protocols):
        errors.append(FieldError("ports", "only TCP, UDP and SCTP have ports; use * for other protocols"))
    return errors


def validate_rule(rule: Rule) -> Rule:
    """The rule itself, checked. Raises ValidationError naming every member at fault."""
    if errors := check_rule(rule):
        raise ValidationError(f"{rule.label()}: {errors[0].message}", errors=errors)
    return rule
