"""The policy: rules, the groups and hosts that they name, and what else the same document says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from mesh.errors import FieldError, ValidationError
from mesh.policy.groups import Group, find_cycle
from mesh.policy.limits import MAX_RULES, MAX_TESTS
from mesh.policy.rules import Rule, check_rule, same_rule
from mesh.policy.selectors import Prefix, Selector, SelectorKind
from mesh.policy.services import PortRange


@dataclass(frozen=True, slots=True)
class Host:
    """A named address or CIDR, by its bare ``name``."""

    name: str
    prefix: Prefix


@dataclass(frozen=True, slots=True)
class TagOwner:
    """Who may ask for a tag (``tag:db``): users, groups, or machines that carry one of the named tags."""

    tag: str
    owners: tuple[Selector, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteApprover:
    """Whose advertised routes inside ``prefix`` count as approved."""

    prefix: Prefix
    approvers: tuple[Selector, ...]


@dataclass(frozen=True, slots=True)
class NodeAttribute:
    """Capabilities (``attributes``) that the nodes matched by ``targets`` carry in every map."""

    targets: tuple[Selector, ...]
    attributes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a stored assertion aims: a destination and one port (None: any port, for protocols without)."""

    destination: Selector
    ports: tuple[PortRange, ...] = ()


@dataclass(frozen=True, slots=True)
class Assertion:
    """A stored test: flows from ``source`` that must be accepted, and flows that must be denied.

    ``protocol`` None means TCP and UDP: accepted when either is, denied when both are. ``posture`` are facts that the
    imagined source node reports.
    """

    source: Selector
    accept: tuple[Target, ...] = ()
    deny: tuple[Target, ...] = ()
    protocol: int | None = None
    posture: tuple[tuple[str, str | int | float | bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. Rules may come in any order; ``ordered`` sorts them by position."""

    rules: tuple[Rule, ...] = ()
    groups: tuple[Group, ...] = ()
    hosts: tuple[Host, ...] = ()
    tag_owners: tuple[TagOwner, ...] = ()
    route_approvers: tuple[RouteApprover, ...] = ()
    exit_approvers: tuple[Selector, ...] = ()
    node_attributes: tuple[NodeAttribute, ...] = ()
    assertions: tuple[Assertion, ...] = field(default=())

    def ordered(self) -> tuple[Rule, ...]:
        """The rules by ascending position."""
        return tuple(sorted(self.rules, key=lambda rule: rule.position))

    def group_table(self) -> dict[str, Group]:
        """The groups by bare name."""
        return {item.name: item for item in self.groups}

    def host_table(self) -> dict[str, Prefix]:
        """The prefix of each host by bare name."""
        return {item.name: item.prefix for item in self.hosts}


def check_policy(policy: Policy, *, known: Policy | None = None) -> tuple[FieldError, ...]:
    """What is wrong with a policy by itself: each fault names its place, such as ``rules.3.sources.1``.

    Rules that stand in ``known`` as well, a policy that was checked before, are not checked again.
    """
    errors: list[FieldError] = []
    if len(policy.rules) > MAX_RULES:
        errors.append(FieldError("rules", f"at most {MAX_RULES} rules"))
    if len(policy.assertions) > MAX_TESTS:
        errors.append(FieldError("tests", f"at most {MAX_TESTS} tests"))
    seen: set[int] = set()
    checked = {rule.id: rule for rule in known.rules} if known is not None else {}
    for index, rule in enumerate(policy.rules[:MAX_RULES]):
        if rule.position in seen:
            errors.append(FieldError(f"rules.{index}.position", f"position {rule.position} is taken twice"))
        seen.add(rule.position)
        before = checked.get(rule.id)
        if before is None or not same_rule(before, rule):
            errors.extend(FieldError(f"rules.{index}.{item.field}", item.message) for item in check_rule(rule))
    errors.extend(_doubles("groups", (item.name for item in policy.groups)))
    errors.extend(_doubles("hosts", (item.name for item in policy.hosts)))
    if cycle := find_cycle(policy.group_table()):
        errors.append(FieldError("groups", f"groups hold each other in a circle: {' → '.join(cycle)}"))
    return tuple(errors)


def _doubles(member: str, names: Iterable[str]) -> list[FieldError]:
    seen: set[str] = set()
    doubles: list[FieldError] = []
    for name in names:
        if name in seen:
            doubles.append(FieldError(member, f"“{name}” is there twice"))
        seen.add(name)
    return doubles


def validate_policy(policy: Policy, *, known: Policy | None = None) -> Policy:
    """The policy itself, checked as ``check_policy`` does. Raises ValidationError naming every fault."""
    if errors := check_policy(policy, known=known):
        raise ValidationError(errors[0].message, errors=errors)
    return policy


def renumber(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules in the order given, with positions 1, 2, 3, ..."""
    return tuple(replace(rule, position=position) for position, rule in enumerate(rules, start=1))


def selectors_of(policy: Policy) -> dict[Selector, tuple[Rule, ...]]:
    """Every selector that rules name, with the rules that do (disabled ones too), by position."""
    found: dict[Selector, list[Rule]] = {}
    for rule in policy.ordered():
        for selector in dict.fromkeys((*rule.sources, *rule.destinations)):
            found.setdefault(selector, []).append(rule)
    return {selector: tuple(rules) for selector, rules in found.items()}


def denials_naming(policy: Policy, selector: Selector) -> tuple[Rule, ...]:
    """The enabled deny rules that name ``selector``, also through a group that holds it: it may not just be deleted."""
    names = {selector}
    if selector.kind in (SelectorKind.USER, SelectorKind.GROUP):
        names.update(_enclosing_groups(policy, selector))
    return tuple(
        rule
        for rule in policy.ordered()
        if rule.enabled and not rule.accepts and names.intersection((*rule.sources, *rule.destinations))
    )


def _enclosing_groups(policy: Policy, selector: Selector) -> set[Selector]:
    found: set[str] = set()
    grown = True
    while grown:
        grown = False
        for item in policy.groups:
            holds = (selector.kind is SelectorKind.USER and selector.ident in item.users) or (
                selector.kind is SelectorKind.GROUP and selector.name in item.groups
            )
            if item.name not in found and (holds or found.intersection(item.groups)):
                found.add(item.name)
                grown = True
    return {Selector(SelectorKind.GROUP, name=name) for name in found}
