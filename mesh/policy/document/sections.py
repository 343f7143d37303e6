"""The sections of a document beside its rules: groups, hosts, tag owners, auto approvers, node attributes, tests."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from mesh.errors import ValidationError
from mesh.policy.document.destinations import parse_destination
from mesh.policy.document.reading import At
from mesh.policy.facts import PostureValue, is_default_route
from mesh.policy.groups import Group, find_cycle
from mesh.policy.limits import MAX_SELECTORS
from mesh.policy.policy import Assertion, Host, NodeAttribute, RouteApprover, TagOwner, Target
from mesh.policy.selectors import Names, Selector, SelectorKind, is_name, parse_prefix, parse_selector
from mesh.policy.services import PORT_PROTOCOLS, parse_protocol

_ADMINS: Final = frozenset(
    {"autogroup:admin", "autogroup:owner", "autogroup:network-admin", "autogroup:it-admin", "autogroup:auditor"}
)
_PRINCIPALS: Final = frozenset(
    {SelectorKind.USER, SelectorKind.GROUP, SelectorKind.TAG, SelectorKind.MEMBER, SelectorKind.TAGGED}
)
_TESTABLE: Final = frozenset(SelectorKind) - {SelectorKind.ANY, SelectorKind.SELF}


def group_names(at: At) -> list[str]:
    """The bare names of the groups that a section defines; faults are noted when it is read."""
    return [key.removeprefix("group:") for key, _, _ in at.entries() if key.startswith("group:")]


def read_groups(at: At, names: Names) -> tuple[Group, ...]:
    """``{"group:ops": ["ana@example.com", "group:oncall"]}``: users and other groups."""
    groups: dict[str, Group] = {}
    offsets: dict[str, tuple[int, str]] = {}
    for key, value, offset in at.entries():
        name = key.removeprefix("group:")
        if name == key or not is_name(name):
            at.faults.add(offset, value.path, f"“{key}”: groups are named group:NAME")
            continue
        users: set[int] = set()
        nested: set[str] = set()
        for item, selector in _selectors(value, names):
            if selector.kind is SelectorKind.USER:
                users.add(selector.ident)
            elif selector.kind is SelectorKind.GROUP:
                nested.add(selector.name)
            else:
                item.fault("a group holds users and other groups")
        groups[name] = Group(name, frozenset(users), frozenset(nested))
        offsets[name] = (offset, value.path)
    if cycle := find_cycle(groups):
        at.faults.add(*offsets[cycle[0]], f"groups hold each other in a circle: {' → '.join(cycle)}")
    return tuple(groups.values())


def read_hosts(at: At) -> tuple[Host, ...]:
    """``{"db1": "10.0.0.5", "office": "192.168.1.0/24"}``."""
    hosts: list[Host] = []
    for key, value, offset in at.entries():
        if not is_name(key):
            at.faults.add(offset, value.path, f"“{key}” cannot be the name of a host")
        if (text := value.text()) is not None:
            network = value.attempt(parse_prefix, text)
            if network is not None:
                hosts.append(Host(key, network))
    return tuple(hosts)


def read_tag_owners(at: At, names: Names) -> tuple[TagOwner, ...]:
    """``{"tag:db": ["group:ops"]}``: who may ask for a tag."""
    owners: list[TagOwner] = []
    for key, value, offset in at.entries():
        if not key.startswith("tag:") or not is_name(key.removeprefix("tag:")):
            at.faults.add(offset, value.path, f"“{key}”: tags are named tag:NAME")
            continue
        found: dict[Selector, None] = {}
        for item, text in value.texts():
            if text in _ADMINS:
                item.faults.warn(item.value.offset, f"administrators may give any tag: “{text}” needs no mention")
                continue
            selector = _principal(item, text, names)
            if selector is not None:
                found[selector] = None
        owners.append(TagOwner(key, tuple(found)))
    return tuple(owners)


def read_approvers(at: At, names: Names) -> tuple[tuple[RouteApprover, ...], tuple[Selector, ...]]:
    """``{"routes": {"10.0.0.0/8": ["tag:router"]}, "exitNode": ["tag:exit"]}``: whose routes need no person's approval.

    Default routes are for ``exitNode`` alone; under ``routes`` they stand for the subnets inside them.
    """
    members = at.members(("routes", "exitNode"), {"services": ""})
    routes: dict[RouteApprover, None] = {}
    if "routes" in members:
        for key, value, offset in members["routes"].entries():
            try:
                network = parse_prefix(key)
            except ValidationError as error:
                at.faults.add(offset, value.path, error.detail)
                continue
            if is_default_route(network):
                at.faults.warn(offset, f"“{key}” here approves subnets alone; exit nodes need autoApprovers.exitNode")
            routes[RouteApprover(network, _principals(value, names))] = None
    exits = _principals(members["exitNode"], names) if "exitNode" in members else ()
    return tuple(routes), exits


def read_node_attributes(at: At, names: Names) -> tuple[NodeAttribute, ...]:
    """``[{"target": ["tag:db"], "attr": ["backup"]}]``: capabilities that nodes carry."""
    found: list[NodeAttribute] = []
    for item in at.items():
        members = item.members(("target", "attr"), {"app": "", "ipPool": ""})
        for name in ("target", "attr"):
            if name not in members:
                item.fault(f"{name} is missing")
        if len(members) == 2:
            targets: dict[Selector, None] = {}
            for place, selector in _selectors(members["target"], names):
                if selector.kind in (SelectorKind.SELF, SelectorKind.INTERNET):
                    place.fault(f"{selector.kind} names no nodes by itself")
                targets[selector] = None
            attributes = tuple(dict.fromkeys(text for _, text in members["attr"].texts()))
            found.append(NodeAttribute(tuple(targets), attributes))
    return tuple(found)


def read_assertions(at: At, names: Names) -> tuple[Assertion, ...]:
    """``[{"src": "ana@example.com", "accept": ["tag:db:5432"], "deny": ["tag:prod:22"]}]``."""
    found: list[Assertion] = []
    for item in at.items():
        known = ("src", "proto", "accept", "deny", "srcPostureAttrs")
        members = item.members(known, {"user": "write src", "allow": "write accept"})
        before = len(at.faults.found)
        source = _test_source(item, members, names)
        protocol = _test_protocol(members)
        accept = _targets(members.get("accept"), names, protocol)
        deny = _targets(members.get("deny"), names, protocol)
        posture = _posture(members.get("srcPostureAttrs"))
        if not accept and not deny and len(at.faults.found) == before:
            item.fault("a test says what is accepted or denied")
        if source is not None:
            found.append(Assertion(source, accept, deny, protocol, posture))
    return tuple(found)


def _test_source(item: At, members: Mapping[str, At], names: Names) -> Selector | None:
    if "src" not in members:
        item.fault("src is missing")
        return None
    text = members["src"].text()
    source = None if text is None else members["src"].attempt(parse_selector, text, names)
    if source is not None and (source.kind not in _TESTABLE or source.kind is SelectorKind.INTERNET):
        members["src"].fault("a test needs a source of its own: a user, group, tag, node, host or address")
        return None
    return source


def _test_protocol(members: Mapping[str, At]) -> int | None:
    if "proto" not in members:
        return None
    written = members["proto"].value.value
    if isinstance(written, str | int) and not isinstance(written, bool):
        return members["proto"].attempt(parse_protocol, written) if written != "" else None
    members["proto"].fault("a protocol is a name or a number 1-255")
    return None


def _targets(at: At | None, names: Names, protocol: int | None) -> tuple[Target, ...]:
    targets: dict[Target, None] = {}
    for item, text in at.texts() if at is not None else []:
        found = item.attempt(parse_destination, text, names)
        if found is None:
            continue
        selector, ports = found
        if selector.kind not in _TESTABLE:
            item.fault("a test needs a destination of its own: a user, group, tag, node, host or address")
        elif not ports and (protocol is None or protocol in PORT_PROTOCOLS):
            item.fault("a test names a port")
        targets[Target(selector, ports)] = None
    return tuple(targets)


def _posture(at: At | None) -> tuple[tuple[str, PostureValue], ...]:
    if at is None:
        return ()
    found: dict[str, PostureValue] = {}
    for key, value, _ in at.entries():
        written = value.scalar()
        if written is not None:
            found[key] = written
    return tuple(sorted(found.items()))


def _selectors(at: At, names: Names) -> list[tuple[At, Selector]]:
    texts = at.texts()
    if len(texts) > MAX_SELECTORS * 50:
        at.fault(f"at most {MAX_SELECTORS * 50} members")
        return []
    return [
        (item, selector) for item, text in texts if (selector := item.attempt(parse_selector, text, names)) is not None
    ]


def _principal(item: At, text: str, names: Names, kinds: Collection[SelectorKind] = _PRINCIPALS) -> Selector | None:
    selector = item.attempt(parse_selector, text, names)
    if selector is not None and selector.kind not in kinds:
        item.fault("users, groups and tags can stand here")
        return None
    return selector


def _principals(at: At, names: Names) -> tuple[Selector, ...]:
    found = [selector for item, text in at.texts() if (selector := _principal(item, text, names)) is not None]
    return tuple(dict.fromkeys(found))
