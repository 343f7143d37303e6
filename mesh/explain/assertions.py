"""Stored tests: assertions about a policy, judged by the rules in force and not by which nodes there are at present.

A user, a group's member or a tag stands for an imagined node of just that owner or tag, which reports the posture that
the test gives it and nothing else; a named node or an address that a node has stands for that node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from mesh.compile import CompiledPolicy
from mesh.compile.bits import members
from mesh.compile.internet import is_internet
from mesh.compile.rows import Line
from mesh.compile.set_members import everything
from mesh.compile.terms import INTERNET_BIT
from mesh.compile.world import IPV4, IPV6
from mesh.policy.facts import PolicyNode, PostureValue, Prefix, posture_of
from mesh.policy.policy import Assertion, Target
from mesh.policy.selectors import Selector, SelectorKind
from mesh.policy.services import LAST_PORT, PORT_PROTOCOLS, TCP, UDP, format_ports, format_protocol

_IMAGINED: Final = 0
_FAMILY: Final = {4: IPV4, 6: IPV6}


@dataclass(frozen=True, slots=True)
class Failure:
    """What a test wanted and did not get: ``accept`` says what it wanted; ``position`` is the rule that decided
    otherwise, 0 where none did."""

    target: Target
    accept: bool
    detail: str
    position: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One stored test and what failed of it."""

    assertion: Assertion
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Whether all of it holds."""
        return not self.failures


class _End(NamedTuple):
    """A possible end of a flow: the terms that match it, its families, and its owner if it is an untagged node's."""

    terms: int
    families: int
    owner: int | None


def run_assertions(compiled: CompiledPolicy, assertions: Iterable[Assertion] | None = None) -> tuple[Outcome, ...]:
    """Judge the policy's stored tests, or those given."""
    asked = compiled.policy.assertions if assertions is None else assertions
    return tuple(Outcome(item, tuple(_failures(compiled, item))) for item in asked)


def _failures(compiled: CompiledPolicy, assertion: Assertion) -> Iterable[Failure]:
    senders = _ends(compiled, assertion.source, assertion.posture)
    for accept, targets in ((True, assertion.accept), (False, assertion.deny)):
        for target in targets:
            receivers = _ends(compiled, target.destination, destination=True)
            nobody = assertion.source if not senders else target.destination if not receivers else None
            if nobody is not None:
                yield Failure(target, accept, f"{nobody} stands for nothing at present")
            elif (wrong := _wrong(compiled, assertion, target, accept, senders, receivers)) is not None:
                yield wrong
            elif accept and not any(one.families & other.families for one in senders for other in receivers):
                # Whoever forbids such a flow has what is wanted; whoever wants it never gets it.
                words = f"{assertion.source} and {target.destination} have no address family in common"
                yield Failure(target, accept, words)


def _wrong(  # noqa: PLR0917 - the two sides of one question
    compiled: CompiledPolicy,
    assertion: Assertion,
    target: Target,
    accept: bool,
    senders: list[_End],
    receivers: list[_End],
) -> Failure | None:
    """The first flow that is decided otherwise than wanted, if any is. Ends of different families make no flow."""
    protocols = (TCP, UDP) if assertion.protocol is None else (assertion.protocol,)
    ports = [item.first for item in target.ports] + [item.last for item in target.ports] or [0]
    for sender in senders:
        for receiver in receivers:
            if not sender.families & receiver.families:
                continue
            for port in sorted({*ports, *_edges(compiled, target)}):
                deciding = [_decide(compiled, sender, receiver, protocol, port) for protocol in protocols]
                accepted = [line for line in deciding if line is not None and line.rule.accepts]
                if bool(accepted) is not accept:
                    line = accepted[0] if accepted else next((item for item in deciding if item is not None), None)
                    return _failure(target, accept, port, protocols, line)
    return None


def _failure(target: Target, accept: bool, port: int, protocols: tuple[int, ...], line: Line | None) -> Failure:
    names = " and ".join(format_protocol(number) for number in protocols)
    where = f"{names} port {port}" if PORT_PROTOCOLS.intersection(protocols) else names
    outcome = "denied" if accept else "accepted"
    by = f"by {line.rule.label()}" if line is not None else "because no rule accepts it"
    destination = f"{target.destination}:{format_ports(target.ports)}"
    return Failure(target, accept, f"{destination}: {where} is {outcome} {by}", line.rule.position if line else 0)


