"""Writing a policy as a document that ``read_policy`` reads back to the same policy."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mesh.errors import ValidationError
from mesh.hujson import format_value
from mesh.policy.conditions import condition_to_json
from mesh.policy.document.destinations import format_destination
from mesh.policy.document.read import FORMAT
from mesh.policy.policy import Assertion, Policy, Target
from mesh.policy.rules import Rule
from mesh.policy.schedule import schedule_to_json
from mesh.policy.selectors import Labels, Selector, SelectorKind, format_prefix, format_selector, parse_prefix
from mesh.policy.services import format_protocol

HEAD = "// The access policy of this network. Comments are kept with the version that they came in.\n"


def write_policy(
    policy: Policy, labels: Labels, comments: Mapping[str, Mapping[str, str]] | None = None, *, head: str = HEAD
) -> str:
    """The policy as HuJSON.

    ``labels`` are the logins and node names that bound selectors show as, ``comments`` those of groups, hosts and tags
    by kind and name; ``head`` is a comment before it all.
    """
    return head + format_value(policy_to_json(policy, labels, comments)) + "\n"


def policy_to_json(
    policy: Policy, labels: Labels, comments: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Any]:
    """The policy in the shape of the document, as plain values. Empty sections are left out, but for ``acls``."""
    write = _Writer(labels, policy.host_table())
    approvers: dict[str, Any] = {}
    if policy.route_approvers:
        approvers["routes"] = {str(item.prefix): write.texts(item.approvers) for item in policy.route_approvers}
    if policy.exit_approvers:
        approvers["exitNode"] = write.texts(policy.exit_approvers)
    remarks = {kind: dict(texts) for kind, texts in (comments or {}).items() if texts}
    sections: dict[str, Any] = {
        "groups": {
            f"group:{item.name}": [
                *sorted(write.text(Selector(SelectorKind.USER, ident=ident)) for ident in item.users),
                *(f"group:{name}" for name in sorted(item.groups)),
            ]
            for item in policy.groups
        },
        "hosts": {item.name: format_prefix(item.prefix) for item in policy.hosts},
        "tagOwners": {item.tag: write.texts(item.owners) for item in policy.tag_owners},
        "autoApprovers": approvers,
        "acls": [write.rule(rule) for rule in policy.ordered()],
        "nodeAttrs": [
            {"target": write.texts(item.targets), "attr": list(item.attributes)} for item in policy.node_attributes
        ],
        "tests": [write.assertion(item) for item in policy.assertions],
        "ghostwire": {"format": FORMAT} | ({"comments": remarks} if remarks else {}),
    }
    return {name: value for name, value in sections.items() if value or name == "acls"}


class _Writer:
    """Writes values in the words of the format."""

    __slots__ = ("_hosts", "_labels")

    def __init__(self, labels: Labels, hosts: Collection[str]) -> None:
        self._labels = labels
        self._hosts = hosts

    def text(self, selector: Selector) -> str:
        """A selector: users by their bare login, hosts by their bare name, where that can be read back."""
        written = format_selector(selector, self._labels)
        if selector.kind is SelectorKind.USER and "@" in written:
            return written.removeprefix("user:")
        if selector.kind is SelectorKind.HOST and selector.name in self._hosts and not _is_prefix(selector.name):
            return selector.name
        return written

    def texts(self, selectors: tuple[Selector, ...]) -> list[str]:
        """Selectors in their order."""
        return [self.text(selector) for selector in selectors]

    def rule(self, rule: Rule) -> dict[str, Any]:
        """A rule as an entry of ``acls``."""
        entry: dict[str, Any] = {"action": str(rule.action)}
        if len(rule.protocols) == 1:
            entry["proto"] = format_protocol(rule.protocols[0])
        entry["src"] = self.texts(rule.sources)
        entry["dst"] = [format_destination(self.text(item), item, rule.ports) for item in rule.destinations]
        extras: dict[str, Any] = {}
        if rule.name:
            extras["name"] = rule.name
        if not rule.enabled:
            extras["enabled"] = False
        if rule.comment:
            extras["comment"] = rule.comment
        if rule.schedule is not None:
            extras["schedule"] = schedule_to_json(rule.schedule)
        if rule.conditions:
            extras["conditions"] = [condition_to_json(item) for item in rule.conditions]
        if len(rule.protocols) > 1:
            extras["protocols"] = [format_protocol(number) for number in rule.protocols]
        if extras:
            entry["ghostwire"] = extras
        return entry

    def assertion(self, item: Assertion) -> dict[str, Any]:
        """A stored test."""
        test: dict[str, Any] = {"src": self.text(item.source)}
        if item.protocol is not None:
            test["proto"] = format_protocol(item.protocol)
        if item.accept:
            test["accept"] = [self._target(target) for target in item.accept]
        if item.deny:
            test["deny"] = [self._target(target) for target in item.deny]
        if item.posture:
            test["srcPostureAttrs"] = dict(item.posture)
        return test

    def _target(self, target: Target) -> str:
        return format_destination(self.text(target.destination), target.destination, target.ports)


def _is_prefix(name: str) -> bool:
    try:
        parse_prefix(name)
    except ValidationError:
        return False
    return True
