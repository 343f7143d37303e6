"""The cards "Who can reach me" and "Whom can I reach" of a node's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest
from django.urls import reverse

from coordinator.policy.reach import Reach, ReachGroup, ports_words, who_reaches, whom_it_reaches
from mesh.netmap.state import State
from nodes.models import Node
from portal import html, links
from portal.node.peers import NAMED, Crowd, Peer, Peers, crowds_of, peers_of
from portal.sections import Section
from sessions_app.roles import allows

GROUPS: Final = 12
"""Lines of a card."""
PORTS: Final = 4
"""Services of a line."""
NETWORKS: Final = 6


@dataclass(frozen=True, slots=True)
class RuleWords:
    """The rule that decides, as far as the viewer may know rules. ``wire``: ``times`` where it does not always hold."""

    number: int | None
    name: str
    url: str
    wire: str
    when: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a card: peers by name, or crowds; networks; ports and rule."""

    peers: Sequence[Peer]
    crowds: Sequence[Crowd]
    more: int
    itself: bool
    networks: Sequence[str]
    more_networks: int
    internet: bool
    ports: Sequence[str]
    more_ports: int
    rule: RuleWords
    nodes: int


def reach_sections(request: HttpRequest, node: Node, state: State, now: datetime) -> list[Section]:
    """Both cards."""
    inward, onward = who_reaches(state.policy, node.pk), whom_it_reaches(state.policy, node.pk)
    named = {ident for reach in (inward, onward) for group in reach.groups[:GROUPS] for ident in few(group)}
    peers = peers_of(named, now)
    return [
        _section(request, node, state, inward, peers, into=True),
        _section(request, node, state, onward, peers, into=False),
    ]


def few(group: ReachGroup) -> list[int]:
    """The nodes of a group, where they are few enough to be named."""
    return list(group.nodes) if len(group.nodes) <= NAMED else []


def list_url(node: Node, *, into: bool) -> str:
    """The page that lists one direction."""
    return reverse("admin:nodes_node_reach", args=[node.pk, "in" if into else "out"])


def _section(request: HttpRequest, node: Node, state: State, reach: Reach, peers: Peers, *, into: bool) -> Section:
    url = list_url(node, into=into)
    number = len(reach.nodes)
    bundles = bundled(reach.groups, into=into)
    data = {
        "lines": [line_of(request, state, bundle, peers) for bundle in bundles[:GROUPS]],
        "more": max(0, len(bundles) - GROUPS),
        "into": into,
        "url": url,
        "total": number,
        "search": number > NAMED,
    }
    return Section(
        "Who can reach me" if into else "Whom can I reach",
        span=6,
        count=number,
        template="portal/node/reach.html" if reach.groups else "",
        data=data,
        empty="" if reach.groups else nobody(node, state, reach, into=into),
        ident="gw-reach-in" if into else "gw-reach-out",
        refresh="nodes policy users presence",
    )


def bundled(groups: Sequence[ReachGroup], *, into: bool) -> list[list[ReachGroup]]:
    """Groups that one line tells: the same rule and services, and, where they reach something here, the same nodes."""
    found: dict[object, list[ReachGroup]] = {}
    for number, group in enumerate(groups):
        # Sets of many nodes are compared by nobody: such a line is told for itself.
        which = () if not into else tuple(group.nodes) if len(group.nodes) <= NAMED else number
        found.setdefault((group.rule.position, group.services, which), []).append(group)
    return list(found.values())


def line_of(request: HttpRequest, state: State, bundle: Sequence[ReachGroup], peers: Peers) -> Line:
    """One line of groups that belong together."""
    group = bundle[0]
    named = [peers[ident] for ident in few(group) if ident in peers]
    crowds, more = ([], 0) if named or not group.nodes else crowds_of(state, group.nodes)
    words = ports_words(group.services)
    networks = [str(item) for part in bundle for item in part.networks]
    return Line(
        sorted(named, key=lambda peer: peer.name),
        crowds,
        more,
        any(not part.networks and not part.internet for part in bundle),
        networks[:NETWORKS],
        max(0, len(networks) - NETWORKS),
        any(part.internet for part in bundle),
        words[:PORTS],
        max(0, len(words) - PORTS),
        rule_words(request, group),
        len(group.nodes),
    )


def rule_words(request: HttpRequest, group: ReachGroup) -> RuleWords:
    """The rule of a group: who may not see rules learns that there is one."""
    rule = group.rule
    wire = "times" if rule.schedule is not None or rule.conditions else "accept"
    if not allows(request.user, "policy.view"):
        return RuleWords(None, "a rule", "", wire, "")
    when = [*(["at times"] if rule.schedule is not None else []), *(["under a condition"] if rule.conditions else [])]
    return RuleWords(rule.position, rule.name, links.rule_url(rule.id), wire, ", ".join(when))


def nobody(node: Node, state: State, reach: Reach, *, into: bool) -> str:
    """Why nobody is on the list: ``Nobody. No rule names `tag:db` as a source.``"""
    if state.policy.node(node.pk) is None:
        return "Nobody: it takes no part in the mesh now."
    tags = [row.tag for row in node.tags.all()]
    who = html.named(f"`{tag}`" for tag in tags) if tags else f"`{node.name}` or its owner"
    side = "destination" if into else "source"
    if reach.named:
        return f"Nobody. Rules that name {who} as a {side} let no node in at present."
    return f"Nobody. No rule names {who} as a {side}."
