"""Who can reach a node, and whom it can reach: on which ports, and by which rule.

The engine answers rule by rule between classes, in the order in which rules decide; nodes are only counted. So the
answer costs as much for a node with 50,000 peers as for one with five.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from mesh.compile import CompiledPolicy, IdSet
from mesh.compile.bits import members
from mesh.compile.rows import Line
from mesh.explain.openings import Services, services_of_stretches
from mesh.policy import PortRange, Prefix, Rule, format_ports, format_protocol
from mesh.policy.services import ANY_PORT

Stretch: TypeAlias = tuple[int, int, int]
"""A protocol, and the first and last of some ports that no rule in question tells apart."""


@dataclass(frozen=True, slots=True)
class ReachGroup:
    """Nodes that are let in on the same ``services`` by the same ``rule``. ``nodes`` are their ids.

    ``networks`` are prefixes behind routers: at whom the node can reach, those that it reaches; at who can reach it,
    those of its own that the nodes reach (none: the node itself). ``internet``: the same for the way out through it.
    """

    rule: Rule
    services: Services
    nodes: IdSet
    networks: tuple[Prefix, ...] = ()
    internet: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """One direction: the groups by position of their rules, and every node in any of them. ``named``: whether some
    rule in force that accepts names the node on its side at all."""

    groups: tuple[ReachGroup, ...]
    nodes: IdSet
    named: bool


def who_reaches(compiled: CompiledPolicy, node_id: int) -> Reach:
    """Who has an accepted flow to a node's own addresses, to a subnet behind it, or to the internet through it.

    Empty for a node that takes no part. Hosts behind other routers, which are no nodes, are not listed.
    """
    shape = compiled.shape(node_id)
    own, others = _principals(compiled, node_id)
    found: list[ReachGroup] = []
    walk = _Walk(compiled, inward=True)
    if own:
        found += walk.groups(shape.own, own, node_id, same_user=True)
    found += walk.groups(shape.own, others, node_id, same_user=False)
    for prefix, numbers in shape.routes:
        found += walk.groups(numbers, own | others, node_id, same_user=False, networks=(prefix,))
    found += walk.groups(shape.exits, own | others, node_id, same_user=False, internet=True)
    return _reach(found, compiled, walk.is_named(shape.all))


def whom_it_reaches(compiled: CompiledPolicy, node_id: int) -> Reach:
    """To whom a node has an accepted flow: other nodes, subnets behind them, and the internet through them.

    Empty for a node that takes no part. ``nodes`` of groups are reached themselves: not the routers of ``networks``.
    """
    shape = compiled.shape(node_id)
    own, others = _principals(compiled, node_id)
    walk = _Walk(compiled, inward=False)
    found = walk.groups(shape.own, own, node_id, same_user=True) if own else []
    found += walk.groups(shape.own, others, node_id, same_user=False)
    return _reach(found + walk.beyond(shape.own, node_id), compiled, walk.is_named(shape.own))


def _principals(compiled: CompiledPolicy, node_id: int) -> tuple[IdSet, IdSet]:
    """The devices of the node's owner, between which ``autogroup:self`` counts, and all other nodes."""
    world = compiled.world
    owner = compiled.owner_of(node_id)
    mine: IdSet = world.id_set(world.of(owner) if owner is not None and compiled.sides.self_lines else ())
    mine.discard(node_id)
    return mine, compiled.nodes_in(compiled.classes.own) - mine - world.id_set([node_id])


def _reach(found: Sequence[ReachGroup], compiled: CompiledPolicy, named: bool) -> Reach:
    """Groups of one rule and the same services joined, by position of rules."""
    joined: dict[tuple[int, Services, tuple[Prefix, ...], bool], ReachGroup] = {}
    for group in found:
        key = (group.rule.position, group.services, group.networks, group.internet)
        before = joined.get(key)
        nodes = group.nodes if before is None else before.nodes | group.nodes
        joined[key] = ReachGroup(group.rule, group.services, nodes, group.networks, group.internet)
    groups = sorted(
        joined.values(),
        key=lambda group: (group.rule.position, group.internet, str(group.networks), group.services),
    )
    every: IdSet = compiled.world.id_set()
    for group in groups:
        every |= group.nodes
    return Reach(tuple(groups), every, named)


