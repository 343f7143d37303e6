"""Explaining one flow: which rule decides it, and why each rule before did not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from mesh.compile import CompiledPolicy
from mesh.compile.filters import single
from mesh.compile.internet import is_internet
from mesh.compile.rows import Line
from mesh.compile.set_members import everything
from mesh.compile.terms import INTERNET_BIT, SELF_BIT
from mesh.errors import NotFoundError, ValidationError
from mesh.policy.conditions import assess_condition, describe_condition
from mesh.policy.facts import Address, PolicyNode, is_default_route
from mesh.policy.rules import Rule
from mesh.policy.schedule import describe_schedule, is_open
from mesh.policy.services import PORT_PROTOCOLS, format_ports, format_protocol

Point: TypeAlias = int | Address
"""An end of a flow: a node by its id, or an address."""


class Reason(StrEnum):
    """Why a rule did not decide."""

    DISABLED = "disabled"
    SCHEDULE = "schedule"
    PROTOCOL = "protocol"
    PORT = "port"
    SOURCE = "source"
    CONDITIONS = "conditions"
    DESTINATION = "destination"


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A rule that came first and did not match, and why, in a word and in words."""

    rule: Rule
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision for one pair of addresses. ``rule`` is None where no rule matched and the flow is denied for that.

    ``through`` are the nodes that the destination is reached through: itself, its routers, or exit nodes.
    """

    source: Address
    destination: Address
    accepted: bool
    rule: Rule | None
    passed_over: tuple[PassedOver, ...]
    through: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answers, one for each address family that both ends have; ``note`` says why there is none."""

    answers: tuple[Answer, ...]
    note: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the flow is accepted in some family."""
        return any(answer.accepted for answer in self.answers)


@dataclass(frozen=True, slots=True)
class _End:
    """One address as an end of a flow: the node that has it, the terms that match it (``raw`` ones whether or not their
    conditions hold), and the nodes it is reached through."""

    address: Address
    node: PolicyNode | None
    terms: int
    raw: int
    through: tuple[int, ...]


def explain(
    compiled: CompiledPolicy,
    source: Point,
    destination: Point,
    *,
    protocol: int,
    port: int = 0,
    at: datetime | None = None,
) -> Explanation:
    """Explain the flow from ``source`` to ``destination`` with an IANA protocol number and a destination port.

    ``at`` is the aware instant to decide for, by default the one that the policy was compiled for; facts are as they
    are. Raises NotFoundError for a node that takes no part, ValidationError for a flow from a node to itself or for a
    port that is none.
    """
    if not 1 <= protocol <= 255 or not 0 <= port <= 65_535:
        raise ValidationError("protocols are 1-255, ports 0-65535")
    instant = compiled.at if at is None else at
    if instant.tzinfo is None:
        raise ValidationError("the instant needs a time zone")
    senders, receivers = _ends(compiled, source), _ends(compiled, destination)
    if senders[0].node is not None and receivers[0].node is not None and senders[0].node.id == receivers[0].node.id:
        raise ValidationError("source and destination are the same node: such traffic does not cross the mesh")
    answers = tuple(
        _decide(compiled, _Flow(sender, _as_destination(compiled, receiver), protocol, port, instant))
        for receiver in receivers
        for sender in senders
        if sender.address.version == receiver.address.version
    )
    note = "" if answers else "the two have no address family in common"
    return Explanation(answers, note)


def _ends(compiled: CompiledPolicy, point: Point) -> list[_End]:
    if isinstance(point, int):
        node = compiled.node(point)
        if node is None:
            raise NotFoundError(f"node {point} takes no part in the network")
        if not node.addresses:
            raise NotFoundError(f"node {node.name} has no address")
        return [_own_end(compiled, node, address) for address in node.addresses]
    owners = compiled.world.inside(single(point))
    if owners:
        owner = compiled.node(owners[0])
        assert owner is not None
        return [_own_end(compiled, owner, point)]
    routers = tuple(
        ident
        for ident in sorted(compiled.world.routers)
        if (node := compiled.node(ident)) is not None
        and any(point in route for route in node.routes if not is_default_route(route))
    )
    known = any(point in prefix for prefix in everything(compiled) if prefix.version == point.version)
    raw = compiled.classifier.stranger_terms(point, routed=known)
    return [_End(point, None, raw & compiled.classifier.unknown, raw, routers)]


def _own_end(compiled: CompiledPolicy, node: PolicyNode, address: Address) -> _End:
    raw = compiled.classifier.own_terms(node, address)
    holding = compiled.classifier.holding(node, known=node.id not in compiled.muted)
    return _End(address, node, raw & holding, raw, (node.id,))


def _as_destination(compiled: CompiledPolicy, end: _End) -> _End:
    """The end as a destination: an address that is nowhere in the network may be one of the internet."""
    if end.node is not None or end.through or not is_internet(end.address, everything(compiled)):
        return end
    exits = tuple(
        ident
        for ident in sorted(compiled.world.routers)
        if (node := compiled.node(ident)) is not None
        and any(is_default_route(route) and route.version == end.address.version for route in node.routes)
    )
    return _End(end.address, None, INTERNET_BIT, INTERNET_BIT, exits) if exits else end


@dataclass(frozen=True, slots=True)
class _Flow:
    """What is to be decided."""

    source: _End
    destination: _End
    protocol: int
    port: int
    at: datetime


def _decide(compiled: CompiledPolicy, flow: _Flow) -> Answer:
    lines = {line.rule.position: line for line in compiled.lines}
    passed: list[PassedOver] = []
    for rule in compiled.policy.ordered():
        reason = _why_not(compiled, lines.get(rule.position), rule, flow)
        if reason is None:
            return _answer(flow, rule, passed)
        passed.append(PassedOver(rule, *reason))
    return _answer(flow, None, passed)


def _answer(flow: _Flow, rule: Rule | None, passed: list[PassedOver]) -> Answer:
    accepted = rule is not None and rule.accepts
    source, destination = flow.source, flow.destination
    return Answer(source.address, destination.address, accepted, rule, tuple(passed), destination.through)


def _why_not(  # noqa: PLR0911 - one return a reason
    compiled: CompiledPolicy, line: Line | None, rule: Rule, flow: _Flow
) -> tuple[Reason, str] | None:
    """Why the rule does not match the flow, the first reason that there is; None where it matches."""
    if line is None:
        return Reason.DISABLED, "the rule is disabled"
    source, destination, protocol = flow.source, flow.destination, flow.protocol
    opened = is_open(rule.schedule, flow.at)
    if opened is False or (opened is None and rule.accepts):
        assert rule.schedule is not None
        why = "outside" if opened is False else "unknown time zone:"
        return Reason.SCHEDULE, f"{why} {describe_schedule(rule.schedule)}"
    services = dict(rule.services())
    if protocol not in services:
        return Reason.PROTOCOL, f"the rule is about {', '.join(map(format_protocol, services))}"
    if protocol in PORT_PROTOCOLS and not any(item.first <= flow.port <= item.last for item in services[protocol]):
        return Reason.PORT, f"the rule is about ports {format_ports(rule.ports)}"
    if not source.raw & line.sources:
        return Reason.SOURCE, "no source of the rule matches"
    if not source.terms & line.sources:
        return Reason.CONDITIONS, _unmet(compiled, rule, source.node)
    if destination.terms & line.destinations or (line.own_devices and _same_user(source, destination)):
        return None
    return Reason.DESTINATION, "no destination of the rule matches"


def _same_user(source: _End, destination: _End) -> bool:
    one, other = source.node, destination.node
    if one is None or other is None:
        return False
    return bool(source.raw & destination.raw & SELF_BIT) and one.user == other.user


def _unmet(compiled: CompiledPolicy, rule: Rule, node: PolicyNode | None) -> str:
    known = node if node is not None and node.id not in compiled.muted else None
    for condition in rule.conditions:
        verdict = assess_condition(condition, known) if known is not None else None
        if verdict is False or (verdict is None and rule.accepts):
            outcome = "is not so" if verdict is False else "is unknown"
            return f"“{describe_condition(condition)}” {outcome} of the source"
    return "the conditions do not hold"