def _edges(compiled: CompiledPolicy, target: Target) -> set[int]:
    """The ports within a target at which some rule begins or ends: between them all ports are decided alike."""
    if all(item.first == item.last for item in target.ports):
        return set()
    edges = {
        edge
        for line in compiled.sides.lines
        for item in line.rule.ports
        for edge in (item.first, min(item.last + 1, LAST_PORT))
    }
    return {edge for edge in edges if any(item.first <= edge <= item.last for item in target.ports)}


def _decide(compiled: CompiledPolicy, sender: _End, receiver: _End, protocol: int, port: int) -> Line | None:
    """The line that decides a flow between ends of one address family; None where none does."""
    sides = compiled.sides
    towards = sides.towards(receiver.terms)
    if sender.owner is not None and sender.owner == receiver.owner:
        towards |= sides.self_lines
    for number in members(sides.onwards(sender.terms) & towards):
        line = sides.lines[number]
        ranges = dict(line.rule.services()).get(protocol, ())
        if any(protocol not in PORT_PROTOCOLS or item.first <= port <= item.last for item in ranges):
            return line
    return None


def _ends(  # noqa: PLR0911 - one return a kind
    compiled: CompiledPolicy,
    selector: Selector,
    posture: tuple[tuple[str, PostureValue], ...] = (),
    *,
    destination: bool = False,
) -> list[_End]:
    """What a selector stands for in a test, those alike once."""
    match selector.kind:
        case SelectorKind.INTERNET:
            return [_End(INTERNET_BIT, IPV4 | IPV6, None)]
        case SelectorKind.NODE:
            node = compiled.node(selector.ident)
            return [] if node is None else _node_ends(compiled, node)
        case SelectorKind.HOST:
            network = compiled.policy.host_table().get(selector.name)
            return [] if network is None else _prefix_ends(compiled, network, destination=destination)
        case SelectorKind.PREFIX:
            assert selector.prefix is not None
            return _prefix_ends(compiled, selector.prefix, destination=destination)
        case SelectorKind.USER:
            users: Iterable[int] = (selector.ident,)
        case SelectorKind.GROUP:
            users = sorted(compiled.groups.get(selector.name, ()))
        case SelectorKind.MEMBER:
            return [_imagined(compiled, None, frozenset(), posture)]
        case _:
            tags = frozenset({selector.name}) if selector.kind is SelectorKind.TAG else frozenset({"tag:"})
            return [_imagined(compiled, None, tags, posture)]
    return list(dict.fromkeys(_imagined(compiled, user, frozenset(), posture) for user in users))


def _imagined(
    compiled: CompiledPolicy,
    owner: int | None,
    tags: frozenset[str],
    posture: tuple[tuple[str, PostureValue], ...],
) -> _End:
    facts = {name.removeprefix("custom:"): value for name, value in posture}
    node = PolicyNode(
        _IMAGINED,
        "",
        owner,
        tags,
        os=str(facts.pop("node:os", "")),
        agent_version=str(facts.pop("node:agentVersion", facts.pop("node:tsVersion", ""))),
        posture=posture_of(facts) if facts else None,
    )
    classifier = compiled.classifier
    terms = classifier.of_principal(tags or owner) & classifier.holding(node)
    return _End(terms, IPV4 | IPV6, owner)


def _node_ends(compiled: CompiledPolicy, node: PolicyNode) -> list[_End]:
    known = node.id not in compiled.muted
    own = (compiled.classifier.own_facet(node, address, known=known) for address in node.addresses)
    owner = None if node.tags else node.user
    return list(dict.fromkeys(_End(key.terms, key.families, owner) for key in own))


def _prefix_ends(compiled: CompiledPolicy, network: Prefix, *, destination: bool) -> list[_End]:
    """The node that has an address, else whoever may have the addresses of a prefix; destinations that are nowhere in
    the network may be on the internet."""
    family = _FAMILY[network.version]
    if network.prefixlen == network.max_prefixlen:
        for ident in compiled.world.inside(network):
            node = compiled.node(ident)
            assert node is not None
            terms = compiled.classifier.own_facet(node, network[0], known=ident not in compiled.muted).terms
            return [_End(terms, family, None if node.tags else node.user)]
    classifier, known = compiled.classifier, everything(compiled)
    within = any(item.version == network.version and item.overlaps(network) for item in known)
    if destination and not within and is_internet(network[0], known):
        return [_End(INTERNET_BIT, family, None)]
    return [
        _End((terms | (classifier.anything if within else 0)) & classifier.unknown, family, None)
        for terms in classifier.prefixes.pieces_of(network)
    ]