class _Walk:
    """Rules in their order, on one side of which a node stands."""

    __slots__ = ("_compiled", "_inward")

    def __init__(self, compiled: CompiledPolicy, *, inward: bool) -> None:
        self._compiled = compiled
        self._inward = inward

    def groups(
        self,
        numbers: Sequence[int],
        among: IdSet,
        node_id: int,
        *,
        same_user: bool,
        networks: tuple[Prefix, ...] = (),
        internet: bool = False,
    ) -> list[ReachGroup]:
        """The nodes ``among`` these on the other side of the node's classes ``numbers``."""
        compiled = self._compiled
        found: dict[tuple[int, Services], ReachGroup] = {}
        for number in numbers:
            for line, services, classes in self._decided(number, same_user=same_user):
                nodes = compiled.nodes_in(classes & compiled.classes.own) & among
                nodes.discard(node_id)
                if nodes:
                    key = (line.rule.position, services)
                    before = found.get(key)
                    nodes = nodes if before is None else before.nodes | nodes
                    found[key] = ReachGroup(line.rule, services, nodes, networks, internet)
        return list(found.values())

    def is_named(self, numbers: Sequence[int]) -> bool:
        """Whether an accept rule names any of these classes on the node's side."""
        sides, classes = self._compiled.sides, self._compiled.classes
        lines = 0
        for number in numbers:
            terms = classes.keys[number].terms
            lines |= sides.towards(terms) if self._inward else sides.onwards(terms)
            if self._inward and classes.owned >> number & 1:
                lines |= sides.self_lines
        return any(sides.steps[item].accepts for item in members(lines))

    def beyond(self, numbers: Sequence[int], node_id: int) -> list[ReachGroup]:
        """The subnets behind routers, and the internet, that classes ``numbers`` reach."""
        compiled = self._compiled
        behind: dict[Prefix, int] = defaultdict(int)
        exits = 0
        for router in compiled.world.routers:
            if router == node_id:
                continue
            shape = compiled.shape(router)
            for prefix, facets in shape.routes:
                behind[prefix] |= _mask(facets)
            exits |= _mask(shape.exits)
        found: dict[tuple[int, Services], tuple[Rule, set[Prefix], bool]] = {}
        for number in numbers:
            for line, services, classes in self._decided(number, same_user=False):
                prefixes = {prefix for prefix, mask in behind.items() if classes & mask}
                out = bool(classes & exits)
                if prefixes or out:
                    key = (line.rule.position, services)
                    rule, before, was_out = found.get(key, (line.rule, set(), False))
                    found[key] = (rule, before | prefixes, was_out or out)
        none: IdSet = compiled.world.id_set()
        return [
            ReachGroup(rule, services, none, tuple(sorted(prefixes, key=lambda item: (item.version, item))), out)
            for (_, services), (rule, prefixes, out) in found.items()
        ]

    def _decided(self, number: int, *, same_user: bool) -> Iterator[tuple[Line, Services, int]]:
        """The rules that let classes on the other side in to (or be reached from) class ``number``: rule, services, and
        the classes that it lets in on just these. First match wins, port by port."""
        sides, classes = self._compiled.sides, self._compiled.classes
        key = classes.keys[number]
        lines = sides.towards(key.terms) if self._inward else sides.onwards(key.terms)
        owned = same_user and bool(sides.self_lines) and bool(classes.owned >> number & 1)
        if self._inward:
            lines |= sides.self_lines if owned else 0
            matched = sides.own_sources if owned else sides.sources
        else:
            matched = sides.own_destinations if owned else sides.destinations
        family = classes.of_family(key.families)
        rules = [(sides.lines[item], matched[item] & family) for item in members(lines)]
        cuts = _cuts([line.rule for line, _ in rules])
        decided: dict[Stretch, int] = defaultdict(int)
        for line, others in rules:
            fresh: dict[Stretch, int] = {}
            for stretch in _stretches(line.rule, cuts):
                let_in = others & ~decided[stretch]
                decided[stretch] |= others
                if line.rule.accepts and let_in:
                    fresh[stretch] = let_in
            for stretches, some in _alike(fresh):
                yield line, services_of_stretches(stretches), some


def _mask(numbers: Sequence[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def _cuts(rules: Sequence[Rule]) -> dict[int, list[int]]:
    """For each protocol the ports at which some rule begins, or has just ended, ascending."""
    edges: dict[int, set[int]] = defaultdict(set)
    for rule in rules:
        for protocol, ranges in rule.services():
            for item in ranges:
                edges[protocol].update((item.first, item.last + 1))
    return {protocol: sorted(found) for protocol, found in edges.items()}


def _stretches(rule: Rule, cuts: Mapping[int, Sequence[int]]) -> Iterator[Stretch]:
    """The services of a rule, cut."""
    for protocol, ranges in rule.services():
        edges = cuts[protocol]
        for item in ranges:
            inside = [edge for edge in edges if item.first <= edge <= item.last + 1]
            for first, after in pairwise(inside):
                yield protocol, first, after - 1


def _alike(fresh: Mapping[Stretch, int]) -> list[tuple[list[Stretch], int]]:
    """Classes by the stretches that they are let in on: each class in one of the parts."""
    parts: list[tuple[list[Stretch], int]] = []
    for stretch, classes in fresh.items():
        split: list[tuple[list[Stretch], int]] = []
        left = classes
        for stretches, some in parts:
            both = some & classes
            left &= ~some
            if both:
                split.append(([*stretches, stretch], both))
            if some & ~classes:
                split.append((stretches, some & ~classes))
        if left:
            split.append(([stretch], left))
        parts = split
    return parts


def ports_words(services: Services) -> tuple[str, ...]:
    """Services in few words: ``any port``, ``tcp/22``, ``tcp+udp/53``, ``ping``."""
    known = dict(services)
    whole: tuple[PortRange, ...] = (ANY_PORT,)
    if all(known.get(protocol) == whole for protocol in (6, 17)) and known.keys() >= {1, 58}:
        rest = {protocol: ranges for protocol, ranges in known.items() if protocol not in (1, 6, 17, 58)}
        return ("any port", *(format_protocol(protocol) for protocol in rest))
    words: list[str] = []
    tcp, udp = known.pop(6, None), known.pop(17, None)
    for name, ranges in (("tcp+udp", tcp),) if tcp is not None and tcp == udp else (("tcp", tcp), ("udp", udp)):
        if ranges is not None:
            words.append(f"{name}/any" if ranges == whole else f"{name}/{format_ports(ranges)}")
    if known.pop(1, None) is not None or 58 in known:
        known.pop(58, None)
        words.append("ping")
    return (*words, *(format_protocol(protocol) for protocol in known))
