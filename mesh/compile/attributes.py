"""Node attributes: the capabilities that a policy gives to nodes."""

from __future__ import annotations

from mesh.compile.compiled import CompiledPolicy
from mesh.compile.world import Principal, principal_of
from mesh.policy.approval import Approval, approval_of
from mesh.policy.facts import PolicyNode, Prefix
from mesh.policy.policy import Policy
from mesh.policy.selectors import Selector, SelectorKind


def attributes_of(compiled: CompiledPolicy, node_id: int) -> tuple[str, ...]:
    """The attributes that the policy gives to a node, sorted; nothing for a node that takes no part."""
    node = compiled.node(node_id)
    if node is None or not compiled.policy.node_attributes:
        return ()
    approval, hosts = approval_of(compiled.policy), compiled.policy.host_table()
    return tuple(
        sorted(
            {
                attribute
                for item in compiled.policy.node_attributes
                if any(_targets(selector, node, approval, hosts) for selector in item.targets)
                for attribute in item.attributes
            }
        )
    )


def _targets(selector: Selector, node: PolicyNode, approval: Approval, hosts: dict[str, Prefix]) -> bool:
    prefix = hosts.get(selector.name) if selector.kind is SelectorKind.HOST else selector.prefix
    if prefix is not None:
        return any(address in prefix for address in node.addresses)
    return approval.names(selector, node)


class Attributes:
    """The node attributes of one policy, for asking about many nodes: what follows from an owner or from tags is worked
    out once for all their nodes."""

    __slots__ = ("_approval", "_by_principal", "_hosts", "_nodes", "_prefixes", "_source", "_targets")

    def __init__(self, policy: Policy) -> None:
        self._source = _source(policy)
        self._approval = approval_of(policy)
        self._hosts = policy.host_table()
        self._by_principal: dict[Principal, frozenset[str]] = {}
        self._nodes: dict[int, set[str]] = {}
        self._prefixes: list[tuple[Prefix, tuple[str, ...]]] = []
        self._targets: list[tuple[Selector, tuple[str, ...]]] = []
        for item in policy.node_attributes:
            for selector in item.targets:
                prefix = self._hosts.get(selector.name) if selector.kind is SelectorKind.HOST else selector.prefix
                if prefix is not None:
                    self._prefixes.append((prefix, item.attributes))
                elif selector.kind is SelectorKind.NODE:
                    self._nodes.setdefault(selector.ident, set()).update(item.attributes)
                else:
                    self._targets.append((selector, item.attributes))

    def __bool__(self) -> bool:
        return bool(self._targets or self._nodes or self._prefixes)

    def serve(self, policy: Policy) -> bool:
        """Whether these are the attributes of ``policy`` too."""
        return self._source == _source(policy)

    def of(self, node: PolicyNode | None) -> tuple[str, ...]:
        """The attributes of a node, sorted; nothing for one that takes no part."""
        if node is None or not self:
            return ()
        principal = principal_of(node)
        found = self._by_principal.get(principal)
        if found is None:
            names = self._approval.names
            found = frozenset(
                attribute for selector, attributes in self._targets if names(selector, node) for attribute in attributes
            )
            self._by_principal[principal] = found
        if node.id in self._nodes:
            found = found.union(self._nodes[node.id])
        for prefix, attributes in self._prefixes:
            if any(address in prefix for address in node.addresses):
                found = found.union(attributes)
        return tuple(sorted(found))


def _source(policy: Policy) -> object:
    """What the attributes of nodes follow from."""
    if not policy.node_attributes:
        return None
    return policy.node_attributes, policy.groups, policy.hosts
