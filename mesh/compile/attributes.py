"""Node attributes: the capabilities that a policy gives to nodes."""

from __future__ import annotations

from mesh.compile.compiled import CompiledPolicy
from mesh.policy.approval import Approval, approval_of
from mesh.policy.facts import PolicyNode, Prefix
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
