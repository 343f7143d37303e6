"""The compiled policy: every answer about who sees whom, as an immutable value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from typing import Any

from mesh.compile.bits import digits_of, members
from mesh.compile.classes import NO_SHAPE, Classes, Shape
from mesh.compile.classifier import Classifier
from mesh.compile.ids import IdSet
from mesh.compile.publish import Memo, filter_of
from mesh.compile.reach import Reach, Sides
from mesh.compile.rows import Line
from mesh.compile.set_members import set_of
from mesh.compile.terms import Terms
from mesh.compile.world import World
from mesh.policy.facts import NetworkFacts, PolicyNode, Prefix
from mesh.policy.policy import Policy


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPolicy:
    """A policy held against the facts of one network at one instant.

    All answers are about nodes by id; a node that is not in the facts sees nobody and is seen by nobody.
    ``next_boundary`` is when a schedule next changes a truth value, in UTC; ``warnings`` are for people. What else
    stands here is the engine's own: ``lines`` are all enabled rules, ``sides.lines`` those in force, and what nodes in
    ``muted`` report of themselves counts as unknown.
    """

    policy: Policy
    at: datetime
    next_boundary: datetime | None
    warnings: tuple[str, ...]
    world: World
    groups: Mapping[str, frozenset[int]]
    terms: Terms
    classifier: Classifier
    muted: frozenset[int]
    classes: Classes
    lines: tuple[Line, ...]
    sides: Sides
    reach: Reach
    memo: Memo = field(default_factory=Memo, repr=False)
    lineage: object = field(default_factory=object, repr=False)
    """The same for policies that moved on from one another: their classes have the same numbers."""

    @property
    def facts(self) -> NetworkFacts:
        """The facts that the policy is held against."""
        return self.world.facts()

    def node(self, node_id: int) -> PolicyNode | None:
        """The facts of a node; None for one that takes no part."""
        return self.world.nodes.get(node_id)

    def shape(self, node_id: int) -> Shape:
        """The classes of a node's facets."""
        node = self.world.nodes.get(node_id)
        if node is None:
            return NO_SHAPE
        single = self.classes.singles.get(node_id)
        if single is not None:
            return single
        kind = self.classifier.kind_of(node, known=node_id not in self.muted)
        return self.classes.shape_of_key(self.classifier.facet_of_kind(kind))

    def class_of(self, node_id: int) -> tuple[int, ...]:
        """The policy class of a node: nodes with the same one see the same nodes, but for their users' own devices.

        Stable while the policy moves by ``moved``, ``with_policy`` and ``at_instant``; empty for a node that takes no
        part.
        """
        return self.shape(node_id).all

    def peers_of(self, node_id: int) -> list[int]:
        """The ids of the nodes that ``node_id`` sees, ascending; visibility is symmetric."""
        return list(self.peer_ids(node_id))

    def peer_ids(self, node_id: int) -> IdSet:
        """The same as a bitmap, which is the caller's to keep and change."""
        shape = self.shape(node_id)
        peers = self.world.id_set(self.class_peers(shape))
        owner = self.owner_of(node_id)
        if owner is not None and self.sides.self_lines:
            for other in self.world.of(owner):
                if self.same_user_sees(shape, self.shape(other)):
                    peers.add(other)
                else:
                    peers.discard(other)
        peers.discard(node_id)
        return peers

    def sees(self, one: int, other: int) -> bool:
        """Whether two nodes are visible to each other: symmetric, and never true of a node and itself."""
        if one == other:
            return False
        first, second = self.shape(one), self.shape(other)
        owner = self.owner_of(one)
        if owner is not None and owner == self.owner_of(other):
            return self.same_user_sees(first, second)
        return bool(self.row(first) & second.mask)

    def routes_between(self, viewer_id: int, router_id: int) -> tuple[Prefix, ...]:
        """The router's approved subnet routes that the viewer, or a route approved for it, may reach or be reached from
        on some port. Default routes never stand here; see ``exit_node_for``."""
        routes = self.shape(router_id).routes
        if not routes or viewer_id == router_id:
            return ()
        row = self.row(self.shape(viewer_id))
        return tuple(route for route, numbers in routes if any(row >> number & 1 for number in numbers))

    def exit_node_for(self, viewer_id: int, router_id: int) -> bool:
        """Whether the viewer may reach the internet through this router."""
        exits = self.shape(router_id).exits
        if not exits or viewer_id == router_id:
            return False
        row = self.row(self.shape(viewer_id))
        return any(row >> number & 1 for number in exits)

    def filter_of(self, node_id: int) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
        """The node's packet filter in the shape of the agent protocol, and the names of the sets it uses, sorted.

        The same objects serve all nodes with the same filter: callers must not change them.
        """
        return filter_of(self, node_id)

    def set_of(self, name: str) -> dict[str, Any]:
        """The set of this name in the shape of the agent protocol; not to be changed by callers.

        Raises KeyError for a name that no filter of this policy, or of one that it moved on from, has used.
        """
        return set_of(self, name)

    def row(self, shape: Shape) -> int:
        """The classes that a node of this shape sees, own devices aside."""
        row = 0
        for number in shape.all:
            row |= self.reach.sees[number]
        return row

    def owner_of(self, node_id: int) -> int | None:
        """The user that a node belongs to; None for tagged and ownerless nodes."""
        node = self.world.nodes.get(node_id)
        return None if node is None or node.tags else node.user

    def class_peers(self, shape: Shape) -> IdSet:
        """All nodes in the classes that a node of this shape sees, itself perhaps included; not to be changed."""
        found = self.memo.peers.get(shape.all)
        if found is None:
            found = self.memo.peers[shape.all] = self.nodes_in(self.row(shape))
        return found

    def nodes_in(self, classes: int) -> IdSet:
        """All nodes with a facet in any of ``classes``."""
        if not classes:
            return self.world.id_set()
        every = self.classes.members
        if classes.bit_count() * 8 < len(every):
            parts = [every[number] for number in members(classes)]
        else:
            parts = list(compress(every, digits_of(classes)))
        return self.world.id_set.union(*parts)

    def same_user_sees(self, one: Shape, other: Shape) -> bool:
        """Whether two nodes of one user see each other: ``autogroup:self`` is about their own addresses alone."""
        if not self.sides.self_lines:
            return bool(self.row(one) & other.mask)
        if any(self.reach.same[number] & other.own_mask for number in one.own):
            return True
        beyond_one, beyond_other = one.mask & ~one.own_mask, other.mask & ~other.own_mask
        return bool(self.row(one) & beyond_other or self.row(other) & beyond_one)
