"""A network as a JSON file describes it, for evaluating policies without a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, TypeVar

from mesh.errors import FieldError, ValidationError
from mesh.policy.approval import approval_of
from mesh.policy.facts import Address, NetworkFacts, PolicyNode, PolicyUser, Prefix, posture_of
from mesh.policy.policy import Policy
from mesh.policy.selectors import Names, parse_prefix

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """The network as described: its facts with the routes approved by hand, and what each node advertises."""

    facts: NetworkFacts
    advertised: Mapping[int, tuple[Prefix, ...]]

    def names(self) -> Names:
        """What a policy may name here."""
        users = {user.login: user.id for user in self.facts.users}
        named = Counter(user.name for user in self.facts.users)
        users |= {
            user.name: user.id
            for user in self.facts.users
            if user.name and named[user.name] == 1 and user.name not in users
        }
        nodes = {node.name: node.id for node in self.facts.nodes}
        return Names(users, nodes, tags=frozenset().union(*(node.tags for node in self.facts.nodes)))

    def approved_by(self, policy: Policy) -> NetworkFacts:
        """The facts with those advertised routes approved as well that the policy approves by itself."""
        approval = approval_of(policy)
        nodes = tuple(
            replace(
                node,
                routes=tuple(
                    dict.fromkeys(
                        (
                            *node.routes,
                            *(route for route in self.advertised[node.id] if approval.approves(node, route)),
                        )
                    )
                ),
            )
            for node in self.facts.nodes
        )
        return replace(self.facts, nodes=nodes)


def read_network(value: object) -> NetworkFile:
    """Read ``{domain, ipv4_range, ipv6_range, users: [{name, login}], nodes: [{name, user, tags, addresses,
    advertised_routes, approved_routes}]}``; nodes may also say ``os``, ``agent_version`` and ``posture``.

    Users and nodes are numbered from 1 in their order; members that mean nothing here are passed over. Raises
    ValidationError naming the member at fault.
    """
    network = _object(value, "network")
    users = tuple(
        PolicyUser(number, _text(user, "login", path), _text(user, "name", path, "") or "")
        for number, (path, user) in enumerate(_objects(network, "users", "network"), start=1)
    )
    logins = {user.login: user.id for user in users}
    _unique((user.login for user in users), "network.users", "login")
    nodes: list[PolicyNode] = []
    advertised: dict[int, tuple[Prefix, ...]] = {}
    for number, (path, node) in enumerate(_objects(network, "nodes", "network"), start=1):
        nodes.append(_node(number, node, path, logins))
        advertised[number] = _prefixes(node, "advertised_routes", path)
    _unique((node.name for node in nodes), "network.nodes", "name")
    facts = NetworkFacts(
        _text(network, "domain", "network", "") or "",
        _range(network, "ipv4_range", IPv4Network),
        _range(network, "ipv6_range", IPv6Network),
        tuple(nodes),
        users,
    )
    return NetworkFile(facts, advertised)


def _node(number: int, node: Mapping[str, Any], path: str, logins: Mapping[str, int]) -> PolicyNode:
    login = _text(node, "user", path, None)
    if login is not None and login not in logins:
        raise _fault(f"{path}.user", f"there is no user “{login}”")
    tags = frozenset(_texts(node, "tags", path))
    for tag in tags:
        if not tag.startswith("tag:"):
            raise _fault(f"{path}.tags", f"“{tag}”: tags are named tag:NAME")
    posture = node.get("posture")
    return PolicyNode(
        number,
        _text(node, "name", path) or "",
        None if tags or login is None else logins[login],
        tags,
        tuple(_read(_address, text, f"{path}.addresses") for text in _texts(node, "addresses", path)),
        _prefixes(node, "approved_routes", path),
        _text(node, "os", path, "") or "",
        _text(node, "agent_version", path, "") or "",
        None if posture is None else posture_of(_posture(posture, f"{path}.posture")),
    )


def _fault(path: str, message: str) -> ValidationError:
    return ValidationError(f"{path}: {message}", errors=(FieldError(path, message),))


def _object(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _fault(path, "an object is needed here")
    return value


def _objects(parent: Mapping[str, Any], name: str, path: str) -> list[tuple[str, Mapping[str, Any]]]:
    values = parent.get(name, [])
    if not isinstance(values, list):
        raise _fault(f"{path}.{name}", "a list is needed here")
    return [(f"{path}.{name}.{index}", _object(value, f"{path}.{name}.{index}")) for index, value in enumerate(values)]


_NEEDED = object()


def _text(parent: Mapping[str, Any], name: str, path: str, default: object = _NEEDED) -> Any:
    value = parent.get(name)
    if value is None and default is not _NEEDED:
        return default
    if not isinstance(value, str) or not value:
        raise _fault(f"{path}.{name}", "a text is needed here")
    return value


def _texts(parent: Mapping[str, Any], name: str, path: str) -> list[str]:
    values = parent.get(name) or []
    if not isinstance(values, list) or any(not isinstance(value, str) for value in values):
        raise _fault(f"{path}.{name}", "a list of texts is needed here")
    return values


def _prefixes(parent: Mapping[str, Any], name: str, path: str) -> tuple[Prefix, ...]:
    texts = _texts(parent, name, path)
    return tuple(dict.fromkeys(_read(parse_prefix, text, f"{path}.{name}") for text in texts))


def _range(network: Mapping[str, Any], name: str, family: type[T]) -> T | None:
    text = _text(network, name, "network", None)
    if text is None:
        return None
    found = _read(parse_prefix, text, f"network.{name}")
    if not isinstance(found, family):
        raise _fault(f"network.{name}", f"“{text}” is of the other address family")
    return found


def _address(text: str) -> Address:
    try:
        return ip_address(text.removesuffix("/32").removesuffix("/128"))
    except ValueError:
        raise ValidationError(f"“{text}” is not an address") from None


def _read(read: Callable[[str], T], text: str, path: str) -> T:
    try:
        return read(text)
    except ValidationError as error:
        raise _fault(path, error.detail) from None


def _posture(value: object, path: str) -> dict[str, str | int | float | bool]:
    attributes = _object(value, path)
    if any(not isinstance(item, str | int | float | bool) for item in attributes.values()):
        raise _fault(path, "posture is flat: texts, numbers, true and false")
    return dict(attributes)


def _unique(values: Any, path: str, name: str) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            raise _fault(path, f"the {name} “{value}” is there twice")
